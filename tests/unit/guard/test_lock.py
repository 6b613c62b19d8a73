"""The lock that makes a process the watcher: who has it, and that it can always be taken from whoever has it."""

import os
import subprocess
import sys
import time

import pytest

from galera_sync_guard.watcher import lock as module
from galera_sync_guard.watcher.lock import Lock
from tests.support.checkout import ROOT
from tests.unit.builders import call

# Takes the lock, says whether it got it, and whether it still has it whenever it is asked.
HOLDER = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from galera_sync_guard.watcher.lock import Lock
from tests.support.checkout import ROOT
from tests.unit.builders import call
from tests.support.checkout import ROOT
lock = Lock(call(Path(sys.argv[2])))
print(lock.take(), flush=True)
for line in sys.stdin:
    print(lock.is_mine(), flush=True)
"""


class Holder:
    """Another process that tries to become the watcher."""

    def __init__(self, directory):
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-c", HOLDER, str(ROOT), str(directory)],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self.got_it = self._process.stdout.readline().strip() == "True"

    def still_has_it(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip() == "True"

    def wait(self):
        return self._process.wait(5)

    def end(self):
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def holder(run_directory):
    holders = []

    def new():
        holders.append(Holder(run_directory))
        return holders[-1]

    yield new
    for each in holders:
        each.end()


@pytest.fixture
def lock(run_directory):
    return Lock(call(run_directory))


def test_nobody_has_it_at_first(lock):
    assert lock.holder() is None


def test_only_one_process_gets_it(lock, holder):
    first, second = holder(), holder()
    assert (first.got_it, second.got_it) == (True, False)
    assert lock.holder() == first.pid


def test_the_end_of_its_holder_gives_it_back_so_that_no_pid_is_ever_believed(lock, holder):
    first = holder()
    first.end()
    assert lock.holder() is None
    assert holder().got_it


def test_end_holder_ends_it_and_leaves_no_file(lock, holder, run_directory):
    first = holder()
    lock.end_holder()
    assert first.wait() == -9
    assert os.listdir(run_directory) == []
    lock.end_holder()


def test_a_holder_that_cannot_be_killed_delays_nobody_for_long_and_does_not_have_it_any_more(lock, holder, monkeypatch):
    first = holder()
    for kill in ("kill", "killpg"):
        monkeypatch.setattr(os, kill, lambda pid, signal: None)
    monkeypatch.setattr(module, "GONE_WITHIN", 0.1)
    began = time.monotonic()
    lock.end_holder()
    assert time.monotonic() - began < 1
    assert not first.still_has_it()
    second = holder()
    assert second.got_it
    assert second.still_has_it()
    assert lock.holder() == second.pid
