"""Holds back every frame that comes from one machine's port: the work of tc's netem where the kernel has none.

usage: delay.py PORT BRIDGE MILLISECONDS     in the network namespace of the bridge
"""

from __future__ import annotations

import collections
import select
import socket
import subprocess
import sys
import time

ETH_P_ALL = 3
OUTGOING = 4
LARGEST = 65536


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def listen(interface: str) -> socket.socket:
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    raw.bind((interface, 0))
    return raw


def main(port: str, bridge: str, milliseconds: str) -> None:
    delay = float(milliseconds) / 1000
    inner, outer = f"{port}-in", f"{port}-out"
    ip("link", "add", inner, "type", "veth", "peer", "name", outer)
    ip("link", "set", inner, "up", "promisc", "on")
    ip("link", "set", outer, "master", bridge, "up")
    machine, network = listen(port), listen(inner)
    late: collections.deque[tuple[float, bytes]] = collections.deque()
    # Last, since until we read nothing comes through.
    ip("link", "set", port, "nomaster", "promisc", "on")
    print("ready", flush=True)
    while True:
        wait = max(0.0, late[0][0] - time.monotonic()) if late else None
        for source in select.select([machine, network], [], [], wait)[0]:
            frame, (_, _, kind, *_) = source.recvfrom(LARGEST)
            if kind == OUTGOING:
                continue
            if source is machine:
                late.append((time.monotonic() + delay, frame))
            else:
                send(machine, frame)
        while late and late[0][0] <= time.monotonic():
            send(network, late.popleft()[1])


def send(target: socket.socket, frame: bytes) -> None:
    try:
        target.send(frame)
    except OSError as error:
        print(f"{len(frame)} bytes: {error}", file=sys.stderr, flush=True)


main(*sys.argv[1:])
