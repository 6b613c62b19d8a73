"""A finding, and the register of the functions that look for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from galera_sync_guard.cli.findings.snapshot import Snapshot

ERROR = "error"
WARNING = "warning"
NOTE = "note"
SEVERITIES = (ERROR, WARNING, NOTE)

# Behind a command that must run on all nodes.
EVERY_NODE = "    # on every node"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong (error), risky (warning) or good to know (note), and the commands that fix it."""

    name: str
    severity: str
    text: str
    commands: tuple[str, ...] = ()
    explains: frozenset[str] = frozenset()  # the faults whose rehearsal it can spoil


Check = Callable[[Snapshot], Iterator[Finding]]
CHECKS: list[Check] = []


def check(function: Check) -> Check:
    """Register a function that yields the findings of one kind on a snapshot."""
    CHECKS.append(function)
    return function


def finding(severity: str, name: str, text: str, *commands: str, explains: frozenset[str] = frozenset()) -> Finding:
    """Return a finding; one that explains faults of a rehearsal is an error where one of them goes wrong.

    Where none of them does, it is no finding if its severity is error, and else what its severity says.
    """
    return Finding(name, severity, text, commands, explains)


error = partial(finding, ERROR)
warning = partial(finding, WARNING)
note = partial(finding, NOTE)
