"""Holds each reason that an agent gives against docs/reasons.md: every real reason has an example on that page."""

from __future__ import annotations

import re

from galera_sync_guard.decision.states import STATES
from tests.support.checkout import ROOT

PAGE = (ROOT / "docs/reasons.md").read_text(encoding="utf-8")
# Where a state's reason stands: in an exit reason, in a line of the log.
LINE = re.compile(
    rf"^(?:ocf-exit-reason:|galera_sync_guard\([^)]*\): [A-Z]+: )((?:{'|'.join(state.name for state in STATES)}): .*?)"
    r"(?: \((?:fit|poor|unfit|unknown), score \S+\))?$",
    re.M,
)
# What differs from case to case in an example, and what may stand there.
VARIABLE = (
    (r"(?<=error \d\d\d\d): \w[^;]*?(?= for \d|$)", ":.*"),  # the server's own words
    (r"(?<= error: ).+|(?<=connect: ).+|(?<=install ).+|(?<=exists: ).+", ".+"),
    (r"(?<=^unknown: parameter ).+|(?<=defaults_file ).+|(?<=os_user ).+", ".+"),
    (r"(?<=does not know )\w+|(?<=no usable )\w+|(?<=a login by )\w+", r"\w+"),
    (r"[\w@]+\.service", r"\S+"),
    (r"(?<=SHOW )\w+", "(?:STATUS|VARIABLES)"),
    (r"\w+_grace(?==)", r"\w+"),
    (r"\(.+?\)", r"\(.*?\)"),
    (r"/[\w./-]+", r"/\S+"),
    (r"(?<==)[A-Za-z]\S*\b", r"\S+"),
    (r"\d+(?:\.\d+)?(?:ms|s|min)?\b", r"\d+(?:\.\d+)?(?:ms|s|min)?"),
)


def _pattern(example: str) -> str:
    """Return the regular expression of all reasons that an example stands for."""
    for number, (variable, _) in enumerate(VARIABLE):
        example = re.sub(variable, chr(0xE000 + number), example)
    pattern = re.escape(example)
    for number, (_, anything) in enumerate(VARIABLE):
        pattern = pattern.replace(chr(0xE000 + number), anything)
    return pattern


_STATES, _, _REST = PAGE.partition("## What a reason can end with")
_REASONS = [_pattern(text) for text in re.findall(r"`(\S+: [^`]+)`", _STATES)]
_ENDINGS = [_pattern(text) for text in re.findall(r"^\| `([^`]+)` \|", _REST, re.M)]
DECLARED = re.compile(rf"(?:{'|'.join(_REASONS)})(?:[,;:]? (?:{'|'.join(_ENDINGS)}))*|\S+: (?:{'|'.join(_ENDINGS)})")


def undeclared(output: str) -> list[str]:
    """Return the reasons in an agent's output that no example on the page stands for."""
    return [reason for reason in LINE.findall(output) if not DECLARED.fullmatch(reason)]
