"""Runs one command of the system within a time limit, without what importing `subprocess` costs (1.3 B, docs/dev/cost.md)."""

from __future__ import annotations

import errno
import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence
else:
    import _signal as signal

# What an interpreter ignores and a command expects to end it.
DEFAULT_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ)
CHUNK = 1 << 16


def run(
    command: Sequence[str],
    environ: Mapping[str, str],
    seconds: float,
    stdin: int | None = None,
    complaints: bool = False,
) -> tuple[int | None, str]:
    """Return (exit code, what it printed) of a command, found in the PATH of the environment that it gets.

    It reads from the descriptor `stdin`, else nothing; what it says on stderr is lost, or with `complaints` returned too.
    The code is negative for a signal that ended it, and None when it has not ended within `seconds`: then it is killed, as
    it is when an exception interrupts the wait. FileNotFoundError when there is no such command; any other OSError when it
    cannot be started.
    """
    end = time.monotonic() + seconds
    output, pipe = os.pipe()
    try:
        try:
            pid = os.posix_spawn(
                _find(command[0], environ),
                list(command),
                environ,
                setsigdef=DEFAULT_SIGNALS,
                file_actions=(
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
                    if stdin is None
                    else (os.POSIX_SPAWN_DUP2, stdin, 0),
                    (os.POSIX_SPAWN_DUP2, pipe, 1),
                    (os.POSIX_SPAWN_DUP2, pipe, 2)
                    if complaints
                    else (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                ),
            )
        finally:
            os.close(pipe)
        return _wait(pid, output, end)
    finally:
        os.close(output)


def _find(name: str, environ: Mapping[str, str]) -> str:
    for directory in environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(directory, name)
        if directory and os.access(path, os.X_OK):
            return path
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


def _wait(pid: int, output: int, end: float) -> tuple[int | None, str]:
    """Read the output until it ends, then wait for the end of the process; never leave one behind."""
    chunks, watched, ended = [], None, False
    try:
        while _is_ready(output, end):
            chunk = os.read(output, CHUNK)
            if not chunk:
                watched = os.pidfd_open(pid)
                ended = _is_ready(watched, end)
                break
            chunks.append(chunk)
    finally:
        if watched is not None:
            os.close(watched)
        if not ended:
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) if ended else None, b"".join(chunks).decode("utf-8", "replace")


def _is_ready(descriptor: int, end: float) -> bool:
    return bool(select.select([descriptor], [], [], max(0.0, end - time.monotonic()))[0])
