"""A monitor's look at the watcher: does it live, is it ours, has it had a turn lately; asks no server and no cluster."""

import _signal as signal  # as in ocfpy.deadline
import os

from galera_sync_guard import __version__
from galera_sync_guard.host.state_file import Store, boot_clock
from galera_sync_guard.watcher.lock import Lock
from ocfpy.parameters import format_seconds

# How long the watcher may take to publish, in seconds, and how late its turn may be beyond that on a busy machine.
LONGEST_PUBLISHING = 8.0
LATE = 2.0

# What a watcher can be told, in this version and every later one.
PUBLISH_AGAIN = signal.SIGHUP
RENEW = signal.SIGUSR1


def look_at_watcher(invocation, parameters, of_any_parameters=False):
    """Return (the Record of the watcher's last turn, None), or (None, why nobody can rely on it).

    `of_any_parameters` takes a watcher that runs with other parameters too: for a monitor whose own are not allowed. One
    of another version, which the package's upgrade has left, is told to become one of this version, and its word counts
    until then: its end would take the virtual IP from a node that works.
    """
    if not Lock(invocation).holder():
        return None, "the watcher is dead"
    record = Store(invocation).load(of_any_version=True)
    if record is None or record.turned_at is None or not (record.is_current or of_any_parameters):
        return None, "the watcher runs with other parameters"
    if record.version != __version__:
        _signal_watcher(invocation, RENEW)
    silent = boot_clock() - record.turned_at
    limit = parameters.watch_interval + parameters.probe_timeout + LONGEST_PUBLISHING + LATE
    if silent > limit:
        return (
            None,
            f"the watcher is stuck: its last turn ended {format_seconds(silent)} ago, which may be {format_seconds(limit)}",
        )
    return record, None


def ask_to_publish_again(invocation):
    """Let the watcher publish what it has published: Pacemaker may have lost it."""
    _signal_watcher(invocation, PUBLISH_AGAIN)


def _signal_watcher(invocation, number):
    pid = Lock(invocation).holder()
    if pid:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
