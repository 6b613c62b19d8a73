"""The connection to the local server from its socket to its login; a watcher keeps it from one probe to the next."""

from __future__ import annotations

import _socket  # without the enumerations that socket puts around it
import select
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from _typeshed import FileDescriptorLike

    from galera_sync_guard.parameters import GuardParameters
    from galera_sync_guard.server.client import Client
    from galera_sync_guard.server.credentials import Login

# Longer than the server's first packet when that is an error: 4 bytes in front, 0xff, the number, a text of up to 512.
MAX_REFUSAL = 1024
# struct ucred of unix(7): pid, uid, gid.
CREDENTIALS = struct.Struct("3i")


class ServerError(Exception):
    """The server answered with an error; `number` is MariaDB's."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(number, text)
        self.number = number
        self.text = text


class ProtocolError(Exception):
    """What the server sent is not what a server sends, or asks for what the guard does not give."""


class UnixSocket(_socket.socket):
    """A connected unix socket, which blocks, with the one method that PyMySQL needs beyond those of _socket."""

    def __init__(self, path: str) -> None:
        super().__init__(_socket.AF_UNIX)
        self.connect(path)

    def makefile(self, mode: str) -> BinaryIO:
        """Return a reader of this socket, which only `close` of the socket closes."""
        return open(self.fileno(), mode, closefd=False)  # type: ignore[return-value]  # PyMySQL's mode is "rb"


class ServerConnection:
    """Nothing, a socket that waits for the server's handshake (pending), or a client that is logged in.

    A pending socket is kept when a probe's time is over, and no other is opened until the server answers or closes it:
    the backlog of a stopped server does not fill with sockets of the guard.
    """

    def __init__(self) -> None:
        self._client: Client | None = None
        self._pending: _socket.socket | None = None
        self._was_woken = False

    def client(self) -> Client | None:
        """Return the client that is logged in; one that the server closed, or spoke to unasked, is closed first."""
        if self._client and _is_readable(self._client):
            self.close()
        return self._client

    def close(self) -> None:
        """Close whatever is open."""
        client, self._client = self._client, None
        if client:
            client.close()
        self._drop_pending()

    def open_socket(self, parameters: GuardParameters) -> None:
        """Connect a socket, with the options that PyMySQL would give it; raises OSError."""
        self._drop_pending()
        if parameters.host:
            import socket

            self._pending = pending = socket.create_connection((parameters.host, parameters.port))
            pending.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pending.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        else:
            self._pending = UnixSocket(parameters.socket)

    def is_answered_within(self, seconds: float) -> bool:
        """Wait that long for the server's first bytes, or for its end of the pending socket; return whether they came."""
        assert self._pending, "a socket is open"
        return bool(select.select([self._pending], [], [], seconds)[0])

    def server_pid(self) -> int | None:
        """Return the process that listens on the unix socket, None over TCP."""
        if not self._pending or self._pending.family != _socket.AF_UNIX:
            return None
        credentials = self._pending.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, CREDENTIALS.size)
        pid, _, _ = CREDENTIALS.unpack(credentials)
        return int(pid)

    def peek_handshake(self) -> bytes:
        """Wait until the server sends something, and return its beginning without taking it; raises OSError."""
        assert self._pending, "a socket is open"
        return self._pending.recv(MAX_REFUSAL, _socket.MSG_PEEK)

    def log_in(self, client_type: type[Client], login: Login, host: str | None) -> Client:
        """Log in over the pending socket; raises ServerError, ProtocolError or OSError."""
        pending, self._pending = self._pending, None
        assert pending, "a socket is open"
        client = client_type(login, host)
        client.connect(pending)
        self._client = client
        return client

    def is_awaiting_handshake(self) -> bool:
        """Return whether a pending socket still waits for the server's handshake."""
        if self._pending and _is_readable(self._pending):
            self._drop_pending()
        return self._pending is not None

    def wait(self, seconds: float, others: Iterable[FileDescriptorLike] = ()) -> bool:
        """Wait for that time, or until the server sends something or closes the connection; return whether it did.

        The server ends only every second wait: what is never read must not make a watcher spin. One of the `others`
        that becomes readable ends the wait too.
        """
        source = self._pending or self._client
        sources = [source] if source and not self._was_woken else []
        ready = select.select([*sources, *others], [], [], seconds)[0]
        self._was_woken = bool(sources) and source in ready
        return self._was_woken

    def _drop_pending(self) -> None:
        pending, self._pending = self._pending, None
        if pending:
            pending.close()


def _is_readable(source: Client | _socket.socket) -> bool:
    return bool(select.select([source], [], [], 0)[0])
