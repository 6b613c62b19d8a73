"""Turns a reason's spans of time into moments: a span is only true when it is written, and people read it later; pure.

A moment is `@` and seconds since 1970. The command shows it as what it is by then.
"""

from __future__ import annotations

from ocfpy.parameters import parse_seconds

BELIEVED = "believed after "
BACK = "back in service at "


def with_moments(reason: str, now: float, held_for: float | None) -> str:
    """Return a reason with the moment at which each span began, and at which the hold ends in `held_for` seconds."""
    if held_for is not None:
        reason = f"{reason.partition(BELIEVED)[0]}{BACK}@{now + held_for:.0f}"
    words = reason.split(" ")
    for n, word in enumerate(words):
        span = word.rstrip(",;")
        if n and words[n - 1] == "for" and span[:1].isdigit() and span.endswith("s"):
            words[n - 1 : n + 1] = ["since", f"@{now - _seconds(span):.0f}{word[len(span) :]}"]
    return " ".join(words)


def _seconds(span: str) -> float:
    try:
        return parse_seconds(span)
    except ValueError:
        return 0.0
