"""The arithmetic of the report: medians of runs, and which of them are above their limits; it draws nothing."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any, TypedDict

from measurements.faults.plan import COLUMNS, FAULTS, Figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Run(TypedDict):
    """What was seen of one fault; all times are seconds since it, None when it was healed before."""

    load: float
    path: list[str]
    vip: float | None
    writers: float | None
    readers: float | None
    nowhere: float
    moves: int
    lost: int
    healed: float
    address: list[tuple[float, str, bool]]
    writes: list[tuple[float, float]]
    reads: list[tuple[float, float]]
    told: list[tuple[float, str, str]]


# The runs by column and fault.
Measured = dict[str, dict[str, list[Run]]]


class Report(TypedDict):
    """All that was measured, and on what."""

    date: str
    suite: str
    processors: int
    versions: dict[str, str]
    note: str
    runs: Measured


# What a run measured, in seconds since the fault or as a count, and how the report calls it.
FIGURES: dict[Figure, str] = {
    "vip": "VIP elsewhere",
    "nowhere": "nowhere",
    "writers": "writes back",
    "readers": "reads back",
    "moves": "moves",
    "lost": "lost writes",
}
NEVER = math.inf


def rounded(value: object) -> Any:
    """Return plain data with all its numbers rounded to a hundredth."""
    if isinstance(value, float):
        return round(value, 2)
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(each) for each in value]
    return value


def median(runs: Sequence[Run], figure: Figure) -> float:
    """Return the median of a figure; what did not come about before the fault was healed is NEVER."""
    return statistics.median(_time(run, figure) for run in runs)


def typical(runs: Sequence[Run]) -> Run:
    """Return the run that stands for all in a picture: the one in the middle by the VIP's arrival, then by writes."""
    return sorted(runs, key=lambda run: (_time(run, "vip"), _time(run, "writers")))[(len(runs) - 1) // 2]


def _time(run: Run, figure: Figure) -> float:
    value = run[figure]
    return NEVER if value is None else value


def held(events: Iterable[tuple[float, str, bool]], until: float) -> list[tuple[str, float, float]]:
    """Return who had the address from when to when, from its comings and goings."""
    since: dict[str, float] = {}
    spans: list[tuple[str, float, float]] = []
    for when, node, up in events:
        if up:
            since[node] = when
        elif node in since:
            spans.append((node, since.pop(node), when))
    spans += [(node, start, until) for node, start in since.items()]
    return sorted(spans, key=lambda span: span[1])


def misses(measured: Measured) -> dict[tuple[str, str, Figure], float]:
    """Return the limits that medians are above, by (fault, column, figure); `measured` has runs by column and fault."""
    return {
        (fault, column, figure): limit
        for fault in FAULTS
        for column in COLUMNS
        if fault in measured.get(column, {})
        for figure, limit in FAULTS[fault].limits.get(column, {}).items()
        if median(measured[column][fault], figure) > limit
    }


def load(measured: Measured) -> tuple[float, float, float]:
    """Return the lowest, the median and the highest load average before a run."""
    loads = [run["load"] for faults in measured.values() for runs in faults.values() for run in runs]
    return min(loads), statistics.median(loads), max(loads)
