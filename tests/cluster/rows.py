"""Rows that run on both suites: a fault, why the VIP must leave, and what must be right afterwards."""

import time
from dataclasses import dataclass, replace

from laboratory import pacemaker
from laboratory.laboratory import each
from laboratory.machine import wait_until
from laboratory.scene import Scene, check, seen_from, wait_normal, wait_state
from tests.support.checkout import ROOT


@dataclass(frozen=True)
class Row:
    """A fault after which the VIP must be on another node, and the state and reason that the guard then shows.

    `state` is None when the machine itself is gone, cut off or out of the cluster, so that nobody can say, and when the
    fault ends by itself, so that it has ended before it is looked for: the log still says the reason.
    """

    fault: str
    state: str | None
    reason: str = ""


# In mode=fail too: one of each way in which a node can be bad.
BOTH = [
    Row("kill-9", "down", "down: /run/mysqld/mysqld.sock: Connection refused"),
    Row("sigstop", "hung", "hung: no answer within 2s while connecting and logging in"),
    Row("clean-stop", "down", "down: "),
    Row("desync", "donor", "donor: wsrep_local_state=2 (Donor/Desynced) with wsrep_desync=ON for "),
    Row("read-only", "read-only", "read-only: read_only=ON, must be OFF"),
    Row("reject", "rejecting", "rejecting: wsrep_reject_queries=ALL, must be NONE"),
    # By the count or by error 1040: a client that is being refused has the administrator's connection for a moment.
    Row("saturate", "saturated", "saturated: "),
    Row("power-off", None),
    Row("partition", None),
]

SCORE = [
    *BOTH,
    Row("crash", None, "down: "),
    Row("restart", None, "down: /run/mysqld/mysqld.sock:"),
    Row("ftwrl", "donor", "donor: wsrep_local_state=2 (Donor/Desynced) for "),
    Row("saturate-all", "saturated", "saturated: error 1040: Too many connections for "),
    Row("galera-partition", "non-primary", "non-primary: wsrep_cluster_status=non-Primary, must be Primary"),
    Row("corosync-partition", None),
    Row("standby", None),
    Row("cluster-stop", None),
    Row("maintenance", "maintenance", "maintenance: /var/lib/galera-sync-guard/maintenance exists: laboratory"),
]

# What a watcher says of them where that is something else: it is connected already.
WATCHED_REASONS = {
    "sigstop": "hung: no answer within 2s while ",
    "clean-stop": "down: ",
    "restart": "down: ",
    "saturate-all": "saturated: Threads_connected=40 of max_connections=40 for ",
}

WATCHED = [replace(row, reason=WATCHED_REASONS.get(row.fault, row.reason)) for row in SCORE]

# Without a watcher: one of each way in which a monitor learns of a fault.
POLLING = [
    row
    for row in SCORE
    if row.fault
    in ("kill-9", "sigstop", "clean-stop", "desync", "read-only", "reject", "saturate", "saturate-all", "power-off")
]


def move_without_failures(laboratory, row):
    """Let the fault move the VIP in mode=score."""
    with Scene(laboratory) as scene:
        scene.strike(row.fault)
        scene.wait_moved()
        assert seen_from(laboratory, but=[scene.holder]).failures == ()
        if row.reason:
            scene.heard(row.reason)
        if row.state:
            wait_state(laboratory, row.state, scene.holder, but=[scene.holder])
        scene.heal(row.fault)
        wait_normal(laboratory)
        check(scene, moves=1)


def move_by_a_failure(laboratory, row):
    """Let the fault move the VIP in mode=fail."""
    with Scene(laboratory) as scene:
        scene.strike(row.fault)
        scene.wait_moved()
        if row.reason:
            # Pacemaker forgets a failure, and the guard fails again.
            wait_until(lambda: row.reason in failures_of(laboratory, scene.holder), 30, f"a failure says {row.reason}")
        scene.heal(row.fault)
        wait_normal(laboratory)
        check(scene, moves=1)


def failures_of(laboratory, node):
    """Return the reasons of a node's failures as another node sees them, one a line."""
    failures = seen_from(laboratory, but=[node]).failures
    return "\n".join(failure.reason for failure in failures if failure.node == node.name)


def stay_when_a_peer_crashes(laboratory):
    """Let another node than the VIP's crash."""
    with Scene(laboratory) as scene:
        scene.strike("crash-peer")
        # Until Galera has given the peer up, commits stall here and connections pile up.
        scene.stay(8)
        scene.writes.wait_acknowledged(scene.struck_at + 7)
        scene.heal("crash-peer")
        wait_normal(laboratory)
        check(scene, moves=0)


OPERATIONS = ROOT / "docs" / "operations.md"

BOOTSTRAP = [line.strip() for line in OPERATIONS.read_text(encoding="utf-8").splitlines() if "bootstrap=" in line]


def bootstrap_what_is_left(laboratory):
    """Cut all nodes off from each other, and let one that has lost its peers serve alone until they are back."""
    with Scene(laboratory) as scene:
        scene.strike("galera-partition", *laboratory.nodes)
        wait_state(laboratory, "non-primary", *laboratory.nodes)
        chosen = scene.holder
        done = [chosen.run(["sh", "-c", line], check=False).returncode for line in BOOTSTRAP]
        assert done.count(0) == 1, "each server takes one of both"
        wait_state(laboratory, "synced", chosen)
        scene.writes.wait_acknowledged(time.monotonic(), host=chosen.name)
        each(lambda node: node.unblock(), laboratory.nodes)
        wait_normal(laboratory)
        check(scene, moves=scene.moves(), outage=60)


CLIENT_RESET = "/usr/lib/ocf/resource.d/custom/vip_client_reset"

STOP_FAILS = '#!/bin/sh\n[ "$1" = stop ] && exit 1\nexit 0\n'


def move_with_a_broken_client_reset(laboratory, replacement):
    """Let the VIP leave a node on which something else stands in place of vip_client_reset, or nothing."""
    with Scene(laboratory) as scene:
        scene.begin()
        scene.holder.shell(f"mv {CLIENT_RESET} {CLIENT_RESET}.whole")
        if replacement:
            scene.holder.write(CLIENT_RESET, replacement, 0o755)
        scene.strike("desync")
        scene.wait_moved()
        scene.holder.shell(f"mv {CLIENT_RESET}.whole {CLIENT_RESET}")
        scene.heal("desync")
        pacemaker.pcs(scene.holder, "resource", "cleanup")
        wait_normal(laboratory)
        check(scene, moves=1)
