"""When neighbours are asked, and when their silence counts: a clock and a network that lose what a test says."""

import random

import pytest

from galera_sync_guard.host.reach import SILENT_AFTER, Reach

STEP = 0.05
HOSTS = (b"gate", b"one.", b"two.")


class Wire:
    """Neighbours whose answers arrive with the next look; `loses` decides about each question."""

    def __init__(self, present=HOSTS):
        self.present = set(present)
        self.loses = lambda: False
        self.asked = []
        self._answers = []

    def ask(self, interface, target, hardware=None):
        self.asked.append(target)
        if target in self.present and not self.loses():
            self._answers.append((target, b"mac"))
        return True

    def answers(self, interface):
        found, self._answers = self._answers, []
        return found


class Watcher:
    def __init__(self, hosts=HOSTS, present=None):
        self.now = 1000.0
        self.wire = Wire(hosts if present is None else present)
        self.reach = Reach(self.wire, self.now)
        self.reach.set_neighbours(hosts)

    def run(self, seconds, step=STEP):
        """Let time pass; return the longest silence."""
        longest, end = 0.0, self.now + seconds
        while self.now < end:
            self.now += step
            self.reach.process(None, self.now)
            longest = max(longest, self.reach.silence(self.now))
        return longest


@pytest.mark.parametrize("count", [1, 2, 3])
def test_silence_of_all_is_known_soon(count):
    watcher = Watcher(HOSTS[:count])
    watcher.run(10)
    watcher.wire.present.clear()
    watcher.run(1.6)
    assert watcher.reach.silence(watcher.now) > SILENT_AFTER
    assert not watcher.reach.is_fresh(watcher.now)
    watcher.wire.present.update(HOSTS)
    watcher.run(0.5)
    assert watcher.reach.silence(watcher.now) == 0
    assert watcher.reach.is_fresh(watcher.now)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_loss_of_every_tenth_frame_is_no_silence(count):
    watcher = Watcher(HOSTS[:count])
    dice = random.Random(count)
    watcher.wire.loses = lambda: dice.random() < 1 - 0.9 * 0.9
    assert watcher.run(600) == 0


def test_hosts_that_are_off_do_not_hide_the_one_that_answers():
    watcher = Watcher(present=[HOSTS[2]])
    assert watcher.run(60) == 0
    assert watcher.reach.is_fresh(watcher.now)


def test_a_host_that_comes_back_is_asked_again():
    watcher = Watcher(present=[HOSTS[0]])
    watcher.run(60)
    watcher.wire.present = {HOSTS[1]}
    assert watcher.run(60) == 0


def test_a_watcher_that_runs_seldom_has_asked_too_little_to_tell():
    watcher = Watcher()
    watcher.run(10)
    watcher.now += 30
    watcher.wire.present.clear()
    assert watcher.run(0.4, step=0.2) == 0
    assert watcher.run(5) > 0


def test_questions_are_sparing():
    for present in (HOSTS, HOSTS[:1]):
        watcher = Watcher(present=present)
        watcher.run(10)
        watcher.wire.asked.clear()
        watcher.run(60)
        assert len(watcher.wire.asked) <= 60 * 3.1
    watcher.wire.present.clear()
    watcher.run(30)
    watcher.wire.asked.clear()
    watcher.run(60)
    assert len(watcher.wire.asked) <= 60 * 2.6 * len(HOSTS), "and when nobody answers for long"


def test_nobody_to_ask_is_no_silence():
    assert Watcher(hosts=()).run(60) == 0
