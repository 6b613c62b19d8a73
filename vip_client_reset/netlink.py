"""Questions to the kernel by netlink: messages out, messages in; it knows no sockets table and no routes."""

from __future__ import annotations

import os
import socket
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

# linux/netlink.h
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
ERROR, DONE = 2, 3
HEADER = struct.Struct("=IHHII")
RECEIVE = 1 << 18


class Netlink:
    """One socket of a netlink protocol, as a context manager; an error of the kernel is an OSError."""

    def __init__(self, protocol: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._socket.close()

    def ask(self, kind: int, payload: bytes) -> bytes | None:
        """Return the payload of the kernel's one answer, None when that is a bare acknowledgement."""
        self._send(kind, REQUEST, payload)
        return next(self._answers(), None)

    def order(self, kind: int, payload: bytes) -> None:
        """Make the kernel do something; OSError when it has not done it."""
        self._send(kind, REQUEST | ACK, payload)
        for _ in self._answers():
            pass

    def list(self, kind: int, payload: bytes) -> Iterator[bytes]:
        """Yield the payloads of a table's entries."""
        self._send(kind, REQUEST | DUMP, payload)
        yield from self._answers(dump=True)

    def _send(self, kind: int, flags: int, payload: bytes) -> None:
        self._sequence += 1
        self._socket.sendto(HEADER.pack(HEADER.size + len(payload), kind, flags, self._sequence, 0) + payload, (0, 0))

    def _answers(self, dump: bool = False) -> Iterator[bytes]:
        while True:
            data = self._socket.recv(RECEIVE)
            while len(data) >= HEADER.size:
                length, kind, _, sequence, _ = HEADER.unpack_from(data)
                payload, data = data[HEADER.size : length], data[(length + 3) & ~3 :]
                if sequence != self._sequence:
                    continue  # the answer to an earlier question
                if kind in (ERROR, DONE):  # both carry 0 or a negative errno
                    number: int = -struct.unpack_from("=i", payload)[0]
                    if number > 0:
                        raise OSError(number, os.strerror(number))
                    return
                yield payload
                if not dump:
                    return
