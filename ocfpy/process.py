"""Runs one command of the system within a time limit, without the cost of importing `subprocess` (docs/dev/cost.md)."""

from __future__ import annotations

import errno
import os
import select
import time

from ocfpy.deadline import uninterrupted

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence
else:
    import _signal as signal

# Where the commands of a system are, whatever the caller's PATH says.
SEARCH_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

# What an interpreter ignores and a command expects to end it.
DEFAULT_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ)
# Not less than a pipe holds: one read then takes all that an ended command has left in it.
CHUNK = 1 << 16
# How long a killed command may take to end, in seconds: one that waits for a dead disk does not end.
KILL_TIMEOUT = 1.0
# What is kept of a command's output, in bytes: one that prints without end must not use up the node's memory.
MOST_OUTPUT = 1 << 24


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a command: the caller's without OCF_*, and with SEARCH_PATH at the end of its PATH.

    OCF_* holds the parameters, secrets too. It also changes what Pacemaker's tools do: attrd_updater takes the one node
    to query from OCF_RESKEY_CRM_meta_on_node, whatever -A says (Pacemaker 2.1.5, measured).
    """
    cleaned = {name: value for name, value in environ.items() if not name.startswith("OCF_")}
    cleaned["PATH"] = os.pathsep.join(filter(None, (cleaned.get("PATH"), SEARCH_PATH)))
    return cleaned


@uninterrupted
def run_command(
    command: Sequence[str],
    environ: Mapping[str, str],
    seconds: float,
    stdin: int | None = None,
    with_stderr: bool = False,
) -> tuple[int | None, str]:
    """Return (exit code, output) of a command, found in the PATH of its `clean_environment`.

    It reads from the descriptor `stdin`, else nothing; its stderr is lost, or part of the output with `with_stderr`. Of
    the output only the first MOST_OUTPUT bytes are kept. The code is negative for a signal that ended it. The code is
    None when it has not ended within `seconds`: then it is killed with its children and theirs, as it is when an
    exception interrupts the wait. It is in the process group of its caller, and so ends with an action that Pacemaker
    kills. A daemon that it leaves behind may keep the output open. FileNotFoundError when there is no such command; any
    other OSError when it cannot be started.
    """
    end = time.monotonic() + seconds
    cleaned = clean_environment(environ)
    output, pipe = os.pipe()
    try:
        try:
            pid = os.posix_spawn(
                find_command(command[0], cleaned["PATH"]),
                list(command),
                cleaned,
                setsigdef=DEFAULT_SIGNALS,
                file_actions=(
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
                    if stdin is None
                    else (os.POSIX_SPAWN_DUP2, stdin, 0),
                    (os.POSIX_SPAWN_DUP2, pipe, 1),
                    (os.POSIX_SPAWN_DUP2, pipe, 2)
                    if with_stderr
                    else (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                ),
            )
        finally:
            os.close(pipe)
        return _wait(pid, output, end)
    finally:
        os.close(output)


def find_command(name: str, path: str) -> str:
    """Return the path of a command in a search path; FileNotFoundError when there is none."""
    for directory in path.split(os.pathsep):
        file = os.path.join(directory, name)
        if directory and os.access(file, os.X_OK):
            return file
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


@uninterrupted
def _wait(pid: int, output: int, end: float) -> tuple[int | None, str]:
    """Read the output until the process ends; a time limit interrupts this only while it has nothing to do."""
    chunks, room, process, ended = [], MOST_OUTPUT, None, False
    try:
        process = os.pidfd_open(pid)
        os.set_blocking(output, False)
        sources = [output, process]
        while not ended and (left := end - time.monotonic()) > 0:
            ready = _ready(sources, left)
            ended = process in ready
            if output in ready or ended:
                chunk = _read(output)
                chunks.append(chunk[:room])
                room -= len(chunks[-1])
                if not chunk and not ended:
                    sources.remove(output)
    finally:
        if not ended:
            _kill_tree(pid)
        if process is not None:
            select.select([process], [], [], KILL_TIMEOUT)
            os.close(process)
        _, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None, b"".join(chunks).decode("utf-8", "replace")


def _ready(sources: Sequence[int], seconds: float) -> list[int]:
    return select.select(sources, [], [], seconds)[0]


@uninterrupted
def _read(output: int) -> bytes:
    try:
        return os.read(output, CHUNK)
    except BlockingIOError:
        return b""  # an ended command has left nothing in it


@uninterrupted
def _kill_tree(pid: int) -> None:
    """Kill a process with all that descend from it; each is stopped first, so that it starts no other."""
    tree = [pid]
    for each in tree:
        _signal(each, signal.SIGSTOP)
        tree += _children(each)
    for each in tree:
        _signal(each, signal.SIGKILL)


@uninterrupted
def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += map(int, file.read().split())
    except (FileNotFoundError, ProcessLookupError):
        pass  # it has ended, and its children have another parent; or the kernel does not tell
    return found


@uninterrupted
def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass  # it has ended, or has become another user
