"""Runs the tests side by side: python3 -m tests.support.runner [check|matrix] [PATH...] [-k WORDS] [--workers N]."""

from __future__ import annotations

import argparse
import os
import selectors
import shutil
import signal
import sys
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.runner.prepare import Preparation
from tests.support.runner.process import ENDS_WITHIN, Process
from tests.support.runner.report import Report
from tests.support.runner.work import Test, Work
from tests.support.runner.worker import KEEPER, LOGS

if TYPE_CHECKING:
    from collections.abc import Iterable

# Tiers whose tests need no machine but this one: first, since they take seconds.
QUICK = ("repository", "unit", "contract", "wire", "rehearsal")
# Kinds of which several processes may run tests side by side, each with a laboratory of its own.
DIVISIBLE = (*QUICK, "package", KEEPER)
# Another process of a kind is worth its start when it has so many seconds of tests to run.
WORTH_A_PROCESS = {KEEPER: 40.0, "package": 40.0}
# A test that takes longer is ended, in seconds.
LIMIT = 900
# So many tests that fail beside others run again alone; when more fail, the machine is not the cause.
MOST_AGAIN = 6
# What a laboratory needs of the machine's memory at most.
GIGABYTES_EACH = 3
MARKS = {"check": "not matrix", "matrix": "matrix"}


class CollectError(RuntimeError):
    """pytest could not read all tests; the text is what it says."""


class Runner:
    """Hands tests out to processes, in phases."""

    def __init__(self, tests: list[Test], options: list[str]):
        self.report = Report(len(tests))
        self._options = options
        self._processes: list[Process] = []
        self._selector = selectors.DefaultSelector()

    def run(self, tests: Iterable[Test], workers: int) -> None:
        """Run tests in so many processes at most; returns when all have run."""
        work = Work(tests)
        while True:
            while len(self._processes) < workers and (kind := self._wanted(work)):
                self._start(kind, work)
            if not self._processes:
                return
            for key, _ in self._selector.select(1):
                for message in key.fileobj.messages():  # type: ignore[union-attr]
                    self._handle(key.fileobj, message, work)  # type: ignore[arg-type]
            for process in self._processes:
                process.end_when_overdue(LIMIT)
            self.report.status(process.test for process in self._processes)

    def run_again(self, tests: Iterable[Test]) -> None:
        """Run the tests that failed beside others once more, alone and in new laboratories; the summary names them."""
        failed = [test for test in tests if self.report.outcomes.get(test.id) == "failed" and not test.alone]
        if len(failed) <= MOST_AGAIN:
            for test in failed:
                self.report.retract(test.id)
            self.run([replace(test, kind=f"{test.kind}-again") for test in failed], 1)

    def end(self) -> None:
        """End all processes with their laboratories."""
        for process in self._processes:
            process.interrupt()
        deadline = time.monotonic() + ENDS_WITHIN
        for process in self._processes:
            process.end(deadline)

    def _wanted(self, work: Work) -> str | None:
        """Return the kind that needs a process most, None when none does."""
        running = Counter(process.kind for process in self._processes)
        left = {
            kind: work.seconds(kind) / (1 + running[kind])
            for kind in work.kinds()
            if not running[kind] or kind in DIVISIBLE
        }
        worth = [kind for kind in left if not running[kind] or left[kind] > WORTH_A_PROCESS.get(kind, 0.5)]
        return max(worth, key=lambda kind: left[kind], default=None)

    def _start(self, kind: str, work: Work) -> None:
        process = Process(kind, work.paths(kind), *self._options)
        self._processes.append(process)
        self._selector.register(process, selectors.EVENT_READ)

    def _handle(self, process: Process, message: dict[str, Any], work: Work) -> None:
        match message.pop("what"):
            case "ask":
                busy = Counter(other.test.stream for other in self._processes if other.test and other is not process)
                process.give(work.take(process.kind, process.test, busy))
            case "begin":
                process.begin()
            case "report" if process.test:
                self.report.phase(process.test, **message)
            case "end" if process.test:
                self.report.end(process.test, **message)
                process.test = None
            case "gone":
                self._selector.unregister(process)
                self._processes.remove(process)
                process.close()
                self._note_end(process, work)

    def _note_end(self, process: Process, work: Work) -> None:
        if process.test:
            self.report.fail(process.test.id, f"its process has ended:\n{process.said}")
        if process.following:
            work.put_back(process.following)
        if not process.has_asked:
            self.report.say(f"a process for {process.kind} could not begin:\n{process.said}")
            for test in work.drop(process.kind):
                self.report.fail(test.id, "its process could not begin")


def collect(paths: list[str], options: list[str]) -> list[Test]:
    """Return the tests that pytest finds; CollectError with its words when it cannot."""
    process = Process("collect", paths, "--collect-only", "--quiet", *options)
    tests: list[Test] = []
    while process.exit_code is None:
        for message in process.messages():
            tests += [Test(**test) for test in message.get("tests", [])]
    process.close()
    if process.exit_code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise CollectError(process.said)
    return tests


def main() -> int:
    """Run what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.support.runner", description=__doc__)
    parser.add_argument("what", nargs="+", help="check or matrix, files or directories of tests, or both")
    parser.add_argument("-k", metavar="WORDS", default="", help="as pytest's")
    parser.add_argument("--workers", type=int, default=laboratories(), help="laboratories side by side (%(default)s)")
    arguments = parser.parse_args()
    mark = MARKS.get(arguments.what[0], "")
    paths = arguments.what[bool(mark) :]
    options = ["-m", mark, *(("-k", arguments.k) if arguments.k else ())]
    shutil.rmtree(LOGS, ignore_errors=True)
    try:
        tests = collect(paths, options)
    except CollectError as error:
        sys.exit(f"pytest could not read the tests:\n{error}")
    runner = Runner(tests, options)
    # A shell that runs this in the background makes it ignore interrupts.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    quick = [test for test in tests if test.tier in QUICK]
    preparation = Preparation(roots=bool(mark) and not paths) if len(quick) < len(tests) else None
    try:
        runner.run(quick, 2 * (os.cpu_count() or 1))
        if preparation:
            os.environ["TEST_DEB"] = preparation.deb()
        runner.run([test for test in tests if test.tier not in QUICK and not test.alone], arguments.workers)
        runner.run([test for test in tests if test.tier not in QUICK and test.alone], 1)
        runner.run_again(tests)
    except KeyboardInterrupt:
        print("interrupted: ending all laboratories", file=sys.stderr)
    finally:
        runner.end()
        if preparation:
            preparation.end()
    runner.report.summary()
    return 0 if runner.report.good else 1


def laboratories() -> int:
    """Return how many laboratories this machine carries side by side: they wait more than they compute."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(5 * (os.cpu_count() or 1) // 2, memory // GIGABYTES_EACH >> 30))


if __name__ == "__main__":
    sys.exit(main())
