"""Findings on the properties of the whole cluster; pure."""

from __future__ import annotations

from collections.abc import Iterator

from galera_sync_guard.cli.cib.values import is_true
from galera_sync_guard.cli.findings.finding import Finding, check, error, note, warning
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
    if configuration.lacks_fence_device:
        text = "stonith-enabled is not false and there is no fence device: Pacemaker starts nothing"
        yield error("stonith", text, "pcs property set stonith-enabled=false", explains=names.EVERYTHING)
    if not configuration.has_fencing:
        yield note(
            "no-stonith",
            "stonith-enabled=false: a node that hangs so badly that its address cannot be stopped keeps it; a fence"
            " device would switch it off. Galera itself needs no fencing: a node without quorum refuses writes",
        )
    policy = configuration.quorum_policy
    if policy in QUORUM_POLICIES:
        text = f"no-quorum-policy={policy}: {QUORUM_POLICIES[policy]}"
        fix = "pcs property set no-quorum-policy=stop"
        yield error("no-quorum-policy", text, fix, explains=frozenset({names.CUT_OFF}))
    if is_true(configuration.properties.get("maintenance-mode")):
        text = "maintenance-mode is on: Pacemaker moves nothing"
        yield warning("maintenance-mode", text, "pcs property set maintenance-mode=false", explains=names.EVERYTHING)
    if is_true(configuration.properties.get("stop-all-resources")):
        text = "stop-all-resources is on: Pacemaker starts nothing"
        yield warning(
            "stop-all-resources", text, "pcs property set stop-all-resources=false", explains=names.EVERYTHING
        )
    if not is_true(configuration.properties.get("symmetric-cluster", "true")):
        text = "symmetric-cluster=false: a resource runs only on nodes for which a constraint allows it"
        yield error("symmetric-cluster", text, "pcs property set symmetric-cluster=true", explains=names.EVERYTHING)
