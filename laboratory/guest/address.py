"""Tells whether an IPv4 address is on this machine: at once, and at every change, as the kernel tells it.

usage: address.py ADDRESS     prints `up` or `down`
"""

from __future__ import annotations

import socket
import struct
import subprocess
import sys

# linux/netlink.h, linux/rtnetlink.h, linux/if_addr.h
NETLINK_ROUTE = 0
RTMGRP_IPV4_IFADDR = 0x10
RTM_NEWADDR, RTM_DELADDR = 20, 21
IFA_LOCAL = 2
MESSAGE_HEADER, ADDRESS_HEADER, ATTRIBUTE_HEADER = 16, 8, 4
LARGEST = 65536


def messages(data: bytes) -> list[tuple[int, bytes]]:
    """Return the type and the body of each message of a datagram."""
    found = []
    while len(data) >= MESSAGE_HEADER:
        length, kind = struct.unpack_from("=IH", data)
        found.append((kind, data[MESSAGE_HEADER:length]))
        data = data[aligned(length) :]
    return found


def local_address(body: bytes) -> bytes:
    """Return the local address of a message about an address, empty without one."""
    rest = body[ADDRESS_HEADER:]
    while len(rest) >= ATTRIBUTE_HEADER:
        length, kind = struct.unpack_from("=HH", rest)
        if kind == IFA_LOCAL:
            return rest[ATTRIBUTE_HEADER:length]
        rest = rest[aligned(length) :]
    return b""


def aligned(length: int) -> int:
    """Return a length with the padding that follows it."""
    return (max(length, ATTRIBUTE_HEADER) + 3) & ~3


def main(address: str) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as events:
        events.bind((0, RTMGRP_IPV4_IFADDR))
        # What changes from here on is in the socket already.
        shown = subprocess.run(["ip", "-o", "-4", "address", "show"], check=True, capture_output=True, text=True).stdout
        print("up" if f" {address}/" in shown else "down", flush=True)
        while True:
            for kind, body in messages(events.recv(LARGEST)):
                if kind in (RTM_NEWADDR, RTM_DELADDR) and local_address(body) == socket.inet_aton(address):
                    print("up" if kind == RTM_NEWADDR else "down", flush=True)


main(sys.argv[1])
