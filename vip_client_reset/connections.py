"""The kernel's TCP connections of one local address: list them, reset them; it touches no other connection."""

from __future__ import annotations

import errno
import socket
import struct

from vip_client_reset.netlink import Netlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator
    from typing import Self

    from vip_client_reset.address import Address
    from vip_client_reset.client_list import Client

# linux/sock_diag.h, linux/inet_diag.h, linux/rtnetlink.h
NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, SOCK_DESTROY = 4, 20, 21
REQUEST = struct.Struct("=BBBxI")  # family, protocol, extensions, states; an identity follows
ENTRY = struct.Struct("=BBBB")  # family, state, timer, retransmissions; an identity follows
IDENTITY = struct.Struct("!HH16s16s12s")  # local port, remote port, local and remote address, interface and cookie
QUEUES = struct.Struct("=8xI")  # after the identity: timer, bytes to be read, bytes not acknowledged
RTM_GETROUTE, RTN_LOCAL, RTA_DST = 26, 2, 1
ROUTE = struct.Struct("=BBBBBBBBI")

# tcp_states.h: all but CLOSE (7) and LISTEN (10), which are not connections, and TIME_WAIT (6), for which no client
# waits. A handshake that is not complete (SYN_RECV 3, NEW_SYN_RECV 12) would be a connection in a moment.
STATES = sum(1 << state for state in (1, 2, 3, 4, 5, 8, 9, 11, 12))
TIME_WAIT = 1 << 6
ALIVE = (1, 3, 12)  # established, or about to be; the others are what is left of a closed connection
MAPPED = bytes(10) + b"\xff\xff"  # an IPv4 address in a socket of IPv6, as a server that listens on :: has it


class Connection:
    """One connection; `unacknowledged` is how many bytes the client has not taken yet."""

    def __init__(self, family: int, identity: bytes, state: int = 0, unacknowledged: int = 0) -> None:
        self.family = family
        self.is_alive = state in ALIVE
        self.identity = identity
        self.unacknowledged = unacknowledged
        self.local_port: int
        self.remote_port: int
        self.local: bytes
        self._remote: bytes
        self.local_port, self.remote_port, self.local, self._remote, _ = IDENTITY.unpack(identity)

    @property
    def client(self) -> Client:
        """The connection as (local port, remote port, remote address), the latter 4 bytes in network order for IPv4."""
        remote = self._remote[:4] if self.family == socket.AF_INET else self._remote
        return self.local_port, self.remote_port, remote.removeprefix(MAPPED)


class Connections:
    """The connections whose local end is `address` (and one of `ports`, if there are any); a context manager.

    By netlink and not by `ss -K`, for three reasons. Each socket is reset by its cookie, so a new connection with the
    same ports is left alone. A refusal of the kernel differs from an empty table, where ss is silent. A loaded machine
    does not have to start a process.
    """

    def __init__(self, address: Address, ports: tuple[int, ...] | None = None) -> None:
        self._family = address.family
        self._families: dict[int, bytes] = {address.family: address.packed}
        if address.family == socket.AF_INET:
            self._families[socket.AF_INET6] = MAPPED + address.packed
        self._ports = ports
        self._netlink = Netlink(NETLINK_SOCK_DIAG)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._netlink.__exit__(*exception)

    def list(self, with_closed: bool = False) -> builtins.list[Connection]:
        """Return every Connection, or also what the kernel remembers of closed ones for a minute (TIME_WAIT).

        OSError when the kernel cannot list them.
        """
        states = STATES | TIME_WAIT if with_closed else STATES
        return [
            connection for family, local in self._families.items() for connection in self._of(family, local, states)
        ]

    def _of(self, family: int, local: bytes, states: int) -> Iterator[Connection]:
        request = REQUEST.pack(family, socket.IPPROTO_TCP, 0, states) + bytes(IDENTITY.size)
        for entry in self._netlink.list(SOCK_DIAG_BY_FAMILY, request):
            identity = entry[ENTRY.size : ENTRY.size + IDENTITY.size]
            connection = Connection(family, identity, entry[1], *QUEUES.unpack_from(entry, ENTRY.size + IDENTITY.size))
            if (
                entry[0] == family
                and connection.local[: len(local)] == local
                and (not self._ports or connection.local_port in self._ports)
            ):
                yield connection

    def reset(self, connection: Connection) -> None:
        """Send RST to the client and end the server's side; OSError when the kernel cannot, nothing if it is gone."""
        try:
            self._netlink.order(
                SOCK_DESTROY, REQUEST.pack(connection.family, socket.IPPROTO_TCP, 0, 0) + connection.identity
            )
        except OSError as error:
            # Without the connection the kernel finds the listener of that port, which has another cookie.
            if error.errno not in (errno.ENOENT, errno.ESTALE):
                raise

    def check(self) -> None:
        """Raise OSError when this kernel cannot list or reset connections, or does not permit it."""
        self.list()
        self.reset(Connection(self._family, bytes(IDENTITY.size)))  # there is none with port 0


def is_local(address: Address) -> bool:
    """Return whether the address is one of this node's."""
    route = ROUTE.pack(address.family, len(address.packed) * 8, 0, 0, 0, 0, 0, 0, 0)
    attribute = struct.pack("=HH", 4 + len(address.packed), RTA_DST) + address.packed
    with Netlink(socket.NETLINK_ROUTE) as netlink:
        try:
            answer = netlink.ask(RTM_GETROUTE, route + attribute)
        except OSError as error:
            if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EINVAL):
                return False  # there is no route to it, an unreachable, a prohibited or a blackhole route
            raise
    return answer is not None and bool(ROUTE.unpack_from(answer)[7] == RTN_LOCAL)
