"""Findings on what is no configuration of Pacemaker: each is there with the mistake and gone without it."""

import ast
import contextlib
import inspect
import os
import socket
import sys
from dataclasses import replace
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from galera_sync_guard.agent import AGENT
from galera_sync_guard.cli import components, sockets
from galera_sync_guard.cli.cib import change
from galera_sync_guard.cli.cib.model import Configuration
from galera_sync_guard.cli.cib.recipe import Recipe
from galera_sync_guard.cli.commands import check
from galera_sync_guard.cli.findings.all import MODULES, find_all
from galera_sync_guard.cli.findings.finding import NOTE, WARNING
from galera_sync_guard.cli.findings.snapshot import Snapshot
from galera_sync_guard.cli.host import Host
from galera_sync_guard.decision.facts import GRANTS, Cause, Facts
from tests.support.mistakes import MISTAKES, SETTINGS

SERVER = {
    "skip_networking": "OFF",
    "port": "3306",
    "version": "10.11.6-MariaDB-log",
    GRANTS: "GRANT USAGE ON *.* TO `galera_guard`@`localhost`",
    "wsrep_provider_options": "evs.inactive_timeout = PT15S; evs.suspect_timeout = PT5S; pc.ignore_sb = false; ",
}
COROSYNC = {"runtime.config.totem.token": "1000", "runtime.config.totem.consensus": "1200", "quorum.wait_for_all": "1"}
NODES = {"nodelist.node.0.nodeid": "1", "nodelist.node.1.nodeid": "2"}
DEVICE = {"quorum.device.model": "net"}
WITHOUT_GARBD = {"wsrep_cluster_size": "2"}
WITH_GARBD = {"wsrep_cluster_size": "3"}
EMPTY = (
    '<cib epoch="0"><configuration><crm_config><cluster_property_set id="o"><nvpair id="s" name="stonith-enabled"'
    ' value="false"/></cluster_property_set></crm_config><resources/><constraints/></configuration></cib>'
)


def snapshot(address="192.168.1.199", parameters=None, server=None, corosync=None, **others):
    cib, _ = change.add(ElementTree.fromstring(EMPTY), Recipe(address, 32, None, parameters, True), {})
    configuration = Configuration(cib)
    guard = configuration.resource("galera-guard")
    typed = AGENT.parse({"OCF_RESKEY_" + name: value for name, value in guard.parameters.items()})
    server = (
        Facts(cause=Cause.DENIED, detail="error 1045")
        if server == Cause.DENIED
        else Facts({**SERVER, **(server or {})})
    )
    return Snapshot(
        configuration,
        guard,
        typed,
        None,
        {**COROSYNC, **(corosync or {})},
        server,
        **{"resets_clients": True, **others},
    )


def names(**changes):
    return {each.name for each in find_all(snapshot(**changes))} - {"no-stonith"}


def test_nothing_is_wrong_by_itself():
    assert names() == set()


def totem(**milliseconds):
    return {"runtime.config.totem." + name: str(value) for name, value in milliseconds.items()}


def in_components(**nodes):
    """Return the settings of nodes in components with these ids and sizes."""
    return {
        node: {"wsrep_cluster_state_uuid": name, "wsrep_cluster_size": str(size)}
        for node, (name, size) in nodes.items()
    }


# (finding, a mistake, the same mended)
TABLE = [
    ("bind-address", {"listening": ["127.0.0.1"]}, {"listening": ["0.0.0.0"]}),
    ("bind-address", {"listening": []}, {"listening": ["*"]}),
    ("bind-address", {"listening": ["10.0.0.1"]}, {"listening": ["10.0.0.1", "192.168.1.199"]}),
    # Seen with bind_address=:: on Debian 12 and 13, and with bind_address=0.0.0.0 under an address of IPv6.
    ("bind-address", {"listening": ["::"]}, {"listening": ["0.0.0.0", "::"]}),
    (
        "bind-address",
        {"listening": ["0.0.0.0"], "address": "fd00::9"},
        {"listening": ["fd00:0::9"], "address": "fd00::9"},
    ),
    (
        "settings-differ",
        {"node_settings": {"node1": {"sql_mode": "ANSI"}, "node2": {"sql_mode": ""}}},
        {"node_settings": {"node1": {"sql_mode": "ANSI"}, "node2": {"sql_mode": "ANSI"}, "node3": {}}},
    ),
    ("two-clusters", {"node_settings": in_components(node1=("a", 2), node2=("b", 2))}, {}),
    (
        # Both were bootstrapped from the same data.
        "two-clusters",
        {"node_settings": in_components(node1=("a", 1), node2=("a", 2), node3=("a", 2))},
        {"node_settings": in_components(node1=("a", 3), node2=("a", 3), node3=("a", 3))},
    ),
    (
        "two-clusters",
        {"node_settings": in_components(node1=("a", 1), node2=("a", 1))},
        {"node_settings": {"node1": {}}},
    ),
    ("link-check", {"checks_link": True}, {"checks_link": False}),
    ("skip-networking", {"server": {"skip_networking": "ON"}}, {"server": {"skip_networking": "OFF"}}),
    ("port", {"server": {"port": "3307"}}, {"server": {"port": "3306"}}),
    ("version", {"server": {"version": "10.4.32-MariaDB"}}, {"server": {"version": "11.8.6-MariaDB"}}),
    (
        "wsrep-notify-cmd",
        {"server": {"wsrep_notify_cmd": "/usr/local/bin/notify"}},
        {"server": {"wsrep_notify_cmd": ""}},
    ),
    ("saturation-grace", {"parameters": {"saturation_grace": "5s"}}, {"parameters": {"saturation_grace": "6s"}}),
    (
        "saturation-grace",
        {"server": {"wsrep_provider_options": "evs.suspect_timeout = PT1M"}},
        {"server": {"wsrep_provider_options": "evs.suspect_timeout = PT9.5S"}},
    ),
    (
        "detection",
        {
            "server": {"wsrep_provider_options": "evs.suspect_timeout = PT2S"},
            "corosync": totem(token=1650, consensus=1980),
        },
        {"server": {"wsrep_provider_options": "evs.suspect_timeout = PT2S"}},
    ),
    ("ignored-quorum", {"server": {"wsrep_provider_options": "pc.ignore_quorum = true"}}, {}),
    ("login", {"server": Cause.DENIED}, {}),
    ("privileges", {"server": {GRANTS: "GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost`"}}, {}),
    ("slow-detection", {"corosync": totem(token=10000, consensus=12000)}, {"corosync": totem(token=1000)}),
    ("detection", {"corosync": totem(token=3650, consensus=4380)}, {"corosync": totem(token=1000, consensus=1200)}),
    ("short-token", {"corosync": totem(token=500, consensus=600)}, {"corosync": totem(token=1000)}),
    ("wait-for-all", {"corosync": {"quorum.wait_for_all": "0"}}, {}),
    ("two-nodes", {"corosync": {"quorum.two_node": "1"}}, {}),
    ("two-nodes", {"corosync": NODES}, {"corosync": {**NODES, "nodelist.node.2.nodeid": "3"}}),
    (
        "two-nodes",
        {"corosync": {**NODES, **DEVICE}, "server": WITHOUT_GARBD},
        {"corosync": {**NODES, **DEVICE}, "server": WITH_GARBD},
    ),
    ("two-nodes", {"corosync": NODES, "server": WITH_GARBD}, {}),
    ("versions-differ", {"versions": {"node1": "0.1.0", "node2": "0.2.0"}}, {"versions": {"node1": "1", "node2": "1"}}),
    ("versions-differ", {"features": {"node1": "3.16.1", "node2": "3.19.0"}}, {}),
    ("sock-destroy", {"destroys_sockets": False}, {"destroys_sockets": True}),
    ("sock-destroy", {"destroys_sockets": False}, {"destroys_sockets": None}),
]


@pytest.mark.parametrize(
    ("name", "mistake", "mended"), TABLE, ids=lambda value: value if isinstance(value, str) else ""
)
def test_mistake_is_found_and_mended_it_is_not(name, mistake, mended):
    assert names(**mistake) == {name}
    assert names(**mended) == set()


def test_two_node_implies_wait_for_all():
    assert "wait-for-all" not in names(corosync={"quorum.two_node": "1", "quorum.wait_for_all": ""})


@pytest.mark.parametrize(
    ("situation", "advice"),
    [
        (
            {"corosync": {"quorum.two_node": "1"}, "server": WITHOUT_GARBD},
            "a quorum device for Corosync and garbd for Galera",
        ),
        ({"corosync": {**NODES, **DEVICE}, "server": WITHOUT_GARBD}, "or garbd for Galera"),
        ({"corosync": NODES, "server": WITH_GARBD}, "or a quorum device for Corosync"),
    ],
)
def test_two_nodes_are_told_which_votes_they_lack(situation, advice):
    (finding,) = [each for each in find_all(snapshot(**situation)) if each.name == "two-nodes"]
    assert finding.text.endswith(advice)


def test_a_fix_that_ends_the_service_says_so():
    (finding,) = [
        each for each in find_all(snapshot(corosync={"quorum.wait_for_all": "0"})) if each.name == "wait-for-all"
    ]
    assert "ends the service" in finding.commands[0]


@pytest.mark.parametrize(
    ("detail", "command"),
    [
        ("os_user g: there is no such user on this node", "adduser --system --no-create-home --home /nonexistent g"),
        ("the driver PyMySQL is missing, install python3-pymysql (No module)", "apt-get install python3-pymysql"),
        ("defaults_file /etc/x.cnf: No such file or directory", None),
    ],
)
def test_what_the_login_lacks_is_said_and_not_the_login_blamed(detail, command):
    found = replace(snapshot(), server=Facts(cause=Cause.CANNOT_OBSERVE, detail=detail))
    (finding,) = [each for each in find_all(found) if each.name == "login"]
    assert finding.commands == ((command,) if command else ())
    assert command or "put a copy of another node's /etc/x.cnf there" in finding.text


@pytest.mark.parametrize(
    ("server", "command"),
    [
        ({}, "SET GLOBAL wsrep_provider_options='pc.ignore_sb=false'"),
        ({"wsrep_provider_pc_ignore_sb": "ON"}, "SET GLOBAL wsrep_provider_pc_ignore_sb=OFF"),
    ],
    ids=["options", "plugin"],
)
def test_an_option_of_galera_is_mended_in_the_way_that_the_server_takes(server, command):
    (finding,) = find_all(snapshot(server={"wsrep_provider_options": "pc.ignore_sb = yes", **server}))[:1]
    assert finding.commands == (f'mariadb -e "{command}"',)


@pytest.mark.parametrize(("address", "value"), [("192.168.1.199", "0.0.0.0"), ("fd00::9", "*")])
def test_a_server_is_told_to_listen_for_the_address_s_family_too(address, value):
    (finding,) = [each for each in find_all(snapshot(address=address, listening=[])) if each.name == "bind-address"]
    assert finding.commands[0].startswith(f"printf '[mariadbd]\\nbind-address = {value}\\n'")


def test_a_login_without_tls_is_told_to_use_the_socket():
    server = Facts(cause=Cause.CANNOT_OBSERVE, detail="error 3159: Connections using insecure transport are prohibited")
    (finding,) = [each for each in find_all(replace(snapshot(), server=server)) if each.name == "login"]
    assert "pcs resource update galera-guard host=" in finding.text


def test_a_login_by_root_is_no_risk_but_a_note():
    severities = {
        each.severity
        for parameters in ({}, {"os_user": "root"})
        for each in find_all(snapshot(parameters=parameters, server={GRANTS: "GRANT ALL PRIVILEGES ON *.*"}))
        if each.name == "privileges"
    }
    assert severities == {NOTE}


@pytest.mark.parametrize(
    ("parameters", "last"),
    [
        ({}, "pcs resource update galera-guard os_user=galera_guard"),
        (
            {"user": "wrong", "defaults_file": "/none"},
            "pcs resource update galera-guard os_user=galera_guard user= defaults_file=",
        ),
        (
            {"os_user": "galera_guard"},
            'mariadb -e "CREATE OR REPLACE USER galera_guard@localhost IDENTIFIED VIA unix_socket"',
        ),
        ({"os_user": "backup"}, "pcs resource update galera-guard os_user=galera_guard"),
    ],
    ids=str,
)
def test_a_login_of_others_is_left_alone_and_no_longer_used(parameters, last):
    for server in (Cause.DENIED, {GRANTS: "GRANT ALL PRIVILEGES ON *.* TO `x`@`localhost`"}):
        (finding,) = [
            each
            for each in find_all(snapshot(parameters=parameters, server=server))
            if each.name in ("login", "privileges")
        ]
        assert finding.commands[-1] == last


@pytest.mark.parametrize(
    ("risky", "fixed"),
    [("11.8.7-MariaDB-ubu2404", "11.8.8-MariaDB-ubu2404"), ("12.0.5-MariaDB", "12.3.2-MariaDB")],
)
def test_a_notify_command_is_a_risk_before_its_fix_and_a_note_after(risky, fixed):
    severities = [
        each.severity
        for version in (risky, fixed)
        for each in find_all(snapshot(server={"wsrep_notify_cmd": "/x", "version": version}))
        if each.name == "wsrep-notify-cmd"
    ]
    assert severities == [WARNING, NOTE]


def test_nodes_are_told_to_take_the_setting_of_most():
    def commands(**values):
        found = find_all(snapshot(node_settings={node: {"time_zone": value} for node, value in values.items()}))
        return [command for each in found if each.name == "settings-differ" for command in each.commands]

    first, last = commands(node1="SYSTEM", node2="+03:00", node3="SYSTEM")
    assert "default_time_zone = SYSTEM" in first
    assert last == "systemctl restart mariadb    # on node2"
    assert commands(node1="SYSTEM", node2="+03:00") == []


def test_a_link_that_the_agent_is_told_not_to_look_at():
    found = snapshot(checks_link=True)
    for vip in found.vips:
        vip.parameters["check_link_status"] = "false"
    assert "link-check" not in {each.name for each in find_all(found)}


def test_every_finding_has_its_mistake():
    yielded = [
        node.value
        for module in MODULES
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Yield)
    ]
    # Only a literal can be seen here.
    assert [ast.unparse(call) for call in yielded if not isinstance(call.args[0], ast.Constant)] == []
    all_names = {call.args[0].value for call in yielded}
    tested = {rest[0] for _, *rest in MISTAKES} | {each.finding for each in SETTINGS} | {name for name, _, _ in TABLE}
    assert all_names - tested == {"no-guard", "no-vip", "no-stonith", "announced-once"}


def test_parts_that_could_not_be_read_are_silent():
    assert find_all(Snapshot()) == []


def test_settings_are_those_that_the_guards_published(monkeypatch):
    published = {"guard-settings": {"node1": "sql_mode=A=1; time_zone=SYSTEM", "node2": "sql_mode="}}
    monkeypatch.setattr(components.tools, "attribute", lambda host, attribute: published.get(attribute, {}))
    assert components.settings(None, "guard") == {
        "node1": {"sql_mode": "A=1", "time_zone": "SYSTEM"},
        "node2": {"sql_mode": ""},
    }


def test_two_clusters_are_seen_twice_before_they_are_told(monkeypatch):
    told = "wsrep_cluster_state_uuid=a; wsrep_cluster_size="
    published = {
        "guard-settings": {"node1": told + "2", "node2": told + "2", "node3": told + "3"},
        "guard-state": dict.fromkeys(("node1", "node2", "node3"), "synced"),
    }
    monkeypatch.setattr(components.tools, "attribute", lambda host, attribute: published.get(attribute, {}))
    assert components.several(components.settings(None, "guard"))

    def leave(seconds):
        published["guard-state"]["node3"] = "down"

    monkeypatch.setattr(components.time, "sleep", leave)
    assert not components.several(components.settled(SimpleNamespace(waiting=contextlib.nullcontext), "guard"))


@pytest.mark.parametrize("name", ["good", "bad", "poor", "unfit"])
def test_a_node_s_version_is_that_of_its_guard_s_last_news_of_whatever_kind(monkeypatch, name):
    said = {f"guard-{other}": {"node1": "500 0.1.0 before"} for other in ("good", "bad", "poor", "unfit")}
    said[f"guard-{name}"] = {"node1": "900 0.2.0 now"}
    monkeypatch.setattr(check.tools, "attribute", lambda host, attribute: said.get(attribute, {}))
    assert check._versions(None, "guard") == {"node1": "0.2.0"}


def test_sockets_that_listen_are_the_kernel_s():
    families = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}
    with contextlib.ExitStack() as stack:
        port, listening = 0, []
        for address, family in families.items():
            listener = stack.enter_context(socket.create_server((address, port), family=family))
            port = listener.getsockname()[1]
            listening = sockets.listening(Host(os.environ, sys.stdin), str(port))
            assert sockets.accepts(listening, address)
        assert sorted(listening) == sorted(families)
        assert not sockets.accepts(listening, "127.0.0.2")
    assert sockets.listening(Host(os.environ, sys.stdin), str(port)) == []


@pytest.mark.parametrize(("is_v6_only", "accepts"), [(True, False), (False, True)])
def test_a_socket_of_ipv6_may_take_clients_of_ipv4_too(is_v6_only, accepts):
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=not is_v6_only) as listener:
        listening = sockets.listening(Host(os.environ, sys.stdin), str(listener.getsockname()[1]))
    assert sockets.accepts(listening, "192.168.1.199") == accepts
    assert sockets.accepts(listening, "fd00::9")
