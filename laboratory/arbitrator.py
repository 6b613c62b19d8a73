"""A third machine for two nodes, without data: it votes in Galera (garbd) and in Corosync (corosync-qnetd)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from laboratory import mariadb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from laboratory.machine import Machine

NAME = "arbitrator"
HOST = 20  # the last part of its address
GARBD, QNETD = "garb", "corosync-qnetd"
# How a node asks for its vote: of two halves one is quorate. Corosync and it trust the laboratory's network.
DEVICE = """\
    device {{
        model: net
        votes: 1
        net {{
            host: {address}
            algorithm: ffsplit
            tls: off
        }}
    }}
"""


def configure(machine: Machine, nodes: Iterable[Machine], provider_options: Mapping[str, str] | None = None) -> None:
    """Tell garbd of the nodes, with Galera's options as they have them; and both programs what to trust."""
    peers = " ".join(f"{node.cluster_address}:{mariadb.PORTS[0]}" for node in nodes)
    options = "; ".join(f"{name}={value}" for name, value in (provider_options or {}).items())
    machine.write(
        "/etc/default/garb",
        f'GALERA_NODES="{peers}"\nGALERA_GROUP="{mariadb.OPTIONS["wsrep_cluster_name"]}"\nGALERA_OPTIONS="{options}"\n',
    )
    machine.write("/etc/default/corosync-qnetd", 'COROSYNC_QNETD_OPTIONS="-s off"\n')


def start(machine: Machine, *units: str) -> None:
    """Start garbd and the quorum device's host, or one of them."""
    machine.run(["systemctl", "start", *(units or (GARBD, QNETD))])


def has_garbd(machine: Machine) -> bool:
    """Tell whether garbd runs, which then is a member of Galera's cluster."""
    return machine.running and machine.run(["pidof", "garbd"], check=False).returncode == 0


def use(node: Machine) -> None:
    """Let a node's Pacemaker take the quorum device with it when it starts."""
    node.run(["systemctl", "add-wants", "--quiet", "pacemaker.service", "corosync-qdevice.service"])
