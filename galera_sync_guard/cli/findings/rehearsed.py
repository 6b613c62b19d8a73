"""Weighs findings by a rehearsal: a fault that goes wrong is an error, with the findings that explain it; pure."""

from __future__ import annotations

from dataclasses import replace

from galera_sync_guard.cli.findings.finding import ERROR, Finding
from galera_sync_guard.cli.rehearsal.faults import SHOULD
from galera_sync_guard.cli.rehearsal.rehearse import Rehearsal, Result


def weigh(found: list[Finding], rehearsal: Rehearsal) -> list[Finding]:
    """Return the findings as the rehearsal shows them, and one more for each fault that none of them explains.

    A cause of nothing that goes wrong is left out; what is risky in itself remains.
    """
    wrong = {result.fault for result in rehearsal.wrong}
    weighed = []
    for finding in found:
        spoiled = finding.explains & wrong
        if spoiled:
            weighed.append(replace(finding, severity=ERROR, explains=spoiled))
        elif not finding.explains or finding.severity != ERROR:
            weighed.append(replace(finding, explains=frozenset()))
    explained = {fault for finding in weighed for fault in finding.explains}
    return weighed + [_unexplained(rehearsal, fault) for fault in sorted(wrong - explained)]


def _unexplained(rehearsal: Rehearsal, fault: str) -> Finding:
    results = [result for result in rehearsal.wrong if result.fault == fault]
    cases = "; ".join(_case(result) for result in results)
    scores = next((result.scores for result in results if result.scores), {})
    shown = ", ".join(f"{node} {score}" for node, score in sorted(scores.items()))
    text = f"{results[0].vip}, {results[0].title}: {cases}; it {SHOULD[results[0].expected]}"
    return Finding("rehearsal", ERROR, f"{text}{f' (scores: {shown})' if shown else ''}", (), frozenset({fault}))


def _case(result: Result) -> str:
    where = " and ".join(result.goes_to) or "no node"
    if result.holder is None:
        return f"it is on {where}"
    if result.goes_to == [result.holder]:
        return f"it {'is restarted' if result.starts else 'stays'} on {where}"
    return f"it goes from {result.holder} to {where}"
