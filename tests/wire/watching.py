"""What the tests of a watcher share: its process and what it publishes."""

import contextlib
import os
import subprocess
import time

from galera_sync_guard.watcher.client import WatcherClient, socket_name

BAD = ("-INFINITY", "read-only")

GOOD = ("1000", "synced")


def watcher_of(guard):
    """Return the pid of a guard's watcher, None when there is none."""
    return client_of(guard).pid()


def client_of(guard):
    """Return what asks a guard's watcher."""
    return WatcherClient(guard.environment["HA_RSCTMP"], socket_name(guard.resource))


def status_of(guard):
    """Return what a guard's watcher says."""
    return client_of(guard).status(30.0)


def socket_of(guard):
    """Return the path of a watcher's control socket."""
    return guard.state_file.with_name(socket_name(guard.resource))


def wait(condition, within=60):
    """Wait until `condition()`, which must come true in time; return the seconds that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within, f"not within {within} s"
        time.sleep(0.005)
    return time.monotonic() - began


def open_files(pid):
    """Return what the process has open, without what it has closed meanwhile."""
    found = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.add(os.readlink(f"/proc/{pid}/fd/{name}"))
    return found


def alive(pid):
    """Return whether a process runs; one that has ended and waits to be reaped does not."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(done.stdout.strip()) and not done.stdout.startswith("Z")
