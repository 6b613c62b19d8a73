"""Tells which process is the watcher of a guard, and ends it: whoever holds the lock on one file is it, nobody else."""

import _signal as signal  # as in ocfpy.deadline
import fcntl
import os
import struct
import time

# struct flock of fcntl(2): kind, whence, start, length, pid.
FLOCK = "hhqqi4x"

# How long to wait for a killed watcher to be gone, in seconds.
GONE_WITHIN = 1.0
GONE_POLL = 0.005


class Lock:
    """The lock of one guard's watcher.

    The kernel drops it when its holder ends, however that comes: a pid that another program has by now is never taken
    for the watcher's.
    """

    def __init__(self, invocation):
        self._path = os.path.join(
            invocation.state_directory, f"galera_sync_guard.watcher.process-{invocation.resource}"
        )
        self._descriptor = None

    def take(self):
        """Become the watcher; return False if another process is. Only the end of this process gives it back."""
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        return self.is_mine()

    def outlive_program(self):
        """Keep the lock over an exec of this process; whoever takes it there has one descriptor more."""
        os.set_inheritable(self._descriptor, True)

    def is_mine(self):
        """Return whether this process still is the watcher: a file that was replaced has another watcher, or none."""
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def holder(self):
        """Return the pid of the watcher, None when none is alive."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            asked = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, _, _, _, pid = struct.unpack(FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
        finally:
            os.close(descriptor)
        return pid if kind != fcntl.F_UNLCK and pid > 0 else None

    def end_holder(self):
        """End the watcher and the commands that it runs; always returns, after GONE_WITHIN at the latest.

        A process that was sent SIGKILL never runs another line of its program, even if a read that cannot be
        interrupted keeps it alive: the next watcher gets a new file.
        """
        patience = time.monotonic() + GONE_WITHIN
        pid = self.holder()
        while pid and time.monotonic() < patience:
            for kill in (os.killpg, os.kill):
                try:
                    kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(GONE_POLL)
            pid = self.holder()
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass
