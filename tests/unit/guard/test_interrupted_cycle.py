"""A turn that is killed at any of its lines: the next one gives the right verdict, and Pacemaker knows it."""

import itertools
import os
import sys

import pytest

from galera_sync_guard import cycle
from galera_sync_guard.cluster import peers
from galera_sync_guard.decision.facts import Cause, Facts
from galera_sync_guard.decision.states import score_text
from galera_sync_guard.host import state_file
from galera_sync_guard.server import probe
from tests.support.galera import READ_ONLY, SATURATED
from tests.unit.builders import Cluster, call, cycle_of, node

FACTS = {
    "synced": node(),
    "read-only": node(**READ_ONLY),
    "saturated": node(**SATURATED),
    "blind": Facts(cause=Cause.CANNOT_OBSERVE, detail="protocol error"),
}
EXECUTOR = 100


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the code under test may catch it."""


class HalfwayCluster(Cluster):
    """A Cluster in which, as in Pacemaker, the score and the state are written one after the other."""

    def publish(self, score, state):
        self.score = score_text(score)
        self.state = state
        return "published"


TRACED = (cycle.__file__, state_file.__file__, __file__)
# A kill in a function that only reads is a kill before the line that called it.
ONLY_READ = ("__init__", "load", "_read", "_fill", "_is_complete", "is_started", "_is_published", "_log_change")


def kill_at(step):
    """Raise Killed when the code under test is about to run its line number `step`, counted from now."""
    lines = 0

    def on_line(frame, event, argument):
        nonlocal lines
        if event == "line":
            lines += 1
            if lines == step:
                raise Killed
        return on_line

    def on_call(frame, event, argument):
        code = frame.f_code
        if code.co_filename in TRACED and code.co_name not in ONLY_READ and not code.co_name.startswith("<"):
            return on_line
        return None

    sys.settrace(on_call)


class Host:
    """The state directory and the cluster as one guard's calls leave them, second by second."""

    def __init__(self, directory, clock):
        self.directory = directory
        self.clock = clock
        self.cluster = HalfwayCluster(better_peer=True)

    def copy(self, directory):
        """Return this host as it is now, to continue it in another way."""
        directory.mkdir(exist_ok=True)
        for file in directory.iterdir():
            file.unlink()
        for file in self.directory.iterdir():
            (directory / file.name).write_bytes(file.read_bytes())
        copied = Host(directory, self.clock)
        copied.cluster.score, copied.cluster.state = self.cluster.attributes
        return copied

    def turn(self, second, facts, kill_before=None, fresh=False):
        """Take one turn and return its verdict, None if it was killed before its line number `kill_before`."""
        self.clock[0] = 5000.0 + second
        # Without recovery_hold every change of the facts is a change of the score, in both directions.
        invocation = call(self.directory, mode="score", recovery_hold="0")
        probe.probe_node = lambda *arguments: FACTS[facts]
        try:
            if kill_before:
                kill_at(kill_before)
            one = cycle_of(invocation, self.cluster, EXECUTOR)
            if fresh:
                one.forget()
            verdict, published = one.run_once(must_save=fresh)
        except Killed:
            self._lose_what_was_not_on_disk()
            return None
        finally:
            sys.settrace(None)
        assert published
        return verdict.kind, verdict.score, verdict.state

    def _lose_what_was_not_on_disk(self):
        for name in os.listdir(self.directory):
            if name.endswith(".new"):
                (self.directory / name).write_bytes(b"")

    def assert_pacemaker_knows(self, verdict):
        assert self.cluster.attributes == (score_text(verdict[1]), verdict[2])


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    for module in (cycle, peers):
        monkeypatch.setattr(module, "boot_clock", lambda: now[0])
    monkeypatch.setattr(probe, "probe_node", probe.probe_node)
    return now


def steps():
    """Count the lines of a turn until one ends without being killed."""
    return itertools.count(1)


HISTORIES = list(itertools.product(("synced", "read-only", "saturated"), FACTS, FACTS))


@pytest.mark.parametrize(("before", "killed", "after"), HISTORIES, ids=["-".join(history) for history in HISTORIES])
def test_after_a_killed_turn_the_next_is_right_and_published(before, killed, after, run_directory, clock):
    host = Host(run_directory / "before", clock)
    host.turn(0, before, fresh=True)
    host.turn(1, before)
    with_it, without_it = host.copy(run_directory / "with"), host.copy(run_directory / "without")
    with_it.turn(2, killed)
    right = {with_it.turn(3, after), without_it.turn(3, after)}
    for step in steps():
        tried = host.copy(run_directory / "tried")
        was_killed = tried.turn(2, killed, kill_before=step) is None
        verdict = tried.turn(3, after)
        assert verdict in right, step
        tried.assert_pacemaker_knows(verdict)
        if not was_killed:
            break
    assert step > 20


@pytest.mark.parametrize("before", ["synced", "saturated"])
@pytest.mark.parametrize("killed", FACTS)
def test_a_saturation_acts_in_time_whatever_turn_is_killed_on_the_way(before, killed, run_directory, clock):
    host = Host(run_directory / "before", clock)
    for second in range(5):
        host.turn(second, before, fresh=not second)
    for step in itertools.count(1, 7):
        tried = host.copy(run_directory / "tried")
        was_killed = tried.turn(5, killed, kill_before=step) is None
        verdicts = [tried.turn(second, "saturated") for second in range(6, 18)]
        assert verdicts[-1] == ("poor", 10, "saturated")
        tried.assert_pacemaker_knows(verdicts[-1])
        if not was_killed:
            break


@pytest.mark.parametrize("facts", FACTS)
def test_a_killed_start_is_made_right_by_the_next(facts, run_directory, clock):
    empty = Host(run_directory / "empty", clock)
    empty.directory.mkdir()
    right = empty.copy(run_directory / "right").turn(1, facts, fresh=True)
    for step in steps():
        tried = empty.copy(run_directory / "tried")
        was_killed = tried.turn(0, "read-only", kill_before=step, fresh=True) is None
        assert tried.turn(1, facts, fresh=True) == right
        tried.assert_pacemaker_knows(right)
        if not was_killed:
            break
