"""A power switch: hands each request from the network to the host on stdout, and the host's answer on stdin back.

usage: switch.py PORT
"""

from __future__ import annotations

import contextlib
import socket
import sys


def main(port: str) -> None:
    with socket.create_server(("", int(port)), backlog=20) as server:
        print("ready", flush=True)
        while True:
            connection, _ = server.accept()
            # A machine may lose its power, or its network, while it asks.
            with connection, contextlib.suppress(OSError):
                connection.settimeout(2)
                with connection.makefile("rw") as lines:
                    request = lines.readline().strip()
                    if request:
                        print(request, flush=True)
                        print(sys.stdin.readline().strip(), file=lines, flush=True)


main(sys.argv[1])
