"""Decides when to ask which neighbour and whether any of them answers; pure but for the Neighbours that it is given."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from galera_sync_guard.host.link import Interface
    from galera_sync_guard.host.neighbours import Neighbours

# Seconds. While all is well one neighbour is asked per PROBE_INTERVAL, in turn. A question that has no answer after
# RETRY_INTERVAL is followed by one to each neighbour, and so on; after LONG_SILENCE that is done per PROBE_INTERVAL.
PROBE_INTERVAL = 0.4
RETRY_INTERVAL = 0.1
LONG_SILENCE = 3.0
# Silence: no answer for so many seconds and so many questions. The second count keeps a process that was not
# scheduled from taking its own silence for that of the network.
SILENT_AFTER = 1.0
SILENT_QUESTIONS = 5
# A neighbour that has not answered within so many seconds is asked in every so manieth turn only.
QUIET_AFTER = 3.0
QUIET_TURN = 5
MAX_NEIGHBOURS = 8


class _Neighbour:
    """One address that is asked: the time of its last answer and its hardware address, None before the first."""

    __slots__ = ("answered_at", "hardware")

    def __init__(self) -> None:
        self.answered_at: float | None = None
        self.hardware: bytes | None = None


class Reach:
    """Whether any neighbour answers. Times are seconds on the boot clock."""

    def __init__(self, neighbours: Neighbours, now: float) -> None:
        self._neighbours = neighbours
        self._known: dict[bytes, _Neighbour] = {}
        self._next_at = self._asked_at = now
        self._silent_since = now
        self._unanswered = 0
        self._turn = 0
        self.has_answered = False

    def set_neighbours(self, addresses: Iterable[bytes]) -> None:
        """Ask these addresses from now on, the first MAX_NEIGHBOURS of them."""
        wanted = list(addresses)[:MAX_NEIGHBOURS]
        self._known = {address: self._known.get(address) or _Neighbour() for address in wanted}

    def fileno(self) -> int:
        """Return the descriptor that becomes readable with an answer, for select."""
        return self._neighbours.fileno()

    @property
    def next_at(self) -> float | None:
        """When process has something to ask, None while no neighbour is known."""
        return self._next_at if self._known else None

    def process(self, interface: Interface, now: float) -> None:
        """Read the answers, and ask what is due."""
        for address, hardware in self._neighbours.answers(interface):
            neighbour = self._known.get(address)
            if neighbour:
                neighbour.answered_at, neighbour.hardware = now, hardware
                self._silent_since, self._unanswered, self.has_answered = now, 0, True
                self._next_at = self._asked_at + PROBE_INTERVAL
        if self._known and now >= self._next_at:
            self._ask(interface, now)

    def silence(self, now: float) -> float:
        """Return for how many seconds no neighbour has answered, 0 while that means nothing."""
        silence = now - self._silent_since
        is_certain = self._known and self._unanswered > SILENT_QUESTIONS and silence > SILENT_AFTER
        return silence if is_certain else 0.0

    def is_fresh(self, now: float) -> bool:
        """Return whether a neighbour has just answered."""
        return self.has_answered and now - self._silent_since <= SILENT_AFTER

    def forget_questions(self, now: float) -> None:
        """Count anew: what was asked through a link that was down could not be answered."""
        self._unanswered = 0
        self._next_at = now

    def summary(self, now: float) -> str:
        """Return how many of the neighbours have answered lately, for people."""
        return (
            f"{sum(self._answers(each, now) for each in self._known.values())} of {len(self._known)} neighbours answer"
        )

    def _ask(self, interface: Interface, now: float) -> None:
        self._turn += 1
        is_well = not self._unanswered
        chosen = self._choose(now) if is_well else list(self._known)
        went_out = [
            self._neighbours.ask(interface, address, self._known[address].hardware if is_well else None)
            for address in chosen
        ]
        self._unanswered += any(went_out)
        self._asked_at = now
        self._next_at = now + (RETRY_INTERVAL if now - self._silent_since < LONG_SILENCE else PROBE_INTERVAL)

    @staticmethod
    def _answers(neighbour: _Neighbour, now: float) -> bool:
        return neighbour.answered_at is not None and now - neighbour.answered_at < QUIET_AFTER

    def _choose(self, now: float) -> list[bytes]:
        """Return the next neighbour of those that answer, and now and then one of those that do not."""
        answering: list[bytes] = []
        quiet: list[bytes] = []
        for address, neighbour in self._known.items():
            (answering if self._answers(neighbour, now) else quiet).append(address)
        chosen = [answering[self._turn % len(answering)]] if answering else quiet[:]
        if answering and quiet and self._turn % QUIET_TURN == 0:
            chosen.append(quiet[self._turn // QUIET_TURN % len(quiet)])
        return chosen
