"""Tells whether a storage still takes a small synced write, by a child that writes: the watcher never touches it."""

import fcntl
import os
import select
import subprocess
import sys

from galera_sync_guard.decision.judge import MAX_GAP
from ocfpy import codes
from ocfpy.parameters import format_seconds
from ocfpy.process import SEARCH_PATH

# How often the storage is asked to take a write, in seconds, and how many bytes.
EVERY = 1.0
SIZE = 512


class Storage:
    """The storage of one directory, for one watcher.

    A process that waits for a storage that hangs cannot be killed: so nobody waits for the child, which has one write
    to do at a time, and there is no second one while it lives. It holds a lock that the watcher took for it; one of an
    earlier watcher keeps the new watcher from having its own, and counts as a write that waits.
    """

    def __init__(self, invocation, parameters):
        self._report = invocation.report
        self._program = invocation.program
        self._lock = os.path.join(invocation.state_directory, f"galera_sync_guard.host.storage-{invocation.resource}")
        self._directory = parameters.stall_directory
        self._limit = parameters.stall_timeout
        # A longer pause between two looks is one of this machine, and says nothing of its storage.
        self._gap = MAX_GAP * parameters.watch_interval + parameters.probe_timeout
        self._child = None
        self._looked_at = self._asked_at = self._waits_since = None
        self._error = ""

    def trouble(self, now):
        """Return why the storage counts as stalled, None when it does not; `now` is the boot clock. Takes no time."""
        slept = self._looked_at is not None and now - self._looked_at > self._gap
        self._looked_at = now
        if self._child and self._has_answered():
            self._waits_since = None
        if self._waits_since is None and (self._asked_at is None or now - self._asked_at >= EVERY):
            self._asked_at = self._waits_since = now
            self._ask()
        elif self._waits_since is not None and not self._child:
            self._ask()
        if self._waits_since is None:
            return None
        if slept:
            self._waits_since = now
        waits = now - self._waits_since
        if waits <= self._limit:
            return None
        return f"{self._directory} has taken no write for {format_seconds(waits)}, may take stall_timeout={format_seconds(self._limit)}"

    def _ask(self):
        try:
            if not self._child:
                self._spawn()
            if self._child:
                self._child.stdin.write(os.fsencode(self._directory) + b"\n")
        except OSError as error:
            self._waits_since = None
            self._note(str(error))

    def _has_answered(self):
        """Return whether the child has done its write, or has ended; an error is an answer, and no news of the node."""
        if not select.select([self._child.stdout], [], [], 0)[0]:
            return False
        answer = self._child.stdout.read(SIZE)
        if answer:
            self._note(answer.decode("utf-8", "replace").strip())
        else:
            self._bury()
        return True

    def _note(self, error):
        """Log an error, "" for none, when it is another than the last."""
        if error and error != self._error:
            self._report.error(f"stall_directory {self._directory}: {error}; its storage is not watched")
        self._error = error

    def _bury(self):
        self._child.stdin.close()
        self._child.stdout.close()
        self._child.poll()
        self._child = None

    def _spawn(self):
        descriptor = take(self._lock)
        if descriptor is None:
            return
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-IBS", self._program, "storage", self._lock],
                env={"PATH": SEARCH_PATH},
                cwd="/",
                start_new_session=True,
                pass_fds=[descriptor],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        finally:
            os.close(descriptor)


def take(path):
    """Return a descriptor that holds the lock on a file, None when another process has it.

    The lock lasts as long as a process has the descriptor, whoever took it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.stat(path), os.fstat(descriptor)):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def main(arguments):
    """Write into each directory that stdin names, and say on stdout when that is done, until the watcher is gone."""
    try:
        for line in sys.stdin.buffer:
            os.write(sys.stdout.fileno(), write(line[:-1]).encode() + b"\n")
    except BrokenPipeError:
        pass  # the watcher has gone meanwhile
    os.unlink(arguments[2])
    return codes.OCF_SUCCESS


def write(directory):
    """Have a directory's storage take a write, of a file that has no name; return the error, "" for none."""
    try:
        descriptor = os.open(directory, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, bytes(SIZE))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        return error.strerror
    return ""
