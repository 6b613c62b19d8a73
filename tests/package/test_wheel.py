"""The Python packages without Debian's: `pip install .`, on a machine that has no PyMySQL."""

import subprocess

import pytest

from laboratory import rootfs
from tests.package.conftest import INSTALL
from tests.support.checkout import ROOT, tracked_files

PYTHON = "/opt/venv/bin/python"


@pytest.fixture(scope="module")
def machine():
    """A machine with the packages in a virtual environment, made of the tracked files without a network."""
    with rootfs.plain_machine([rootfs.base("minimal")], "wheel") as machine:
        machine.run(["apt-get", "update", "--quiet"], timeout=300)
        machine.run([*INSTALL, "python3-venv", "python3-pip", "python3-setuptools", "python3-wheel"], timeout=300)
        archive = subprocess.run(
            ["tar", "-c", "-C", ROOT, "--null", "--files-from=-"],
            check=True,
            input="\0".join(tracked_files()).encode(),
            stdout=subprocess.PIPE,
        ).stdout
        (machine.ground.view(machine.name) / "upper" / "source.tar").write_bytes(archive)
        machine.shell(
            "mkdir /opt/source; tar -x -C /opt/source -f /source.tar; python3 -m venv --system-site-packages /opt/venv"
        )
        machine.shell(
            "cd /opt/source && exec unshare --net /opt/venv/bin/pip install --no-build-isolation --no-deps .",
            timeout=120,
        )
        yield machine


def run(machine, code):
    return machine.run([PYTHON, "-I", "-c", code], check=False)


def test_ocfpy_needs_no_driver(machine):
    assert "No module named 'pymysql'" in run(machine, "import pymysql").stderr
    done = run(machine, "import ocfpy; print(ocfpy.__file__, ocfpy.run, ocfpy.Agent)")
    assert done.stdout.startswith("/opt/venv/lib/"), done.stderr


def test_both_agents_can_be_described(machine):
    modules = {"galera_sync_guard": "galera_sync_guard.agent", "vip_client_reset": "vip_client_reset.agent"}
    for name, module in modules.items():
        done = run(
            machine,
            f"import os, sys; from {module} import AGENT; from ocfpy import run;"
            "run(AGENT, ['agent', 'meta-data'], os.environ, sys.stdout, sys.stderr)",
        )
        assert f'<resource-agent name="{name}"' in done.stdout, done.stderr


def test_it_asks_for_the_driver_that_the_guard_needs(machine):
    done = machine.run(["/opt/venv/bin/pip", "show", "galera-sync-guard"])
    assert "Requires: PyMySQL" in done.stdout


def test_ocfpy_is_a_wheel_of_its_own_that_needs_nothing(machine):
    machine.shell("python3 -m venv --system-site-packages /opt/alone")
    machine.shell(
        "cd /opt/source/packaging/ocfpy; unshare --net /opt/alone/bin/pip install --no-build-isolation --no-deps .",
        timeout=120,
    )
    shown = machine.run(["/opt/alone/bin/pip", "show", "ocfpy"]).stdout.splitlines()
    assert "Requires: " in shown
    done = machine.run(["/opt/alone/bin/python", "-m", "ocfpy.testing", "--help"], check=False)
    assert done.stdout.startswith("usage: python3 -m ocfpy.testing"), done.stderr
    done = machine.run(["/opt/alone/bin/python", "-c", "import galera_sync_guard"], check=False)
    assert "No module named" in done.stderr
