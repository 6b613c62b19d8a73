"""The package on a minimal Debian: apt installs it, the agent answers, and purge takes away everything that came."""

import re
import subprocess

import pytest

from galera_sync_guard import __version__ as VERSION
from laboratory.machine import ENVIRONMENT
from tests.package.conftest import AGENT, act, install

PACKAGE = "galera-sync-guard"
STATE = "/run/resource-agents/galera_sync_guard-guard"
CIB = "/root/cib.xml"
MAINTENANCE = "/var/lib/galera-sync-guard/maintenance"
# What belongs to dpkg and apt themselves.
BOOKKEEPING = re.compile(r"/(var/lib/(dpkg|apt)|var/cache/(apt|debconf)|var/log|tmp)(/|$)")


def files(machine):
    """Return the paths of all files of a machine that do not belong to dpkg and apt."""
    paths = machine.shell("find / /run -xdev").splitlines()
    return {path for path in paths if not BOOKKEEPING.match(path)}


def test_apt_needs_nothing_that_the_package_does_not_ask_for(machine, deb):
    assert "0 upgraded, 1 newly installed, 0 to remove" in install(machine, deb)


@pytest.mark.parametrize(("action", "code"), [("meta-data", 0), ("usage", 0), ("monitor", 7), ("validate-all", 0)])
def test_agent_answers(installed, action, code):
    assert act(installed, action).returncode == code


def test_metadata_is_the_agent_s(installed):
    assert '<resource-agent name="galera_sync_guard"' in act(installed, "meta-data").stdout


def test_agent_needs_no_root_to_describe_itself(installed):
    assert installed.run(["setpriv", "--reuid=nobody", "--clear-groups", AGENT, "meta-data"]).stdout


def test_host_has_all_that_a_start_needs(installed):
    done = act(installed, "validate-all", level=10)
    assert (done.returncode, "down" in done.stderr) == (0, True)


@pytest.mark.parametrize("package", ["ocfpy", "galera_sync_guard", "vip_client_reset"])
def test_python_package_is_importable_and_compiled(installed, package):
    directory = installed.run(["/usr/bin/python3", "-I", "-c", f"import {package}; print(*{package}.__path__)"])
    sources = installed.shell(f"cd {directory.stdout.strip()} && find . -name '*.py'").split()
    compiled = installed.shell(f"cd {directory.stdout.strip()} && find . -name '*.pyc'").split()
    assert directory.stdout.strip() == "/usr/lib/python3/dist-packages/" + package
    assert len(compiled) == len(sources) > 1
    assert all("/__pycache__/" in path for path in compiled)


def test_same_package_again_leaves_the_guard_started(machine, deb):
    install(machine, deb)
    assert act(machine, "start", mode="score").returncode == 0
    assert act(machine, "monitor", mode="score").returncode == 0
    machine.run(["dpkg", "--install", "/tmp/" + deb.name])
    assert act(machine, "monitor", mode="score").returncode == 0


HAND_PLACED = {"file": "printf 'mine\\n' >%s; chmod 755 %s", "link": "echo mine >/srv/mine; ln -s /srv/mine %s; : %s"}


@pytest.mark.parametrize("kind", HAND_PLACED)
def test_an_agent_that_was_placed_by_hand_is_kept_and_named(machine, deb, kind):
    backup = "/var/backups/galera_sync_guard"
    machine.shell(f"mkdir -p {AGENT.rpartition('/')[0]}; {HAND_PLACED[kind] % (AGENT, AGENT)}")
    before = machine.shell(f"stat -c '%F %a' {AGENT}")
    assert f"{AGENT} is not from a package; it is kept as {backup}" in install(machine, deb)
    assert machine.read(backup) == "mine\n"
    assert machine.shell(f"stat -c '%F %a' {backup}") == before
    assert act(machine, "meta-data").returncode == 0
    machine.run(["apt-get", "purge", "--yes", PACKAGE])
    assert machine.read(backup) == "mine\n"


def test_an_upgrade_keeps_no_backup_of_its_own_files(machine, deb):
    install(machine, deb)
    machine.run(["dpkg", "--install", "/tmp/" + deb.name])
    machine.run(["apt-get", "remove", "--yes", PACKAGE])
    install(machine, deb)
    assert "galera" not in machine.shell("ls /var/backups")


def test_upgrade_brings_the_new_version_and_keeps_what_is_the_administrators(machine, old_deb, deb):
    install(machine, old_deb)
    act(machine, "start", mode="score")
    machine.write(MAINTENANCE, "new disks\n")
    install(machine, deb)
    assert act(machine, "monitor", mode="score").returncode == 0
    assert machine.read(MAINTENANCE) == "new disks\n"
    assert f'version="{VERSION}"' in act(machine, "meta-data").stdout


def test_remove_keeps_the_maintenance_file(machine, deb):
    install(machine, deb)
    machine.write(MAINTENANCE, "new disks\n")
    machine.run(["apt-get", "remove", "--yes", PACKAGE])
    assert machine.read(MAINTENANCE) == "new disks\n"


def test_remove_ends_the_watchers_and_an_installation_renews_them(machine, deb):
    install(machine, deb)
    assert act(machine, "start", mode="score", watch_interval="1s").returncode == 0
    first = machine.shell("pgrep -f '[g]alera_sync_guard watch guard'")
    machine.run(["dpkg", "--install", "/tmp/" + deb.name])
    machine.shell(
        "for n in $(seq 100); do"
        f" pgrep -f '[g]alera_sync_guard watch guard' | grep -qx {first.strip()} || exit 0; sleep .1; done; exit 1"
    )
    assert act(machine, "monitor", mode="score", watch_interval="1s").returncode == 0
    machine.run(["apt-get", "remove", "--yes", PACKAGE])
    assert machine.shell("pgrep -f '[g]alera_sync_guard watch guard' || :") == ""


@pytest.fixture
def used(machine, deb):
    """The machine with the package, and a configuration (CIB_file, for Pacemaker's tools) that uses it."""
    install(machine, deb)
    primitive = '<primitive id="galera-guard" class="ocf" provider="custom" type="galera_sync_guard"/>'
    machine.shell(f"cibadmin --empty >{CIB}")
    machine.run(["cibadmin", "--create", "--scope", "resources", "--xml-text", primitive], env={"CIB_file": CIB})
    return machine


def remove(machine):
    """Begin to remove the package on a terminal."""
    return machine.spawn(
        ["script", "--quiet", "--return", "--command", f"dpkg --remove {PACKAGE}", "/dev/null"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=ENVIRONMENT | {"CIB_file": CIB},
    )


def test_a_removal_names_the_resources_that_use_it_and_goes_on(used):
    with remove(used) as process:
        assert process.communicate()[0].count("use what is being removed: galera-guard\n") == 1
    assert process.returncode == 0
    assert AGENT not in files(used)


def test_a_removal_can_be_interrupted_after_its_warning(used):
    with remove(used) as process:
        next(line for line in process.stdout if "WARNING" in line)
        process.stdin.write("\x03")
        process.stdin.flush()
        process.communicate()
    assert process.returncode != 0
    assert act(used, "meta-data").returncode == 0
    assert used.run(["dpkg-query", "--show", "--showformat", "${db:Status-Status}", PACKAGE]).stdout == "installed"


@pytest.mark.parametrize("removal", [("remove", "purge"), ("purge",)], ids=" then ".join)
def test_purge_leaves_nothing_behind(machine, deb, removal):
    machine.run(["mkdir", "-p", "/run/resource-agents"])  # what resource-agents makes when a machine boots
    before = files(machine)
    install(machine, deb)
    act(machine, "start", mode="score")
    machine.write(MAINTENANCE, "new disks\n")
    for lock in ("watcher", "storage"):
        machine.write(f"/run/resource-agents/galera_sync_guard.{lock}-guard", "")
    assert {AGENT, STATE, MAINTENANCE} <= files(machine) - before
    for verb in removal:
        machine.run(["apt-get", verb, "--yes", PACKAGE])
    assert files(machine) == before
