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
def incomplete(snapshot: Snapshot) -> Iterator[Finding]:
    configuration, guard = snapshot.configuration, snapshot.guard
    if configuration and not guard:
        yield error("no-guard", "the cluster has no guard", "galera-sync-guard setup --vip ADDRESS/PREFIX --apply")
    if configuration and guard and not snapshot.vips:
        create = (
            "pcs resource create VirtualIP ocf:heartbeat:IPaddr2 ip=ADDRESS cidr_netmask=32 op monitor"
            " interval=5s meta resource-stickiness=100"
        )
        text = f"{guard.id} guards no virtual IP (ocf:heartbeat:IPaddr2)"
        yield error("no-vip", text, *([] if configuration.addresses else [create]))


@check
def guard_meta(snapshot: Snapshot) -> Iterator[Finding]:
    configuration, guard = snapshot.configuration, snapshot.guard
    if not (configuration and guard):
        return
    if guard.clone is None:
        text = f"{guard.id} is not cloned: it looks at one node only"
        yield cause("not-cloned", names.LEAVES, text, f"pcs resource clone {guard.id} meta interleave=true")
    elif most := configuration.meta(guard, "clone-max"):
        yield cause(
            "clone-max",
            names.LEAVES | {names.FAILURE_EXPIRES},
            f"{guard.outermost} has clone-max={most}: the guard does not run on every node",
            f"pcs resource meta {guard.outermost} clone-max=",
        )
    if configuration.meta(guard, "migration-threshold") != "1":
        what = "a failed guard" if snapshot.mode == "fail" else "a guard whose monitor hangs"
        yield cause(
            "migration-threshold",
            names.GUARD_FAILS | names.VERDICTS,
            f"{guard.id} has no migration-threshold=1: {what} is restarted on the same node, and the virtual IP stays",
            f"pcs resource meta {guard.id} migration-threshold=1",
        )
    if not seconds(configuration.meta(guard, "failure-timeout")):
        yield cause(
            "failure-timeout",
            frozenset({names.FAILURE_EXPIRES}),
            f"{guard.id} has no failure-timeout: a node where it failed once stays banned until pcs resource cleanup",
            f"pcs resource meta {guard.id} failure-timeout=30s",
        )


@check
def stickiness(snapshot: Snapshot) -> Iterator[Finding]:
    for configuration, _, vip in snapshot.guarded:
        held = configuration.stickiness(vip)
        text = f"{vip.id} has a resource-stickiness of {'INFINITY' if held >= INFINITY else held}, must be"
        fix = f"pcs resource meta {vip.id} resource-stickiness=100"
        if held < LEAST_STICKINESS:
            spoiled = names.STAYS | {names.ADDRESS_LOST}
            yield cause("no-stickiness", spoiled, f"{text} at least {LEAST_STICKINESS}: it moves without need", fix)
        if held >= MOST_STICKINESS:
            spoiled = frozenset({names.POOR})
            yield cause("stickiness", spoiled, f"{text} below {MOST_STICKINESS}: it stays on a poor node", fix)


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
def monitor(snapshot: Snapshot) -> Iterator[Finding]:
    for resource in snapshot.watched:
        recurring = [op for op in resource.operations if op.get("name") == "monitor" and seconds(op.get("interval"))]
        found = []
        if not recurring:
            interval = "1s timeout=10s" if resource is snapshot.guard else "5s"
            fix = f"pcs resource op add {resource.id} monitor interval={interval}"
            found.append(("no-monitor", f"{resource.id} has no recurring monitor", fix))
        for op in recurring:
            what = f"the monitor of {resource.id} has"
            fix = f"pcs resource update {resource.id} op monitor interval={op['interval']}"
            if not is_true(op.get("enabled", "true")):
                text = f"{what} enabled=false: Pacemaker does not carry it out"
                found.append(("monitor-disabled", text, f"{fix} enabled=true"))
            if op.get("on-fail", "restart") not in ("restart", "fence", "standby"):
                text = f"{what} on-fail={op['on-fail']}: a failure does not move the virtual IP"
                found.append(("monitor-on-fail", text, f"{fix} on-fail=restart"))
        for name, text, fix in found:
            yield cause(name, NEEDS_MONITOR, text, fix)


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
def parameters(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.error and snapshot.guard:
        fix = f"pcs resource update {snapshot.guard.id} {snapshot.error.parameter}="
        yield error("parameter", f"{snapshot.guard.id}: {snapshot.error.reason}", fix)
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
    for resource in snapshot.watched if snapshot.configuration else ():
        assert snapshot.configuration is not None
        name = resource.id
        meta = {
            each: snapshot.configuration.meta(resource, each) for each in ("target-role", "is-managed", "maintenance")
        }
        for finding, is_so, text, fix in (
            ("disabled", (meta["target-role"] or "").lower() == "stopped", "is disabled", f"enable {name}"),
            ("unmanaged", not is_true(meta["is-managed"] or "true"), "is unmanaged", f"manage {name}"),
            ("maintenance", is_true(meta["maintenance"]), "has maintenance=true", f"meta {name} maintenance=false"),
        ):
            if is_so:
                text = f"{name} {text}: Pacemaker does not {'start' if finding == 'disabled' else 'move'} it"
                yield suspect(finding, names.EVERYTHING, text, f"pcs resource {fix}")


@check
def versions(snapshot: Snapshot) -> Iterator[Finding]:
    for what, seen, fix in (
        ("galera-sync-guard", snapshot.versions, "apt-get install ./galera-sync-guard_*.deb"),
        ("Pacemaker's feature set", snapshot.features, "apt-get install pacemaker"),
    ):
        if len(set(seen.values())) > 1:
            nodes = ", ".join(f"{node} {version}" for node, version in sorted(seen.items()))
            yield warning("versions-differ", f"{what} differs between nodes: {nodes}", fix + EVERY_NODE)
