"""Faults of the clients' network: cables, ports and frames of the switch, and its gateway."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from laboratory.ground import BRIDGE, CLUSTER_BRIDGE, GATEWAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from laboratory.ground import Ground
    from laboratory.machine import Machine

LOSS = """
table bridge loss
delete table bridge loss
table bridge loss {
  chain in { type filter hook prerouting priority 0; %(sent)s }
  chain out { type filter hook postrouting priority 0; %(received)s }
}
"""


FRAMES = """
table bridge frames
delete table bridge frames
table bridge frames {
  chain in { type filter hook prerouting priority 0; %s }
}
"""


def add_gateway(ground: Ground) -> None:
    """Make the cluster's bridge, and a gateway on the clients' one: a host that answers, and forwards nothing."""
    # A port that is off its bridge must not answer for the gateway.
    ground.in_network("sh", "-c", "echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore")
    ground.in_network("ip", "link", "add", CLUSTER_BRIDGE, "up", "type", "bridge")
    start_gateway(ground)


def start_gateway(ground: Ground) -> None:
    """Have the gateway answer."""
    ground.in_network("ip", "address", "add", f"{GATEWAY}/24", "dev", BRIDGE)


def stop_gateway(ground: Ground) -> None:
    """Have it answer no more."""
    ground.in_network("ip", "address", "del", f"{GATEWAY}/24", "dev", BRIDGE)


def use_gateway(machine: Machine) -> None:
    """Make it the machine's default route."""
    machine.run(["ip", "route", "replace", "default", "via", GATEWAY])


def pull_cable(machine: Machine) -> None:
    """Take the carrier from the machine's interface to the clients."""
    machine.ground.in_network("ip", "link", "set", machine.name, "down")


def put_cable_back(machine: Machine) -> None:
    """Give it back."""
    machine.ground.in_network("ip", "link", "set", machine.name, "up")


def flap(machines: Iterable[Machine], seconds: float) -> None:
    """Pull the cables of the machines at once, and put them back after so many seconds."""
    machines = list(machines)
    for machine in machines:
        pull_cable(machine)
    time.sleep(seconds)
    for machine in machines:
        put_cable_back(machine)


def close_port(machine: Machine) -> None:
    """Drop every frame between the machine and the clients' network, with the carrier up."""
    machine.ground.unplug(machine.name)


def open_port(machine: Machine) -> None:
    """Pass them again."""
    machine.ground.plug(machine.name)


def stop_switch(ground: Ground) -> None:
    """Drop every frame of the clients' network."""
    ground.in_network("ip", "link", "set", BRIDGE, "down")


def start_switch(ground: Ground) -> None:
    """Pass them again."""
    ground.in_network("ip", "link", "set", BRIDGE, "up")


def lose(machine: Machine, *, sent: int = 0, received: int = 0) -> None:
    """Drop so many percent of the frames that the machine sends to the clients' network, or receives from there."""
    rules = {
        "sent": f'iifname "{machine.name}" numgen random mod 100 <= {sent - 1} drop;' if sent else "",
        "received": f'oifname "{machine.name}" numgen random mod 100 <= {received - 1} drop;' if received else "",
    }
    machine.ground.in_network("nft", "-f", "-", rules=LOSS % rules)


def lose_nothing(machine: Machine) -> None:
    """Drop no more frames."""
    lose(machine)


def hardware_address(machine: Machine) -> str:
    """Return the hardware address of the machine's interface to the clients."""
    return machine.shell("cat /sys/class/net/eth0/address").strip()


def neighbour(machine: Machine, address: str) -> str | None:
    """Return the hardware address that the machine's neighbour table has for an address, None without one."""
    words = machine.run(["ip", "neigh", "show", address, "dev", "eth0"]).stdout.split()
    return words[words.index("lladdr") + 1] if "lladdr" in words else None


def count_arp_frames(machines: Sequence[Machine]) -> None:
    """Count the ARP frames that the machines send to the clients' network from now on."""
    rules = " ".join(f'iifname "{machine.name}" ether type arp counter;' for machine in machines)
    machines[0].ground.in_network("nft", "-f", "-", rules=FRAMES % rules)


def arp_frames(machines: Sequence[Machine]) -> int:
    """Return how many have been counted."""
    chain = json.loads(machines[0].ground.in_network("nft", "-j", "list", "chain", "bridge", "frames", "in"))
    rules = [entry["rule"]["expr"] for entry in chain["nftables"] if "rule" in entry]
    return sum(part["counter"]["packets"] for rule in rules for part in rule if "counter" in part)


def rename(machine: Machine, name: str, new: str) -> None:
    """Rename an interface of the machine, which is down for that time."""
    machine.shell(f"ip link set {name} down; ip link set {name} name {new}; ip link set {new} up")


def delete(machine: Machine) -> None:
    """Delete the machine's interface to the clients, and its port."""
    machine.run(["ip", "link", "del", "eth0"])


def make_again(machine: Machine) -> None:
    """Give the machine a new interface to the clients."""
    machine.ground.connect(machine.name, machine.pid, f"{machine.address}/24")
    use_gateway(machine)
