"""Question and answer between watchers, over a group of Corosync's that lives in this test."""

import pytest

from galera_sync_guard.cluster import peers
from galera_sync_guard.cluster.peers import ANSWERS_WITHIN, AT_ONCE, TRY_AGAIN, Peers
from tests.unit.builders import Log

A_BIT = 0.001


class Corosync:
    """Stands for Corosync and its library: what a member sends, all members receive."""

    def __init__(self):
        self.members = []
        self.is_there = True

    def join(self):
        if not self.is_there:
            raise OSError("cpg_initialize: Corosync's error 2")
        return Member(self)


class Member:
    def __init__(self, corosync):
        self._corosync = corosync
        self._inbox = []
        corosync.members.append(self)

    def send(self, message):
        self._check()
        for member in self._corosync.members:
            member._inbox.append(message)

    def receive(self):
        self._check()
        inbox, self._inbox = self._inbox, []
        return inbox

    def leave(self):
        self._corosync.members.remove(self)

    def _check(self):
        if not self._corosync.is_there:
            raise OSError("cpg_dispatch: Corosync's error 2")


class World:
    """A clock, a Corosync, and watchers' peers."""

    def __init__(self, monkeypatch):
        self.now = 5000.0
        self.corosync = Corosync()
        self.log = Log()
        monkeypatch.setattr(peers, "boot_clock", lambda: self.now)
        monkeypatch.setattr(peers, "Group", self.corosync.join)

    def watchers(self, *attributes):
        found = [Peers(attribute, self.log) for attribute in attributes]
        for each in found:
            assert not each.attend()
        return found


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


def ask(world, asking):
    asking.ask_soon()
    world.now += AT_ONCE + A_BIT
    return asking.attend()


def test_a_synced_peer_takes_a_turn_and_answers(world):
    asking, other = world.watchers("guard", "guard")
    assert not ask(world, asking)
    assert other.attend()
    other.answer(is_synced=True)
    assert asking.attend()
    assert asking.has_answered()


def test_an_answer_counts_for_one_turn(world):
    asking, other = world.watchers("guard", "guard")
    ask(world, asking)
    other.attend()
    other.answer(is_synced=True)
    asking.attend()
    asking.has_answered()
    assert not asking.attend()
    assert not asking.has_answered()


def test_a_peer_that_is_not_synced_says_nothing_neither_now_nor_later(world):
    asking, other = world.watchers("guard", "guard")
    ask(world, asking)
    assert other.attend()
    other.answer(is_synced=False)
    other.answer(is_synced=True)
    assert not other.attend()
    assert not asking.attend()
    assert not asking.has_answered()


def test_two_that_ask_each_other_hear_no_answer(world):
    watchers = world.watchers("guard", "guard")
    for each in watchers:
        each.ask_soon()
    world.now += AT_ONCE + A_BIT
    for _ in range(3):
        for each in watchers:
            each.attend()
            each.answer(is_synced=False)
    assert not any(each.has_answered() for each in watchers)


def test_nobody_is_asked_before_all_nodes_can_have_been_struck(world):
    asking, other = world.watchers("guard", "guard")
    asking.ask_soon()
    world.now += AT_ONCE - A_BIT
    assert 0 < asking.next_question_in(0.2) < 2 * A_BIT
    asking.attend()
    assert not other.attend()
    world.now += 2 * A_BIT
    assert asking.next_question_in(0.2) == 0
    asking.attend()
    assert other.attend()
    assert asking.next_question_in(0.2) == 0.2


def test_each_question_is_asked_once(world):
    asking, other = world.watchers("guard", "guard")
    ask(world, asking)
    other.attend()
    other.answer(is_synced=False)
    for _ in range(9):
        world.now += 1
        asking.attend()
        assert not other.attend()


def test_a_guard_of_another_cluster_is_no_peer(world):
    asking, other = world.watchers("guard", "guard-2")
    ask(world, asking)
    assert not other.attend()


def test_an_answer_to_an_earlier_question_is_none(world):
    asking, other = world.watchers("guard", "guard")
    ask(world, asking)
    other.attend()
    asking.ask_soon()
    other.answer(is_synced=True)
    assert not asking.attend()
    world.now += AT_ONCE + A_BIT
    assert not asking.attend()


def test_an_answer_that_comes_late_is_none(world):
    asking, other = world.watchers("guard", "guard")
    ask(world, asking)
    other.attend()
    other.answer(is_synced=True)
    world.now += ANSWERS_WITHIN
    assert not asking.attend()


def test_the_words_are_those_of_every_version(world):
    """Nodes run two neighbouring versions while a cluster is upgraded."""
    asking, _ = world.watchers("guard", "guard")
    listener = world.corosync.join()
    ask(world, asking)
    (question,) = listener.receive()
    name, words, token = question.split(b"\0")
    assert (name, words) == (b"guard", b"who is synced?")
    listener.send(b"guard\0synced\0" + token)
    assert asking.attend()


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"guard",
        b"guard\0",
        b"guard\0synced",
        b"guard\0who knows?\0" + b"1" * 16,
        b"guard\0who is synced?\0question\0more",
        b"\xff\0\0\0",
        bytes(9),
    ],
)
def test_what_another_version_may_say_is_ignored(world, message):
    (watcher,) = world.watchers("guard")
    world.corosync.join().send(message)
    assert not watcher.attend()


def test_without_corosync_nobody_is_asked_and_it_is_said_once(world):
    world.corosync.is_there = False
    (asking,) = world.watchers("guard")
    for _ in range(9):
        assert not ask(world, asking)
        asking.answer(is_synced=True)
        assert asking.sources() == []
        world.now += TRY_AGAIN
    ((level, line),) = world.log.lines
    assert level == "info"
    assert "cannot ask the guards of other nodes" in line
    assert "Corosync's error 2" in line


def test_that_corosync_is_lost_again_is_said_again(world):
    (watcher,) = world.watchers("guard")
    for is_there in (False, True, False):
        world.corosync.is_there = is_there
        for _ in range(3):
            world.now += TRY_AGAIN
            watcher.attend()
    first, again = (line for _, line in world.log.lines if "cpg_dispatch" in line)
    assert first == again


def test_a_question_that_could_not_be_asked_does_not_keep_a_watcher_from_waiting(world):
    world.corosync.is_there = False
    (asking,) = world.watchers("guard")
    ask(world, asking)
    assert asking.next_question_in(0.2) == 0.2


def test_corosync_is_tried_again_after_a_while_and_no_sooner(world):
    asking, other = world.watchers("guard", "guard")
    world.corosync.is_there = False
    assert not asking.attend()
    assert not other.attend()
    world.corosync.is_there = True
    world.now += TRY_AGAIN - 2 * A_BIT
    asking.attend()
    assert asking.sources() == world.corosync.members == []
    world.now += 3 * A_BIT
    asking.attend()
    other.attend()
    assert [*asking.sources(), *other.sources()] == world.corosync.members
    ask(world, asking)
    assert other.attend()


def test_who_leaves_is_no_member_any_more(world):
    (watcher,) = world.watchers("guard")
    watcher.leave()
    assert watcher.sources() == world.corosync.members == []
    watcher.leave()
