"""One run: one fault on a running cluster, and all that was seen of it, as plain data in seconds since the fault."""

from __future__ import annotations

import calendar
import math
import os
import re
import time
from typing import TYPE_CHECKING

from laboratory import pacemaker
from laboratory.machine import wait_until
from laboratory.probes import Probe
from laboratory.scene import Scene, wait_normal
from measurements.faults.plan import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from laboratory.laboratory import Laboratory
    from laboratory.probes import AddressEvent, Attempt
    from measurements.faults.figures import Run
    from measurements.faults.plan import Fault

# What a full server says to a client.
REFUSED = 1040
# For so long one looks on after clients work again, in seconds.
TAIL = 1.0
STAMP = re.compile(r"(\w{3} +\d+ [\d:]{8})(\.\d{3}) ")
TELLERS = {
    "score": re.compile(rf"Setting {pacemaker.GUARD_NAME}\[(\w+)\]: \S+ -> (\S+)"),
    "state": re.compile(rf"Setting {pacemaker.GUARD_NAME}-state\[(\w+)\]: \S+ -> (\S+)"),
    "pacemaker": re.compile(rf"Initiating (\w+) operation {pacemaker.VIP_NAME}_(?:stop|start)_0 (?:locally )?on (\w+)"),
}


def run(laboratory: Laboratory, name: str, fault: Fault, guarded: bool) -> Run:
    """Bring a fault about, wait until clients work again elsewhere or patience ends, heal, and return what was seen."""
    load = os.getloadavg()[0]
    with Scene(laboratory) as scene, Probe(laboratory, "read", interval=0.04, workers=5) as reads:
        reads.wait_acknowledged(0)
        scene.strike(name)
        if name == "saturate":  # it takes a moment; from the first client on that was refused it is true
            scene.struck_at = wait_until(lambda: _refused(scene), 10, "a client was refused", 0.02).ended
        arrived = _wait(scene, reads, PATIENCE if guarded else fault.stays)
        start, healed, clock = scene.struck_at, time.monotonic(), time.time() - time.monotonic()
        nowhere = scene.address.absence(start)
        scene.heal(name)
        wait_normal(laboratory, guarded=guarded)
        scene.writes.stop()
        reads.stop()
        path = scene.path()
        return {
            "load": load,
            "path": path,
            "vip": arrived.time - start if arrived else None,
            "writers": back(scene.writes, start, arrived, healed),
            "readers": back(reads, start, arrived, healed),
            "nowhere": nowhere,
            "moves": len(path) - 1,
            "lost": len(set().union(*scene.writes.missing().values())),
            "healed": healed - start,
            "address": [
                (event.time - start, event.node, event.up) for event in scene.address.events if event.time < healed
            ],
            "writes": _gaps(scene.writes, start, healed),
            "reads": _gaps(reads, start, healed),
            "told": _told(laboratory, clock + start, clock + healed),
        }


def _refused(scene: Scene) -> Attempt | None:
    return next(
        (attempt for attempt in scene.writes.attempts if attempt.errno == REFUSED and attempt.ended > scene.struck_at),
        None,
    )


def _wait(scene: Scene, reads: Probe, patience: float) -> AddressEvent | None:
    """Return the VIP's arrival on another node once clients work there, None when there was none in time."""
    try:
        there = scene.wait_moved(patience)
    except TimeoutError:
        return None
    arrived = scene.address.wait_up(scene.struck_at, there.name)
    reads.wait_acknowledged(arrived.time, host=there.name)
    time.sleep(TAIL)
    return arrived


def back(probe: Probe, start: float, arrived: AddressEvent | None, healed: float) -> float | None:
    """Return when clients worked again: after a move on the new node; else 0 if they did at the end, None if not."""
    if arrived:
        return (
            min(each.ended for each in probe.attempts if each.ok and each.host == arrived.node and each.ended > start)
            - start
        )
    return None if any(gap.start < healed < gap.end for gap in probe.gaps(start, 0.5)) else 0.0


def _gaps(probe: Probe, start: float, healed: float) -> list[tuple[float, float]]:
    return [(gap.start - start, min(gap.end, healed) - start) for gap in probe.gaps(start, 0.2) if gap.start < healed]


def _told(laboratory: Laboratory, start: float, healed: float) -> list[tuple[float, str, str]]:
    """Return what guards and Pacemaker said by the logs of all nodes; the moments are of the wall clock."""
    return told(
        (
            line
            for node in laboratory.nodes
            for line in node.shell(
                f"tail -n 4000 {pacemaker.LOG} | grep -aE 'Setting|Initiating'", check=False
            ).splitlines()
        ),
        start,
        healed,
    )


def told(lines: Iterable[str], start: float, healed: float) -> list[tuple[float, str, str]]:
    """Return what was said first when: (seconds since start, "score", "state" or "pacemaker", node or order)."""
    first: dict[tuple[str, str], float] = {}
    for line in lines:
        when = _moment(line)
        for who, pattern in TELLERS.items():
            if start <= when <= healed and (found := pattern.search(line)):
                said = who, " ".join(found.groups())
                first[said] = min(when - start, first.get(said, math.inf))
    return sorted((when, who, text) for (who, text), when in first.items())


def _moment(line: str) -> float:
    """Return the time of a line of the log, whose clock is UTC, in seconds since the epoch; 0 when it has none."""
    found = STAMP.match(line)
    if not found:
        return 0
    parsed = time.strptime(f"{time.gmtime().tm_year} {found[1]}", "%Y %b %d %H:%M:%S")
    return calendar.timegm(parsed) + float(found[2])
