"""Makes a client say which number it waits for: by a packet that fits no connection, which every TCP answers.

The answer goes to the address, whose node has the connection no more and so sends a reset with exactly that number, which
is the only one that the client surely takes.
"""

import socket
import struct

HEADER = struct.Struct("!HHIIBBHHH")  # ports, sequence, acknowledged, length, flags, window, checksum, urgent
ACK = 0x10
# Linux answers misfits without data only twice a second for each connection (tcp_invalid_ratelimit), and may have just
# done so for a window probe. Harmless, since the connection has no other end any more.
DATA = b"\0"


def tickle(address, connections):
    """Send one packet from the address to each (local port, remote port, remote address) of its ended connections."""
    with socket.socket(address.family, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_TCP) as raw:
        raw.bind((address.text, 0))
        for local_port, remote_port, remote in connections:
            try:
                raw.sendto(
                    packet(address.packed, local_port, remote, remote_port),
                    socket.MSG_DONTWAIT,
                    (socket.inet_ntop(address.family, remote), 0),
                )
            except OSError:
                continue  # no route to this one, or no room for the packet: the others may be in luck


def packet(source, source_port, target, target_port):
    """Return the TCP packet between two addresses, given as bytes in network order."""

    def header(checksum):
        return HEADER.pack(source_port, target_port, 0, 0, HEADER.size << 2, ACK, 0, checksum, 0)

    # The sum over the pseudo header is the same for IPv4 and IPv6.
    summed = (
        source + target + struct.pack("!HH", socket.IPPROTO_TCP, HEADER.size + len(DATA)) + header(0) + DATA + b"\0"
    )
    total = sum(struct.unpack(f"!{len(summed) // 2}H", summed))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return header(~total & 0xFFFF) + DATA
