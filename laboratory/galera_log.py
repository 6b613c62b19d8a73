"""When no node was Synced, as the servers' own logs tell: no node is fit then, and the address is rightly nowhere.

Galera can lose its Primary component on all nodes when one that it is giving up, or has just given up, answers again.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from laboratory import mariadb

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from laboratory.machine import Machine

SHIFT = re.compile(r"^(\S+ +\S+) \d+ \[Note\] WSREP: Shifting \S+ -> (\S+)", re.MULTILINE)


def without_synced(nodes: Collection[Machine], since: float, until: float) -> list[tuple[float, float]]:
    """Return (start, end) of each time between two for which none of the nodes was Synced, to the second."""
    return without(shifts(nodes, since), {node.name for node in nodes}, until)


def shifts(nodes: Iterable[Machine], since: float) -> Iterator[tuple[float, str, bool]]:
    """Yield (time, node, whether it is Synced from then on) for all that the nodes' servers have logged since then."""
    zero = time.time() - time.monotonic()
    for node in nodes:
        for when, state in SHIFT.findall(node.shell(mariadb.SHOW_LOG)):
            at = time.mktime(time.strptime(when, "%Y-%m-%d %H:%M:%S")) - zero
            if at > since - 1:
                yield at, node.name, state == "SYNCED"


def without(
    changes: Iterable[tuple[float, str, bool]], names: Iterable[str], until: float
) -> list[tuple[float, float]]:
    """Return (start, end) of each time in which no node was Synced; `changes` are those of shifts()."""
    found: list[tuple[float, float]] = []
    synced = set(names)
    since: float | None = None
    for at, name, is_synced in sorted(changes):
        (synced.add if is_synced else synced.discard)(name)
        if not synced and since is None:
            since = at
        elif synced and since is not None:
            found.append((since, at))
            since = None
    return found if since is None else [*found, (since, until)]
