"""Findings on the guard's resource, the virtual IP's, and their parameters, meta attributes and operations; pure."""

from __future__ import annotations

from collections.abc import Iterator

from galera_sync_guard.cli.cib.model import attribute_of
from galera_sync_guard.cli.cib.values import is_true, seconds
from galera_sync_guard.cli.findings.finding import EVERY_NODE, Finding, cause, check, error, suspect, warning
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
def no_guard(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.configuration and not snapshot.guard:
        yield error("no-guard", "the cluster has no guard", "galera-sync-guard setup --vip ADDRESS/PREFIX --apply")


@check
def not_cloned(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.guard and snapshot.guard.clone is None:
        yield cause(
            "not-cloned",
            names.LEAVES,
            f"{snapshot.guard.id} is not cloned: it looks at one node only",
            f"pcs resource clone {snapshot.guard.id} meta interleave=true",
        )


@check
def no_vip(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.configuration and snapshot.guard and not snapshot.vips:
        create = (
            "pcs resource create VirtualIP ocf:heartbeat:IPaddr2 ip=ADDRESS cidr_netmask=32 op monitor"
            " interval=5s meta resource-stickiness=100"
        )
        yield error(
            "no-vip",
            f"{snapshot.guard.id} guards no virtual IP (ocf:heartbeat:IPaddr2)",
            *([] if snapshot.configuration.addresses else [create]),
        )


@check
def migration_threshold(snapshot: Snapshot) -> Iterator[Finding]:
    configuration, guard = snapshot.configuration, snapshot.guard
    if configuration and guard and configuration.meta(guard, "migration-threshold") != "1":
        what = "a failed guard" if snapshot.mode == "fail" else "a guard whose monitor hangs"
        yield cause(
            "migration-threshold",
            names.GUARD_FAILS | names.VERDICTS,
            f"{guard.id} has no migration-threshold=1: {what} is restarted on the same node, and the virtual IP stays",
            f"pcs resource meta {guard.id} migration-threshold=1",
        )


@check
def failure_timeout(snapshot: Snapshot) -> Iterator[Finding]:
    configuration, guard = snapshot.configuration, snapshot.guard
    if configuration and guard and not seconds(configuration.meta(guard, "failure-timeout")):
        yield cause(
            "failure-timeout",
            frozenset({names.FAILURE_EXPIRES}),
            f"{guard.id} has no failure-timeout: a node where it failed once stays banned until pcs resource cleanup",
            f"pcs resource meta {guard.id} failure-timeout=30s",
        )


@check
def stickiness(snapshot: Snapshot) -> Iterator[Finding]:
    for vip in snapshot.vips if snapshot.configuration else ():
        held = snapshot.configuration.stickiness(vip) if snapshot.configuration else 0
        fix = f"pcs resource meta {vip.id} resource-stickiness=100"
        if held < LEAST_STICKINESS:
            yield cause(
                "no-stickiness",
                names.STAYS | {names.ADDRESS_LOST},
                f"{vip.id} has a resource-stickiness of {held}, must be at least {LEAST_STICKINESS}: it moves without need",
                fix,
            )
        if held >= MOST_STICKINESS:
            shown = "INFINITY" if held >= INFINITY else held
            yield cause(
                "stickiness",
                frozenset({names.POOR}),
                f"{vip.id} has a resource-stickiness of {shown}, must be below {MOST_STICKINESS}: it stays on a poor node",
                fix,
            )


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
            yield error(
                "probe-timeout",
                f"the timeout of {guard.id}'s {name} ({format_seconds(timeout)}) is not above probe_timeout="
                f"{format_seconds(parameters.probe_timeout)}: Pacemaker kills it before it can answer",
                f"pcs resource update {guard.id} op {name}{interval} timeout={format_seconds(wanted)}",
            )


@check
def no_monitor(snapshot: Snapshot) -> Iterator[Finding]:
    for resource in snapshot.watched:
        if not any(seconds(op.get("interval")) for op in resource.operations if op.get("name") == "monitor"):
            interval = "1s timeout=10s" if resource is snapshot.guard else "5s"
            yield cause(
                "no-monitor",
                NEEDS_MONITOR,
                f"{resource.id} has no recurring monitor",
                f"pcs resource op add {resource.id} monitor interval={interval}",
            )


@check
def monitor(snapshot: Snapshot) -> Iterator[Finding]:
    for resource in snapshot.watched:
        for op in resource.operations:
            if op.get("name") != "monitor" or not seconds(op.get("interval")):
                continue
            fix = f"pcs resource update {resource.id} op monitor interval={op['interval']}"
            if not is_true(op.get("enabled", "true")):
                text = f"the monitor of {resource.id} has enabled=false: Pacemaker does not carry it out"
                yield cause("monitor-disabled", NEEDS_MONITOR, text, f"{fix} enabled=true")
            if op.get("on-fail", "restart") not in ("restart", "fence", "standby"):
                text = (
                    f"the monitor of {resource.id} has on-fail={op['on-fail']}: a failure does not move the virtual IP"
                )
                yield cause("monitor-on-fail", NEEDS_MONITOR, text, f"{fix} on-fail=restart")


@check
def clone_max(snapshot: Snapshot) -> Iterator[Finding]:
    configuration, guard = snapshot.configuration, snapshot.guard
    most = configuration.meta(guard, "clone-max") if configuration and guard and guard.clone is not None else None
    if most and guard:
        yield cause(
            "clone-max",
            names.LEAVES | {names.FAILURE_EXPIRES},
            f"{guard.outermost} has clone-max={most}: the guard does not run on every node",
            f"pcs resource meta {guard.outermost} clone-max=",
        )


@check
def two_guards(snapshot: Snapshot) -> Iterator[Finding]:
    guard = snapshot.guard
    for other in snapshot.configuration.guards if snapshot.configuration and guard else ():
        if guard and other.id > guard.id and attribute_of(other) == snapshot.attribute:
            yield error(
                "two-guards",
                f"{guard.id} and {other.id} write the same node attribute {snapshot.attribute}",
                f"pcs resource update {other.id} attribute={other.id + '-2' * (other.id == snapshot.attribute)}",
            )


@check
def parameter(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.error and snapshot.guard:
        yield error(
            "parameter",
            f"{snapshot.guard.id}: {snapshot.error.reason}",
            f"pcs resource update {snapshot.guard.id} {snapshot.error.parameter}=",
        )


@check
def parameters_differ(snapshot: Snapshot) -> Iterator[Finding]:
    for resource in snapshot.watched:
        for extra in resource.element.findall("instance_attributes"):
            if extra.find("rule") is not None:
                yield warning(
                    "parameters-differ",
                    f"{resource.id} has parameters that hold only by a rule, so that nodes may differ",
                    f"cibadmin --delete --xml-text '<instance_attributes id=\"{extra.get('id')}\"/>'",
                )


@check
def restrained(snapshot: Snapshot) -> Iterator[Finding]:
    configuration = snapshot.configuration
    for resource in snapshot.watched if configuration else ():
        assert configuration is not None
        if (configuration.meta(resource, "target-role") or "Started").lower() == "stopped":
            text = f"{resource.id} is disabled"
            yield suspect("disabled", names.EVERYTHING, text, f"pcs resource enable {resource.id}")
        if not is_true(configuration.meta(resource, "is-managed") or "true"):
            text = f"{resource.id} is unmanaged: Pacemaker does not move it"
            yield suspect("unmanaged", names.EVERYTHING, text, f"pcs resource manage {resource.id}")
        if is_true(configuration.meta(resource, "maintenance")):
            text = f"{resource.id} has maintenance=true: Pacemaker does not move it"
            yield suspect("maintenance", names.EVERYTHING, text, f"pcs resource meta {resource.id} maintenance=false")


@check
def versions(snapshot: Snapshot) -> Iterator[Finding]:
    for what, seen, fix in (
        ("galera-sync-guard", snapshot.versions, "apt-get install ./galera-sync-guard_*.deb"),
        ("Pacemaker's feature set", snapshot.features, "apt-get install pacemaker"),
    ):
        if len(set(seen.values())) > 1:
            nodes = ", ".join(f"{node} {version}" for node, version in sorted(seen.items()))
            yield warning("versions-differ", f"{what} differs between nodes: {nodes}", fix + EVERY_NODE)
