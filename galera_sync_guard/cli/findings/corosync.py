"""Findings on Corosync's quorum and on how fast it and Galera find a dead machine; pure."""

from __future__ import annotations

from collections.abc import Iterator

from galera_sync_guard.cli.cib.values import seconds
from galera_sync_guard.cli.findings.finding import Finding, check, note, warning
from galera_sync_guard.cli.findings.snapshot import Snapshot
from ocfpy.parameters import format_seconds

# Galera's defaults (wsrep_provider_options), in seconds, for servers that do not tell.
SUSPECT_TIMEOUT = 5.0
INACTIVE_TIMEOUT = 15.0

# What docs/setup.md recommends, and the seconds after which Corosync then gives a silent node up.
TOTEM = "pcs cluster config update totem token=1000 token_coefficient=0 consensus=1200"
DETECTION = 2.2


@check
def quorum(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.corosync is None:
        return
    two_node = snapshot.corosync.get("quorum.two_node") == "1"
    if lacking := " and ".join(_lacking_votes(snapshot, snapshot.corosync, two_node)):
        yield warning(
            "two-nodes",
            "with two nodes neither Corosync nor Galera can tell a dead peer from a cut cable: add a third node, or"
            f" {lacking}",
        )
    # two_node implies it.
    if not two_node and snapshot.corosync.get("quorum.wait_for_all") != "1":
        yield note(
            "wait-for-all",
            "quorum.wait_for_all is not 1: after a full stop a part of the nodes may start"
            " the virtual IP before the others are there; the fix stops Pacemaker everywhere, and the virtual IP with it",
            "pcs cluster stop --all    # ends the service until the start below",
            "pcs quorum update wait_for_all=1",
            "pcs cluster start --all",
        )


def _lacking_votes(snapshot: Snapshot, corosync: dict[str, str], two_node: bool) -> list[str]:
    """Return what two nodes need to outvote each other, and do not have."""
    nodes = sum(key.startswith("nodelist.") and key.endswith(".nodeid") for key in corosync)
    device = [] if "quorum.device.model" in corosync else ["a quorum device for Corosync"]
    garbd = ["garbd for Galera"] if snapshot.settings.get("wsrep_cluster_size") in ("1", "2") else []
    return device + garbd if two_node or nodes == 2 else []


@check
def failure_detection(snapshot: Snapshot) -> Iterator[Finding]:
    times = [(snapshot.corosync or {}).get("runtime.config.totem." + name, "") for name in ("token", "consensus")]
    if not all(text.isdigit() for text in times):
        return
    token, consensus = (int(text) / 1000 for text in times)
    detection = token + consensus
    galera = galera_seconds(snapshot, "evs.suspect_timeout", SUSPECT_TIMEOUT)
    text = (
        f"a dead machine is noticed by Galera after {format_seconds(galera)} and by Corosync (token and consensus), which"
        f" moves the virtual IP, after {format_seconds(detection)}"
    )
    if detection > galera_seconds(snapshot, "evs.inactive_timeout", INACTIVE_TIMEOUT):
        yield warning("slow-detection", text, TOTEM)
    elif detection > max(galera, DETECTION):
        yield note("detection", text, TOTEM)
    if token < 1:
        text = f"Corosync's token is {format_seconds(token)}: a busy machine may be taken for dead"
        yield warning("short-token", text, TOTEM)


def galera_seconds(snapshot: Snapshot, name: str, default: float) -> float:
    """Return one of Galera's times (ISO 8601, such as PT5S or PT0.5S) in seconds."""
    return seconds(snapshot.provider.get(name), default) or default
