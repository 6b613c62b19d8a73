"""What is left to be tested, and which test a process gets next."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Test:
    """One test as pytest has collected it.

    `kind`: what one process can run without another laboratory or another set of session fixtures.
    `stream`: within a kind, tests that follow each other without a change, for instance of the recipe.
    `seconds`: about how long it takes.
    """

    id: str
    path: str
    tier: str
    kind: str
    stream: str
    alone: bool
    seconds: float


class Work:
    """Tests that wait to be handed out."""

    def __init__(self, tests: Iterable[Test]):
        self._waiting: dict[str, list[Test]] = {}
        for test in tests:
            self._waiting.setdefault(test.kind, []).append(test)

    def __bool__(self) -> bool:
        return any(self._waiting.values())

    def seconds(self, kind: str) -> float:
        """Return how long the waiting tests of a kind take, one after the other."""
        return sum(test.seconds for test in self._waiting.get(kind, []))

    def kinds(self) -> list[str]:
        """Return the kinds that have waiting tests."""
        return [kind for kind, tests in self._waiting.items() if tests]

    def paths(self, kind: str) -> list[str]:
        """Return the files of a kind's waiting tests."""
        return sorted({test.path for test in self._waiting[kind]})

    def take(self, kind: str, previous: Test | None, busy: Counter[str]) -> Test | None:
        """Hand out the next test of a kind.

        It is of the stream of the previous one, or else of that with the most left for each of its processes.
        `busy`: how many processes each stream has.
        """
        waiting = self._waiting.get(kind, [])
        if not waiting:
            return None
        stream = previous.stream if previous else ""
        left: dict[str, float] = defaultdict(float)
        for test in waiting:
            left[test.stream] += test.seconds
        if not left[stream]:
            stream = max(left, key=lambda name: left[name] / (1 + busy[name]))
        # The longest first: at the end of all, processes wait for each other's last test.
        test = max((test for test in waiting if test.stream == stream), key=lambda test: test.seconds)
        waiting.remove(test)
        return test

    def put_back(self, test: Test) -> None:
        """Let another process run a test that has been handed out."""
        self._waiting.setdefault(test.kind, []).insert(0, test)

    def drop(self, kind: str) -> list[Test]:
        """Return the waiting tests of a kind, which nobody can run, and forget them."""
        return self._waiting.pop(kind, [])
