"""The virtual IP as a value: family, bytes and text."""

from __future__ import annotations

import socket


class Address:
    """An IPv4 or IPv6 address; `packed` is its bytes in network order, `text` its canonical form."""

    def __init__(self, family: socket.AddressFamily, packed: bytes) -> None:
        self.family = family
        self.packed = packed
        self.text = socket.inet_ntop(family, packed)

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return the address that a text means; raise ValueError for anything else, such as a prefix length."""
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                return cls(family, socket.inet_pton(family, text.strip()))
            except OSError:
                continue
        raise ValueError(text)


LOOPBACK = Address.parse("127.0.0.1")
