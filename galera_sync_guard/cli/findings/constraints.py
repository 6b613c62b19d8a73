"""Findings on what binds the virtual IP to its guard: colocation, order, location rules; pure."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from galera_sync_guard.cli.cib.model import places
from galera_sync_guard.cli.findings.finding import Finding, cause, check, suspect, warning
from galera_sync_guard.cli.findings.snapshot import Snapshot
from galera_sync_guard.cli.rehearsal import names
from galera_sync_guard.decision.states import INFINITY

# What pcs calls the constraints of `pcs resource move` and `pcs resource ban`.
BY_HAND = ("cli-prefer-", "cli-ban-")


@check
def colocation(snapshot: Snapshot) -> Iterator[Finding]:
    for configuration, guard, vip in snapshot.guarded:
        item, bound = configuration.colocation(vip, guard), configuration.colocation_score(vip, guard)
        if bound < INFINITY:
            what = f"{vip.outermost} with {guard.outermost}"
            name, text = "no-colocation", f"nothing keeps {what}: it stays on a node whose guard has failed"
            if item is not None:
                name = "weak-colocation"
                text = f"the colocation of {what} has the score {bound}, which other scores can outweigh"
            yield cause(name, names.LEAVES, text, *_without(item), f"pcs constraint colocation add {what}")


@check
def order(snapshot: Snapshot) -> Iterator[Finding]:
    for configuration, guard, vip in snapshot.guarded:
        orders = configuration.orders(vip, guard)
        if snapshot.mode == "fail" and not orders:
            yield warning(
                "no-order",
                f"mode=fail without an order: {vip.id} may start before its guard has looked",
                f"pcs constraint order {guard.outermost} then {vip.outermost}",
            )
        if snapshot.mode == "score" and orders:
            text = f"mode=score with an order: it only adds restarts of {vip.id}"
            yield warning("order", text, *_without(*orders))


@check
def rules(snapshot: Snapshot) -> Iterator[Finding]:
    for configuration, _, vip in snapshot.guarded if snapshot.mode == "score" else ():
        attribute = snapshot.attribute
        found = list(configuration.rules(vip, attribute))
        for name, is_there, operation, score, text in (
            (
                "no-score-rule",
                configuration.has_score_rule(vip, attribute),
                "defined",
                f"score-attribute={attribute}",
                f"no rule lets {vip.id} follow the score: it does not leave a poor or unfit node",
            ),
            (
                "no-not-defined-rule",
                configuration.has_not_defined_rule(vip, attribute),
                "not_defined",
                "score=-INFINITY",
                f"no rule keeps {vip.id} from a node without a score",
            ),
        ):
            if not is_there:
                # pcs adds no second constraint that asks the same with another score.
                in_the_way = (each.constraint for each in found if each.operation == operation)
                add = f"pcs constraint location {vip.outermost} rule {score} {operation} {attribute}"
                yield cause(name, names.LEAVES | {names.START}, text, *_without(*in_the_way), add)


@check
def placement(snapshot: Snapshot) -> Iterator[Finding]:
    for configuration, _, vip in snapshot.guarded:
        by_score = {id(rule.constraint) for rule in configuration.rules(vip, snapshot.attribute)}
        others = [
            item
            for item in configuration.constraints
            if item.tag == "rsc_location" and places(item, vip) and id(item) not in by_score
        ]
        left = [item for item in others if item.get("id", "").startswith(BY_HAND)]
        if left:
            text = f"an earlier move or ban still binds {vip.id}: {', '.join(item.get('id', '') for item in left)}"
            yield suspect("left-by-a-move", names.EVERYTHING, text, *_without(*left))
        for item in others:
            if item not in left:
                where = f" on {item.get('node')}" if item.get("node") else ""
                score = f" of {item.get('score')}" if item.get("score") else ""
                text = f"{item.get('id')} gives {vip.id} a score{score}{where}, which outweighs the guard's"
                yield cause("placement", names.EVERYTHING, f"the location constraint {text}", *_without(item))


def _without(*constraints: Element | None) -> list[str]:
    """Return the pcs lines that remove constraints."""
    return [f"pcs constraint remove {item.get('id')}" for item in constraints if item is not None]
