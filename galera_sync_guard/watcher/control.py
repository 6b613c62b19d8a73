"""The watcher's side of its control socket: the process that owns the name is the watcher, and tells its status."""

from __future__ import annotations

import _socket
import fcntl
import os
import signal

from galera_sync_guard.watcher.client import MAX_FIELD, WatcherClient, kill, socket_name
from ocfpy.deadline import uninterrupted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# How many callers may wait for a watcher that is stopped; the kernel has its own limit too (net.core.somaxconn).
BACKLOG = 4096


class ControlSocket:
    """The socket that makes this process the watcher of one guard.

    Callers are answered from a signal handler, whatever the watcher is doing: a server or a cluster that hangs delays no
    answer. An answer needs no disk space, and the caller sends nothing.
    """

    def __init__(self, directory: str, resource: str) -> None:
        self._predecessor = WatcherClient(directory, socket_name(resource))
        self._path = os.path.join(directory, socket_name(resource))
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        self._status = b""

    def take(self) -> None:
        """Become the watcher: take the name, and end the process that has had it; OSError if that is not possible."""
        pid = self._predecessor.pid()
        temporary = f"{self._path}.{os.getpid()}"
        directory = os.open(os.path.dirname(self._path), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._socket.bind(f"/proc/self/fd/{directory}/{os.path.basename(temporary)}")
        finally:
            os.close(directory)
        os.chmod(temporary, 0o600)
        self._identity = os.stat(temporary)
        self._socket.setblocking(False)
        self._socket.listen(BACKLOG)
        signal.signal(signal.SIGIO, self._answer)
        fcntl.fcntl(self._socket.fileno(), fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(self._socket.fileno(), fcntl.F_GETFL)
        fcntl.fcntl(self._socket.fileno(), fcntl.F_SETFL, flags | fcntl.FASYNC)
        os.rename(temporary, self._path)
        if pid:
            kill(pid)

    def has_predecessor(self) -> bool:
        """Return whether another process is the watcher."""
        return self._predecessor.pid() is not None

    def is_mine(self) -> bool:
        """Return whether this process still is the watcher: the name may be gone, or another watcher's."""
        try:
            return os.path.samestat(os.stat(self._path), self._identity)
        except FileNotFoundError:
            return False

    def set_status(self, fields: Mapping[str, object]) -> None:
        """Set what callers are told from now on."""
        text = "".join(f"{name}={str(value)[:MAX_FIELD]}\n" for name, value in fields.items())
        self._status = text.encode("utf-8", "replace")

    @uninterrupted
    def _answer(self, *signal_and_frame: object) -> None:
        while True:
            try:
                descriptor, _ = self._socket._accept()  # type: ignore[attr-defined]  # without a Python object around it
            except OSError:
                return
            try:
                os.write(descriptor, self._status)
            except OSError:
                pass  # the caller has gone
            finally:
                os.close(descriptor)
