"""Configurations that are wrong: in a real cluster the address does what rehearse said of it."""

import json
import time
from xml.etree import ElementTree

import pytest

from laboratory import faults, pacemaker
from laboratory.machine import wait_until
from laboratory.scene import wait_normal
from tests.cluster.rows import CLIENT_RESET, STOP_FAILS
from tests.support.levels import check_runs
from tests.support.mistakes import MISTAKES

# How long the address must be where rehearse said, in seconds: a guard and Pacemaker need less to move it.
STAYS = 8


def nothing(laboratory, node):
    pass


def kill_watcher(laboratory, node):
    node.run(["pkill", "-KILL", "-f", "galera_sync_guard watch"])


def lose_address(laboratory, node):
    node.run(["ip", "address", "delete", f"{pacemaker.VIP}/32", "dev", "eth0"])


def break_client_reset(laboratory, node):
    node.shell(f"mv {CLIENT_RESET} {CLIENT_RESET}.whole")
    node.write(CLIENT_RESET, STOP_FAILS, 0o755)
    faults.strike(laboratory, "read-only", node)


def mend_client_reset(laboratory, node):
    node.shell(f"mv {CLIENT_RESET}.whole {CLIENT_RESET}")
    faults.heal(laboratory, "read-only", node)


def fault(name):
    """Return what brings a fault of the laboratory about, and what heals it."""
    return faults.FAULTS[name].strike, faults.FAULTS[name].heal


# (the mistake, the fault of the rehearsal, what brings it about, what heals it)
ROWS = [
    ("mode=score without a score rule", "poor", *fault("desync")),
    ("stickiness INFINITY", "poor", *fault("desync")),
    ("the address prefers a node", "poor", *fault("desync")),
    ("the virtual IP is unmanaged", "unfit", *fault("read-only")),
    ("maintenance-mode", "unfit", *fault("read-only")),
    ("the address is in maintenance", "unfit", *fault("read-only")),
    ("the guard's monitor is disabled", "monitor-fails", kill_watcher, nothing),
    ("mode=score without migration-threshold", "monitor-fails", kill_watcher, nothing),
    ("a failure of the address's monitor is ignored", "address-lost", lose_address, nothing),
    ("the virtual IP has no monitor", "address-lost", lose_address, nothing),
    ("no-quorum-policy=ignore", "cut-off", *fault("corosync-partition")),
    ("a failed stop of vip_client_reset blocks the address", "reset-stop-fails", break_client_reset, mend_client_reset),
    ("all resources are stopped", "start", nothing, nothing),
    ("the guard is disabled", "start", nothing, nothing),
]


def query(node):
    return ElementTree.fromstring(node.run(["cibadmin", "--query"]).stdout)


def replace(node, configuration):
    node.write("/tmp/configuration.xml", ElementTree.tostring(configuration, "unicode"))
    node.run(["cibadmin", "--replace", "--scope", "configuration", "--xml-file", "/tmp/configuration.xml"])


def rehearsed(node, name, holder):
    """Return what rehearse says of one fault on the node that holds the address, or of the cluster's start."""
    done = node.run(["galera-sync-guard", "rehearse", "--json"], check=False, timeout=300)
    assert done.returncode == 1, done.stdout + done.stderr
    (rehearsal,) = json.loads(done.stdout)["rehearsals"]
    (result,) = [
        each
        for each in rehearsal["results"]
        if (each["vip"], each["fault"]) == (pacemaker.VIP_NAME, name) and each["holder"] in (holder.name, None)
    ]
    return result


@pytest.fixture
def guarded(score):
    """The laboratory with its recipe, which it has again afterwards."""
    # The first node has the address: one mistake is about that node.
    first = score.nodes[0]
    wait_normal(score)
    if score.vip_node is not first:
        first.run(["crm_resource", "--move", "--resource", pacemaker.VIP_NAME, "--node", first.name])
        wait_until(lambda: score.vip_node is first, 30, "the first node has the address")
        first.run(["crm_resource", "--clear", "--resource", pacemaker.VIP_NAME])
    before = query(first).find("configuration")
    yield score
    replace(first, before)
    # A refresh makes the executor forget the resources: a start that is under way then fails.
    first.run(["crm_resource", "--wait", "--timeout=60"], check=False)
    first.run(["crm_resource", "--refresh"])
    wait_normal(score)


@pytest.mark.parametrize(
    ("mistake", "name", "strike", "heal"), check_runs(ROWS, "stickiness INFINITY", name=lambda row: row[0])
)
def test_the_address_does_what_rehearse_said(guarded, mistake, name, strike, heal):
    node = guarded.nodes[0]
    cib = query(node)
    (change,) = [change for what, _, _, change in MISTAKES if what == mistake]
    change(cib)
    replace(node, cib.find("configuration"))
    said = rehearsed(node, name, node)
    assert not said["is_right"]
    strike(guarded, node)
    try:
        wait_until(lambda: where(node) == said["goes_to"], 60, f"the address is on {said['goes_to']}")
        time.sleep(STAYS)
        assert where(node) == said["goes_to"]
        if name == "address-lost":
            assert guarded.vip_node is None
    finally:
        heal(guarded, node)


def where(node):
    """Return the nodes on which a node sees the address started."""
    status = pacemaker.status(node)
    return status.where() if status else None
