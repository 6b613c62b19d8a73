"""Blocks new connections to an address for a moment, by nftables, in a way that undoes itself."""

from __future__ import annotations

import os

from ocfpy.process import SEARCH_PATH, run_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocfpy import Invocation
    from vip_client_reset.address import Address
    from vip_client_reset.parameters import ResetParameters

# How long the block lasts, in seconds: from the reset of the clients until the address is gone takes 0.1 s on a quiet
# machine. After that the kernel does not match the element any more, whatever has become of this process.
BLOCK_SECONDS = 3

# A table for each resource, replaced as a whole in one transaction, so that there is never half of it. What is dropped
# is the first packet of a connection: the client's kernel repeats it after 1 s, when the address is on its new node.
BLOCK = """\
table inet {table}
delete table inet {table}
table inet {table} {{
    set leaving {{ type {kind}; flags timeout; elements = {{ {address} timeout {seconds}s }}; }}
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

# Deletes the table when its block has expired, unless another stop has put a new one into it. A shell of the system,
# since it lives longer than this agent.
CLEAN_UP = """\
sleep {seconds}
nft list set inet {table} leaving | grep -q elements || exec nft delete table inet {table}
"""


class FirewallError(Exception):
    """nftables did not do it; the text is its message."""


class Firewall:
    """The block of one resource; no call takes longer than `seconds`."""

    def __init__(self, invocation: Invocation[ResetParameters], seconds: float) -> None:
        self._table = "vip_client_reset-" + "".join(map(_escape, invocation.resource))
        self._environ = invocation.environ
        self._seconds = seconds

    def block(self, address: Address, ports: tuple[int, ...] | None) -> None:
        """Drop the first packets of new connections to the address from now on, for BLOCK_SECONDS."""
        self._clean_up_later()
        family, kind = KINDS[len(address.packed)]
        self._run(
            BLOCK.format(
                table=self._table,
                family=family,
                kind=kind,
                address=address.text,
                seconds=BLOCK_SECONDS,
                ports=f"tcp dport {{ {', '.join(map(str, ports))} }} " if ports else "",
            )
        )

    def unblock(self) -> None:
        """Let all connections through, whether there is a block or not."""
        self._run(REMOVE.format(table=self._table))

    def check(self) -> None:
        """Raise FirewallError unless nftables would do it; change nothing."""
        self._run(REMOVE.format(table=self._table), "--check")

    def _clean_up_later(self) -> None:
        """Leave a process behind that deletes the table; it holds no file of this agent, for which Pacemaker waits."""
        script = CLEAN_UP.format(seconds=BLOCK_SECONDS + 1, table=self._table)
        null = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
        os.posix_spawn("/bin/sh", ["sh", "-c", script], {"PATH": SEARCH_PATH}, file_actions=null, setsid=True)

    def _run(self, rules: str, *options: str) -> None:
        with open(os.memfd_create("rules"), "w+", encoding="ascii") as file:
            file.write(rules)
            file.seek(0)
            try:
                # In the group of the action: one that outlived a killed action could block a client later.
                command = ("nft", *options, "-f", "-")
                code, output = run_command(command, self._environ, self._seconds, file.fileno(), with_stderr=True)
            except OSError as error:
                raise FirewallError(f"nft: {error}") from error
        if code is None:
            raise FirewallError(f"nft: no answer within {self._seconds:g}s")
        if code:
            raise FirewallError(f"nft: {output.strip() or f'exit code {code}'}")


def _escape(character: str) -> str:
    """Return a character as nftables takes it in a name; two names that differ stay different."""
    return character if character.isascii() and character.isalnum() else f"_{ord(character):x}_"
