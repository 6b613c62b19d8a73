"""The package's own tests (packaging/debian/tests) pass in a root filesystem of the suite, run by autopkgtest."""

import pytest

from laboratory import rootfs
from laboratory.ground import Ground, command
from laboratory.machine import Machine
from tests.package.conftest import INSTALL
from tests.support.checkout import ROOT

TOOLS = ["autopkgtest", "dpkg-dev"]
SOURCE = "/tmp/source"
SUMMARY = "/tmp/summary"
PACKAGING = ROOT / "packaging"


@pytest.fixture
def testbed(deb):
    """A machine that systemd runs, in a network of its own, with the package and autopkgtest."""
    layers = rootfs.with_packages([deb])
    with rootfs.cached(f"autopkgtest-{rootfs.fingerprint(layers[0].parent.name, *TOOLS)}") as (entry, work):
        if work:
            with rootfs.plain_machine(layers) as machine:
                machine.run(["apt-get", "update", "--quiet"], timeout=300)
                machine.run([*INSTALL, *TOOLS], timeout=300)
                command("cp", "-a", machine.ground.view(machine.name) / "upper", work / "files")
    ground = Ground.start()
    try:
        machine = Machine(ground, "testbed", [entry / "files", *layers])
        machine.boot()
        yield machine
    finally:
        ground.stop()


def test_autopkgtest_passes(testbed, deb):
    testbed.shell(f"mkdir -p {SOURCE}/debian")
    testbed.copy_in(PACKAGING / "debian", SOURCE + "/debian")
    testbed.copy_in(deb, "/tmp/" + deb.name)
    done = testbed.run(
        [
            "autopkgtest",
            "--ignore-restrictions=isolation-container",
            "--summary-file=" + SUMMARY,
            "/tmp/" + deb.name,
            SOURCE + "/",
            "--",
            "null",
        ],
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = dict(line.split()[:2] for line in testbed.read(SUMMARY).splitlines())
    assert results == {"metadata": "PASS", "one-node": "PASS"}
