"""What the runner prints: progress on the way, and at the end how long each tier took and what was proved."""

from __future__ import annotations

import resource
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.runner.work import Test

# A passed test that took less is not worth a line of its own, in seconds.
WORTH_A_LINE = 3
STATUS_EVERY = 20
PROVED = ("rows", "faults", "moves", "writes acknowledged", "writes missing")


@dataclass
class Tier:
    """What a tier's tests took: their number, the times between which they ran, the sum of their seconds."""

    tests: int = 0
    began: float = float("inf")
    ended: float = 0.0
    seconds: float = 0.0


@dataclass
class Report:
    """Counts, prints and remembers; `total` is how many tests there are."""

    total: int
    began: float = field(default_factory=time.monotonic)
    outcomes: dict[str, str] = field(default_factory=dict)
    proved: Counter[str] = field(default_factory=Counter)
    tiers: dict[str, Tier] = field(default_factory=dict)
    _failures: list[str] = field(default_factory=list)
    _again: list[str] = field(default_factory=list)
    _said: float = 0.0

    def say(self, text: str) -> None:
        """Print a line with the time since the beginning."""
        seconds = int(time.monotonic() - self.began)
        print(f"[{seconds // 60:2}:{seconds % 60:02}] {text}", flush=True)
        self._said = time.monotonic()

    def fail(self, test: str, text: str) -> None:
        """Note and print a failure."""
        if self.outcomes.get(test) != "failed":
            self._failures.append(f"FAILED {test}")
        self.outcomes[test] = "failed"
        self.say(f"FAILED {test}\n{text}\n")

    def retract(self, test: str) -> None:
        """Take a failure back: the test runs again alone, and what comes of that counts."""
        del self.outcomes[test]
        self._failures.remove(f"FAILED {test}")
        self._again.append(test)
        self.say(f"again, alone: {test}")

    def phase(self, test: Test, when: str, outcome: str, text: str) -> None:
        """Note what became of a test's setup, call or teardown."""
        if outcome == "failed":
            self.fail(test.id, f"in its {when}:\n{text}")
        elif self.outcomes.get(test.id) != "failed":
            self.outcomes[test.id] = outcome

    def end(self, test: Test, seconds: float, proved: dict[str, int]) -> None:
        """Note the end of a test."""
        now = time.monotonic()
        tier = self.tiers.setdefault(test.tier, Tier())
        tier.tests += 1
        tier.began = min(tier.began, now - seconds)
        tier.ended = now
        tier.seconds += seconds
        self.proved.update(proved)
        if seconds > WORTH_A_LINE and self.outcomes.get(test.id) == "passed":
            self.say(f"{len(self.outcomes)}/{self.total} {test.id} {seconds:.0f} s")

    def status(self, running: Iterable[Test | None]) -> None:
        """Say from time to time how far it is."""
        if time.monotonic() - self._said > STATUS_EVERY:
            names = ", ".join(test.id.rpartition("/")[2] for test in running if test)
            self.say(f"{len(self.outcomes)}/{self.total}, {self.count('failed')} failed; running: {names}")

    def count(self, outcome: str) -> int:
        """Return how many tests had an outcome."""
        return list(self.outcomes.values()).count(outcome)

    def summary(self) -> None:
        """Print what it all came to."""
        print(f"\n{'tier':<12}{'tests':>7}{'from':>8}{'to':>8}{'one by one':>13}")
        for name, tier in self.tiers.items():
            times = [time.strftime("%M:%S", time.gmtime(at - self.began)) for at in (tier.began, tier.ended)]
            print(f"{name:<12}{tier.tests:>7}{times[0]:>8}{times[1]:>8}{tier.seconds:>11.0f} s")
        seconds = time.monotonic() - self.began
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"processors: {(used.ru_utime + used.ru_stime) / 60:.1f} minutes in {seconds / 60:.1f}")
        if self.proved:
            print("on real nodes: " + ", ".join(f"{self.proved[name]:,} {name}" for name in PROVED))
        for test in self._again:
            print(f"failed beside others, {self.outcomes.get(test, 'not run')} alone: {test}")
        print(*self._failures, sep="\n")
        missing = self.total - len(self.outcomes)
        counts = [f"{self.count('failed')} failed"] * bool(self._failures) + [f"{self.count('passed')} passed"]
        counts += [f"{self.count('skipped')} skipped"] * bool(self.count("skipped"))
        counts += [f"{missing} not run"] * bool(missing)
        minutes = f"{int(seconds) // 3600}:{int(seconds) // 60 % 60:02}:{int(seconds) % 60:02}"
        print(f"======== {', '.join(counts)} in {seconds:.2f}s ({minutes}) ========", flush=True)

    @property
    def good(self) -> bool:
        """Tell whether every test has passed."""
        return self.count("passed") == self.total
