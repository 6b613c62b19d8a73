"""Scores, booleans, times and addresses as Pacemaker reads them from a CIB; pure."""

from __future__ import annotations

import ipaddress

from galera_sync_guard.decision.states import INFINITY
from ocfpy.parameters import parse_seconds

TRUE = ("true", "yes", "on", "y", "1")
FALSE = ("false", "no", "off", "n", "0")

# The designators of a duration in ISO 8601 before and after its T, in seconds; years and months as Pacemaker takes them.
DAYS = {"Y": 365 * 86400, "M": 30 * 86400, "W": 7 * 86400, "D": 86400}
HOURS = {"H": 3600, "M": 60, "S": 1}


def is_true(text: str | None) -> bool:
    """Return whether a text is one of Pacemaker's spellings of true."""
    return (text or "").strip().lower() in TRUE


def score(text: str | None, default: int = 0) -> int:
    """Return a score within Pacemaker's limits; the default for a missing text, 0 for one that Pacemaker cannot read."""
    if text is None:
        return default
    number = text.strip().lower().removeprefix("+")
    if number.removeprefix("-") in ("inf", "infinity"):
        return -INFINITY if number.startswith("-") else INFINITY
    try:
        return max(-INFINITY, min(INFINITY, int(number)))
    except ValueError:
        return 0


def seconds(text: str | None, default: float | None = None) -> float | None:
    """Return a time in seconds, written with a unit or as a duration in ISO 8601; the default for anything else."""
    if not text:
        return default
    try:
        return _iso_8601(text.strip()[1:]) if text.strip().startswith("P") else parse_seconds(text)
    except ValueError:
        return default


def _iso_8601(text: str) -> float:
    date, _, time = text.partition("T")
    return _sum(date, DAYS) + _sum(time, HOURS)


def _sum(text: str, units: dict[str, int]) -> float:
    total = 0.0
    for unit, length in units.items():
        amount, found, rest = text.partition(unit)
        if found:
            total, text = total + float(amount) * length, rest
    if text:
        raise ValueError(text)
    return total


def is_same(one: str | None, other: str | None) -> bool:
    """Return whether two values mean the same: an address, a time, a boolean or a text."""
    if one is None or other is None or one == other:
        return one == other
    words = (one.strip().lower(), other.strip().lower())
    if all(word in (*TRUE, *FALSE) for word in words):
        return is_true(one) == is_true(other)
    times = (seconds(one), seconds(other))
    return is_same_address(one, other) or (None not in times and times[0] == times[1])


def is_same_address(one: str | None, other: str | None) -> bool:
    """Return whether two texts are the same IP address, whatever the spelling."""
    if one is None or other is None:
        return False
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return one == other
