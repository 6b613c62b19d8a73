"""Holds off new connections to an address for a moment, by nftables, in a way that undoes itself."""

import os

from ocfpy.process import run
from vip_client_reset.tools import environment

# How long the block lasts, in seconds: from the reset of the clients until the address is gone takes 0.1 s on a quiet
# machine. Afterwards the kernel does not match the element any more, whatever has become of us.
LASTS = 3

# A table of our own, replaced as a whole in one transaction, so that there is never half of it. What is dropped is the
# first packet of a connection: the client's kernel repeats it after 1 s, when the address is on its new node.
BLOCK = """\
table inet {table}
delete table inet {table}
table inet {table} {{
    set leaving {{ type {kind}; flags timeout; elements = {{ {address} timeout {lasts}s }}; }}
    chain input {{
        type filter hook input priority -200; policy accept;
        {family} daddr @leaving tcp flags & (syn | ack) == syn {ports}drop
    }}
}}
"""
REMOVE = """\
table inet {table}
delete table inet {table}
"""
KINDS = {4: ("ip", "ipv4_addr"), 16: ("ip6", "ipv6_addr")}


class BlockError(Exception):
    """nftables did not do it; the text is what it said."""


class Block:
    """The block of one resource; every call takes `patience` seconds at most."""

    def __init__(self, invocation, patience):
        self._table = "vip_client_reset-" + "".join(
            character if character.isascii() and character.isalnum() else "_" for character in invocation.resource
        )
        self._environ = environment(invocation)
        self._patience = patience

    def put(self, address, ports):
        """Drop the first packets of new connections to the address from now on, for LASTS seconds."""
        family, kind = KINDS[len(address.packed)]
        self._run(
            BLOCK.format(
                table=self._table,
                family=family,
                kind=kind,
                address=address.text,
                lasts=LASTS,
                ports=f"tcp dport {{ {', '.join(map(str, ports))} }} " if ports else "",
            )
        )

    def remove(self):
        """Let all connections through, whether there is a block or not."""
        self._run(REMOVE.format(table=self._table))

    def check(self):
        """Raise BlockError unless nftables would do it; changes nothing."""
        self._run(REMOVE.format(table=self._table), "--check")

    def _run(self, rules, *options):
        with open(os.memfd_create("rules"), "w+", encoding="ascii") as file:
            file.write(rules)
            file.seek(0)
            try:
                code, said = run(
                    ("nft", *options, "-f", "-"), self._environ, self._patience, file.fileno(), complaints=True
                )
            except OSError as error:
                raise BlockError(f"nft: {error}") from error
        if code is None:
            raise BlockError(f"nft: no answer within {self._patience:g}s")
        if code:
            raise BlockError(f"nft: {said.strip() or f'exit code {code}'}")
