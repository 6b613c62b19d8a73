"""Findings on the properties of the whole cluster; pure."""

from __future__ import annotations

from collections.abc import Iterator

from galera_sync_guard.cli.cib.values import is_true
from galera_sync_guard.cli.findings.finding import Finding, cause, check, note, suspect
from galera_sync_guard.cli.findings.snapshot import Snapshot
from galera_sync_guard.cli.rehearsal import names

QUORUM_POLICIES = {
    "ignore": "both sides of a partition hold the virtual IP, and for 1-2 s still when it heals",
    "freeze": "a node that is cut off keeps the virtual IP",
}


@check
def properties(snapshot: Snapshot) -> Iterator[Finding]:
    configuration = snapshot.configuration
    if configuration is None:
        return
    values = configuration.properties
    if configuration.lacks_fence_device:
        yield cause(
            "stonith",
            names.EVERYTHING,
            "stonith-enabled is not false and there is no fence device: Pacemaker starts nothing",
            "pcs property set stonith-enabled=false",
        )
    if not configuration.has_fencing:
        yield note(
            "no-stonith",
            "stonith-enabled=false: a node that hangs so badly that its address cannot be"
            " stopped keeps it; a fence device would switch it off. Galera itself needs no fencing: a node"
            " without quorum refuses writes",
        )
    policy = configuration.quorum_policy
    if policy in QUORUM_POLICIES:
        text = f"no-quorum-policy={policy}: {QUORUM_POLICIES[policy]}"
        yield cause("no-quorum-policy", frozenset({names.CUT_OFF}), text, "pcs property set no-quorum-policy=stop")
    for name, what in (("maintenance-mode", "moves"), ("stop-all-resources", "starts")):
        if is_true(values.get(name)):
            text = f"{name} is on: Pacemaker {what} nothing"
            yield suspect(name, names.EVERYTHING, text, f"pcs property set {name}=false")
    if not is_true(values.get("symmetric-cluster", "true")):
        yield cause(
            "symmetric-cluster",
            names.EVERYTHING,
            "symmetric-cluster=false: a resource runs only on nodes for which a constraint allows it",
            "pcs property set symmetric-cluster=true",
        )
