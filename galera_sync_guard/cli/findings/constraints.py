"""Findings on what binds the virtual IP to its guard: colocation, order, location rules; pure."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from galera_sync_guard.cli.cib.model import places
from galera_sync_guard.cli.findings.finding import Finding, check, error, warning
from galera_sync_guard.cli.findings.snapshot import Snapshot
from galera_sync_guard.cli.rehearsal import names
from galera_sync_guard.decision.states import INFINITY

# What pcs calls the constraints of `pcs resource move` and `pcs resource ban`.
BY_HAND = ("cli-prefer-", "cli-ban-")


@check
def colocation(snapshot: Snapshot) -> Iterator[Finding]:
    for configuration, guard, vip in snapshot.guarded:
        item, bound = configuration.colocation(vip, guard), configuration.colocation_score(vip, guard)
        what = f"{vip.outermost} with {guard.outermost}"
        add = f"pcs constraint colocation add {what}"
        if bound < INFINITY and item is None:
            text = f"nothing keeps {what}: it stays on a node whose guard has failed"
            yield error("no-colocation", text, add, explains=names.LEAVES)
        elif bound < INFINITY:
            text = f"the colocation of {what} has the score {bound}, which other scores can outweigh"
            yield error("weak-colocation", text, *_without(item), add, explains=names.LEAVES)


@check
def order(snapshot: Snapshot) -> Iterator[Finding]:
    for configuration, guard, vip in snapshot.guarded:
        orders = configuration.orders(vip, guard)
        if snapshot.mode == "fail" and not orders:
            text = f"mode=fail without an order: {vip.id} may start before its guard has looked"
            yield warning("no-order", text, f"pcs constraint order {guard.outermost} then {vip.outermost}")
        if snapshot.mode == "score" and orders:
            text = f"mode=score with an order: it only adds restarts of {vip.id}"
            yield warning("order", text, *_without(*orders))


@check
def rules(snapshot: Snapshot) -> Iterator[Finding]:
    for configuration, _, vip in snapshot.guarded if snapshot.mode == "score" else ():
        attribute = snapshot.attribute
        # pcs adds no second constraint that asks the same with another score.
        in_the_way: dict[str, list[str]] = {"defined": [], "not_defined": []}
        for each in configuration.rules(vip, attribute):
            in_the_way.setdefault(each.operation, []).extend(_without(each.constraint))
        add = f"pcs constraint location {vip.outermost} rule"
        if not configuration.has_score_rule(vip, attribute):
            text = f"no rule lets {vip.id} follow the score: it does not leave a poor or unfit node"
            fix = [*in_the_way["defined"], f"{add} score-attribute={attribute} defined {attribute}"]
            yield error("no-score-rule", text, *fix, explains=names.LEAVES | {names.START})
        if not configuration.has_not_defined_rule(vip, attribute):
            text = f"no rule keeps {vip.id} from a node without a score"
            fix = [*in_the_way["not_defined"], f"{add} score=-INFINITY not_defined {attribute}"]
            yield error("no-not-defined-rule", text, *fix, explains=names.LEAVES | {names.START})


@check
def placement(snapshot: Snapshot) -> Iterator[Finding]:
    for configuration, _, vip in snapshot.guarded:
        by_score = {id(rule.constraint) for rule in configuration.rules(vip, snapshot.attribute)}
        for item in configuration.constraints:
            if item.tag != "rsc_location" or not places(item, vip) or id(item) in by_score:
                continue
            name = item.get("id", "")
            if name.startswith(BY_HAND):
                text = f"an earlier move or ban still binds {vip.id}: {name}"
                yield warning("left-by-a-move", text, *_without(item), explains=names.EVERYTHING)
            else:
                where = f" on {item.get('node')}" if item.get("node") else ""
                score = f" of {item.get('score')}" if item.get("score") else ""
                text = (
                    f"the location constraint {name} gives {vip.id} a score{score}{where}, which outweighs the guard's"
                )
                yield error("placement", text, *_without(item), explains=names.EVERYTHING)


def _without(*constraints: Element | None) -> list[str]:
    """Return the pcs lines that remove constraints."""
    return [f"pcs constraint remove {item.get('id')}" for item in constraints if item is not None]
