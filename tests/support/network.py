"""A network namespace of a test's own, with addresses, listeners and clients, and not one packet of the host's."""

import ctypes
import os
import socket
import subprocess

CLONE_NEWNET = 0x40000000
ESTABLISHED = 1
# linux/tcp.h
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
REPAIR_ON, REPAIR_OFF_SILENTLY = 1, -1
RECEIVED, SENT = 1, 2
LIBC = ctypes.CDLL(None, use_errno=True)


class Network:
    """A context manager: this thread, and what it starts, is in a network of its own that ends with it."""

    def __init__(self, *addresses):
        self._addresses = addresses
        self._opened = []

    def __enter__(self):
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        if LIBC.unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        for address in self._addresses:
            self.add(address)
        return self

    def __exit__(self, *exception):
        for each in self._opened:
            each.close()
        LIBC.setns(self._home, CLONE_NEWNET)
        os.close(self._home)

    def add(self, address):
        """Give the host an address."""
        subprocess.run(
            ["ip", "address", "add", address, "dev", "lo", *(["nodad"] if ":" in address else [])], check=True
        )

    def remove(self, address):
        """Take an address away again."""
        prefix = "128" if ":" in address else "32"
        subprocess.run(["ip", "address", "del", f"{address}/{prefix}", "dev", "lo"], check=True)

    def listen(self, port, address="::"):
        """Listen on a port of all addresses (with one socket for IPv4 and IPv6) or of one."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        server = socket.create_server((address, port), family=family, dualstack_ipv6=address == "::", backlog=4000)
        self._opened.append(server)
        return server

    def connect(self, address, port, source=None, timeout=10):
        """Return a client's connection, from another address of the host if one is given."""
        client = socket.create_connection((address, port), timeout=timeout, source_address=source and (source, 0))
        self._opened.append(client)
        return client

    def connection_elsewhere(self, source, target):
        """Return a client's connection that no server in this network has, as if another node had accepted it."""
        client = socket.socket()
        self._opened.append(client)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind(source)
        client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_ON)
        for queue in (RECEIVED, SENT):
            client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
            client.setsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, 1_000_000)
        client.connect(target)
        client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_OFF_SILENTLY)
        return client


def lives(connection):
    """Return whether a client's connection is established, as its own kernel knows it."""
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED
