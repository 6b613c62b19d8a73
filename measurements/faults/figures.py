"""The arithmetic of the report: medians of runs, and which of them are above their limits; it draws nothing."""

import math
import statistics

from measurements.faults.plan import COLUMNS, FAULTS

# What a run measured, in seconds since the fault or as a count, and how the report calls it.
FIGURES = {
    "vip": "VIP elsewhere",
    "nowhere": "nowhere",
    "writers": "writes back",
    "readers": "reads back",
    "moves": "moves",
    "lost": "lost writes",
}
NEVER = math.inf


def rounded(value):
    """Return plain data with all its numbers rounded to a hundredth."""
    if isinstance(value, float):
        return round(value, 2)
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(each) for each in value]
    return value


def median(runs, figure):
    """Return the median of a figure; what did not come about before the fault was healed is NEVER."""
    return statistics.median(_time(run, figure) for run in runs)


def typical(runs):
    """Return the run that stands for all in a picture: the one in the middle by the VIP's arrival, then by writes."""
    return sorted(runs, key=lambda run: (_time(run, "vip"), _time(run, "writers")))[(len(runs) - 1) // 2]


def _time(run, figure):
    return NEVER if run[figure] is None else run[figure]


def held(events, until):
    """Return who had the address from when to when, from its comings and goings."""
    since, spans = {}, []
    for when, node, up in events:
        if up:
            since[node] = when
        elif node in since:
            spans.append((node, since.pop(node), when))
    spans += [(node, start, until) for node, start in since.items()]
    return sorted(spans, key=lambda span: span[1])


def misses(measured):
    """Return the limits that medians are above, by (fault, column, figure); `measured` has runs by column and fault."""
    return {
        (fault, column, figure): limit
        for fault in FAULTS
        for column in COLUMNS
        if fault in measured.get(column, {})
        for figure, limit in FAULTS[fault].limits.get(column, {}).items()
        if median(measured[column][fault], figure) > limit
    }


def load(measured):
    """Return the lowest, the median and the highest load average before a run."""
    loads = [run["load"] for faults in measured.values() for runs in faults.values() for run in runs]
    return min(loads), statistics.median(loads), max(loads)
