"""A daemon and its pid file: start it, find it again, and end it for sure; another process is never taken for it."""

from __future__ import annotations

import errno
import os
import select
import time

from ocfpy.process import DEFAULT_SIGNALS, clean_environment, find_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self
else:
    import _signal as signal

# By how much the clock of a file system and the start time of a process may differ, in seconds.
CLOCK_SLACK = 2.0
# How long a daemon may take to write its pid file, in seconds.
START_TIMEOUT = 5.0


class Process:
    """One process of this machine, whatever becomes of its number: a context manager that holds it open."""

    def __init__(self, pid: int) -> None:
        """Open the process; ProcessLookupError when there is none of this number."""
        self.pid = pid
        try:
            self._descriptor = os.pidfd_open(pid)
        except OSError as error:
            if error.errno != errno.EINVAL:  # no number that a process can have
                raise
            raise ProcessLookupError(pid) from None
        try:
            self._ticks = _start_time(pid)
        except ProcessLookupError:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        os.close(self._descriptor)

    def started_at(self) -> float:
        """Return when the process started, in seconds since 1970."""
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - self._ticks / os.sysconf("SC_CLK_TCK")
        return time.time() - age

    def wait(self, seconds: float) -> bool:
        """Return whether the process has ended, after `seconds` at most."""
        return bool(select.select([self._descriptor], [], [], max(0.0, seconds))[0])

    def stop(self, term_seconds: float, kill_seconds: float) -> bool:
        """End the process: SIGTERM, then SIGKILL to what is left of its process group; return whether it has ended."""
        leads_group = self._leads_group()
        self._signal(signal.SIGTERM)
        self.wait(term_seconds)
        if leads_group:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # nothing is left of it
        self._signal(signal.SIGKILL)
        return self.wait(kill_seconds)

    def _signal(self, number: int) -> None:
        try:
            signal.pidfd_send_signal(self._descriptor, number)
        except ProcessLookupError:
            pass  # it has ended

    def _leads_group(self) -> bool:
        try:
            return os.getpgid(self.pid) == self.pid and not self.wait(0)
        except ProcessLookupError:
            return False


class PidFile:
    """The pid file of one daemon, which has nothing but its number."""

    def __init__(self, path: str) -> None:
        self.path = path

    def open_process(self) -> Process | None:
        """Return the running daemon, None when there is none: the file is missing, broken or older than the process."""
        try:
            with open(self.path, encoding="ascii", errors="replace") as file:
                number = file.read(100)
                written = os.fstat(file.fileno()).st_mtime
            process = Process(int(number))
        except (FileNotFoundError, ProcessLookupError, ValueError, OverflowError):
            return None
        if process.started_at() <= written + CLOCK_SLACK and not process.wait(0):
            return process
        process.__exit__()
        return None

    def is_there(self) -> bool:
        """Return whether the file has a number."""
        try:
            return os.path.getsize(self.path) > 0
        except FileNotFoundError:
            return False

    def delete(self) -> None:
        """Delete the file if it is there."""
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass


def start_daemon(
    command: Sequence[str],
    environ: Mapping[str, str],
    pid_file: PidFile,
    log: str = os.devnull,
    seconds: float = START_TIMEOUT,
) -> None:
    """Start a program that stays in the foreground as a daemon, unless it runs; return when its pid file is there.

    It has a session of its own, no file of this agent, for whose end Pacemaker would wait, and an environment without
    parameters. Its output is appended to `log`. FileNotFoundError when there is no such command, ChildProcessError when
    no pid file is there within `seconds`.
    """
    cleaned = clean_environment(environ)
    program = find_command(command[0], cleaned["PATH"])
    process = pid_file.open_process()
    if process:
        process.__exit__()
        return
    pid_file.delete()
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        try:
            os.set_inheritable(descriptor, False)
        except OSError:
            continue  # that of the listing itself, closed since
    os.posix_spawn(
        "/bin/sh",
        # The daemon writes the file itself: if this agent is killed now, the next stop still finds the daemon.
        ["sh", "-c", 'echo $$ >"$0" && exec "$@"', pid_file.path, program, *command[1:]],
        cleaned,
        setsid=True,
        setsigdef=DEFAULT_SIGNALS,
        file_actions=(
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ),
    )
    if not wait_until(pid_file.is_there, seconds, poll=0.01):
        raise ChildProcessError(errno.ECHILD, "the pid file was not written", pid_file.path)


def stop_daemon(pid_file: PidFile, seconds: float, kill_seconds: float = 5.0) -> bool:
    """End the daemon of a pid file within `seconds` by SIGTERM, else by SIGKILL; return whether none is left."""
    process = pid_file.open_process()
    if process:
        with process:
            if not process.stop(seconds, kill_seconds):
                return False
    pid_file.delete()
    return True


def wait_until(is_true: Callable[[], bool], seconds: float, poll: float = 0.05) -> bool:
    """Return whether something becomes true within `seconds`; ask at least once."""
    end = time.monotonic() + seconds
    while not is_true():
        left = end - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(poll, left))
    return True


def _start_time(pid: int) -> int:
    """Return when a process started, in clock ticks since the boot; ProcessLookupError when there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            # The command's name is in parentheses, and may have any character in it.
            return int(file.read().rpartition(")")[2].split()[19])
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
