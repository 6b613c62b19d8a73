"""What the package's scripts do with the watchers of this host: they replace the code under them, or take it away."""

from __future__ import annotations

import os
import time

from galera_sync_guard.watcher.client import END, RENEW, WatcherClient, watcher_names
from ocfpy import codes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

STATE_DIRECTORY = "/run/resource-agents"

# How long a watcher may take to delete its attributes, in seconds.
END_TIMEOUT = 5.0
END_POLL = 0.05


def renew(arguments: Sequence[str]) -> int:
    """Have each watcher start the installed code in its place; with a third argument, those of another directory."""
    for watcher in _watchers(arguments):
        watcher.signal(RENEW)
    return codes.OCF_SUCCESS


def end(arguments: Sequence[str]) -> int:
    """Have each watcher delete its attributes and end; one that does not is killed."""
    watchers = _watchers(arguments)
    for watcher in watchers:
        watcher.signal(END)
    limit = time.monotonic() + END_TIMEOUT
    while any(watcher.pid() for watcher in watchers) and time.monotonic() < limit:
        time.sleep(END_POLL)
    for watcher in watchers:
        watcher.end()
    return codes.OCF_SUCCESS


def _watchers(arguments: Sequence[str]) -> list[WatcherClient]:
    directory = arguments[2] if len(arguments) > 2 else STATE_DIRECTORY
    if not os.path.isdir(directory):
        return []
    return [WatcherClient(directory, name) for name in watcher_names(directory)]
