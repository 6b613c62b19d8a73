"""What maintenance, explain and check say of this node while Pacemaker itself keeps the address off it."""

import io
import json
import os
import time

import pytest

from galera_sync_guard.cli import here, pages
from galera_sync_guard.cli.commands import maintenance
from galera_sync_guard.cli.main import main
from tests.support.situations import NOW, SITUATIONS, Situation


@pytest.fixture
def node1(tmp_path, guard, server, monkeypatch):
    """Return what the command says on node1, whose server is good, in a situation."""
    monkeypatch.setattr(here, "DATADIR", str(tmp_path / "data") + "/")

    def say(situation, *words, pacemaker=True, unit=None):
        cluster = Situation()
        if situation:
            SITUATIONS.get(situation, situation)(cluster)
        for name in ("socket", "maintenance_file"):
            cluster.set_parameter(name, guard.parameters[name])
        cluster.unset_parameter("vip")  # this machine has no such interface
        environ = cluster.write(tmp_path)
        for name, text in (("crm_node", "node1"), ("systemctl", unit or "active")):
            tool = tmp_path / name
            tool.write_text(f"#!/bin/sh\necho {text}\n" if pacemaker else "#!/bin/sh\nexit 102\n")
            tool.chmod(0o755)
        out, errors = io.StringIO(), io.StringIO()
        environ |= {"HA_RSCTMP": guard.environment["HA_RSCTMP"], "COLUMNS": "300"}
        code = main(["galera-sync-guard", *words], environ, io.StringIO(), out, errors)
        assert errors.getvalue() == ""
        return int(code), out.getvalue()

    return say


FORBIDDEN = [
    ("standby", "in standby", "pcs node unstandby node1"),
    ("maintenance-mode", "maintenance-mode is on", "pcs property set maintenance-mode=false"),
    ("stop-all-resources", "stop-all-resources is on", "pcs property set stop-all-resources=false"),
    ("address-disabled", "disabled", "pcs resource enable VirtualIP"),
    ("address-unmanaged", "unmanaged", "pcs resource manage VirtualIP"),
    ("address-failed", "failed there too often", "pcs resource cleanup VirtualIP"),
    ("guard-disabled", "disabled", "pcs resource enable galera-guard"),
    ("no-quorum", "no quorum", pages.chapter(pages.NO_QUORUM)),
]


@pytest.mark.parametrize(("situation", "what", "to_do"), FORBIDDEN)
def test_maintenance_does_not_call_the_node_in_service(node1, situation, what, to_do):
    said = node1(situation, "maintenance")[1]
    assert "out of service" in said
    assert what in said
    assert to_do in said


@pytest.mark.parametrize(("situation", "what", "to_do"), FORBIDDEN)
def test_explain_says_that_first(node1, situation, what, to_do):
    said = json.loads(node1(situation, "explain", "--json")[1])
    assert what in said["consequences"][0]
    assert not any("may be here" in line for line in said["consequences"])
    assert said["advice"].startswith(to_do) or to_do in said["advice"]


@pytest.mark.parametrize(("situation", "what", "to_do"), [FORBIDDEN[0], FORBIDDEN[3]])
def test_check_does_not_say_that_nothing_is_wrong(node1, situation, what, to_do):
    code, said = node1(situation, "check", "--json")
    texts = [each["text"] for each in json.loads(said)["findings"]]
    assert code == 1
    assert any(what in text for text in texts), texts


def test_a_quiet_cluster_forbids_nothing(node1):
    assert node1(None, "maintenance")[1] == "node1 is in service for the virtual IP\n"
    said = json.loads(node1(None, "explain", "--json")[1])
    assert "VirtualIP may be here" in said["consequences"][1]
    assert said["advice"] is None


def test_what_forbids_another_node_is_not_this_node_s(node1):
    assert "in service" in node1("ban-by-pcs", "maintenance")[1]
    assert "banned" not in node1("ban-by-pcs", "explain")[1]


def test_a_stopped_pacemaker_is_named_first(node1):
    assert "systemctl start pacemaker" in node1(None, "maintenance", pacemaker=False)[1]
    said = json.loads(node1(None, "explain", "--json", pacemaker=False)[1])
    assert "Pacemaker does not run on this node" in said["consequences"][0]


def test_a_node_that_is_held_back_is_in_service_soon(node1, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: float(NOW))
    monkeypatch.setattr(time, "localtime", time.gmtime)
    expected = "node1 is in service for the virtual IP at 13:55:39 (in 2 s)\n"
    assert node1("back-in-service-soon", "maintenance")[1] == expected
    assert node1("back-in-service-soon", "maintenance", "off")[1].endswith(expected)


def test_a_node_whose_server_is_down_is_not_called_in_service(node1):
    said = node1("all-stopped", "maintenance", "off")[1]
    assert "node1 is out of service for the virtual IP, as its guard says: down: /run/mysqld" in said


def test_off_waits_for_a_guard_that_has_not_seen_it_yet(node1, monkeypatch, guard):
    monkeypatch.setattr(maintenance, "SEEN_TIMEOUT", 1.5)
    reason = f"{guard.parameters['maintenance_file']} exists"
    began = time.monotonic()
    node1(lambda cluster: cluster.tell("node1", "maintenance", reason=reason), "maintenance", "off")
    assert time.monotonic() - began > 1.5


def test_explain_does_not_end_a_maintenance_that_has_ended(node1, guard, server):
    guard.parameters["mode"] = "score"
    (guard.directory / "maintenance").write_text("disks\n")
    guard.started().monitor()
    (guard.directory / "maintenance").unlink()
    state = guard.state_file.read_text()
    guard.state_file.with_name("galera_sync_guard-galera-guard").write_text(state)
    said = json.loads(node1(None, "explain", "--json")[1])
    assert said["verdict"]["state"] == "maintenance"
    assert "may be here again in" in said["consequences"][1]
    assert said["advice"] == "wait: until then pcs resource move refuses this node"


@pytest.mark.parametrize(
    ("unit", "chapter"),
    [
        ("activating", pages.WAITING),
        ("inactive", pages.ALL_STOPPED),
        ("failed", pages.ALL_STOPPED),
    ],
)
def test_explain_names_the_chapter_that_fits_when_no_server_serves(node1, unit, chapter, tmp_path, guard):
    os.unlink(guard.parameters["socket"])
    (tmp_path / "data").mkdir()
    (tmp_path / "data/grastate.dat").write_text("# GALERA saved state\nseqno:   -1\nsafe_to_bootstrap: 0\n")
    said = json.loads(node1("all-stopped", "explain", "--json", unit=unit)[1])
    assert said["advice"].endswith(pages.chapter(chapter))
    assert said["server"] == f"unit {unit}, seqno -1, safe_to_bootstrap 0"


def test_maintenance_says_what_it_waits_for_and_how_long(node1, monkeypatch):
    monkeypatch.setattr(maintenance, "LEAVE_TIMEOUT", 1.5)
    code, said = node1(None, "maintenance", "on")
    waiting, left, state = said.splitlines()
    assert waiting == "waiting until VirtualIP has left node1, at most 1.5 s"
    assert left.startswith("VirtualIP is still on node1 after 1.5 s")
    assert state.startswith("node1 is not out of service yet")
    assert code == 1


def test_maintenance_on_the_only_good_node_says_that_the_service_has_ended(node1, monkeypatch, tmp_path):
    monkeypatch.setattr(maintenance, "ARRIVE_TIMEOUT", 0.5)
    written = maintenance._write

    def write_and_move(path, reason):
        written(path, reason)
        cluster = Situation()
        cluster.move("node1", None)
        cluster.write(tmp_path)

    monkeypatch.setattr(maintenance, "_write", write_and_move)
    code, said = node1(None, "maintenance", "on")
    assert "VirtualIP is on no node: no other node can have it" in said
    assert "galera-sync-guard maintenance off on node1" in said
    assert code == 1


def test_maintenance_on_names_what_keeps_the_address_here(node1, monkeypatch):
    monkeypatch.setattr(maintenance, "LEAVE_TIMEOUT", 0.2)
    code, said = node1("address-unmanaged", "maintenance", "on")
    assert "node1 is not out of service yet" in said
    assert said.splitlines()[-1].strip() == "pcs resource manage VirtualIP"
    assert code == 1


def test_off_on_a_node_that_was_in_service_says_so(node1, guard):
    said = node1(None, "maintenance", "off")[1].splitlines()
    assert said[0] == f"there was no maintenance to end on node1: {guard.parameters['maintenance_file']}"


@pytest.mark.parametrize("situation", ["maintenance-on-two-and-one-down", "standby-on-two-and-one-down"])
def test_nobody_is_sent_to_bootstrap_while_a_server_may_run_elsewhere(node1, situation, guard):
    os.unlink(guard.parameters["socket"])

    def swapped(cluster):
        SITUATIONS[situation](cluster)
        for node, state in (("node1", "down"), ("node3", "maintenance")):
            cluster.tell(node, state)
        for found in cluster.cib.findall(".//nodes/node[@uname='node1']"):
            found[:] = []

    said = json.loads(node1(swapped, "explain", "--json", unit="failed")[1])
    assert pages.ALL_STOPPED not in said["advice"]
    assert "look first whether MariaDB runs on node2 and node3" in said["advice"]
    assert said["advice"].endswith(pages.chapter(pages.ALL_DOWN))


def test_check_does_not_say_that_nothing_is_wrong_while_the_address_is_nowhere(node1):
    code, said = node1("address-nowhere-without-a-reason", "check", "--json")
    assert code == 1
    texts = [each["text"] for each in json.loads(said)["findings"]]
    assert "10.77.0.100 (VirtualIP) is on no node: galera-sync-guard status says more" in texts


def test_a_parameter_on_the_command_line_is_corrected_there(node1):
    said = json.loads(node1(None, "explain", "--json", "port=none")[1])
    assert said["advice"] == "give another value of port"
