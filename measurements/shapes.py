"""Measures faults on clusters of other shapes than three nodes in one network, and writes the page: `make shapes`."""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from laboratory import recipe
from laboratory.laboratory import Laboratory
from laboratory.scene import Scene, wait_normal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PAGE = Path(__file__).parent.parent / "docs" / "dev" / "shapes.md"
FAULTS = ("kill-9", "power-off", "partition", "desync", "saturate")
# A saturation is a reason to move after ten seconds; a quorum device may take as long.
PATIENCE = 90.0
HEADER = ("shape", "fault", "address elsewhere", "longest time without a write", "moves", "lost writes")


@dataclass(frozen=True)
class Shape:
    """A cluster's shape: the options of Laboratory.up."""

    title: str
    options: Mapping[str, Any] = field(default_factory=dict)


SHAPES = {
    "arbitrated": Shape("two nodes, garbd and a quorum device", {"nodes": 2, "with_arbitrator": True}),
}


@dataclass(frozen=True)
class Seen:
    """What a fault did: seconds until the address was on another node, and the longest time without a write."""

    elsewhere: float
    outage: float
    moves: int
    lost: int


def measure(laboratory: Laboratory, fault: str) -> Seen:
    """Bring a fault about on the address's node, and heal it when the address has moved."""
    with Scene(laboratory) as scene:
        scene.strike(fault)
        there = scene.wait_moved(PATIENCE)
        elsewhere = scene.address.wait_up(scene.struck_at, there.name).time - scene.struck_at
        scene.heal(fault)
        wait_normal(laboratory)
        scene.writes.stop()
        lost: set[int] = set().union(*scene.writes.missing().values())
        return Seen(elsewhere, scene.outage(), scene.moves(), len(lost))


def page(rows: Iterable[tuple[str, str, Seen]]) -> str:
    """Return the page with these lines of the table."""
    lines = [
        f"| {shape} | {fault} | {seen.elsewhere:.1f} s | {seen.outage:.1f} s | {seen.moves} | {seen.lost} |\n"
        for shape, fault, seen in rows
    ]
    return (
        "<!-- Written by `make shapes`: do not edit. -->\n# Other shapes\n\n"
        f"One run each on {datetime.date.today()}, Debian 12 nodes on one machine, the recipe for mode=score with the"
        " recommended timers. The fault is on the address's node. Load average at the end:"
        f" {os.getloadavg()[0]:.0f}.\n\n"
        f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}\n{''.join(lines)}"
    )


def main() -> int:
    """Measure all, a laboratory for each shape, and write the page."""
    parser = argparse.ArgumentParser(prog="make shapes", description=__doc__)
    parser.add_argument("deb", type=Path, help="the package")
    args = parser.parse_args()
    rows: list[tuple[str, str, Seen]] = []
    totem, provider_options = recipe.timers()
    for shape in SHAPES.values():
        with Laboratory().up(
            deb=args.deb,
            mariadb_options=recipe.OPTIONS,
            totem=totem,
            provider_options=provider_options,
            **shape.options,
        ) as laboratory:
            recipe.apply(laboratory.nodes[0], recipe.commands("score"))
            wait_normal(laboratory)
            for fault in FAULTS:
                rows.append((shape.title, fault, measure(laboratory, fault)))
                print(*rows[-1], flush=True)
    PAGE.write_text(page(rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
