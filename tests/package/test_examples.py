"""What stands in examples/ works: pcs and crmsh make what is promised of the recipes, and the logins log in."""

import subprocess
from xml.etree import ElementTree

import pytest

from laboratory import rootfs
from laboratory.machine import wait_until
from tests.package.conftest import act
from tests.support.checkout import ROOT

EXAMPLES = ROOT / "examples"
CIB = "/root/cib.xml"
# Without a cluster pcs takes the configuration's file as an option, all others from the environment.
PCS = f'#!/bin/sh\nexec /usr/sbin/pcs -f {CIB} "$@"\n'
ADDRESS = "192.168.1.199"

GUARD_META = {"migration-threshold": "1", "failure-timeout": "30s"}
COLOCATION = ("rsc_colocation", {"rsc": "VirtualIP", "with-rsc": "galera-guard-clone", "score": "INFINITY"})
RESET = [
    ("rsc_colocation", {"rsc": "vip-client-reset", "with-rsc": "VirtualIP", "score": "INFINITY"}),
    ("rsc_order", {"first": "VirtualIP", "then": "vip-client-reset"}),
]
# recipe -> (parameters of the guard, constraints)
PROMISED = {
    "score": (
        {"mode": "score", "watch_interval": "200ms", "vip": ADDRESS},
        [
            COLOCATION,
            ("rule", {"score-attribute": "galera-guard", "operation": "defined", "attribute": "galera-guard"}),
            ("rule", {"score": "-INFINITY", "operation": "not_defined", "attribute": "galera-guard"}),
            *RESET,
        ],
    ),
    "fail": (
        {},
        [
            COLOCATION,
            ("rsc_order", {"first": "galera-guard-clone", "then": "VirtualIP"}),
            *RESET,
        ],
    ),
}
# What either tool adds by its own taste, and Pacemaker takes as its default.
TASTE = {"id", "kind", "boolean-op", "first-action", "then-action"}


@pytest.fixture(scope="module")
def host(deb):
    """A machine with the package, Pacemaker, pcs and crmsh, and no cluster running."""
    with rootfs.plain_machine(rootfs.with_packages([deb]), "host") as machine:
        machine.copy_in(EXAMPLES, "/root")
        machine.write("/usr/local/sbin/pcs", PCS, 0o755)
        yield machine


@pytest.fixture
def configure(host):
    """Return a function that gives the configuration (XML) that a recipe makes of an empty one."""

    def run(script):
        environment = {"CIB_file": CIB}
        host.shell(f"rm -f {CIB}; cibadmin --empty >{CIB}")
        host.run(["crm_attribute", "--name", "stonith-enabled", "--update", "false"], env=environment)
        host.run(["sh", "/root/" + script, ADDRESS], env=environment, timeout=300)
        host.run(["crm_verify", "--xml-file", CIB])
        return ElementTree.fromstring(host.read(CIB))

    return run


def pairs(resource, kind):
    return {pair.get("name"): pair.get("value") for pair in resource.findall(f"{kind}/nvpair")}


def constraints(cib):
    found = []
    for constraint in cib.find("configuration/constraints"):
        rules = constraint.findall("rule")
        assert len(rules) <= 1, "Pacemaker 3 refuses two rules in one constraint"
        attributes = dict(constraint.attrib)
        if rules:
            attributes = dict(rules[0].attrib) | rules[0].find("expression").attrib
            assert constraint.get("rsc") == "VirtualIP"
        plain = {name: value for name, value in attributes.items() if name not in TASTE}
        found.append(("rule" if rules else constraint.tag, plain))
    return sorted(found, key=str)


@pytest.mark.parametrize("recipe", PROMISED)
@pytest.mark.parametrize("tool", ["pcs", "crmsh"])
def test_recipe_makes_what_is_promised(configure, tool, recipe):
    cib = configure(f"{tool}-{recipe}.sh")
    clone, (address, reset) = cib.find(".//clone"), cib.findall(".//resources/primitive")
    guard = clone.find("primitive")
    parameters, promised = PROMISED[recipe]

    assert (clone.get("id"), pairs(clone, "meta_attributes")) == ("galera-guard-clone", {"interleave": "true"})
    assert (guard.get("id"), guard.get("provider"), guard.get("type")) == (
        "galera-guard",
        "custom",
        "galera_sync_guard",
    )
    assert pairs(guard, "instance_attributes") == parameters
    assert pairs(guard, "meta_attributes") == GUARD_META
    monitor = guard.find("operations/op[@name='monitor']")
    assert (monitor.get("interval"), monitor.get("timeout")) == ("1s", "10s")
    assert (address.get("id"), address.get("type")) == ("VirtualIP", "IPaddr2")
    assert pairs(address, "instance_attributes") == {"ip": ADDRESS, "cidr_netmask": "32"}
    assert pairs(address, "meta_attributes") == {"resource-stickiness": "100"}
    assert (reset.get("id"), reset.get("provider"), reset.get("type")) == (
        "vip-client-reset",
        "custom",
        "vip_client_reset",
    )
    assert pairs(reset, "instance_attributes") == {"ip": ADDRESS}
    assert pairs(reset, "meta_attributes") == {"critical": "false", "failure-timeout": "60s"}
    assert reset.find("operations/op[@name='stop']").get("on-fail") == "ignore"
    assert constraints(cib) == sorted(promised, key=str)


@pytest.fixture(scope="module")
def server(host):
    """The machine with a MariaDB server that is not a Galera node, and the operating system user for the guard."""
    host.shell("install -d -o mysql /run/mysqld; adduser --system --no-create-home --home /nonexistent galera_guard")
    host.run(["mariadb-install-db", "--user=mysql"])
    host.spawn(["mariadbd", "--user=mysql", "--skip-networking"], stderr=subprocess.DEVNULL)
    wait_until(lambda: not host.run(["mariadb", "-e", "SELECT 1"], check=False).returncode, 30, "MariaDB answers")
    host.run(["mariadb"], input=(EXAMPLES / "monitor-user.sql").read_text())
    return host


def test_monitor_user_can_look_and_do_nothing_else(server):
    done = act(server, "validate-all", level=10, os_user="galera_guard")
    assert "this server is not a Galera node" in done.stderr
    rights = server.run(["mariadb", "-NBe", "SHOW GRANTS FOR galera_guard@localhost"]).stdout
    assert rights == "GRANT USAGE ON *.* TO `galera_guard`@`localhost` IDENTIFIED VIA unix_socket\n"


def test_option_file_logs_in(server):
    server.run(["install", "-m", "600", "/root/client.cnf", "/etc/galera-sync-guard.cnf"])
    server.run(["mariadb", "-e", "ALTER USER galera_guard@localhost IDENTIFIED BY 'REPLACE-ME'"])
    done = act(server, "validate-all", level=10, defaults_file="/etc/galera-sync-guard.cnf")
    assert "this server is not a Galera node" in done.stderr
