"""Measures what the look at the clients' network costs: CPU of watchers and monitors, and frames on the wire."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from laboratory import network, pacemaker
from laboratory.pacemaker import GUARD_NAME, VIP
from laboratory.scene import wait_normal

if TYPE_CHECKING:
    from laboratory.laboratory import Laboratory
    from laboratory.machine import Machine

SECONDS = 60
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """Of the three nodes together, in each second of quiet: milliseconds of CPU, and ARP frames that they send."""

    watchers: float
    monitors: float
    frames: float


def measure(laboratory: Laboratory) -> dict[str, Cost]:
    """Return what a second costs with the guard's parameter vip and without it."""
    node = laboratory.nodes[0]
    costs = {}
    network.count_arp_frames(laboratory.nodes)
    for title, value in (("with `vip`", VIP), ("without", "")):
        pacemaker.pcs(node, "resource", "update", GUARD_NAME, f"vip={value}")
        time.sleep(5)
        wait_normal(laboratory)
        before = _read(laboratory)
        time.sleep(SECONDS)
        after = _read(laboratory)
        costs[title] = Cost(*((late - early) / SECONDS for early, late in zip(before, after, strict=True)))
    return costs


def table(costs: dict[str, Cost]) -> str:
    """Return the costs as lines of a page."""
    lines = [
        f"| {title} | {cost.watchers:.1f} ms | {cost.monitors:.1f} ms | {cost.frames:.1f} |"
        for title, cost in costs.items()
    ]
    head = (
        "| of three nodes, in each second | CPU of watchers | CPU of all monitors | ARP frames |\n|---|---|---|---|\n"
    )
    return head + "\n".join(lines) + "\n"


def _read(laboratory: Laboratory) -> tuple[float, float, float]:
    nodes = laboratory.nodes
    watchers = sum(_milliseconds(node, "galera_sync_guard watch", 13, 14) for node in nodes)
    # The executor's ended children are the monitors.
    monitors = sum(_milliseconds(node, "pacemaker-execd", 15, 16) for node in nodes)
    return watchers, monitors, float(network.arp_frames(nodes))


def _milliseconds(node: Machine, program: str, *fields: int) -> float:
    """Return the CPU of a program on a node, by fields of /proc/PID/stat counted from zero."""
    pid = node.run(["pgrep", "--full", "--oldest", program]).stdout.strip()
    words = node.run(["cat", f"/proc/{pid}/stat"]).stdout.rpartition(")")[2].split()
    return sum(int(words[field - 2]) for field in fields) * 1000 / TICKS
