"""Leaves the list of this node's clients with its peers, so that one of them can free them if this node dies.

The list is in private node attributes that this node sets on behalf of each peer: attrd drops the attributes that a
node has set for itself together with the node. Private ones are not in the CIB, and Pacemaker calculates nothing.
"""

from __future__ import annotations

import binascii
import socket
import struct

from ocfpy.process import run_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from ocfpy import Invocation
    from vip_client_reset.parameters import ResetParameters

    # local port, remote port, remote address in network order
    Client: TypeAlias = tuple[int, int, bytes]

PORTS = struct.Struct("!HH")  # of one client; the remote address follows
# 22 bytes of IPv6, four thirds of it: far below what one argument of a command and one message of attrd may have.
MAX_CLIENTS = 3000


def encode(clients: Sequence[Client]) -> str:
    """Return clients as one word."""
    packed = b"".join(PORTS.pack(local, remote) + address for local, remote, address in clients[:MAX_CLIENTS])
    return binascii.b2a_base64(packed, newline=False).decode()


def decode(word: str, family: socket.AddressFamily) -> list[Client]:
    """Return the clients that a word means; ValueError or struct.error when it has no addresses of that family."""
    packed = binascii.a2b_base64(word)
    length = 4 if family == socket.AF_INET else 16
    return [
        (local_port, remote_port, remote)
        for local_port, remote_port, remote in struct.iter_unpack(f"!HH{length}s", packed)
    ]


class ClientList:
    """The list of one resource with the peers of this node; no command takes longer than `seconds`."""

    def __init__(self, invocation: Invocation[ResetParameters], seconds: float) -> None:
        self._attribute = invocation.resource + "-clients"
        self._node = invocation.node
        self._environ = invocation.environ
        self._seconds = seconds

    def store_on_peers(self, clients: Sequence[Client]) -> bool:
        """Store the list on every peer that is online; return whether each has it (no peer: True)."""
        if not self._node:
            return True
        nodes = self._run("crm_node", "--partition")
        if nodes is None:
            return False
        word = encode(clients)
        stored = [
            self._run("attrd_updater", "-p", "-n", self._attribute, "-N", peer, "-U", word) is not None
            for peer in set(nodes.split()) - {self._node}
        ]
        return all(stored)

    def load(self, family: socket.AddressFamily) -> list[Client]:
        """Return the clients that another node has stored on this one, none when there is no list."""
        if not self._node:
            return []
        output = self._run("attrd_updater", "-Q", "-n", self._attribute, "-N", self._node)
        for line in (output or "").splitlines():
            fields = dict(field.partition("=")[::2] for field in line.split())
            if fields.get("host") == f'"{self._node}"':
                try:
                    return decode(fields.get("value", "").strip('"'), family)
                except (ValueError, struct.error):
                    return []  # of another address, before ip was changed
        return []

    def _run(self, *command: str) -> str | None:
        """Return what a command prints, None when it fails or is late."""
        try:
            code, output = run_command(command, self._environ, self._seconds)
        except OSError:
            return None
        return output if code == 0 else None
