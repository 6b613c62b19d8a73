"""One fault on a running cluster: a client that writes, an eye on the address, and what must hold at the end."""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from typing import TYPE_CHECKING

from galera_sync_guard.parameters import GuardParameters
from laboratory import faults, galera_log, mariadb, pacemaker
from laboratory.laboratory import each
from laboratory.machine import wait_until
from laboratory.probes import Probe, VipWatcher

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from laboratory.laboratory import Laboratory
    from laboratory.machine import Machine
    from laboratory.pacemaker import Status
    from laboratory.probes import AddressEvent, Attempt

# The name of our agent, which is in each line that a guard writes to the journal.
GUARD = "galera_sync_guard"
# A generous bound on the time without an acknowledged write, in seconds; Galera alone takes 5 s to give up a peer.
OUTAGE = 40
# What the scenes of this process have seen so far, for the report on all tests.
TALLY: Counter[str] = Counter()
# After these a node answers again that its peers have given up: all nodes may lose the Primary component.
COMES_BACK = ("partition", "galera-partition", "sigstop")
# The address may arrive twice then, on the last node that was Primary and on the first that is.
# In mode=fail the writers wait until the guards' failures have expired (failure-timeout).
ARRIVALS_WITHOUT_PRIMARY = 2
OUTAGE_WITHOUT_PRIMARY = 35
# The donor of a node that returns is one for longer than donor_grace on a busy machine.
CHOSEN_DONOR = "requested state transfer from '*any*'"
POOR_DONOR = re.compile(r"donor: wsrep_local_state=2 \(Donor/Desynced\) for ([\d.]+)s \(poor,")
# While a partition is noticed, both sides may hold the address, for so many seconds at most.
BOTH_SIDES = 15


class Scene:
    """Watches writes through the VIP and the address itself from before a fault until all is normal again."""

    def __init__(
        self,
        laboratory: Laboratory,
        watch_writes: Callable[[Attempt], None] | None = None,
        watch_address: Callable[[AddressEvent], None] | None = None,
    ) -> None:
        self.laboratory = laboratory
        self.writes = Probe(laboratory, interval=0.04, watch=watch_writes)
        self.address = VipWatcher(laboratory, watch=watch_address)
        self.struck_at = 0.0
        self._may_come_back: list[Machine] = []

    def __enter__(self) -> Self:
        holder = self.laboratory.vip_node
        assert holder is not None, "no node has the VIP"
        self.holder = holder
        self._log_size = int(holder.shell(f"stat -c %s {pacemaker.LOG}"))
        self._began = time.time()
        self.address.start()
        self.writes.start()
        self.writes.wait_acknowledged(0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writes.stop()
        self.address.stop()
        TALLY["rows"] += 1
        TALLY["moves"] += self.moves() if self.struck_at else 0
        TALLY["writes acknowledged"] += sum(attempt.ok for attempt in self.writes.attempts)
        if kind:
            print(last_words(self.laboratory))

    def heard(self, reason: str, timeout: float = 30, *, by_pacemaker: bool = False) -> None:
        """Wait until the guard of the VIP's first node has given this reason since the scene began.

        `by_pacemaker`: the reason is not in the journal, but in the log of Pacemaker, which has the agent's output.
        """
        said = self._logged_by_pacemaker if by_pacemaker else self.said
        wait_until(lambda: reason in said(), timeout, f"{self.holder.name} says {reason!r}", 0.3)

    def said(self) -> str:
        """Return what the guard of the VIP's first node has told the journal since the scene began."""
        return "".join(line for line in self.holder.journal(self._began).splitlines(True) if GUARD in line)

    def _logged_by_pacemaker(self) -> str:
        return self.holder.shell(f"tail -c +{self._log_size + 1} {pacemaker.LOG}")

    def strike(self, fault: str, *nodes: Machine) -> None:
        """Bring a fault about on the given nodes (default: the VIP's); the clock of this scene starts here."""
        self.begin()
        nodes = nodes or (self.holder,)
        self._may_come_back = list(nodes) if fault in COMES_BACK else []
        TALLY["faults"] += len(nodes)
        each(lambda node: faults.strike(self.laboratory, fault, node), nodes)

    def begin(self) -> None:
        """Start the clock of this scene."""
        self.struck_at = time.monotonic()

    def heal(self, fault: str, *nodes: Machine) -> None:
        """Undo the fault."""
        for node in nodes or (self.holder,):
            faults.heal(self.laboratory, fault, node)

    def wait_moved(self, timeout: float = 90) -> Machine:
        """Wait until the VIP is on another node than before, a client has written there and the first node has none.

        Return that node. A partition that ends before the first node has given the address up would leave it on two:
        Pacemaker stops both then, and starts one anew.
        """

        def elsewhere() -> AddressEvent | None:
            return next(
                (
                    event
                    for event in self.address.events
                    if event.up and event.time > self.struck_at and event.node != self.holder.name
                ),
                None,
            )

        event = wait_until(elsewhere, timeout, "the VIP on another node", 0.02)
        self.writes.wait_acknowledged(event.time, timeout, host=event.node)
        wait_until(
            lambda: self.holder.name not in self.address.holders(),
            BOTH_SIDES,
            f"{self.holder.name} without the VIP",
            0.02,
        )
        return self.laboratory.machine(event.node)

    def stay(self, seconds: float, moves: int = 0) -> None:
        """Watch the address for some seconds in which it must not move (again, after that many moves)."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.moves() == moves, self.story()
            assert moves or self.address.holders() == {self.holder.name}, self.story()
            time.sleep(0.1)

    def moves(self) -> int:
        """Return how often the VIP arrived anywhere since the fault."""
        return sum(event.up and event.time > self.struck_at for event in self.address.events)

    def path(self) -> list[str]:
        """Return the nodes that had the VIP, in order, from the one that had it before the fault."""
        return [self.holder.name] + [
            event.node for event in self.address.events if event.up and event.time > self.struck_at
        ]

    def changes_of_host(self) -> int:
        """Return how often the node that acknowledged writes changed: two nodes at once would make it flap."""
        acknowledged = sorted((attempt for attempt in self.writes.attempts if attempt.ok), key=lambda each: each.began)
        return sum(a.host != b.host for a, b in itertools.pairwise(acknowledged))

    def lost_primary(self) -> bool:
        """Tell whether a node came back to peers of which none was Synced for a time."""
        return any(
            galera_log.without_synced(self.laboratory.peers(node), self.struck_at, time.monotonic())
            for node in self._may_come_back
        )

    def slow_donors(self) -> int:
        """Return how often a node that Galera chose as a donor was one for so long that its address may leave."""
        logs = [node.journal(self._began) for node in self.laboratory.nodes if node.running]
        if not any(CHOSEN_DONOR in log for log in logs):
            return 0
        grace = GuardParameters.donor_grace.default_value or 0.0
        return sum(float(seconds) >= grace for log in logs for seconds in POOR_DONOR.findall(log))

    def outage(self) -> float:
        """Return the longest time without an acknowledged write since the fault, in seconds."""
        gap = self.writes.longest_gap(self.struck_at)
        return gap.seconds if gap else 0.0

    def story(self) -> list[tuple[float, str, str]]:
        """Return what happened to the address, for a failed assertion."""
        return [
            (round(event.time - self.struck_at, 2), event.node, "up" if event.up else "down")
            for event in self.address.events
        ]


def states(laboratory: Laboratory, *, but: Sequence[Machine] = ()) -> dict[str, str | None]:
    """Return what each guard says of its node, by the node's name, as the first running node (not in `but`) sees it."""
    status = seen_from(laboratory, but=but)
    return (
        {name: attributes.get(pacemaker.GUARD_NAME + "-state") for name, attributes in status.attributes.items()}
        if status
        else {}
    )


def wait_state(
    laboratory: Laboratory, state: str, *nodes: Machine, timeout: float = 60, but: Sequence[Machine] = ()
) -> None:
    """Wait until the guards of these nodes say so."""
    wait_until(
        lambda: all(states(laboratory, but=but).get(node.name) == state for node in nodes),
        timeout,
        f"{', '.join(node.name for node in nodes)}: {state}",
        0.2,
    )


def seen_from(laboratory: Laboratory, *, but: Sequence[Machine] = ()) -> Status | None:
    """Return the cluster's status as the first running node (other than `but`) sees it."""
    for node in laboratory.nodes:
        if node.running and node not in but:
            status = pacemaker.status(node)
            if status:
                return status
    return None


def abnormal(laboratory: Laboratory, guarded: bool = True) -> list[str]:
    """Return what is not yet as on a quiet day, empty when all is; not `guarded`: with no guard in the cluster."""
    wrong = [f"{node.name} is off" for node in laboratory.nodes if not node.running]
    return wrong or _abnormal_cluster(laboratory, guarded) + _abnormal_databases(laboratory)


def _abnormal_databases(laboratory: Laboratory) -> list[str]:
    size = laboratory.size(len(laboratory.nodes))
    return [f"{node.name} is not Synced" for node in laboratory.nodes if not mariadb.synced(node, size)]


def _abnormal_cluster(laboratory: Laboratory, guarded: bool) -> list[str]:
    names = sorted(node.name for node in laboratory.nodes)
    status = seen_from(laboratory)
    if status is None:
        return ["Pacemaker does not answer"]
    wrong = []
    if sorted(status.online()) != names:
        wrong.append(f"online are only {sorted(status.online())}")
    if guarded and status.where(pacemaker.GUARD_NAME) != names:
        wrong.append(f"the guard runs only on {status.where(pacemaker.GUARD_NAME)}")
    if len(status.where(pacemaker.VIP_NAME)) != 1:
        wrong.append(f"the VIP is on {status.where(pacemaker.VIP_NAME)}")
    wrong += [f"fail-count {count} of {who}" for who, count in status.fail_counts.items()]
    wrong += [f"failed action {failure}" for failure in status.failures]
    wrong += [
        f"{name} says {status.attributes.get(name)}"
        for name in names
        if guarded and not _content(status.attributes.get(name, {}))
    ]
    return wrong


def _content(attributes: Mapping[str, str]) -> bool:
    """Tell whether a guard has published that its node is fit."""
    return (attributes.get(pacemaker.GUARD_NAME), attributes.get(pacemaker.GUARD_NAME + "-state")) == ("1000", "synced")


def wait_normal(laboratory: Laboratory, timeout: float = 150, guarded: bool = True) -> None:
    """Wait until everything is as on a quiet day, without any help; AssertionError with what is not.

    Nothing is left for Pacemaker to do then: a reload or a probe that goes on would delay its answer to the next fault.
    """
    end = time.monotonic() + timeout
    was_idle = False
    while True:
        # The databases are asked last: three clients cost more than all the rest.
        wrong = [f"{node.name} is off" for node in laboratory.nodes if not node.running]
        wrong = wrong or _abnormal_cluster(laboratory, guarded) or _abnormal_databases(laboratory)
        if not wrong and was_idle:
            _forget_saturations(laboratory)
            return
        was_idle = not wrong
        if was_idle:
            pacemaker.wait_idle(laboratory.nodes[0], timeout)
            continue
        assert time.monotonic() < end, f"not normal within {timeout} s: {'; '.join(wrong)}{last_words(laboratory)}"
        time.sleep(0.3)


def _forget_saturations(laboratory: Laboratory) -> None:
    """Delete what guards told of a saturation, as if it were long ago: the next one then moves the address again."""
    name = f"{pacemaker.GUARD_NAME}-poor"
    first = laboratory.nodes[0]
    told = first.shell(f"attrd_updater -Q -A -n {name} 2>/dev/null", check=False).splitlines()
    for node in laboratory.nodes:
        if any(f'host="{node.name}"' in line and "saturated:" in line for line in told):
            first.run(["attrd_updater", "-D", "-p", "-n", name, "-N", node.name])


def last_words(laboratory: Laboratory) -> str:
    """Return for each running node what its guard, Galera and its database logged last, for a failed assertion."""
    return "".join(
        f"\n{node.name}: {command}\n{node.shell(command, check=False)}"
        for node in laboratory.nodes
        if node.running
        for command in (
            f"journalctl --quiet --lines=2000 | grep {GUARD} | tail -n 8",
            f"{mariadb.SHOW_LOG} | grep -e component -e Shifting -e 'view(' | tail -n 20",
            f"{mariadb.SHOW_LOG} --lines=8",
        )
    )


def check(scene: Scene, moves: int, outage: float = OUTAGE, lost: frozenset[int] = frozenset()) -> None:
    """Assert what must hold after every row, once the cluster is normal again.

    `outage`: the longest time without an acknowledged write in seconds. `lost`: numbers of writes that one node alone
    acknowledged because it was told to.
    """
    # The client may still be on its way to a node that has just got the address.
    scene.writes.wait_acknowledged(time.monotonic())
    lost_primary = scene.lost_primary()
    more = lost_primary * ARRIVALS_WITHOUT_PRIMARY + scene.slow_donors()
    assert moves <= scene.moves() <= moves + more, scene.story()
    # Never two nodes in turn, and none without the address.
    changes = sum(a != b for a, b in itertools.pairwise(scene.path()))
    assert scene.changes_of_host() == changes or (lost_primary and scene.changes_of_host() < changes), scene.story()
    assert scene.outage() < outage + lost_primary * OUTAGE_WITHOUT_PRIMARY
    scene.writes.stop()
    missing = {node: numbers - lost for node, numbers in scene.writes.missing().items()}
    TALLY["writes missing"] += sum(map(len, missing.values()))
    assert not any(missing.values()), missing
