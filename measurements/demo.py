"""The demonstration (`make demo`): breaks the node that holds the VIP three times and shows what happens."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from laboratory import mariadb, pacemaker, recipe, rootfs
from laboratory.ground import command, interruptible
from laboratory.laboratory import Laboratory
from laboratory.machine import end
from laboratory.scene import Scene, wait_normal
from measurements.narrator import Narrator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import NoReturn, Self

    from laboratory.machine import Machine
    from laboratory.probes import AddressEvent, Attempt

BUILD = Path(__file__).parent.parent / "tools" / "build-deb"
# Tools of the host, with the Debian package that brings them; MariaDB and Pacemaker stay inside the laboratory.
TOOLS = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "git": "git",
    "dpkg-buildpackage": "dpkg-dev",
    "dh": "debhelper",
}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A time without an acknowledged write that is worth telling, in seconds: as long as the client waits for one answer.
PAUSE = 0.5


@dataclass(frozen=True)
class Fault:
    """What is done on the node, by the very commands, and how it is undone."""

    name: str
    story: str
    strike: str
    heal: str


FAULTS = [
    Fault(
        "desync",
        "{node} is desynced, as for a backup",
        'mariadb -e "SET GLOBAL wsrep_desync=ON"',
        'mariadb -e "SET GLOBAL wsrep_desync=OFF"',
    ),
    Fault("kill -9", "MariaDB on {node} crashes", "kill -9 $(pidof mariadbd)", "systemctl start mariadb"),
    Fault(
        "clean stop",
        "MariaDB on {node} is stopped, as for an upgrade",
        "systemctl stop mariadb",
        "systemctl start mariadb",
    ),
]


@dataclass(frozen=True)
class Outcome:
    """What one fault did; times in seconds since it, writes counted from it until all was normal."""

    fault: Fault
    reason: str
    path: tuple[str, ...]
    moved_after: float
    back_after: float
    outage: float
    pauses: tuple[float, ...]
    failed: int
    written: int
    lost: int

    def complaint(self) -> str | None:
        """Return what is not as promised, None when all is."""
        if len(self.path) != 2:
            return f"{self.fault.name} moved the VIP {len(self.path) - 1} times: {' -> '.join(self.path)}"
        if self.lost:
            return f"{self.fault.name} lost {self.lost} acknowledged writes"
        return None


class Interrupted(KeyboardInterrupt):
    """A signal asked for the end; the argument is its number."""


class GuardLog:
    """Follows what the guard of a node writes to the journal there; `tell` hears each message."""

    MESSAGE = re.compile(r"galera_sync_guard\(\S+\)\[\d+\]: [A-Z]+: (.*)$")

    def __init__(self, node: Machine, tell: Callable[[str], None]) -> None:
        self._node = node
        self._tell = tell

    def __enter__(self) -> Self:
        self._tail = self._node.spawn(["journalctl", "--quiet", "--follow", "--lines=1"], stdout=subprocess.PIPE)
        assert self._tail.stdout is not None
        self._tail.stdout.readline()  # the last line so far: what comes from now on is new
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *exception: object) -> None:
        end(self._tail)
        self._reader.join()

    def _read(self) -> None:
        assert self._tail.stdout is not None
        with self._tail.stdout as log:
            for line in log:
                found = self.MESSAGE.search(line.rstrip())
                if found:
                    self._tell(found[1])


class Act:
    """One fault from the strike until all is normal again, told by those who see it."""

    def __init__(self, laboratory: Laboratory, fault: Fault, narrator: Narrator) -> None:
        self._laboratory = laboratory
        self._fault = fault
        self._narrator = narrator
        self._scene = Scene(laboratory, watch_writes=self._written, watch_address=self._addressed)
        self._reason: str | None = None
        self._healing = False
        self._last = 0.0  # when a write was acknowledged last
        self._back: tuple[Attempt, float] | None = (
            None  # the first write acknowledged on another node, and how long there had been none
        )
        self._pauses: list[float] = []
        self._failed = 0
        self._acknowledged = 0

    def play(self) -> Outcome:
        """Strike, wait until clients write elsewhere, heal, wait until all is as before; return the Outcome."""
        scene, tell = self._scene, self._narrator.event
        with scene, GuardLog(scene.holder, self._judged):
            self._order("fault", self._fault.strike)
            scene.wait_moved()
            self._healing = True
            self._order("heal", self._fault.heal)
            tell("heal", "waiting until every node is Synced and every guard says so")
            wait_normal(self._laboratory)
            tell("normal", f"all nodes are Synced and online; the VIP is on {', '.join(scene.address.holders())}")
            scene.writes.stop()
            missing = scene.writes.missing()
            tell(
                "writes",
                f"{self._acknowledged} acknowledged, {self._failed} failed; "
                + (
                    "; ".join(f"{node} lacks {len(numbers)} acknowledged ones" for node, numbers in missing.items())
                    or "every acknowledged one is on every node"
                ),
            )
            return self._outcome(set().union(*missing.values()))

    def _order(self, speaker: str, line: str) -> None:
        holder = self._scene.holder
        if speaker == "fault":
            self._scene.struck_at = time.monotonic()
            self._narrator.since(self._scene.struck_at)
        self._narrator.event(speaker, f"{holder.name}# {line}")
        holder.shell(line, timeout=90)

    def _outcome(self, lost: set[int]) -> Outcome:
        struck_at = self._scene.struck_at
        arrivals = [event for event in self._scene.address.events if event.up and event.time > struck_at]
        assert self._back is not None
        back, outage = self._back
        return Outcome(
            fault=self._fault,
            reason=self._reason or "-",
            path=(self._scene.holder.name, *(event.node for event in arrivals)),
            moved_after=arrivals[0].time - struck_at,
            back_after=back.ended - struck_at,
            outage=outage,
            pauses=tuple(self._pauses),
            failed=self._failed,
            written=self._acknowledged,
            lost=len(lost),
        )

    # Those who see it; each calls from a thread of its own.

    def _judged(self, message: str) -> None:
        if self._reason is None and re.search(r"\((poor|unfit), ", message):
            self._reason = message
        self._narrator.event("guard", f"{self._scene.holder.name}: {message}")

    def _addressed(self, event: AddressEvent) -> None:
        if self._scene.struck_at:
            self._narrator.event("address", f"VIP {'arrives on' if event.up else 'leaves'} {event.node}", event.time)

    def _written(self, attempt: Attempt) -> None:
        last, self._last = self._last, max(self._last, attempt.ended if attempt.ok else 0.0)
        struck_at = self._scene.struck_at
        if not struck_at or attempt.ended < struck_at:
            return
        if not attempt.ok:
            self._failed += 1
            if self._failed == 1:
                self._narrator.event(
                    "client",
                    f"first failed write, begun at {max(0, attempt.began - struck_at):.2f} s"
                    f": error {attempt.errno}: {attempt.text}",
                    attempt.ended,
                )
            return
        self._acknowledged += 1
        pause = attempt.ended - last
        if self._back is None and attempt.host != self._scene.holder.name:
            self._back = attempt, pause
            self._narrator.event(
                "client",
                f"writes work again, on {attempt.host}; outage {pause:.2f} s, failed so far: {self._failed}",
                attempt.ended,
            )
        elif pause > PAUSE:
            self._pauses.append(pause)
            joining = f" while Galera lets {self._scene.holder.name} join" if self._healing else ""
            self._narrator.event("client", f"no write for {pause:.2f} s{joining}", attempt.ended)


# The whole


def require() -> None:
    """Raise a RuntimeError that says what this machine or this user lacks."""
    if os.geteuid() != 0:
        raise RuntimeError("it needs root: it makes namespaces, mounts and network links")
    for tool, package in TOOLS.items():
        if not shutil.which(tool):
            raise RuntimeError(f"{tool} is missing: apt-get install {package}")
    command("unshare", "--mount", "--net", "--pid", "--fork", "true")


def build(directory: str) -> Path:
    """Build the package into a directory and return its path."""
    done = interruptible(BUILD, directory)
    if done.returncode:
        raise RuntimeError("the package cannot be built; tools/build-deb says why")
    (package,) = Path(directory).glob("*.deb")
    return package


@contextlib.contextmanager
def cluster(narrator: Narrator) -> Iterator[Laboratory]:
    """Yield a laboratory with the package installed and the README's resources created; it is gone afterwards."""
    with tempfile.TemporaryDirectory() as directory, Laboratory(say=narrator.step) as laboratory:
        narrator.step("building the Debian package")
        laboratory.up(deb=build(directory))
        narrator.step("all nodes are Synced and online")
        first = laboratory.nodes[0]
        narrator.heading("The README's quick start, against the live cluster")
        narrator.command(f"{first.name}#", recipe.quick_start())
        narrator.output(first.shell(recipe.quick_start()))
        wait_normal(laboratory)
        yield laboratory


def suspect_timeout(node: Machine) -> str:
    """Return the seconds of Galera's evs.suspect_timeout as the node has it."""
    options = mariadb.sql(node, "SELECT @@wsrep_provider_options")
    (seconds,) = re.findall(r"evs\.suspect_timeout = PT([0-9.]+)S;", options)
    return str(seconds)


def summarize(narrator: Narrator, outcomes: list[Outcome], timeout: str) -> None:
    """Tell all outcomes side by side, and what the numbers mean."""
    narrator.heading("Summary")
    narrator.table(
        ["fault", "VIP", "moved", "writes back", "outage", "failed", "written", "lost"],
        [
            (
                [
                    each.fault.name,
                    " -> ".join(each.path),
                    f"{each.moved_after:.2f} s",
                    f"{each.back_after:.2f} s",
                    f"{each.outage:.2f} s",
                    str(each.failed),
                    str(each.written),
                    str(each.lost),
                ],
                each.reason,
            )
            for each in outcomes
        ],
    )
    narrator.paragraph(
        "moved: address on the new node; writes back: first write acknowledged there, both since the "
        "fault. failed: client connections without an acknowledged write; written: acknowledged "
        "writes; lost: those of them that any node lacks; all until everything was normal again."
    )
    crash = next(each for each in outcomes if each.fault.name == "kill -9")
    narrator.paragraph(
        f"kill -9: the address had moved after {crash.moved_after:.2f} s, writes were back after "
        f"{crash.back_after:.2f} s: until evs.suspect_timeout ({timeout} s) has passed, Galera's other "
        "nodes wait for the dead one and commit nothing, wherever the address is."
    )
    pauses = [pause for each in outcomes for pause in each.pauses]
    if pauses:
        narrator.paragraph(
            f"While a node joins, Galera pauses writes: here for up to {max(pauses):.2f} s, counted in "
            "failed, not in outage."
        )


def holder_name(laboratory: Laboratory) -> str:
    """Return the name of the node that has the VIP."""
    holder = laboratory.vip_node
    assert holder is not None
    return holder.name


def demonstrate(narrator: Narrator) -> list[str]:
    """Play all acts; return what is not as promised, one line each."""
    narrator.heading("galera-sync-guard: three real nodes, one virtual IP, three faults")
    with cluster(narrator) as laboratory:
        narrator.paragraph(
            f"VirtualIP {pacemaker.VIP} is on {holder_name(laboratory)}. From now on a client writes "
            "through it every 20 ms, each time with a new connection."
        )
        outcomes = []
        for number, fault in enumerate(FAULTS, 1):
            story = fault.story.format(node=holder_name(laboratory))
            narrator.heading(f"{number} of {len(FAULTS)}  {fault.name}: {story}")
            outcomes.append(Act(laboratory, fault, narrator).play())
        timeout = suspect_timeout(laboratory.nodes[0])
    summarize(narrator, outcomes, timeout)
    complaints = [complaint for complaint in (each.complaint() for each in outcomes) if complaint]
    if not complaints:
        narrator.paragraph("Every fault moved the VIP once, and no acknowledged write is missing on any node.", "green")
    narrator.paragraph(f"The cluster is gone again; what was downloaded stays in {rootfs.CACHE} for the next time.")
    return complaints


def interrupt(number: int, _: FrameType | None) -> NoReturn:
    """End in good order; a second signal changes nothing."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(number)


def main() -> int:
    """Run the demonstration; exit code 0 only if all was as promised, else a line says why."""
    for each in SIGNALS:
        signal.signal(each, interrupt)
    try:
        require()
        complaints = demonstrate(Narrator(sys.stdout))
    except Interrupted as interrupted:
        print(f"\ndemo: ended by {signal.Signals(interrupted.args[0]).name}, nothing is left of it", file=sys.stderr)
        return 128 + int(interrupted.args[0])
    except (RuntimeError, OSError, AssertionError, subprocess.SubprocessError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [repr(error)]
        complaints = [": ".join(dict.fromkeys((lines[0], lines[-1])))]
    for complaint in complaints:
        print(f"demo: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
