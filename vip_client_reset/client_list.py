"""Leaves the list of this node's clients with its peers, so that one of them can free them if this node dies.

In private node attributes that this node sets on behalf of each peer: those that it set for itself, attrd would drop
with the node. They are not in the cluster's configuration and make Pacemaker calculate nothing.
"""

import binascii
import socket
import struct

from ocfpy.process import run
from vip_client_reset.tools import environment

CLIENT = struct.Struct("!HH")  # local port, remote port; the remote address follows
# 22 bytes of IPv6, four thirds of it: far below what one argument of a command and one message of attrd may have.
AT_MOST = 3000


def encode(clients):
    """Return clients, as (local port, remote port, remote address), as one word."""
    packed = b"".join(CLIENT.pack(*ports) + remote for *ports, remote in clients[:AT_MOST])
    return binascii.b2a_base64(packed, newline=False).decode()


def decode(word, family):
    """Return the clients that a word means; ValueError when it is none for addresses of that family."""
    packed = binascii.a2b_base64(word)
    length = 4 if family == socket.AF_INET else 16
    return [
        (local_port, remote_port, remote)
        for local_port, remote_port, remote in struct.iter_unpack(f"!HH{length}s", packed)
    ]


class Heirs:
    """The peers of this node and what they keep of one resource; no command takes longer than `patience` seconds."""

    def __init__(self, invocation, patience):
        self._attribute = invocation.resource + "-clients"
        self._node = invocation.environ.get("OCF_RESKEY_CRM_meta_on_node")
        self._environ = environment(invocation)
        self._patience = patience

    def leave(self, clients):
        """Leave the list with every peer that is online, and tell whether each has it; outside a cluster with nobody."""
        if not self._node:
            return True
        nodes = self._run("crm_node", "--partition")
        if nodes is None:
            return False
        word = encode(clients)
        return all(
            self._run("attrd_updater", "-p", "-n", self._attribute, "-N", peer, "-U", word) is not None
            for peer in set(nodes.split()) - {self._node}
        )

    def find(self, family):
        """Return the clients that another node has left with this one, none when there is no list."""
        output = self._run("attrd_updater", "-Q", "-n", self._attribute, "-N", self._node) if self._node else None
        for line in (output or "").splitlines():
            fields = dict(field.partition("=")[::2] for field in line.split())
            if fields.get("host") == f'"{self._node}"':
                try:
                    return decode(fields.get("value", "").strip('"'), family)
                except (ValueError, struct.error):
                    return []  # of another address, before ip was changed
        return []

    def _run(self, *command):
        """Return what a command prints, None when it fails or is late."""
        try:
            code, output = run(command, self._environ, self._patience)
        except OSError:
            return None
        return output if code == 0 else None
