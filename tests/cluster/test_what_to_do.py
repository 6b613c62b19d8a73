"""The commands that status prints under "what to do", typed as printed: each ends what it is about."""

import pytest

from laboratory import pacemaker
from laboratory.machine import wait_until
from laboratory.pacemaker import GUARD_NAME, VIP_NAME
from laboratory.scene import wait_normal
from tests.cluster.operator_command import guard_says

pytestmark = pytest.mark.matrix

# What somebody has done, {} being a node; and the beginning of what status then calls it.
DONE = [
    ("pcs node standby {}", "in standby"),
    ("pcs node maintenance {}", "in maintenance"),
    ("pcs property set maintenance-mode=true", "maintenance-mode is on"),
    ("pcs property set stop-all-resources=true", "stop-all-resources is on"),
    (f"pcs resource disable {VIP_NAME}", "disabled"),
    (f"pcs resource unmanage {VIP_NAME}", "unmanaged"),
    (f"pcs resource ban {VIP_NAME} {{}}", "banned"),
    (f"pcs constraint location {VIP_NAME} avoids {{}}", "banned"),
    (f"pcs resource update {GUARD_NAME} probe_timeout=abc", "parameter probe_timeout: 'abc' is not allowed"),
]


def to_do(node):
    """Return what status says to do, as seen from a node."""
    (guard,) = guard_says(node, "status")[1]["guards"]
    return guard["to_do"]


def test_each_command_under_what_to_do_ends_what_it_is_about(score):
    node = score.nodes[0]
    for done, called in DONE:
        holder = score.vip_node
        node.shell(done.format(score.peers(holder)[0].name), timeout=120)
        entry = wait_until(
            lambda called=called: next((each for each in to_do(node) if each["why"].startswith(called)), None),
            30,
            f"status says {called}",
        )
        command = entry["what"].removeprefix("correct it: ").partition(", ")[0].replace("=VALUE", "=")
        node.shell(command, timeout=120)
        wait_until(lambda: to_do(node) == [], 60, f"{command} ends it")
        wait_normal(score)


def test_a_lost_node_and_no_quorum_are_said(score):
    node = score.vip_node
    lost, other = score.peers(node)
    lost.power_off()
    wait_until(lambda: any(each["where"] == lost.name for each in to_do(node)), 30, "status names the lost node")
    other.power_off()
    entry = wait_until(
        lambda: next((each for each in to_do(node) if each["why"].startswith("no quorum")), None), 30, "no quorum"
    )
    assert "Pacemaker has no quorum" in entry["what"]
    assert not pacemaker.status(node).quorate
    # The last Primary component was that of the node and the other: without it no server starts.
    for each in (other, lost):
        score.power_on(each)
    wait_normal(score)
