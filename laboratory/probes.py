"""What a client sees and where the VIP is, by the host's monotonic clock; only table app.probe is changed."""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from laboratory import mariadb, pacemaker
from laboratory.ground import GUEST
from laboratory.machine import Machine, end, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Self

    from laboratory.laboratory import Laboratory

Line = TypeVar("Line")


@dataclass(frozen=True)
class Attempt:
    """One attempt of a Probe; `host` answered, errno 0 is an acknowledgement, -1 an error without a number."""

    number: int
    began: float
    ended: float
    errno: int
    host: str
    text: str

    @property
    def ok(self) -> bool:
        """Tell whether the database acknowledged it."""
        return self.errno == 0


@dataclass(frozen=True)
class Gap:
    """A time without acknowledgements: from the last one to the next, and the errors in between."""

    start: float
    end: float
    errors: frozenset[int]

    @property
    def seconds(self) -> float:
        """Return how long it lasted."""
        return self.end - self.start


@dataclass(frozen=True)
class SessionEvent:
    """Something that happened to a long-lived connection: open, ready, closed (its kernel knows) or broken."""

    number: int
    kind: str
    event: str
    time: float
    host: str = ""
    errno: int = 0
    text: str = ""


@dataclass(frozen=True)
class AddressEvent:
    """The VIP's address came to (`up`) or left a node's interface."""

    time: float
    node: str
    up: bool


class _Program(Generic[Line]):
    """A program of guest/ that runs in the client and writes a line of JSON for each event."""

    program: str
    event: Callable[..., Line]
    _process: subprocess.Popen[str]
    _reader: threading.Thread

    def __init__(self, laboratory: Laboratory, *args: object, watch: Callable[[Line], None] | None = None):
        self.laboratory = laboratory
        self.lines: list[Line] = []
        self._args = [str(arg) for arg in args]
        self._watch = watch
        self._words: list[str] = []

    def start(self) -> Self:
        """Start it and return it when its first line is there; RuntimeError with its words when it ends instead."""
        client = self.laboratory.client
        assert client is not None
        path = f"/usr/local/lib/{self.program}"
        client.write(path, (GUEST / self.program).read_text())
        self._process = client.spawn(["python3", path, *self._args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_until(lambda: self.lines or not self._reader.is_alive(), 10, f"{self.program} has started")
        if not self.lines:
            end(self._process)
            raise RuntimeError(f"{self.program} in the client:\n{''.join(self._words)}")
        return self

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for text in output:
                if not text.startswith("{"):  # a traceback
                    self._words.append(text)
                    continue
                line = self.event(**json.loads(text))
                self.lines.append(line)
                if self._watch:
                    self._watch(line)

    @property
    def running(self) -> bool:
        """Tell whether the program runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End the program."""
        end(self._process)
        self._reader.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class Probe(_Program[Attempt]):
    """Writes or reads through the VIP with a new connection every `interval` seconds; `watch` hears each attempt.

    Every worker waits for at most 0.5 s on each answer, so that a hanging database still leaves
    about 2 * workers attempts a second.
    """

    program = "probe.py"
    event = Attempt

    def __init__(
        self,
        laboratory: Laboratory,
        kind: str = "write",
        *,
        target: str = pacemaker.VIP,
        interval: float = 0.02,
        workers: int = 10,
        watch: Callable[[Attempt], None] | None = None,
    ):
        # Numbers of a later probe are always higher: a millisecond each would be 1000 a second.
        super().__init__(laboratory, kind, target, interval, workers, int(time.time() * 1000), watch=watch)

    @property
    def attempts(self) -> list[Attempt]:
        """Return what has been attempted so far, in the order of its end."""
        return list(self.lines)

    def gaps(self, since: float = 0.0, longer_than: float = 0.1) -> list[Gap]:
        """Return the times without acknowledgements that ended after `since`; the last may be still open."""
        attempts = self.attempts
        times = [attempts[0].began, *(attempt.ended for attempt in attempts if attempt.ok)]
        if self.running:
            times.append(time.monotonic())
        return [
            Gap(
                start,
                end,
                frozenset(attempt.errno for attempt in attempts if not attempt.ok and start < attempt.ended <= end),
            )
            for start, end in itertools.pairwise(times)
            if end > since and end - start > longer_than
        ]

    def longest_gap(self, since: float = 0.0) -> Gap | None:
        """Return the longest time without acknowledgements that ended after `since`, None when none was noticeable."""
        return max(self.gaps(since), key=lambda gap: gap.seconds, default=None)

    def silence(self) -> float:
        """Return the seconds since the last acknowledgement, for a live display."""
        return time.monotonic() - max((attempt.ended for attempt in self.attempts if attempt.ok), default=0.0)

    def wait_acknowledged(self, after: float, timeout: float = 30, host: str | None = None) -> Attempt:
        """Return the first acknowledged attempt begun after `after`, from `host` if given; TimeoutError otherwise."""

        def found() -> Attempt | None:
            return next(
                (
                    attempt
                    for attempt in self.attempts
                    if attempt.ok and attempt.began > after and host in (None, attempt.host)
                ),
                None,
            )

        return wait_until(found, timeout, "an acknowledged attempt", 0.02)

    def missing(self) -> dict[str, set[int]]:
        """Return for each node the acknowledged writes that it lacks; nodes that lack none are left out.

        Ask with all nodes Synced.
        """
        acknowledged = {attempt.number for attempt in self.attempts if attempt.ok}
        stored = {
            node.name: set(
                map(int, mariadb.sql(node, "SET SESSION wsrep_sync_wait=1; SELECT n FROM app.probe").split())
            )
            for node in self.laboratory.nodes
        }
        return {name: acknowledged - numbers for name, numbers in stored.items() if acknowledged - numbers}


class Sessions(_Program[SessionEvent]):
    """Long-lived connections through the VIP: idle, busy, waiting for an answer, reading a long result."""

    program = "sessions.py"
    event = SessionEvent
    KINDS = ("idle", "busy", "waiting", "reading")

    def __init__(
        self,
        laboratory: Laboratory,
        kinds: Iterable[str] = KINDS,
        *,
        count: int = 1,
        target: str = pacemaker.VIP,
        watch: Callable[[SessionEvent], None] | None = None,
    ):
        """`count`: how many connections of each kind."""
        self.kinds = tuple(kinds)
        self.count = count
        super().__init__(laboratory, target, count, *self.kinds, watch=watch)

    def start(self) -> Self:
        """Open the connections and return when each does what its kind does."""
        super().start()
        wait_until(
            lambda: len(self._with("ready")) == self.count * len(self.kinds), 10 + self.count / 10, "sessions are open"
        )
        return self

    def _with(self, *events: str) -> dict[tuple[str, int], SessionEvent]:
        return {(line.kind, line.number): line for line in list(self.lines) if line.event in events}

    def freed(self, by: float | None = None) -> dict[str, int]:
        """Return for each kind how many connections their client knows to be at an end, now or at a time."""
        closed = self._with("closed").values()
        return {
            kind: sum(line.kind == kind and (by is None or line.time <= by) for line in closed) for kind in self.kinds
        }

    def hanging(self, at: float | None = None) -> dict[str, int]:
        """Return for each kind how many connections are still open for all that their client knows."""
        return {kind: self.count - freed for kind, freed in self.freed(at).items()}

    def last_freed(self) -> float:
        """Return when the last of those that are at an end came to it; 0 when none has."""
        return max((line.time for line in self._with("closed").values()), default=0.0)

    def errors(self) -> dict[int, int]:
        """Return how often the applications got which error."""
        numbers = [line.errno for line in self._with("broken").values()]
        return {number: numbers.count(number) for number in set(numbers)}


class VipWatcher:
    """Records on which nodes' interfaces the VIP's address is, as the kernels there tell."""

    def __init__(
        self, laboratory: Laboratory, address: str = pacemaker.VIP, watch: Callable[[AddressEvent], None] | None = None
    ):
        self.laboratory = laboratory
        self.address = address
        self.events: list[AddressEvent] = []
        self._watch = watch
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._monitors: dict[str, subprocess.Popen[str]] = {}
        self._threads: list[threading.Thread] = []

    def start(self) -> VipWatcher:
        """Start to watch every node; what holds the VIP now is the first event."""
        for node in self.laboratory.nodes:
            thread = threading.Thread(target=self._follow, args=(node,), daemon=True)
            self._threads.append(thread)
            thread.start()
        wait_until(
            lambda: {node.name for node in self.laboratory.nodes if node.running} <= set(self._monitors),
            10,
            "all nodes are watched",
        )
        return self

    def stop(self) -> None:
        """Stop watching."""
        self._stopping.set()
        for thread in self._threads:
            while thread.is_alive():  # a monitor may have been started for a node that has just booted
                for monitor in list(self._monitors.values()):
                    end(monitor)
                thread.join(0.1)

    def __enter__(self) -> VipWatcher:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _follow(self, node: Machine) -> None:
        """Read the node's address events; after a power off, wait for it to come back."""
        while not self._stopping.is_set():
            if node.running:
                with contextlib.suppress(RuntimeError):  # switched off just now
                    self._monitor(node)
                self._note(node.name, False)
            self._stopping.wait(0.05)

    def _monitor(self, node: Machine) -> None:
        program = (GUEST / "address.py").read_text()
        monitor = node.spawn(
            ["python3", "-c", program, self.address], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        with monitor:
            assert monitor.stdout is not None
            for line in monitor.stdout:
                self._note(node.name, line == "up\n")
                self._monitors[node.name] = monitor

    def _note(self, node: str, up: bool) -> None:
        with self._lock:
            if up == (node in self.holders()) or self._stopping.is_set():
                return
            event = AddressEvent(time.monotonic(), node, up)
            self.events.append(event)
        if self._watch:
            self._watch(event)

    def holders(self, at: float | None = None) -> set[str]:
        """Return the nodes that have the address, now or at a time."""
        held: set[str] = set()
        for event in self.events:
            if at is None or event.time <= at:
                (held.add if event.up else held.discard)(event.node)
        return held

    def overlap(self) -> float:
        """Return the seconds for which more than one node had the address; 0 is what must be."""
        return self._total(lambda holders: len(holders) > 1)

    def absence(self, since: float = 0.0) -> float:
        """Return the seconds since `since` for which no node had the address."""
        return self._total(lambda holders: not holders, since)

    def _total(self, matches: Callable[[set[str]], bool], since: float = 0.0) -> float:
        events = list(self.events)
        times = [event.time for event in events] + [time.monotonic()]
        return sum(
            max(0.0, until - max(start, since))
            for start, until in itertools.pairwise(times)
            if matches(self.holders(start))
        )

    def wait_up(self, after: float, node: str | None = None, timeout: float = 30) -> AddressEvent:
        """Return the first arrival of the address after `after`, on `node` if given; TimeoutError otherwise."""
        return wait_until(
            lambda: next(
                (event for event in self.events if event.up and event.time > after and node in (None, event.node)), None
            ),
            timeout,
            "the VIP is up",
            0.02,
        )
