"""Findings on the guard's resource, the virtual IP's, and their parameters, meta attributes and operations; pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from galera_sync_guard.cli.cib.model import attribute_of
from galera_sync_guard.cli.cib.values import is_true, seconds
from galera_sync_guard.cli.findings.finding import EVERY_NODE, Finding, check, error, warning
from galera_sync_guard.cli.findings.snapshot import Snapshot
from galera_sync_guard.cli.rehearsal import names
from galera_sync_guard.decision.states import FIT, INFINITY, POOR, SCORES, UNKNOWN
from ocfpy.parameters import format_seconds

# A stickiness must lie between these: an unknown node (950) must not cause a move, a poor one (10) must.
LEAST_STICKINESS = SCORES[FIT] - SCORES[UNKNOWN]
MOST_STICKINESS = SCORES[FIT] - SCORES[POOR]

# What goes wrong when a monitor does not report.
NEEDS_MONITOR = names.GUARD_FAILS | names.VERDICTS | {names.ADDRESS_LOST, names.FAILURE_EXPIRES}

# Pacemaker's own default for the timeout of an operation, in seconds.
OPERATION_TIMEOUT = 20.0


@check
def incomplete(snapshot: Snapshot) -> Iterator[Finding]:
    configuration, guard = snapshot.configuration, snapshot.guard
    if configuration and not guard:
        yield error("no-guard", "the cluster has no guard", "galera-sync-guard setup --vip ADDRESS/PREFIX --apply")
    if configuration and guard and not snapshot.vips:
        what = "VirtualIP ocf:heartbeat:IPaddr2 ip=ADDRESS cidr_netmask=32 op monitor interval=5s"
        create = f"pcs resource create {what} meta resource-stickiness=100"
        text = f"{guard.id} guards no virtual IP (ocf:heartbeat:IPaddr2)"
        yield error("no-vip", text, *([] if configuration.addresses else [create]))


@check
def guard_meta(snapshot: Snapshot) -> Iterator[Finding]:
    configuration, guard = snapshot.configuration, snapshot.guard
    if not (configuration and guard):
        return
    if guard.clone is None:
        text = f"{guard.id} is not cloned: it looks at one node only"
        fix = f"pcs resource clone {guard.id} meta interleave=true"
        yield error("not-cloned", text, fix, explains=names.LEAVES)
    elif most := configuration.meta(guard, "clone-max"):
        text = f"{guard.outermost} has clone-max={most}: the guard does not run on every node"
        fix = f"pcs resource meta {guard.outermost} clone-max="
        yield error("clone-max", text, fix, explains=names.LEAVES | {names.FAILURE_EXPIRES})
    fix = f"pcs resource meta {guard.id}"
    if configuration.meta(guard, "migration-threshold") != "1":
        what = "a failed guard" if snapshot.mode == "fail" else "a guard whose monitor hangs"
        text = f"{guard.id} has no migration-threshold=1: {what} is restarted on its node, and the virtual IP stays"
        explains = names.GUARD_FAILS | names.VERDICTS
        yield error("migration-threshold", text, f"{fix} migration-threshold=1", explains=explains)
    if not seconds(configuration.meta(guard, "failure-timeout")):
        text = f"{guard.id} has no failure-timeout: a node where it failed once stays banned until pcs resource cleanup"
        explains = frozenset({names.FAILURE_EXPIRES})
        yield error("failure-timeout", text, f"{fix} failure-timeout=30s", explains=explains)


@check
def stickiness(snapshot: Snapshot) -> Iterator[Finding]:
    for configuration, _, vip in snapshot.guarded:
        held = configuration.stickiness(vip)
        text = f"{vip.id} has a resource-stickiness of {'INFINITY' if held >= INFINITY else held}, must be"
        fix = f"pcs resource meta {vip.id} resource-stickiness=100"
        if held < LEAST_STICKINESS:
            text += f" at least {LEAST_STICKINESS}: it moves without need"
            yield error("no-stickiness", text, fix, explains=names.STAYS | {names.ADDRESS_LOST})
        if held >= MOST_STICKINESS:
            text += f" below {MOST_STICKINESS}: it stays on a poor node"
            yield error("stickiness", text, fix, explains=frozenset({names.POOR}))


@check
def probe_timeout(snapshot: Snapshot) -> Iterator[Finding]:
    configuration, guard, parameters = snapshot.configuration, snapshot.guard, snapshot.parameters
    if not (configuration and guard and parameters):
        return
    for name in ("start", "monitor"):
        operation = guard.operation(name)
        text = operation.get("timeout") or configuration.operation_defaults.get("timeout")
        timeout = seconds(text, OPERATION_TIMEOUT) or OPERATION_TIMEOUT
        if timeout <= parameters.probe_timeout:
            interval = f" interval={operation['interval']}" if name == "monitor" and "interval" in operation else ""
            wanted = max(10.0, 2 * parameters.probe_timeout + 5)
            limit = f"probe_timeout={format_seconds(parameters.probe_timeout)}"
            what = f"the timeout of {guard.id}'s {name} ({format_seconds(timeout)}) is not above {limit}"
            fix = f"pcs resource update {guard.id} op {name}{interval} timeout={format_seconds(wanted)}"
            yield error("probe-timeout", f"{what}: Pacemaker kills it before it can answer", fix)


@check
def monitor(snapshot: Snapshot) -> Iterator[Finding]:
    for resource in snapshot.watched:
        recurring = [op for op in resource.operations if op.get("name") == "monitor" and seconds(op.get("interval"))]
        if not recurring:
            interval = "1s timeout=10s" if resource is snapshot.guard else "5s"
            fix = f"pcs resource op add {resource.id} monitor interval={interval}"
            yield error("no-monitor", f"{resource.id} has no recurring monitor", fix, explains=NEEDS_MONITOR)
        for op in recurring:
            what = f"the monitor of {resource.id} has"
            fix = f"pcs resource update {resource.id} op monitor interval={op['interval']}"
            if not is_true(op.get("enabled", "true")):
                text = f"{what} enabled=false: Pacemaker does not carry it out"
                yield error("monitor-disabled", text, f"{fix} enabled=true", explains=NEEDS_MONITOR)
            if op.get("on-fail", "restart") not in ("restart", "fence", "standby"):
                text = f"{what} on-fail={op['on-fail']}: a failure does not move the virtual IP"
                yield error("monitor-on-fail", text, f"{fix} on-fail=restart", explains=NEEDS_MONITOR)


@check
def two_guards(snapshot: Snapshot) -> Iterator[Finding]:
    guard, attribute = snapshot.guard, snapshot.attribute
    for other in snapshot.configuration.guards if snapshot.configuration and guard else ():
        if guard and other.id > guard.id and attribute_of(other) == attribute:
            text = f"{guard.id} and {other.id} write the same node attribute {attribute}"
            fix = f"pcs resource update {other.id} attribute={other.id}{'-2' * (other.id == attribute)}"
            yield error("two-guards", text, fix)


@check
def parameters(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.error and snapshot.guard:
        fix = f"pcs resource update {snapshot.guard.id} {snapshot.error.parameter}="
        yield error("parameter", f"{snapshot.guard.id}: {snapshot.error.reason}", fix)
    for resource in snapshot.watched:
        for extra in resource.element.findall("instance_attributes[rule]"):
            text = f"{resource.id} has parameters that hold only by a rule, so that nodes may differ"
            fix = f"cibadmin --delete --xml-text '<instance_attributes id=\"{extra.get('id')}\"/>'"
            yield warning("parameters-differ", text, fix)


@check
def restrained(snapshot: Snapshot) -> Iterator[Finding]:
    for resource in snapshot.watched if snapshot.configuration else ():
        assert snapshot.configuration is not None
        name, meta = resource.id, partial(snapshot.configuration.meta, resource)
        if (meta("target-role") or "").lower() == "stopped":
            text = f"{name} is disabled: Pacemaker does not start it"
            yield warning("disabled", text, f"pcs resource enable {name}", explains=names.EVERYTHING)
        if not is_true(meta("is-managed") or "true"):
            text = f"{name} is unmanaged: Pacemaker does not move it"
            yield warning("unmanaged", text, f"pcs resource manage {name}", explains=names.EVERYTHING)
        if is_true(meta("maintenance")):
            text = f"{name} has maintenance=true: Pacemaker does not move it"
            yield warning("maintenance", text, f"pcs resource meta {name} maintenance=false", explains=names.EVERYTHING)


@check
def versions(snapshot: Snapshot) -> Iterator[Finding]:
    for what, seen, fix in (
        ("galera-sync-guard", snapshot.versions, "apt-get install ./galera-sync-guard_*.deb"),
        ("Pacemaker's feature set", snapshot.features, "apt-get install pacemaker"),
    ):
        if len(set(seen.values())) > 1:
            nodes = ", ".join(f"{node} {version}" for node, version in sorted(seen.items()))
            yield warning("versions-differ", f"{what} differs between nodes: {nodes}", fix + EVERY_NODE)
