"""Random faults on a running cluster, one after the other, from a seed: `make soak MINUTES=30 SEED=1`."""

from __future__ import annotations

import argparse
import itertools
import random
import re
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from laboratory import faults, galera_log, recipe
from laboratory.laboratory import Laboratory
from laboratory.machine import wait_until
from laboratory.probes import Probe, VipWatcher
from laboratory.scene import wait_normal, wait_state
from laboratory.troubles import TROUBLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from laboratory.machine import Machine
    from laboratory.probes import AddressEvent

# A time from start to end, and one in which a node's network was cut.
Span = tuple[float, float]
Cut = tuple[float, float, str]

# Each fault that the guards must outlast, and the state that the guard of the broken node shows during it; None when it
# cannot say anything, or when the fault has an end of its own.
STATES = {
    "kill-9": "down",
    "sigstop": "hung",
    "clean-stop": "down",
    "restart": None,
    "desync": "donor",
    "read-only": "read-only",
    "reject": "rejecting",
    "ftwrl": "donor",
    "saturate": "saturated",
    "saturate-all": "saturated",
    "cable": "unplugged",
    "port": "unreachable",
    "power-off": None,
    "partition": None,
    "galera-partition": "non-primary",
    "corosync-partition": None,
    "standby": None,
    "cluster-stop": None,
    "maintenance": "maintenance",
    "stall": "stalled",
}
# What a fault or trouble of the VIP's own node may cost beside the moves that it calls for: a recovery by Pacemaker.
MOVES = {"watcher-killed": 1, "watcher-stopped": 1}
# The servers have a thread pool that long statements can stall.
POOL = {"thread_handling": "pool-of-threads"}
ALL = faults.FAULTS | TROUBLES
# A machine that falls silent is given up after Corosync's token and consensus: until then no node is fit to take over.
SILENT = ("power-off", "partition")
# The address stays on an interface that no client can reach, at first or all the time.
UNREACHABLE = ("partition", "cable", "port")

# The VIP may be missing for so long while some node is fit, in seconds.
LONGEST_ABSENCE = 5.0
# Corosync may answer to a short partition only when that is over: a quiet moment is longer than its timers, in seconds.
QUIET = (3, 6)
# A fault that lasts at least as long is seen by the guard of its node, in seconds.
SEEN_AFTER = 6.0


@dataclass(frozen=True)
class Step:
    """One fault on the VIP's node (0) or on its first or second peer, healed after a time, and the quiet after that."""

    fault: str
    victim: int
    lasts: float
    quiet: float

    def __str__(self) -> str:
        where = ("the VIP's node", "the first other node", "the second other node")[self.victim]
        return f"{self.fault} on {where}, healed after {self.lasts:.1f} s, then {self.quiet:.1f} s of quiet"


def plan(seed: int) -> Iterator[Step]:
    """Yield the steps of a seed, without end: half of them on the VIP's node, half healed before all has settled.

    A third of them are troubles of the guard, for which the address must not move.
    """
    dice = random.Random(seed)
    while True:
        yield Step(
            fault=dice.choice([*STATES, *TROUBLES]),
            victim=dice.choice((0, 0, 1, 2)),
            lasts=dice.choice((dice.uniform(1, 4), dice.uniform(SEEN_AFTER, 15))),
            quiet=dice.uniform(*QUIET),
        )


def absences(events: Iterable[AddressEvent], cuts: Sequence[Cut], since: float, until: float) -> list[Span]:
    """Return (start, end) of each time between `since` and `until` for which no client could reach the address.

    `events` are a VipWatcher's; `cuts` are (start, end, node) of the times in which a node's network was cut.
    """

    def reachable(at: float) -> set[str]:
        held: set[str] = set()
        for event in events:
            if event.time <= at:
                (held.add if event.up else held.discard)(event.node)
        return held - {node for start, end, node in cuts if start <= at < end}

    edges = [event.time for event in events] + [time for start, end, _ in cuts for time in (start, end)]
    times = sorted({since, until, *(edge for edge in edges if since < edge < until)})
    found: list[Span] = []
    for start, end in itertools.pairwise(times):
        if reachable(start):
            continue
        if found and found[-1][1] == start:
            found[-1] = found[-1][0], end
        else:
            found.append((start, end))
    return found


def common(time: Span, others: Iterable[Span]) -> float:
    """Return for how many seconds of a (start, end) there was one of the others, which do not overlap."""
    return sum(max(0.0, min(time[1], end) - max(time[0], start)) for start, end in others)


class Soak:
    """Carries a plan out on a laboratory in its normal state, whose guards watch server and storage; `say` hears of it.

    Never more than one node is broken at once, and the next fault waits until all three are as on a quiet day. So two
    nodes are fit at any moment, unless their servers' logs say that they are not Synced. The VIP may never be missing
    for long. `complaints` are what was not as it must be.
    """

    def __init__(self, laboratory: Laboratory, say: Callable[[str], None]) -> None:
        self.laboratory = laboratory
        self.complaints: list[str] = []
        self._say = say
        self._writes = Probe(laboratory)
        self._address = VipWatcher(laboratory)
        self._detection = detection()
        self._cuts: list[Cut] = []
        self._watchers: dict[tuple[str, str], list[tuple[float, int]]] = {}
        self._worst = {"missing": 0.0, "still": 0.0}
        self._needless = 0

    def run(self, seed: int, seconds: float) -> None:
        """Carry out the plan of a seed for about so long."""
        with self._address, self._writes:
            self._writes.wait_acknowledged(0)
            self._began = time.monotonic()
            self._look_at_watchers()
            for number, step in enumerate(plan(seed), 1):
                if time.monotonic() > self._began + seconds:
                    break
                self._say(f"{clock(time.monotonic() - self._began)}  {number}. {step}")
                self._take(step)
            self._count_writes()
        self._say(
            f"longest time without the address {self._worst['missing']:.1f} s,"
            f" longest time without an acknowledged write {self._worst['still']:.1f} s, {self._needless} needless moves"
        )
        self._tell_memory()

    def _take(self, step: Step) -> None:
        holder = self.laboratory.vip_node
        assert holder is not None
        victim = [holder, *self.laboratory.peers(holder)][step.victim]
        struck = time.monotonic()
        if step.fault in UNREACHABLE:
            self._cuts.append((struck, float("inf"), victim.name))
        ALL[step.fault].strike(self.laboratory, victim)
        time.sleep(step.lasts)
        state = STATES.get(step.fault)
        if state and step.lasts >= SEEN_AFTER:
            self._must(
                f"{victim.name} does not say {state}", lambda: wait_state(self.laboratory, state, victim, but=[victim])
            )
        if step.fault in UNREACHABLE:
            self._cuts[-1] = (struck, time.monotonic(), victim.name)
        ALL[step.fault].heal(self.laboratory, victim)
        wait_normal(self.laboratory, timeout=120)
        time.sleep(step.quiet)
        wait_normal(self.laboratory, timeout=120)
        self._must("a watcher too many or too few", self._look_at_watchers)
        self._judge(step, victim, holder, struck)

    def _must(self, complaint: str, wait: Callable[[], None]) -> None:
        try:
            wait()
        except TimeoutError as error:
            self._complain(f"{complaint}: {error}")

    def _complain(self, text: str) -> None:
        self.complaints.append(text)
        self._say(f"       WRONG: {text}")

    def _judge(self, step: Step, victim: Machine, holder: Machine, struck: float) -> None:
        now = time.monotonic()
        times = absences(self._address.events, self._cuts, struck, now)
        missing = max((end - start for start, end in times), default=0.0)
        gap = self._writes.longest_gap(struck)
        still = gap.seconds if gap else 0.0
        events = [event for event in self._address.events if event.time > struck]
        path = [event.node for event in events if event.up]
        self._say(
            f"       {' -> '.join([holder.name, *path])}, {victim.name} broken: no address for {missing:.1f} s,"
            f" no write for {still:.1f} s, normal after {now - struck - step.quiet:.0f} s"
        )
        self._worst = {"missing": max(missing, self._worst["missing"]), "still": max(still, self._worst["still"])}
        lost = galera_log.without_synced(self.laboratory.peers(victim), struck, now)
        if lost:
            self._say(f"       Galera had no node Synced for {sum(end - start for start, end in lost):.0f} s")
        if (step.fault in TROUBLES or victim is not holder) and not lost:
            self._look_for_needless_moves(step, victim is holder, path)
        missing = max((end - start - common((start, end), lost) for start, end in times), default=0.0)
        allowed = LONGEST_ABSENCE + (self._detection if step.fault in SILENT and victim is holder else 0)
        if missing > allowed:
            self._complain(
                f"no address for {missing:.1f} s beside a fit node, may be {allowed:.1f} s:"
                f" {[(round(event.time - struck, 2), event.node, event.up) for event in events]}"
            )

    def _look_for_needless_moves(self, step: Step, is_on_holder: bool, path: Sequence[str]) -> None:
        """Complain of moves for a trouble of the guard, or for what is wrong with a node without the address."""
        needless = len(path) - (MOVES.get(step.fault, 0) if is_on_holder else 0)
        if needless > 0:
            self._needless += needless
            self._complain(f"{needless} needless moves")

    def _look_at_watchers(self) -> None:
        """Wait until every node has exactly one watcher, which has one child, and note its memory."""
        for node in self.laboratory.nodes:
            wait_until(partial(only, node, "storage"), 5, f"one writing child on {node.name}")
            (pid,) = wait_until(partial(only, node, "watch"), 5, f"one watcher on {node.name}")
            (resident,) = re.findall(r"VmRSS:\s+(\d+)", node.read(f"/proc/{pid}/status"))
            self._watchers.setdefault((node.name, pid), []).append((time.monotonic() - self._began, int(resident)))

    def _count_writes(self) -> None:
        wait_normal(self.laboratory)
        acknowledged = sum(attempt.ok for attempt in self._writes.attempts)
        self._writes.stop()
        missing = self._writes.missing()
        for node, numbers in missing.items():
            self._complain(
                f"{node} lacks {len(numbers)} acknowledged writes, the first at"
                + clock(
                    min(attempt.ended for attempt in self._writes.attempts if attempt.number in numbers) - self._began
                )
            )
        self._say(f"{acknowledged} writes acknowledged, {sum(map(len, missing.values()))} missing")

    def _tell_memory(self) -> None:
        for (node, pid), samples in self._watchers.items():
            (first, before), (last, after) = samples[0], samples[-1]
            self._say(
                f"watcher of {node} (pid {pid}), {clock(first)} to {clock(last)}: {before} kB at first,"
                f" {max(size for _, size in samples)} kB at most, {after} kB at last"
            )


def running(node: Machine, program: str) -> list[str]:
    """Return the pids of the guard's processes on a node that run a program: watch or storage."""
    return node.run(["pgrep", "-f", f"galera_sync_guard {program}"], check=False).stdout.split()


def only(node: Machine, program: str) -> list[str] | None:
    """Return the pid of the one process that runs a program, in a list; None when there is none or several."""
    pids = running(node, program)
    return pids if len(pids) == 1 else None


def detection() -> float:
    """Return the seconds after which Corosync gives a silent machine up, with the recommended timers."""
    totem, _ = recipe.timers()
    return (int(totem["token"]) + int(totem["consensus"])) / 1000


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds."""
    return f"{int(seconds) // 60:3}:{int(seconds) % 60:02}"


def main() -> int:
    """Soak a new laboratory; return 1 when something was not as it must be."""
    parser = argparse.ArgumentParser(prog="python3 -m measurements.soak", description=__doc__)
    parser.add_argument("deb", type=Path)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args()
    seed = random.randrange(1000000) if args.seed is None else args.seed
    say(f"{time.strftime('%Y-%m-%d %H:%M')}, {args.deb.stem}: make soak MINUTES={args.minutes:g} SEED={seed}")
    totem, provider_options = recipe.timers()
    with Laboratory().up(
        deb=args.deb,
        freezable=True,
        two_networks=True,
        mariadb_options=recipe.OPTIONS | POOL,
        totem=totem,
        provider_options=provider_options,
    ) as laboratory:
        recipe.apply(laboratory.nodes[0], recipe.with_parameters(recipe.commands("score"), *recipe.STORAGE))
        wait_normal(laboratory)
        soak = Soak(laboratory, say)
        soak.run(seed, args.minutes * 60)
    say(f"{len(soak.complaints)} complaints")
    return 1 if soak.complaints else 0


def say(text: str) -> None:
    """Print one line at once."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
