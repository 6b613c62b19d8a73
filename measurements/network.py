"""Compares what moves the address off a node that clients cannot reach, on real nodes: `make network`."""

from __future__ import annotations

import argparse
import datetime
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from laboratory import faults, network, pacemaker, recipe
from laboratory.ground import GATEWAY
from laboratory.laboratory import Laboratory
from laboratory.machine import wait_until
from laboratory.scene import Scene, wait_normal
from measurements import network_cost

if TYPE_CHECKING:
    from collections.abc import Callable

    from laboratory.faults import Action

PAGE = Path(__file__).parent.parent / "docs" / "dev" / "network.md"
# For so long an address is watched that should move, and one that should stay, in seconds.
PATIENCE = 30.0
STAYS = 15.0
# For so long all has been well before the next fault, in seconds.
QUIET = 5.0


@dataclass(frozen=True)
class Trouble:
    """What happens to the network of the address's node or of all, and whether the address should move."""

    title: str
    strike: Action
    heal: Action
    moves: bool = True


@dataclass(frozen=True)
class Seen:
    """When the address was on another node, and how long nowhere, in seconds; how often it moved, with the heal."""

    elsewhere: float | None
    nowhere: float
    moves: int


TROUBLES = (
    Trouble("cable out", faults.FAULTS["cable"].strike, faults.FAULTS["cable"].heal),
    Trouble("switch port drops all", faults.FAULTS["port"].strike, faults.FAULTS["port"].heal),
    Trouble(
        "gateway dead for all",
        lambda laboratory, _: network.stop_gateway(laboratory.nodes[0].ground),
        lambda laboratory, _: network.start_gateway(laboratory.nodes[0].ground),
        moves=False,
    ),
)


def ethmonitor_and_ping() -> list[str]:
    """Return the recipe with Debian's two agents for the clients' network in place of the guard's own look at it.

    Counts and intervals are the smallest that they allow.
    """
    lines = [line.replace(f" vip={pacemaker.VIP}", "") for line in recipe.commands("score")]
    rule = f"pcs constraint location {pacemaker.VIP_NAME} rule score=-INFINITY"
    return [
        *lines,
        "pcs resource create link ocf:heartbeat:ethmonitor interface=eth0 name=link repeat_count=1 repeat_interval=1"
        " link_status_only=true op monitor interval=1s timeout=10s clone interleave=true",
        f"pcs resource create reach ocf:pacemaker:ping host_list={GATEWAY} name=reach attempts=1 timeout=1 dampen=1s"
        " op monitor interval=1s timeout=10s clone interleave=true",
        f"{rule} link lt 1 or not_defined link",
        f"{rule} reach lt 1 or not_defined reach",
    ]


COLUMNS: dict[str, Callable[[], list[str]]] = {
    "galera_sync_guard": lambda: recipe.commands("score"),
    "ethmonitor and ping": ethmonitor_and_ping,
}


def measure(laboratory: Laboratory, trouble: Trouble) -> Seen:
    """Bring a trouble about on the address's node, heal it, and return what happened to the address."""
    wait_normal(laboratory)
    time.sleep(QUIET)
    wait_normal(laboratory)
    with Scene(laboratory) as scene:
        scene.begin()
        trouble.strike(laboratory, scene.holder)
        elsewhere = None
        try:
            others = [node.name for node in laboratory.peers(scene.holder)]
            wait_until(
                lambda: scene.address.holders() & set(others), PATIENCE if trouble.moves else STAYS, "a move", 0.02
            )
            arrived = next(
                event
                for event in scene.address.events
                if event.up and event.time > scene.struck_at and event.node in others
            )
            elsewhere = arrived.time - scene.struck_at
        except TimeoutError:
            pass
        nowhere = scene.address.absence(scene.struck_at)
        trouble.heal(laboratory, scene.holder)
        time.sleep(QUIET)
        wait_until(lambda: len(scene.address.holders()) == 1, PATIENCE, "the address is on one node")
        return Seen(elsewhere, nowhere, scene.moves())


def row(trouble: Trouble, runs: dict[str, list[Seen]]) -> str:
    """Return a trouble's line of the table."""
    cells = [trouble.title]
    for seen in runs.values():
        found = [each.elsewhere for each in seen if each.elsewhere is not None]
        cells.append(f"{statistics.median(found):.2f} s" if len(found) * 2 > len(seen) else "stays")
        cells.append(f"{statistics.median(each.nowhere for each in seen):.2f} s")
        cells.append(" ".join(str(each.moves) for each in seen))
    return f"| {' | '.join(cells)} |\n"


def page(count: int, rows: list[str], costs: str) -> str:
    """Return the page with these lines of the table, and the table of costs."""
    titles = [f"{title}: elsewhere after | nowhere for | moves of each run" for title in COLUMNS]
    return (
        "# The clients' network\n\n"
        f"Medians of {count} runs of `make network` on {datetime.date.today()}, three Debian 12 nodes on one machine,"
        " the recipe for mode=score with the recommended timers.\n\n"
        f"| on the address's node | {' | '.join(titles)} |\n|{'---|' * (1 + 3 * len(COLUMNS))}\n{''.join(rows)}\n"
        "The second way takes `vip` out of the guard's parameters, and adds two clones with location rules."
        " `ocf:heartbeat:ethmonitor` has repeat_count=1, repeat_interval=1 and link_status_only."
        " `ocf:pacemaker:ping` asks the gateway with attempts=1, timeout=1 and dampen=1s."
        " Each has a monitor every second.\n\n"
        "## Cost\n\n"
        f"The first recipe in {network_cost.SECONDS} s of quiet, with the guard's parameter `vip` and without it."
        " A monitor asks the watcher, which alone looks at the network.\n\n"
        f"{costs}"
    )


def main() -> int:
    """Measure all in two laboratories, one after the other, and write the page."""
    parser = argparse.ArgumentParser(prog="python3 -m measurements.network", description=__doc__)
    parser.add_argument("deb", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    runs: dict[str, dict[str, list[Seen]]] = {trouble.title: {} for trouble in TROUBLES}
    costs = ""
    totem, provider_options = recipe.timers()
    for title, commands in COLUMNS.items():
        with Laboratory().up(
            deb=args.deb,
            two_networks=True,
            mariadb_options=recipe.OPTIONS,
            totem=totem,
            provider_options=provider_options,
        ) as laboratory:
            for node in laboratory.nodes:
                # ethmonitor does not start without it, and does not call it with link_status_only.
                node.write("/usr/local/sbin/arping", "#!/bin/sh\nexit 1\n", 0o755)
            recipe.apply(laboratory.nodes[0], commands())
            for trouble in TROUBLES:
                runs[trouble.title][title] = [measure(laboratory, trouble) for _ in range(args.runs)]
                print(title, trouble.title, *runs[trouble.title][title], sep="\n  ", flush=True)
            costs = costs or network_cost.table(network_cost.measure(laboratory))
    PAGE.write_text(
        page(args.runs, [row(trouble, runs[trouble.title]) for trouble in TROUBLES], costs), encoding="utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
