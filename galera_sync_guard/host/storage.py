"""Checks whether a storage still completes a small synced write, by a child process: the watcher never writes itself."""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
import zlib

from galera_sync_guard.decision.judge import MAX_GAP
from ocfpy import codes
from ocfpy.parameters import format_seconds
from ocfpy.process import SEARCH_PATH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from galera_sync_guard.parameters import GuardParameters
    from ocfpy.invocation import Invocation

# How often the storage is asked to take a write, in seconds, and how many bytes.
EVERY = 1.0
SIZE = 512


class Storage:
    """The storage of one directory, for one watcher.

    A process that waits for a hanging storage cannot be killed. So the watcher never waits for the child, gives it one
    write at a time, and starts no second child while the first lives. The child holds a lock that the watcher took for
    it. The child of an earlier watcher keeps the new watcher from starting its own, and counts as a write that waits.
    """

    def __init__(self, invocation: Invocation[GuardParameters], parameters: GuardParameters, directory: str) -> None:
        self._report = invocation.report
        self._program = invocation.program or ""
        name = f"galera_sync_guard.host.storage-{invocation.resource}-{zlib.crc32(os.fsencode(directory)):08x}"
        self._lock = os.path.join(invocation.state_directory, name)
        self._directory = directory
        self._limit = parameters.stall_timeout
        # A longer pause between two checks means that this machine paused, and says nothing about its storage.
        self._gap = MAX_GAP * parameters.watch_interval + parameters.probe_timeout
        self._child: _Child | None = None
        self._checked_at: float | None = None
        self._asked_at: float | None = None
        self._waits_since: float | None = None
        self._error = ""

    def stall_reason(self, now: float) -> str | None:
        """Return why the storage counts as stalled, None when it does not; `now` is the boot clock. Takes no time."""
        paused = self._checked_at is not None and now - self._checked_at > self._gap
        self._checked_at = now
        if self._child and self._has_answered(self._child):
            self._waits_since = None
        if self._waits_since is None and (self._asked_at is None or now - self._asked_at >= EVERY):
            self._asked_at = self._waits_since = now
            self._ask()
        elif self._waits_since is not None and not self._child:
            self._ask()
        if self._waits_since is None:
            return None
        if paused:
            self._waits_since = now
        waits = now - self._waits_since
        if waits <= self._limit:
            return None
        return (
            f"no write to {self._directory} completed for {format_seconds(waits)},"
            f" limit stall_timeout={format_seconds(self._limit)}"
        )

    def _ask(self) -> None:
        try:
            if not self._child:
                self._child = _spawn(self._program, self._lock)
            if self._child:
                self._child.ask(self._directory)
        except OSError as error:
            self._waits_since = None
            self._log_error_once(str(error))

    def _has_answered(self, child: _Child) -> bool:
        """Return whether the child has done its write, or has ended; an error is an answer, and says nothing of the node."""
        answer = child.answer()
        if answer is None:
            return False
        if answer:
            self._log_error_once(answer.decode("utf-8", "replace").strip())
        else:
            child.close()
            self._child = None
        return True

    def _log_error_once(self, error: str) -> None:
        """Log an error, "" for none, unless it is the same as the last."""
        if error and error != self._error:
            self._report.error(f"stall_directory {self._directory}: {error}; its storage is not watched")
        self._error = error


def stall_reason(storages: Iterable[Storage], now: float) -> str | None:
    """Return why one of the storages counts as stalled, None when none does; asks all of them."""
    reasons = [storage.stall_reason(now) for storage in storages]
    return next(filter(None, reasons), None)


class _Child:
    """The process that writes, and its pipes."""

    def __init__(self, command: Sequence[str], lock: int) -> None:
        self._process = subprocess.Popen(
            command,
            env={"PATH": SEARCH_PATH},
            cwd="/",
            start_new_session=True,
            pass_fds=[lock],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin, "a pipe"
        assert self._process.stdout, "a pipe"
        self._requests, self._answers = self._process.stdin, self._process.stdout

    def ask(self, directory: str) -> None:
        """Have it write into a directory."""
        self._requests.write(os.fsencode(directory) + b"\n")

    def answer(self) -> bytes | None:
        """Return what it said, None when it said nothing yet, b"" when it has ended."""
        if not select.select([self._answers], [], [], 0)[0]:
            return None
        return self._answers.read(SIZE)

    def close(self) -> None:
        """Close the pipes of one that has ended."""
        self._requests.close()
        self._answers.close()
        self._process.poll()


def _spawn(program: str, lock: str) -> _Child | None:
    """Return a new child, None while one of an earlier watcher holds the lock."""
    descriptor = take(lock)
    if descriptor is None:
        return None
    try:
        return _Child([sys.executable, "-IBS", program, "storage", lock], descriptor)
    finally:
        os.close(descriptor)


def take(path: str) -> int | None:
    """Return a descriptor that holds the lock on a file, None when another process has it.

    The lock lasts as long as any process has the descriptor.
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


def main(arguments: Sequence[str]) -> int:
    """Write into each directory that stdin names, and say on stdout when that is done, until the watcher is gone."""
    try:
        for line in sys.stdin.buffer:
            os.write(sys.stdout.fileno(), write(os.fsdecode(line[:-1])).encode() + b"\n")
    except BrokenPipeError:
        pass  # the watcher has ended
    os.unlink(arguments[2])
    return codes.OCF_SUCCESS


def write(directory: str) -> str:
    """Have a directory's storage take a write, of a file that has no name; return the error, "" for none."""
    try:
        descriptor = os.open(directory, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, bytes(SIZE))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        return error.strerror or str(error)
    return ""
