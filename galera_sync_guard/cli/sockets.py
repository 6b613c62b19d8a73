"""The sockets that listen on this machine, as the kernel has them; judges nothing."""

from __future__ import annotations

import ipaddress

from galera_sync_guard.cli.exit_codes import CommandError
from galera_sync_guard.cli.host import Host

# What `ss` shows for a socket that takes clients of IPv4 and of IPv6.
BOTH_FAMILIES = "*"
EVERY_ADDRESS = {4: "0.0.0.0", 6: "::"}


def listening(host: Host, port: str) -> list[str]:
    """Return the addresses on which sockets listen for a TCP port; CommandError when `ss` gives no answer."""
    done = host.run("ss", "--no-header", "--tcp", "--listening", "--numeric", f"sport = :{port}")
    if done.returncode:
        raise CommandError(f"ss: {(done.stderr.strip() or 'no answer').splitlines()[0]}")
    local = [line.split()[3] for line in done.stdout.splitlines() if len(line.split()) > 3]
    return [text.rpartition(":")[0].partition("%")[0].strip("[]") for text in local]


def accepts(addresses: list[str], wanted: str) -> bool:
    """Return whether one of these sockets takes clients of an address; True for a text that is not one."""
    try:
        address = ipaddress.ip_address(wanted)
    except ValueError:
        return True
    return any(
        each in (BOTH_FAMILIES, EVERY_ADDRESS[address.version]) or ipaddress.ip_address(each) == address
        for each in addresses
    )
