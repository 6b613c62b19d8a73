"""What a guard does over a series of samples: blips, patience, flapping, common conditions and recovery."""

import bisect
import itertools
import random

import pytest

from galera_sync_guard.decision.facts import Cause, Facts
from galera_sync_guard.decision.states import BAD, FIT, POOR, UNFIT, UNKNOWN
from tests.support.galera import CATCHING_UP, DESYNCED, DONOR, READ_ONLY, SATURATED
from tests.unit.builders import Guard, node, policy

BLINDED = Facts(cause=Cause.CANNOT_OBSERVE, detail="error 1045: Access denied for user 'monitor'@'localhost'")
START = 1000.0
SEEDS = range(20)


def times(interval, until, seed=None, phase=0.0):
    """Yield the times of samples, from START + phase on; with a seed, each up to a fifth of an interval off."""
    shake = random.Random(seed)
    for number in itertools.count():
        now = START + phase + number * interval + (shake.uniform(-0.2, 0.2) * interval if seed is not None else 0)
        if now > START + until:
            return
        yield now


def watch(guard, when, facts_at, better_peer=True):
    """Let a guard that knows its node as fit sample at these times; return [(seconds since START, verdict)]."""
    guard.sees(node(), START - guard.interval, better_peer)
    return [(now - START, guard.sees(facts_at(now - START), now, better_peer)) for now in when]


def during(begin, end, **changes):
    """Return facts_at(seconds): a node that is changed from `begin` to `end` and healthy before and after."""
    return lambda seconds: node(**changes) if begin <= seconds < end else node()


def first_bad(verdicts):
    return next((seconds for seconds, verdict in verdicts if verdict.kind in BAD), None)


MODES = pytest.mark.parametrize("mode", ["fail", "score"])


@MODES
@pytest.mark.parametrize("donor", ["never", "last_resort", "always"])
def test_a_donor_blip_of_half_a_second_moves_nothing(donor, mode):
    for seed in SEEDS:
        guard = Guard(policy(mode=mode, available_when_donor=donor))
        begin = random.Random(seed).uniform(0, 3)
        verdicts = watch(guard, times(1.0, 10, seed), during(begin, begin + 0.5, **DONOR))
        assert {verdict.kind for _, verdict in verdicts} == {FIT}, seed


def served(begin, peer_done, end):
    """Return facts_at(seconds): a donor from `begin` on, whose peer has all at `peer_done`, caught up at `end`."""
    return lambda seconds: node(
        **(DONOR if begin <= seconds < peer_done else CATCHING_UP if peer_done <= seconds < end else {})
    )


@MODES
@pytest.mark.parametrize("donor", ["never", "last_resort", "always"])
def test_a_donor_that_catches_up_for_a_moment_moves_nothing(donor, mode):
    for seed in SEEDS:
        guard = Guard(policy(mode=mode, available_when_donor=donor), 0.2)
        begin = random.Random(seed).uniform(0, 3)
        verdicts = watch(guard, times(0.2, 10, seed), served(begin, begin + 0.3, begin + 1))
        assert {verdict.kind for _, verdict in verdicts} == {FIT}, seed


@MODES
def test_a_donor_that_catches_up_is_judged_by_the_time_since_it_became_one(mode):
    acted = first_bad(watch(Guard(policy(mode=mode), 0.2), times(0.2, 20), served(3, 4, 99)))
    assert 3 + 2 < acted < 3 + 2.5


@MODES
def test_a_long_donor_acts_after_its_grace_when_a_peer_is_better(mode):
    for seed in SEEDS:
        acted = first_bad(watch(Guard(policy(mode=mode)), times(1.0, 20, seed), during(3, 99, **DONOR)))
        assert 3 + 2 < acted < 3 + 2 + 2.8, seed


@MODES
@pytest.mark.parametrize("interval", [0.2, 0.5, 1.0])
def test_a_node_that_was_desynced_by_order_acts_at_its_second_sample_when_a_peer_is_better(interval, mode):
    guard = Guard(policy(mode=mode), interval)
    verdicts = watch(guard, times(interval, 9 * interval), during(0, 99, **DESYNCED))
    assert [verdict.kind for _, verdict in verdicts[:3]] == [FIT, POOR, POOR]
    assert "wsrep_desync=ON" in verdicts[1][1].reason


@MODES
def test_a_desynced_node_whose_peer_answers_acts_at_once_and_goes_on_doing_so(mode):
    guard = Guard(policy(mode=mode), 0.2)
    guard.sees(node(), START, better_peer=True)
    assert guard.sees(node(**DESYNCED), START + 0.2, better_peer=True).kind == FIT
    verdicts = [
        guard.is_answered(node(**DESYNCED), START + 0.3),
        *(guard.sees(node(**DESYNCED), START + seconds, better_peer=True) for seconds in (0.5, 0.7, 0.9)),
    ]
    assert [verdict.kind for verdict in verdicts] == [POOR] * 4


@MODES
@pytest.mark.parametrize("later", [DESYNCED, DONOR, SATURATED], ids=["the same", "donor", "saturated"])
def test_a_poor_node_stays_poor_over_a_gap_and_in_another_poor_state_as_long_as_a_peer_is_better(mode, later):
    guard = Guard(policy(mode=mode, recovery_hold="0s"), 0.2)
    verdicts = watch(guard, times(0.2, 2), during(0, 99, **DESYNCED))
    assert verdicts[-1][1].kind == POOR
    assert guard.sees(node(**later), START + 60, better_peer=True).kind == POOR


def test_peers_are_asked_at_the_first_sample_of_a_desync_only():
    guard = Guard(policy(), 0.2)
    asked = []
    for number in range(9):
        facts = node(**DESYNCED) if number else node()
        guard.sees(facts, START + number * 0.2)
        asked.append(guard.asks(facts))
    assert asked == [False, True] + [False] * 7


@pytest.mark.parametrize("changes", [DONOR, SATURATED, READ_ONLY])
def test_peers_are_not_asked_for_what_may_pass_or_needs_no_peer(changes):
    guard = Guard(policy(), 0.2)
    for number in range(99):
        guard.sees(node(**changes), START + number * 0.2)
        assert not guard.asks(node(**changes))


def test_a_sample_waits_for_what_is_left_of_the_time_of_its_peers_and_not_much_longer():
    guard = Guard(policy())
    guard.sees(node(), START, better_peer=True)
    guard.sees(node(**DESYNCED), START + 1, better_peer=True)
    _, _, wait = guard.look(node(**DESYNCED), START + 2, better_peer=True)
    assert 0.65 < wait < 0.7


def test_a_sample_of_a_node_that_is_bad_already_waits_for_no_peer():
    guard = Guard(policy(mode="score"))
    guard.sees(node(**READ_ONLY), START, better_peer=True)
    guard.sees(node(**DESYNCED), START + 1, better_peer=True)
    verdict, _, wait = guard.look(node(**DESYNCED), START + 2, better_peer=True)
    assert (verdict.kind, wait) == (UNFIT, 0)


@MODES
@pytest.mark.parametrize("interval", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("phase", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_desync_of_all_nodes_at_once_moves_nothing_whatever_their_phases(phase, interval, mode):
    for begin in (5.0, 5.1, 5.5, 5.9, 5.95, 5.995):
        peers = Peers([Guard(policy(mode=mode), interval), Guard(policy(mode=mode), interval)])
        samples = [
            (now, index) for index in (0, 1) for now in times(interval, 20 * interval, phase=index * phase * interval)
        ]
        desynced = during(begin * interval, 99, **DESYNCED)
        assert peers.watch(samples, lambda _, seconds, state=desynced: state(seconds)) == set()


@MODES
@pytest.mark.parametrize("interval", [0.2, 0.5, 1.0, 5.0])
def test_a_grace_is_seconds_and_no_number_of_monitors(interval, mode):
    for seed in SEEDS:
        verdicts = watch(
            Guard(policy(mode=mode), interval), times(interval, 60, seed), lambda seconds: node(**SATURATED)
        )
        assert 10 < first_bad(verdicts) - verdicts[0][0] <= 10 + 1.4 * interval, seed


@MODES
def test_a_saturation_that_ends_within_its_grace_moves_nothing(mode):
    for seed in SEEDS:
        verdicts = watch(Guard(policy(mode=mode)), times(1.0, 30, seed), during(5, 14, **SATURATED))
        assert first_bad(verdicts) is None, seed


@MODES
def test_a_saturation_that_flaps_every_second_never_acts(mode):
    for seed in SEEDS:
        verdicts = watch(
            Guard(policy(mode=mode)),
            times(1.0, 60, seed),
            lambda seconds: node(**SATURATED) if round(seconds) % 2 else node(),
        )
        assert first_bad(verdicts) is None, seed


@MODES
def test_two_bad_samples_are_needed_however_far_apart_monitors_are(mode):
    guard = Guard(policy(mode=mode, donor_grace="0", saturation_grace="0", available_when_donor="never"), 60.0)
    verdicts = watch(guard, times(60.0, 200), during(0, 999, **DONOR))
    assert [verdict.kind for _, verdict in verdicts] == [FIT, UNFIT, UNFIT, UNFIT]


def test_a_read_only_that_flaps_every_second_keeps_the_node_out_in_score_mode():
    guard = Guard(policy(mode="score"))
    verdicts = watch(guard, times(1.0, 30), lambda seconds: node() if round(seconds) % 2 else node(**READ_ONLY))
    assert {verdict.kind for _, verdict in verdicts} == {UNFIT}


@MODES
def test_certain_bad_news_acts_at_its_first_sample(mode):
    guard = Guard(policy(mode=mode))
    assert first_bad(watch(guard, times(1.0, 10), during(4, 99, **READ_ONLY))) == 4


def test_good_news_is_believed_after_recovery_hold_in_score_mode():
    guard = Guard(policy(mode="score"))
    verdicts = watch(guard, times(1.0, 12), during(2, 5, **READ_ONLY))
    assert [int(seconds) for seconds, verdict in verdicts if verdict.kind == UNFIT] == [2, 3, 4, 5, 6, 7]


def test_good_news_acts_at_once_in_fail_mode():
    guard = Guard(policy(mode="fail"))
    verdicts = watch(guard, times(1.0, 12), during(2, 5, **READ_ONLY))
    assert [int(seconds) for seconds, verdict in verdicts if verdict.kind == UNFIT] == [2, 3, 4]


@MODES
@pytest.mark.parametrize(("gap", "restarts"), [(4.9, False), (5.0, False), (5.1, True), (9.0, True)])
def test_a_gap_of_more_than_three_intervals_and_a_probe_restarts_the_grace(gap, restarts, mode):
    guard = Guard(policy(mode=mode))
    before = [START + number for number in range(9)]
    after = [before[-1] + gap + number for number in range(20)]
    acted = first_bad(watch(guard, before + after, during(0, 99, **SATURATED)))
    assert (acted > 8 + gap + 10) == restarts


@MODES
def test_an_alternation_of_two_states_that_may_pass_starts_each_grace_anew(mode):
    guard = Guard(policy(mode=mode, available_when_donor="never", donor_grace="3s"))
    verdicts = watch(guard, times(1.0, 30), lambda seconds: node(**(DONOR if int(seconds) // 3 % 2 else SATURATED)))
    assert first_bad(verdicts) is None


def test_a_hung_node_that_fills_up_does_not_serve_again_for_a_saturation_grace():
    hung, full = (
        Facts(cause=Cause.HUNG, detail="no answer"),
        Facts(cause=Cause.FULL, detail="error 1040: Too many connections"),
    )
    verdicts = watch(Guard(policy(mode="score")), times(1.0, 20), lambda seconds: hung if seconds < 5 else full)
    assert {verdict.kind for _, verdict in verdicts} == {UNFIT, POOR}


@MODES
def test_blindness_keeps_a_good_verdict_for_unknown_grace_and_never_makes_it_bad(mode):
    guard = Guard(policy(mode=mode))
    verdicts = watch(guard, times(1.0, 60), lambda seconds: BLINDED)
    assert [verdict.kind for _, verdict in verdicts] == [FIT] * 31 + [UNKNOWN] * 30
    assert {verdict.state for _, verdict in verdicts} == {"unknown"}


@MODES
def test_blindness_keeps_a_bad_verdict_for_unknown_grace(mode):
    guard = Guard(policy(mode=mode))
    verdicts = watch(guard, times(1.0, 60), lambda seconds: node(**READ_ONLY) if seconds < 5 else BLINDED)
    assert [verdict.kind for _, verdict in verdicts] == [UNFIT] * (5 + 31) + [UNKNOWN] * 25


@MODES
def test_one_answer_starts_the_patience_with_blindness_anew(mode):
    guard = Guard(policy(mode=mode))
    verdicts = watch(guard, times(1.0, 55), lambda seconds: node() if seconds == 25 else BLINDED)
    assert {verdict.kind for _, verdict in verdicts} == {FIT}


@MODES
def test_a_poor_node_without_a_better_peer_serves_until_one_has_been_synced_for_two_seconds(mode):
    guard = Guard(policy(mode=mode))
    watch(guard, times(1.0, 30), during(0, 99, **SATURATED), better_peer=False)
    verdicts = [guard.sees(node(**SATURATED), START + 31 + seconds, better_peer=True) for seconds in range(5)]
    assert [verdict.kind for verdict in verdicts] == [FIT, FIT, FIT, POOR, POOR]


@MODES
def test_with_long_intervals_a_peer_must_have_been_synced_for_one_and_a_half_of_them(mode):
    guard = Guard(policy(mode=mode), interval=10.0)
    watch(guard, times(10.0, 60), during(0, 99, **SATURATED), better_peer=False)
    verdicts = [guard.sees(node(**SATURATED), START + 70 + seconds, better_peer=True) for seconds in (0, 14.2, 15.5)]
    assert [verdict.kind for verdict in verdicts] == [FIT, FIT, POOR]


@MODES
def test_a_poor_node_serves_again_when_its_last_better_peer_goes(mode):
    guard = Guard(policy(mode=mode, recovery_hold="3s"))
    watch(guard, times(1.0, 20), during(0, 99, **SATURATED))
    verdicts = [guard.sees(node(**SATURATED), START + 21 + seconds, better_peer=False) for seconds in range(6)]
    assert verdicts[-1].kind == FIT
    assert verdicts[0].kind == (FIT if mode == "fail" else POOR)


class Peers:
    """Guards that see each other's state, as published at the last sample of each; nothing else connects them."""

    def __init__(self, guards):
        self.guards = guards
        self.states = ["synced"] * len(guards)

    def watch(self, samples, facts_at):
        """Take (now, index) samples in order of time; return the indices of guards that ever acted."""
        acted = set()
        looks = [(now, index, facts_at(index, now - START)) for now, index in sorted(samples)]
        while looks:
            now, index, facts = looks.pop(0)
            others = self.states[:index] + self.states[index + 1 :]
            verdict, memory, wait = self.guards[index].look(facts, now, "synced" in others)
            if wait:
                bisect.insort(looks, (now + wait, index, facts), key=lambda look: look[:2])
                continue
            self.guards[index].memory = memory
            self.states[index] = verdict.state
            if verdict.kind in BAD:
                acted.add(index)
        return acted


@MODES
@pytest.mark.parametrize("grace", ["0", "2s", "10s"])
@pytest.mark.parametrize("phase", [0.0, 0.1, 0.5, 0.9])
def test_what_is_common_to_all_nodes_moves_nothing_whatever_their_phases(phase, grace, mode):
    limits = policy(mode=mode, donor_grace=grace, saturation_grace=grace)
    for seed, (begin, end) in itertools.product(range(10), [(5.0, 5.5), (5.0, 7.3), (5.05, 30.0), (5.95, 30.95)]):
        peers = Peers([Guard(limits), Guard(limits)])
        samples = [(now, index) for index in (0, 1) for now in times(1.0, 60, seed * 2 + index, phase=index * phase)]
        common = during(begin, end, **SATURATED)
        assert peers.watch(samples, lambda _, seconds, state=common: state(seconds)) == set()


@MODES
@pytest.mark.parametrize("first", [0, 1])
def test_the_node_that_recovers_a_second_earlier_from_a_common_condition_takes_nothing_over(first, mode):
    limits = policy(mode=mode)
    for seed in range(10):
        peers = Peers([Guard(limits), Guard(limits)])
        samples = [(now, index) for index in (0, 1) for now in times(1.0, 60, seed * 2 + index, phase=index * 0.9)]
        ends = [30.0, 31.0] if first == 0 else [31.0, 30.0]
        states = [during(5, end, **SATURATED) for end in ends]
        assert peers.watch(samples, lambda index, seconds, states=states: states[index](seconds)) == set()


@MODES
def test_only_the_node_with_the_condition_acts_and_its_peers_do_not(mode):
    limits = policy(mode=mode)
    peers = Peers([Guard(limits), Guard(limits), Guard(limits)])
    samples = [(now, index) for index in range(3) for now in times(1.0, 40, index, phase=index * 0.3)]
    facts_at = during(5, 99, **SATURATED)
    assert peers.watch(samples, lambda index, seconds: facts_at(seconds) if index == 1 else node()) == {1}


@MODES
def test_blind_peers_are_no_better_ones(mode):
    limits = policy(mode=mode)
    peers = Peers([Guard(limits), Guard(limits)])
    samples = [(now, index) for index in (0, 1) for now in times(1.0, 60, phase=index * 0.4)]
    saturated = during(5, 99, **SATURATED)
    assert (
        peers.watch(samples, lambda index, seconds: BLINDED if index and seconds > 3 else saturated(seconds)) == set()
    )


def test_the_reasons_tell_the_story_of_a_saturation():
    guard = Guard(policy(mode="score"))
    full = node(**SATURATED)
    guard.sees(node(), START)
    story = [
        (
            guard.sees(full, START + 1),
            "saturated: Threads_connected=151 of max_connections=151 for 0s, ignored until saturation_grace=10s",
        ),
        (
            guard.sees(full, START + 3.5),
            "saturated: Threads_connected=151 of max_connections=151 for 2.5s, ignored until saturation_grace=10s",
        ),
        (guard.sees(full, START + 6.5), None),
        (guard.sees(full, START + 9.5), None),
        (
            guard.sees(full, START + 12, True),
            "saturated: Threads_connected=151 of max_connections=151 for 11s, ignored: no better node known",
        ),
        (guard.sees(full, START + 14.5, True), "saturated: Threads_connected=151 of max_connections=151 for 13.5s"),
        (guard.sees(node(), START + 15.5), "saturated: still poor, now synced, believed after recovery_hold=3s"),
        (
            guard.sees(BLINDED, START + 16),
            "unknown: error 1045: Access denied for user 'monitor'@'localhost'; the last"
            " verdict (poor) holds for unknown_grace=30s",
        ),
        (guard.sees(node(), START + 19), "synced: wsrep_local_state=4 (Synced)"),
    ]
    for verdict, reason in story:
        assert reason in (None, verdict.reason)


def test_a_reason_of_certain_bad_news_names_variable_value_and_what_it_must_be():
    verdict = Guard(policy()).sees(node(**READ_ONLY), START)
    assert verdict.reason == "read-only: read_only=ON, must be OFF"


def test_a_stopped_clock_makes_no_grace_pass():
    guard = Guard(policy())
    guard.sees(node(), START)
    assert {guard.sees(node(**SATURATED), START + 1, True).kind for _ in range(100)} == {FIT}


@MODES
def test_a_node_that_was_bad_and_then_cannot_be_observed_stays_below_a_poor_one(mode):
    guard = Guard(policy(mode=mode))
    guard.sees(node(**READ_ONLY), START)
    scores = [guard.sees(BLINDED, START + second).score for second in range(1, 200)]
    assert set(scores[:29]) == {-1000000}
    assert set(scores[31:]) == {5}
    assert guard.sees(node(), START + 200).score == 1000
