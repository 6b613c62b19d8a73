"""Findings on what binds the virtual IP to its guard: colocation, order, location rules; pure."""

from __future__ import annotations

from collections.abc import Iterator

from galera_sync_guard.cli.cib.model import Resource, places
from galera_sync_guard.cli.findings.finding import Finding, cause, check, suspect, warning
from galera_sync_guard.cli.findings.snapshot import Snapshot
from galera_sync_guard.cli.rehearsal import names
from galera_sync_guard.decision.states import INFINITY


@check
def colocation(snapshot: Snapshot) -> Iterator[Finding]:
    configuration, guard = snapshot.configuration, snapshot.guard
    for vip in snapshot.vips:
        assert configuration is not None
        assert guard is not None
        add = f"pcs constraint colocation add {vip.outermost} with {guard.outermost}"
        item = configuration.colocation(vip, guard)
        bound = configuration.colocation_score(vip, guard)
        if item is None:
            yield cause(
                "no-colocation",
                names.LEAVES,
                f"{vip.outermost} is not colocated with {guard.outermost}: it stays on a node whose guard has failed",
                add,
            )
        elif bound < INFINITY:
            yield cause(
                "weak-colocation",
                names.LEAVES,
                f"the colocation of {vip.outermost} with {guard.outermost} has the score {bound}, which other scores can"
                " outweigh",
                f"pcs constraint remove {item.get('id')}",
                add,
            )


@check
def order(snapshot: Snapshot) -> Iterator[Finding]:
    configuration, guard = snapshot.configuration, snapshot.guard
    for vip in snapshot.vips:
        assert configuration is not None
        assert guard is not None
        orders = configuration.orders(vip, guard)
        if snapshot.mode == "fail" and not orders:
            yield warning(
                "no-order",
                f"mode=fail without an order: {vip.id} may start before its guard has looked",
                f"pcs constraint order {guard.outermost} then {vip.outermost}",
            )
        if snapshot.mode == "score" and orders:
            yield warning(
                "order",
                f"mode=score with an order: it only adds restarts of {vip.id}",
                *(f"pcs constraint remove {item.get('id')}" for item in orders),
            )


@check
def score_rule(snapshot: Snapshot) -> Iterator[Finding]:
    for vip in snapshot.vips if snapshot.mode == "score" else ():
        assert snapshot.configuration
        if not snapshot.configuration.has_score_rule(vip, snapshot.attribute):
            yield cause(
                "no-score-rule",
                names.LEAVES | {names.START},
                f"no rule lets {vip.id} follow the score: it does not leave a poor or unfit node",
                *_in_the_way(snapshot, vip, "defined"),
                f"pcs constraint location {vip.outermost} rule score-attribute={snapshot.attribute} defined"
                f" {snapshot.attribute}",
            )


@check
def not_defined_rule(snapshot: Snapshot) -> Iterator[Finding]:
    for vip in snapshot.vips if snapshot.mode == "score" else ():
        assert snapshot.configuration
        if not snapshot.configuration.has_not_defined_rule(vip, snapshot.attribute):
            yield cause(
                "no-not-defined-rule",
                names.LEAVES | {names.START},
                f"no rule keeps {vip.id} from a node without a score",
                *_in_the_way(snapshot, vip, "not_defined"),
                f"pcs constraint location {vip.outermost} rule score=-INFINITY not_defined {snapshot.attribute}",
            )


@check
def left_by_a_move(snapshot: Snapshot) -> Iterator[Finding]:
    for vip in snapshot.vips:
        assert snapshot.configuration
        left = [
            item.get("id", "")
            for item in snapshot.configuration.constraints
            if item.get("rsc") in vip.names and item.get("id", "").startswith(("cli-prefer-", "cli-ban-"))
        ]
        if left:
            yield suspect(
                "left-by-a-move",
                names.EVERYTHING,
                f"an earlier move or ban still binds {vip.id}: {', '.join(left)}",
                *(f"pcs constraint remove {name}" for name in left),
            )


@check
def placement(snapshot: Snapshot) -> Iterator[Finding]:
    for vip in snapshot.vips:
        assert snapshot.configuration is not None
        by_score = {id(rule.constraint) for rule in snapshot.configuration.rules(vip, snapshot.attribute)}
        for item in snapshot.configuration.constraints:
            name = item.get("id", "")
            is_other = id(item) not in by_score and not name.startswith(("cli-prefer-", "cli-ban-"))
            if item.tag == "rsc_location" and places(item, vip) and is_other:
                where = f" on {item.get('node')}" if item.get("node") else ""
                score = f" of {item.get('score')}" if item.get("score") else ""
                yield cause(
                    "placement",
                    names.EVERYTHING,
                    f"the location constraint {name} gives {vip.id} a score{score}{where}, which outweighs the guard's",
                    f"pcs constraint remove {name}",
                )


def _in_the_way(snapshot: Snapshot, vip: Resource, operation: str) -> list[str]:
    """Return the pcs lines that remove constraints which ask the same with another score: pcs adds no second one."""
    assert snapshot.configuration
    rules = snapshot.configuration.rules(vip, snapshot.attribute)
    return [f"pcs constraint remove {each.constraint.get('id')}" for each in rules if each.operation == operation]
