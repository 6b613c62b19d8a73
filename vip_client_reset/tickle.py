"""Makes a client say which number it waits for: by a packet that fits no connection, which every TCP answers.

The answer goes to the address. Its node does not have the connection any more, so it sends a reset with exactly that
number, the only one that the client surely takes.
"""

from __future__ import annotations

import socket
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from vip_client_reset.address import Address
    from vip_client_reset.client_list import Client

HEADER = struct.Struct("!HHIIBBHHH")  # ports, sequence, acknowledged, length, flags, window, checksum, urgent
ACK = 0x10
# Linux answers misfits without data only twice a second for each connection (tcp_invalid_ratelimit), and may have just
# done so for a window probe. tickle_tcp of resource-agents sends no data, which is why this module exists. The byte is
# harmless, since the connection has no other end any more.
DATA = b"\0"


def tickle(address: Address, clients: Iterable[Client]) -> None:
    """Send one packet from the address to each client whose connection has ended."""
    with socket.socket(address.family, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_TCP) as raw:
        raw.bind((address.text, 0))
        for local_port, remote_port, remote in clients:
            try:
                raw.sendto(
                    packet(address.packed, local_port, remote, remote_port),
                    socket.MSG_DONTWAIT,
                    (socket.inet_ntop(address.family, remote), 0),
                )
            except OSError:
                continue  # no route to this one, or no room for the packet: go on with the others


def packet(source: bytes, source_port: int, target: bytes, target_port: int) -> bytes:
    """Return the TCP packet between two addresses, given as bytes in network order."""

    def header(checksum: int) -> bytes:
        return HEADER.pack(source_port, target_port, 0, 0, HEADER.size << 2, ACK, 0, checksum, 0)

    # The sum over the pseudo header is the same for IPv4 and IPv6.
    summed = (
        source + target + struct.pack("!HH", socket.IPPROTO_TCP, HEADER.size + len(DATA)) + header(0) + DATA + b"\0"
    )
    total = sum(struct.unpack(f"!{len(summed) // 2}H", summed))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return header(~total & 0xFFFF) + DATA
