"""A finding, and the register of the functions that look for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

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


def cause(name: str, explains: frozenset[str], text: str, *commands: str) -> Finding:
    """Return a finding that is wrong if the rehearsal of one of these faults goes wrong, and else no finding."""
    return Finding(name, ERROR, text, commands, explains)


def suspect(name: str, explains: frozenset[str], text: str, *commands: str) -> Finding:
    """Return a finding that is wrong if the rehearsal of one of these faults goes wrong, and else risky."""
    return Finding(name, WARNING, text, commands, explains)


def error(name: str, text: str, *commands: str) -> Finding:
    """Return a finding for what is wrong."""
    return Finding(name, ERROR, text, commands)


def warning(name: str, text: str, *commands: str) -> Finding:
    """Return a finding for what is risky."""
    return Finding(name, WARNING, text, commands)


def note(name: str, text: str, *commands: str) -> Finding:
    """Return a finding for what is good to know."""
    return Finding(name, NOTE, text, commands)
