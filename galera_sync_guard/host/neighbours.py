"""Speaks ARP and neighbour discovery: asks hosts whether they are there, hears them, announces an address."""

from __future__ import annotations

import array
import socket
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from galera_sync_guard.host.link import Interface

# linux/if_ether.h, linux/if_arp.h, linux/if_packet.h
ETH_P_ARP, ETH_P_IP, ARPHRD_ETHER, ARPOP_REQUEST, ARPOP_REPLY, PACKET_HOST = 0x806, 0x800, 1, 1, 2, 0
BROADCAST = b"\xff" * 6
ARP = struct.Struct("!HHBBH6s4s6s4s")  # kinds and lengths of addresses, operation, sender's and target's addresses
# A filter of the kernel, so that no process wakes for the requests of others: linux/filter.h, "ldh [6]; jeq reply".
SO_ATTACH_FILTER = 26
ONLY_REPLIES = struct.pack(
    "=HBBIHBBIHBBIHBBI", *(0x28, 0, 0, 6), *(0x15, 0, 1, ARPOP_REPLY), *(6, 0, 0, 64), *(6, 0, 0, 0)
)

# RFC 4861 and linux/icmpv6.h
SOLICITATION, ADVERTISEMENT, SOLICITED, OVERRIDE, ICMP6_FILTER = 135, 136, 0x40, 0x20, 1
NEIGHBOUR = struct.Struct("!BBxxI16s")  # type, code, flags, target; the kernel fills in the checksum
SOURCE_LINK_ADDRESS, TARGET_LINK_ADDRESS = b"\x01\x01", b"\x02\x01"
ALL_NODES = "ff02::1"
SOLICITED_NODE = socket.inet_pton(socket.AF_INET6, "ff02::1:ff00:0")
HOPS = 255  # no router passes it on, and a host ignores another number

RECEIVE = 1 << 11
# How many answers are taken at a time, more than the socket holds: a flood must have an end here.
MAX_ANSWERS = 1000


def family_of(address: str) -> int:
    """Return the family of an address that is a text."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def open_socket(family: int) -> socket.socket:
    """Return the socket for the virtual IP's family; OSError without CAP_NET_RAW, which nothing else here needs."""
    if family == socket.AF_INET:
        opened = socket.socket(socket.AF_PACKET, _kind(socket.SOCK_DGRAM), socket.htons(ETH_P_ARP))
        program = array.array("B", ONLY_REPLIES)
        address, length = program.buffer_info()
        opened.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", length // 8, address))
        return opened
    opened = socket.socket(socket.AF_INET6, _kind(socket.SOCK_RAW), socket.IPPROTO_ICMPV6)
    passes = bytearray(b"\xff" * 32)
    passes[ADVERTISEMENT // 32 * 4 : ADVERTISEMENT // 32 * 4 + 4] = struct.pack(
        "=I", 0xFFFFFFFF & ~(1 << ADVERTISEMENT % 32)
    )
    opened.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, bytes(passes))
    for option in (socket.IPV6_MULTICAST_HOPS, socket.IPV6_UNICAST_HOPS):
        opened.setsockopt(socket.IPPROTO_IPV6, option, HOPS)
    return opened


def _kind(kind: int) -> int:
    return kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC


class Neighbours:
    """The hosts of the network behind one socket of open_socket; addresses are packed."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._is_arp = opened.family == socket.AF_PACKET

    def fileno(self) -> int:
        """Return the descriptor for select."""
        return self._socket.fileno()

    def ask(self, interface: Interface, target: bytes, hardware: bytes | None = None) -> bool:
        """Ask one host, by broadcast unless its hardware address is given, and return whether the question went out."""
        if interface.hardware is None:
            return False
        try:
            if self._is_arp:
                # A request without a sender's address is answered too (RFC 5227).
                own = interface.address or bytes(4)
                self._send_arp(interface, ARPOP_REQUEST, interface.hardware, own, target, hardware or BROADCAST)
            else:
                self._send_solicitation(interface, interface.hardware, target)
        except OSError:
            return False  # the link is down or the interface gone
        return True

    def announce(self, interface: Interface, address: bytes) -> None:
        """Tell all hosts that an address is here; those that know it elsewhere then know it here."""
        if interface.hardware is None:
            return
        try:
            if self._is_arp:
                for operation in (ARPOP_REQUEST, ARPOP_REPLY):  # there are hosts that heed only one of them
                    self._send_arp(interface, operation, interface.hardware, address, address, BROADCAST)
            else:
                packet = NEIGHBOUR.pack(ADVERTISEMENT, 0, OVERRIDE << 24, address)
                packet += TARGET_LINK_ADDRESS + interface.hardware
                self._socket.sendto(packet, (ALL_NODES, 0, 0, interface.index))
        except OSError:
            pass  # the link is down or the interface gone

    def answers(self, interface: Interface) -> list[tuple[bytes, bytes | None]]:
        """Return who has answered through the interface since the last call, as (address, hardware address)."""
        found: list[tuple[bytes, bytes | None]] = []
        for _ in range(MAX_ANSWERS):
            try:
                data, source = self._socket.recvfrom(RECEIVE)
            except BlockingIOError:
                break
            except OSError:
                continue  # an error of the link, reported once
            answer = self._read_arp(data, source) if self._is_arp else self._read_advertisement(data)
            if answer and (source[0] == interface.name if self._is_arp else source[3] in (0, interface.index)):
                found.append(answer)
        return found

    def _send_arp(
        self, interface: Interface, operation: int, hardware: bytes, sender: bytes, target: bytes, to: bytes
    ) -> None:
        packet = ARP.pack(ARPHRD_ETHER, ETH_P_IP, 6, 4, operation, hardware, sender, bytes(6), target)
        self._socket.sendto(packet, (interface.name, ETH_P_ARP, 0, 0, to))

    def _send_solicitation(self, interface: Interface, hardware: bytes, target: bytes) -> None:
        packet = NEIGHBOUR.pack(SOLICITATION, 0, 0, target) + SOURCE_LINK_ADDRESS + hardware
        group = socket.inet_ntop(socket.AF_INET6, SOLICITED_NODE[:13] + target[13:])
        self._socket.sendto(packet, (group, 0, 0, interface.index))

    @staticmethod
    def _read_arp(data: bytes, source: tuple[str, int, int, int, bytes]) -> tuple[bytes, bytes | None] | None:
        if len(data) < ARP.size or source[2] != PACKET_HOST:
            return None  # an announcement to all is not an answer
        *_, operation, hardware, address, _, _ = ARP.unpack_from(data)
        return (address, hardware) if operation == ARPOP_REPLY else None

    @staticmethod
    def _read_advertisement(data: bytes) -> tuple[bytes, bytes | None] | None:
        if len(data) < NEIGHBOUR.size:
            return None
        kind, _, flags, target = NEIGHBOUR.unpack_from(data)
        return (target, None) if kind == ADVERTISEMENT and flags >> 24 & SOLICITED else None
