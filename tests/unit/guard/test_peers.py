"""Question and answer between watchers, over a group of Corosync's that lives in this test."""

import pytest

from galera_sync_guard.cluster import corosync, peers
from galera_sync_guard.cluster.network_reports import NetworkReports
from galera_sync_guard.cluster.peers import ANSWER_MAX_AGE, QUERY_DELAY, RECONNECT_INTERVAL, CorosyncPeers
from galera_sync_guard.decision.classify import classify
from galera_sync_guard.decision.facts import NetworkState
from galera_sync_guard.decision.judge import ANSWERING_PEER, NO_PEER, SYNCED_PEER, judge
from tests.support.galera import DESYNCED
from tests.unit.builders import Guard, Log, node, policy

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
        monkeypatch.setattr(corosync, "Group", self.corosync.join)

    def watchers(self, *attributes):
        found = [CorosyncPeers(None, attribute, self.log, NetworkReports()) for attribute in attributes]
        for each in found:
            assert not each.process_messages()
        return found


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


def desync():
    """Return the condition of a node that was desynced, and what judge remembers of its first sample."""
    condition = classify(node(**DESYNCED), policy())
    return condition, judge(condition, policy(), Guard(policy()).after_fit(5000.0), NO_PEER, 5000.0, 0.2)[1]


def networked(now, **state):
    """Return the condition of a node without a network, and what judge remembers when its grace is over."""
    condition = classify(node().with_network(NetworkState(**state)), policy())
    memory = Guard(policy()).after_fit(now - 2)
    for at in (now - 1.5, now):
        memory = judge(condition, policy(), memory, NO_PEER, at, 0.2)[1]
    return condition, memory


class Attributes:
    """Stands for the cluster's attributes, by which another node is synced."""

    def peer_is_synced(self):
        return True


def ask(world, asking):
    asking.recheck_after(*desync(), world.now, 0.2)
    world.now += QUERY_DELAY + A_BIT
    return asking.process_messages()


def test_a_synced_peer_takes_a_turn_and_answers(world):
    asking, other = world.watchers("guard", "guard")
    assert not ask(world, asking)
    assert other.process_messages()
    other.answer(is_synced=True)
    assert asking.process_messages()
    assert asking.take_answer()


def test_an_answer_counts_for_one_turn(world):
    asking, other = world.watchers("guard", "guard")
    ask(world, asking)
    other.process_messages()
    other.answer(is_synced=True)
    asking.process_messages()
    asking.take_answer()
    assert not asking.process_messages()
    assert not asking.take_answer()


def test_a_peer_that_is_not_synced_says_nothing_neither_now_nor_later(world):
    asking, other = world.watchers("guard", "guard")
    ask(world, asking)
    assert other.process_messages()
    other.answer(is_synced=False)
    other.answer(is_synced=True)
    assert not other.process_messages()
    assert not asking.process_messages()
    assert not asking.take_answer()


def test_two_that_ask_each_other_hear_no_answer(world):
    watchers = world.watchers("guard", "guard")
    for each in watchers:
        each.recheck_after(*desync(), world.now, 0.2)
    world.now += QUERY_DELAY + A_BIT
    for _ in range(3):
        for each in watchers:
            each.process_messages()
            each.answer(is_synced=False)
    assert not any(each.take_answer() for each in watchers)


def test_nobody_is_asked_before_all_nodes_can_have_been_struck(world):
    asking, other = world.watchers("guard", "guard")
    asking.recheck_after(*desync(), world.now, 0.2)
    world.now += QUERY_DELAY - A_BIT
    assert 0 < asking.seconds_until_query(0.2) < 2 * A_BIT
    asking.process_messages()
    assert not other.process_messages()
    world.now += 2 * A_BIT
    assert asking.seconds_until_query(0.2) == 0
    asking.process_messages()
    assert other.process_messages()
    assert asking.seconds_until_query(0.2) == 0.2


def test_each_question_is_asked_once(world):
    asking, other = world.watchers("guard", "guard")
    ask(world, asking)
    other.process_messages()
    other.answer(is_synced=False)
    for _ in range(9):
        world.now += 1
        asking.process_messages()
        assert not other.process_messages()


def test_a_node_without_a_link_asks_at_once_when_its_grace_is_over_and_goes_on(world):
    asking, other = world.watchers("guard", "guard")
    for _ in range(3):
        asking.recheck_after(*networked(world.now, unplugged="no carrier"), world.now, 0.2)
        assert asking.seconds_until_query(0.2) == 0
        asking.process_messages()
        assert other.process_messages()
        other.answer(is_synced=False)
        asking.recheck_after(*networked(world.now, unplugged="no carrier"), world.now, 0.2)
        assert asking.seconds_until_query(0.2) == 0.2, "an answer may still come"
        world.now += ANSWER_MAX_AGE
    asking.recheck_after(*networked(world.now, unplugged="no carrier"), world.now, 0.2)
    asking.process_messages()
    other.process_messages()
    other.answer(is_synced=True)
    assert asking.process_messages()
    assert asking.status(networked(world.now, unplugged="no carrier")[0]) == ANSWERING_PEER


def test_no_node_is_better_than_an_unreachable_one_unless_something_answers_a_node(world):
    watcher, other = world.watchers("guard", "guard")
    watcher._attributes._attributes = Attributes()
    unreachable, _ = networked(world.now, unreachable="no answer")
    assert watcher.status(networked(world.now, unplugged="no carrier")[0]) == SYNCED_PEER
    assert watcher.status(unreachable) == NO_PEER
    for reaches, expected in ((True, SYNCED_PEER), (False, NO_PEER)):
        other.reports.set_own("10.0.0.2", reaches)
        assert other.seconds_until_query(0.2) == 0
        other.process_messages()
        assert not watcher.process_messages(), "a report is no reason for a cycle"
        assert watcher.status(unreachable) == expected
    assert watcher.reports.addresses() == ("10.0.0.2",)


def test_a_guard_of_another_cluster_is_no_peer(world):
    asking, other = world.watchers("guard", "guard-2")
    ask(world, asking)
    assert not other.process_messages()


def test_an_answer_to_an_earlier_question_is_none(world):
    asking, other = world.watchers("guard", "guard")
    ask(world, asking)
    other.process_messages()
    asking.recheck_after(*desync(), world.now, 0.2)
    other.answer(is_synced=True)
    assert not asking.process_messages()
    world.now += QUERY_DELAY + A_BIT
    assert not asking.process_messages()


def test_an_answer_that_comes_late_is_none(world):
    asking, other = world.watchers("guard", "guard")
    ask(world, asking)
    other.process_messages()
    other.answer(is_synced=True)
    world.now += ANSWER_MAX_AGE
    assert not asking.process_messages()


def test_the_words_are_those_of_every_version(world):
    """Nodes run two neighbouring versions while a cluster is upgraded."""
    asking, _ = world.watchers("guard", "guard")
    listener = world.corosync.join()
    ask(world, asking)
    (question,) = listener.receive()
    name, words, token = question.split(b"\0")
    assert (name, words) == (b"guard", b"1 query")
    listener.send(b"guard\x001 synced\0" + token)
    assert asking.process_messages()


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"guard",
        b"guard\0",
        b"guard\0synced",
        b"guard\x002 query\0" + b"1" * 16,
        b"guard\x001 query\0question\0more",
        b"\xff\0\0\0",
        bytes(9),
    ],
)
def test_what_another_version_may_say_is_ignored(world, message):
    (watcher,) = world.watchers("guard")
    world.corosync.join().send(message)
    assert not watcher.process_messages()


def test_without_corosync_nobody_is_asked_and_it_is_said_once(world):
    world.corosync.is_there = False
    (asking,) = world.watchers("guard")
    for _ in range(9):
        assert not ask(world, asking)
        asking.answer(is_synced=True)
        assert asking.sources() == []
        world.now += RECONNECT_INTERVAL
    ((level, line),) = world.log.lines
    assert level == "info"
    assert "cannot query the watchers on other nodes over Corosync (cpg_" in line
    assert "Corosync's error 2" in line


def test_that_corosync_is_lost_again_is_said_again(world):
    (watcher,) = world.watchers("guard")
    for is_there in (False, True, False):
        world.corosync.is_there = is_there
        for _ in range(3):
            world.now += RECONNECT_INTERVAL
            watcher.process_messages()
    first, again = (line for _, line in world.log.lines if "cpg_dispatch" in line)
    assert first == again


def test_a_question_that_could_not_be_asked_does_not_keep_a_watcher_from_waiting(world):
    world.corosync.is_there = False
    (asking,) = world.watchers("guard")
    ask(world, asking)
    assert asking.seconds_until_query(0.2) == 0.2


def test_corosync_is_tried_again_after_a_while_and_no_sooner(world):
    asking, other = world.watchers("guard", "guard")
    world.corosync.is_there = False
    assert not asking.process_messages()
    assert not other.process_messages()
    world.corosync.is_there = True
    world.now += RECONNECT_INTERVAL - 2 * A_BIT
    asking.process_messages()
    assert asking.sources() == world.corosync.members == []
    world.now += 3 * A_BIT
    asking.process_messages()
    other.process_messages()
    assert [*asking.sources(), *other.sources()] == world.corosync.members
    ask(world, asking)
    assert other.process_messages()


def test_who_leaves_is_no_member_any_more(world):
    (watcher,) = world.watchers("guard")
    watcher.leave()
    assert watcher.sources() == world.corosync.members == []
    watcher.leave()
