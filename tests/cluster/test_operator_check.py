"""Every mistake in a configuration: check finds it and nothing else, and the commands that it prints mend it."""

import copy
import json
from xml.etree import ElementTree

import pytest

from galera_sync_guard.cli.cib import change
from galera_sync_guard.cli.cib.recipe import Recipe
from galera_sync_guard.cli.findings.finding import NOTE
from laboratory import rootfs
from tests.support.levels import check_runs_every
from tests.support.mistakes import ALSO, MISTAKES, mode_fail

CIB = "/root/cib.xml"
ENVIRONMENT = {"CIB_file": CIB}
# Without a cluster pcs takes the configuration's file as an option, all other tools from the environment.
PCS = f'#!/bin/sh\nexec /usr/sbin/pcs -f {CIB} "$@"\n'
PROPERTIES = {"stonith-enabled": "false", "no-quorum-policy": "stop"}


@pytest.fixture(scope="module")
def host(deb):
    """A machine with the package, Pacemaker and pcs, and no cluster running."""
    with rootfs.plain_machine(rootfs.with_packages([deb]), "host") as machine:
        machine.write("/usr/local/sbin/pcs", PCS, 0o755)
        yield machine


@pytest.fixture(scope="module")
def clean(host):
    """The configuration that setup makes of an empty one."""
    empty = ElementTree.fromstring(host.run(["cibadmin", "--empty"]).stdout)
    for number in (1, 2, 3):
        ElementTree.SubElement(empty.find(".//nodes"), "node", id=f"{number}", uname=f"node{number}")
    cib, _ = change.add(empty, Recipe("192.168.1.199", 32, with_client_reset=True), PROPERTIES)
    return cib


def look(host):
    done = host.run(["galera-sync-guard", "check", "--json"], check=False, env=ENVIRONMENT)
    assert done.stderr == ""
    return done.returncode, [each for each in json.loads(done.stdout)["findings"] if each["severity"] != NOTE]


def use(host, cib):
    host.write(CIB, ElementTree.tostring(cib, "unicode"))


@pytest.mark.parametrize("change", [lambda cib: None, mode_fail], ids=["score", "fail"])
def test_nothing_is_wrong_with_the_recipes(host, clean, change):
    cib = copy.deepcopy(clean)
    change(cib)
    use(host, cib)
    host.run(["crm_verify", "--xml-file", CIB])
    code, findings = look(host)
    assert findings == []
    assert code == 3, "no MariaDB and no Corosync here to look at"


@pytest.mark.parametrize(
    ("name", "severity", "mistake"), check_runs_every(6, [pytest.param(*rest, id=what) for what, *rest in MISTAKES])
)
def test_mistake_is_found_and_its_commands_mend_it(host, clean, name, severity, mistake):
    cib = copy.deepcopy(clean)
    mistake(cib)
    use(host, cib)
    code, findings = look(host)
    assert code == 1
    assert {each["name"] for each in findings} - ALSO.get(name, set()) == {name}
    commands = [command for each in findings if each["name"] == name for command in each["commands"]]
    assert {each["severity"] for each in findings if each["name"] == name} == {severity}
    host.run(["sh", "-exc", "\n".join(commands)], env=ENVIRONMENT)
    host.run(["crm_verify", "--xml-file", CIB])
    assert {each["name"] for each in look(host)[1]} - ALSO.get(name, set()) == set()


def test_a_cluster_without_a_guard_is_told_how_to_get_one(host):
    host.shell(f"cibadmin --empty >{CIB}")
    code, findings = look(host)
    assert code == 1
    assert {each["name"] for each in findings} == {"no-guard", "stonith"}
