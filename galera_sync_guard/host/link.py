"""Finds the interface of a virtual IP and tells whether its link is up, by netlink; it changes nothing."""

from __future__ import annotations

import socket
import struct

from vip_client_reset.netlink import Netlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h
RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE = 18, 22, 26
IFLA_ADDRESS, IFLA_IFNAME = 1, 3
IFA_ADDRESS, IFA_LOCAL = 1, 2
RTA_DST, RTA_OIF, RTA_GATEWAY = 1, 4, 5
IFA_F_SECONDARY = 0x01  # there is an older one in its network, such as the virtual IP; of IPv6: temporary
RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR = 0x1, 0x10, 0x100
LINK = struct.Struct("=BxHiII")  # family, type of hardware, index, flags, mask
ADDRESS = struct.Struct("=BBBBI")  # family, length of the prefix, flags, scope, index
ROUTE = struct.Struct("=BBBBBBBBI")
ATTRIBUTE = struct.Struct("=HH")
EVENT = 1 << 16
# How many events are taken at a time, more than the socket holds.
MAX_EVENTS = 1000

# linux/if.h
IFF_UP, IFF_LOOPBACK, IFF_RUNNING, IFF_NOARP = 0x1, 0x8, 0x40, 0x80
ARPHRD_ETHER = 1

# The route to an address of the Internet shows the default gateway. No packet is sent to it.
OUTSIDE: dict[int, bytes] = {
    socket.AF_INET: socket.inet_pton(socket.AF_INET, "8.8.8.8"),
    socket.AF_INET6: socket.inet_pton(socket.AF_INET6, "2001:4860:4860::8888"),
}


class Interface:
    """One network interface: `address` is its own in the virtual IP's network, packed, None without one.

    `has_vip` is whether it has the virtual IP now. `fault` says why its link is not up, "" when it is. `hardware` is None
    when neighbours cannot be asked through it.
    """

    __slots__ = ("address", "fault", "hardware", "has_vip", "index", "name")

    def __init__(self, index: int, name: str, fault: str, hardware: bytes | None) -> None:
        self.index = index
        self.name = name
        self.fault = fault
        self.hardware = hardware
        self.address: bytes | None = None
        self.has_vip = False


class LinkEvents:
    """A source for select that becomes readable when the kernel changes a link or an address."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
        )
        self._socket.bind((0, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR))

    def fileno(self) -> int:
        """Return the descriptor for select."""
        return self._socket.fileno()

    def take(self) -> bool:
        """Discard the events that have arrived, and return whether there were any: who wants to know looks anew."""
        for taken in range(MAX_EVENTS):
            try:
                self._socket.recv(EVENT)
            except BlockingIOError:
                return taken > 0
            except OSError:
                pass  # more events than the socket holds (ENOBUFS)
        return True

    def close(self) -> None:
        """Hear of no more events."""
        self._socket.close()


def find_interface(family: int, vip: bytes, nic: str | None = None) -> tuple[Interface | None, str]:
    """Return the interface on which a virtual IP (packed) is or would be, and "", or None and why there is none.

    It is the one named `nic`, else one with another address in a network that contains the virtual IP: the one that has
    the virtual IP, else the one with the narrowest such network.
    OSError when the kernel does not answer.
    """
    with Netlink(socket.NETLINK_ROUTE) as netlink:
        addresses = list(_addresses(netlink, family))
        holders = {index for index, _, address, _ in addresses if address == vip}
        networks = [
            (index in holders, length, -index, is_primary, address)
            for index, length, address, is_primary in addresses
            if address != vip and _common_bits(address, vip) >= length
        ]
        if nic:
            try:
                index = socket.if_nametoindex(nic)
            except OSError:
                return None, f"interface {nic} does not exist"
        elif networks:
            index = -max(networks)[2]
        else:
            return None, f"no interface has an address in the network of {socket.inet_ntop(family, vip)}"
        interface = _link(netlink, index)
        _, interface.address = max((each[3:] for each in networks if -each[2] == index), default=(False, None))
        interface.has_vip = index in holders
        return interface, ""


def find_gateway(family: int, index: int) -> bytes | None:
    """Return the default gateway that is reached through the interface, packed, None when there is none."""
    destination = OUTSIDE[family]
    request = ROUTE.pack(family, len(destination) * 8, 0, 0, 0, 0, 0, 0, 0)
    request += _attribute(RTA_DST, destination) + _attribute(RTA_OIF, struct.pack("=I", index))
    try:
        with Netlink(socket.NETLINK_ROUTE) as netlink:
            answer = netlink.ask(RTM_GETROUTE, request)
    except OSError:
        return None  # there is no route
    return _attributes(answer[ROUTE.size :]).get(RTA_GATEWAY) if answer else None


def _addresses(netlink: Netlink, family: int) -> Iterator[tuple[int, int, bytes, bool]]:
    """Yield of every address the interface's index, the length of the prefix, itself, and whether it is a primary one."""
    for entry in netlink.list(RTM_GETADDR, ADDRESS.pack(family, 0, 0, 0, 0)):
        its_family, length, flags, _, index = ADDRESS.unpack_from(entry)
        attributes = _attributes(entry[ADDRESS.size :])
        address = attributes.get(IFA_LOCAL) or attributes.get(IFA_ADDRESS)
        if its_family == family and address:
            yield index, length, address, not flags & IFA_F_SECONDARY


def _link(netlink: Netlink, index: int) -> Interface:
    answer = netlink.ask(RTM_GETLINK, LINK.pack(socket.AF_UNSPEC, 0, index, 0, 0))
    if not answer:
        raise OSError(f"netlink has no answer about interface {index}")
    _, kind, index, flags, _ = LINK.unpack_from(answer)
    attributes = _attributes(answer[LINK.size :])
    name = attributes.get(IFLA_IFNAME, b"?").rstrip(b"\0").decode("utf-8", "replace")
    fault = ""
    if not flags & IFF_UP:
        fault = f"interface {name} is down"
    elif not flags & IFF_RUNNING:
        fault = f"interface {name} has no carrier"
    has_neighbours = kind == ARPHRD_ETHER and not flags & (IFF_NOARP | IFF_LOOPBACK)
    return Interface(index, name, fault, attributes.get(IFLA_ADDRESS) if has_neighbours else None)


def _common_bits(one: bytes, other: bytes) -> int:
    difference = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return len(one) * 8 - difference.bit_length()


def _attribute(kind: int, payload: bytes) -> bytes:
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(payload), kind) + payload + bytes(-len(payload) % 4)


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data)
        if length < ATTRIBUTE.size:
            break
        found[kind & 0x3FFF] = data[ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]
    return found
