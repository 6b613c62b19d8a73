"""A guard's side of its watcher's control socket: whether there is a watcher, its status, a signal to it, its end."""

from __future__ import annotations

import _socket  # without the enumerations that socket puts around it
import posix  # as in ocfpy.invocation
import sys
import time

from ocfpy.parameters import format_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # as in ocfpy.deadline

# A watcher's cycle may take this long beyond its interval and its probe, in seconds: to publish, and on a busy machine.
PUBLISH_TIMEOUT = 8.0
SCHEDULING_SLACK = 2.0

# How long to wait for a killed watcher to be gone, in seconds.
KILL_TIMEOUT = 1.0
KILL_POLL = 0.005

# What a watcher understands, in this version and every later one: publish again; start the code that is installed now in
# your place; delete the attributes and end.
PUBLISH_AGAIN = signal.SIGHUP
RENEW = signal.SIGUSR1
END = signal.SIGTERM

STATUS_SIZE = 65536
# The longest value in a status, in characters.
MAX_FIELD = 1000
# How many watchers may end one after another while one caller asks.
MAX_SUCCESSORS = 3
PREFIX = "galera_sync_guard.watcher-"
MAX_NAME = 60


class Status:
    """What a watcher says of itself: lines of NAME=VALUE."""

    def __init__(self, pid: int, text: str) -> None:
        fields = dict(line.partition("=")[::2] for line in text.splitlines())
        self.pid = pid
        self.fields = fields
        self.version = fields.get("version", "")
        self.kind = fields.get("kind", "")  # of the last verdict, "" before the first cycle has finished
        self.reason = fields.get("reason", "")
        self.is_published = fields.get("is_published") == "True"  # whether Pacemaker knows that verdict
        self.cycle_finished_at = float(fields.get("cycle_finished_at", "nan"))  # on the boot clock

    def stall_reason(self, limit: float) -> str | None:
        """Return why the watcher counts as stalled, None when its last cycle finished within `limit` seconds."""
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - self.cycle_finished_at
        if age <= limit:
            return None
        return f"watcher stalled: last check finished {format_seconds(age)} ago, limit {format_seconds(limit)}"

    def changed(self, values: dict[str, str]) -> list[str]:
        """Return the names of the parameters that have another value in the watcher than in `values`."""
        return [
            name
            for name, value in values.items()
            if self.fields.get("parameter." + name, value)[:MAX_FIELD] != value[:MAX_FIELD]
        ]


def socket_name(resource: str) -> str:
    """Return the file name of the control socket; the kernel allows few bytes for it."""
    encoded = resource.encode(errors="surrogateescape")
    if len(encoded) > MAX_NAME:
        import zlib

        resource = f"{resource[: MAX_NAME // 4]}-{zlib.crc32(encoded):08x}"
    return PREFIX + resource


def watcher_names(directory: str) -> list[str]:
    """Return the file names of the control sockets in a directory."""
    return [name for name in posix.listdir(directory) if name.startswith(PREFIX)]


class WatcherClient:
    """The watcher of one guard, as seen from an action.

    The watcher is the process that listens on the socket of that name. The kernel drops the socket with its process, and
    tells its pid: another program's pid is never taken for the watcher's. It needs neither disk space nor syslog.
    """

    def __init__(self, directory: str, name: str) -> None:
        self._directory = directory
        self._name = name

    def status(self, seconds: float) -> Status | None:
        """Return the watcher's Status, None when there is no watcher; TimeoutError when it does not answer in time."""
        for _ in range(MAX_SUCCESSORS):
            connection = self._connect(seconds)
            if connection is None:
                return None
            try:
                text = connection.recv(STATUS_SIZE).decode("utf-8", "replace")
                if text:
                    return Status(_peer_pid(connection), text)
            except ConnectionError:
                continue  # it has just ended, maybe for a successor
            finally:
                connection.close()
        return None

    def pid(self) -> int | None:
        """Return the pid of the watcher, None when there is none."""
        try:
            connection = self._connect(0.0)
        except TimeoutError:
            return None
        if connection is None:
            return None
        try:
            return _peer_pid(connection)
        finally:
            connection.close()

    def signal(self, number: int) -> int | None:
        """Send the watcher a signal; return its pid, None when there is no watcher."""
        pid = self.pid()
        if pid:
            try:
                posix.kill(pid, number)
            except ProcessLookupError:
                return None
        return pid

    def end(self) -> None:
        """End the watcher and the commands that it runs; always returns, after KILL_TIMEOUT at the latest.

        A process that was sent SIGKILL never runs another line of its program, even if a read that cannot be
        interrupted keeps it alive: the next watcher gets a new socket.
        """
        end = time.monotonic() + KILL_TIMEOUT
        while (pid := self.pid()) and time.monotonic() < end:
            kill(pid)
            time.sleep(KILL_POLL)
        try:
            posix.unlink(f"{self._directory}/{self._name}")
        except OSError:
            return  # there is none, or it stays without a process that listens on it

    def _connect(self, seconds: float) -> _socket.socket | None:
        try:
            directory = posix.open(self._directory, posix.O_PATH | posix.O_DIRECTORY | posix.O_CLOEXEC)
        except FileNotFoundError:
            return None
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        try:
            connection.settimeout(seconds)
            # The path of the directory may be longer than the kernel allows for a socket.
            connection.connect(f"/proc/self/fd/{directory}/{self._name}")
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            return None
        except BlockingIOError:
            connection.close()
            raise TimeoutError from None  # more callers wait than the kernel keeps
        finally:
            posix.close(directory)
        return connection


def kill(pid: int) -> None:
    """Kill a watcher and the commands that it runs, which are in its process group."""
    for send in (posix.killpg, posix.kill):
        try:
            send(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _peer_pid(connection: _socket.socket) -> int:
    return int.from_bytes(connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)[:4], sys.byteorder)
