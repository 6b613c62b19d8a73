"""Findings on the properties of the whole cluster; pure."""

from __future__ import annotations

from collections.abc import Iterator

from galera_sync_guard.cli.cib.values import is_true
from galera_sync_guard.cli.findings.finding import Finding, cause, check, note, suspect
from galera_sync_guard.cli.findings.snapshot import Snapshot
from galera_sync_guard.cli.rehearsal import names


@check
def stonith(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.configuration is None:
        return
    if snapshot.configuration.lacks_fence_device:
        yield cause(
            "stonith",
            names.EVERYTHING,
            "stonith-enabled is not false and there is no fence device: Pacemaker starts nothing",
            "pcs property set stonith-enabled=false",
        )
    if not snapshot.configuration.has_fencing:
        yield note(
            "no-stonith",
            "stonith-enabled=false: a node that hangs so badly that its address cannot be"
            " stopped keeps it; a fence device would switch it off. Galera itself needs no fencing: a node"
            " without quorum refuses writes",
        )


@check
def quorum_policy(snapshot: Snapshot) -> Iterator[Finding]:
    policy = snapshot.configuration.quorum_policy if snapshot.configuration else None
    fix = "pcs property set no-quorum-policy=stop"
    if policy == "ignore":
        yield cause(
            "no-quorum-policy",
            frozenset({names.CUT_OFF}),
            "no-quorum-policy=ignore: both sides of a partition hold the virtual IP, and for 1-2 s still when it heals",
            fix,
        )
    elif policy == "freeze":
        yield cause(
            "no-quorum-policy",
            frozenset({names.CUT_OFF}),
            "no-quorum-policy=freeze: a node that is cut off keeps the virtual IP",
            fix,
        )


@check
def maintenance_mode(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.configuration and is_true(snapshot.configuration.properties.get("maintenance-mode")):
        yield suspect(
            "maintenance-mode",
            names.EVERYTHING,
            "maintenance-mode is on: Pacemaker moves nothing",
            "pcs property set maintenance-mode=false",
        )


@check
def stopped(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.configuration and is_true(snapshot.configuration.properties.get("stop-all-resources")):
        yield suspect(
            "stop-all-resources",
            names.EVERYTHING,
            "stop-all-resources is on: Pacemaker starts nothing",
            "pcs property set stop-all-resources=false",
        )


@check
def opt_in(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.configuration and not is_true(snapshot.configuration.properties.get("symmetric-cluster", "true")):
        yield cause(
            "symmetric-cluster",
            names.EVERYTHING,
            "symmetric-cluster=false: a resource runs only on nodes for which a constraint allows it",
            "pcs property set symmetric-cluster=true",
        )
