"""The rules of the design, each held against every combination of what judge can be given."""

import functools
import itertools

import pytest

from galera_sync_guard.decision.classify import Condition, Grace
from galera_sync_guard.decision.judge import ANSWERING_PEER, NO_PEER, SYNCED_PEER, judge
from galera_sync_guard.decision.memory import Memory
from galera_sync_guard.decision.states import BAD, FIT, INFINITY, POOR, SCORES, STATES, UNFIT, UNKNOWN
from tests.unit.builders import memory_of, policy

NOW = 5000.0
INTERVAL = 1.0
# Three intervals, and the probe_timeout of a monitor that takes long.
MAX_GAP = 3 * INTERVAL + 2
LIMITS = {"saturation_grace": "10s", "donor_grace": "10s", "recovery_hold": "3s", "unknown_grace": "30s"}
POLICIES = [policy(mode=mode, **LIMITS) for mode in ("fail", "score")]

# class of condition -> the condition of one sample
CONDITIONS = {
    "certain": Condition("read-only", "read_only=ON, must be OFF"),
    "poor may pass": Condition("saturated", "Threads_connected=151", POOR, Grace("saturation_grace", 10)),
    "unfit may pass": Condition("donor", "wsrep_local_state=2", UNFIT, Grace("donor_grace", 10)),
    "poor by order": Condition("donor", "wsrep_desync=ON", POOR, answer_suffices=True),
    "network": Condition(
        "unplugged", "eth0 has no carrier", POOR, Grace("link_grace", 10), penalty=40, answer_suffices=True
    ),
    "fit": Condition("synced", "wsrep_local_state=4", FIT),
    "lagging": Condition("lagging", "wsrep_local_recv_queue=200", FIT, penalty=40),
    "unknown": Condition("unknown", "error 1045: Access denied", UNKNOWN),
}
MAY_PASS = ("poor may pass", "unfit may pass", "network")
GOOD = ("fit", "lagging")

IN_FORCE = [(FIT, "synced"), (POOR, "saturated"), (UNFIT, "read-only"), (UNKNOWN, "unknown")]
# Each duration: below, at and above its limit.
RUN_AGES = (9.5, 10.0, 10.5)
GAPS = (1.0, MAX_GAP, MAX_GAP + 0.5)
PEER_AGES = (None, 1.6, 1.65, 1.7, 2.0, 2.5)
BAD_AGES = (None, 2.5, 3.0, 3.5)
BLIND_AGES = (None, 29.5, 30.0, 30.5)
PEERS = (NO_PEER, SYNCED_PEER, ANSWERING_PEER)

STATE_WORDS = tuple(state.name for state in STATES)


class Case:
    """One call of judge, and what came of it."""

    __slots__ = ("after", "condition", "memory", "name", "peer", "policy", "verdict")

    def __init__(self, name, policy, memory, peer):
        self.name = name
        self.condition = CONDITIONS[name]
        self.policy = policy
        self.memory = memory
        self.peer = peer
        self.verdict, self.after = judge(self.condition, policy, memory, peer, NOW, INTERVAL)

    @property
    def is_answered(self):
        return self.peer == ANSWERING_PEER

    @property
    def is_held(self):
        """Whether the verdict is the one before, because good news is not believed yet."""
        return "recovery_hold" in self.verdict.reason

    @property
    def was_bad(self):
        """Whether a bad verdict is in force while a peer is better: bad news goes on in any state and after any gap."""
        return bool(self.peer and self.memory and self.memory.kind in BAD)

    @property
    def is_in_force(self):
        """Whether this sample's condition is what acts."""
        return not self.is_held and self.verdict.kind == self.condition.kind

    def age(self, name):
        since = self.memory and getattr(self.memory, name)
        return None if since is None else NOW - since

    def __repr__(self):
        memory = self.memory and {name: getattr(self.memory, name) for name in Memory.__annotations__}
        verdict = f"{self.verdict.kind} {self.verdict.score}: {self.verdict.reason}"
        return f"{self.name}, mode={self.policy.mode}, peer={self.peer}, memory={memory} -> {verdict}"


def memories():
    """Yield every memory: none, and every verdict in force with every run, peer, bad and blind time."""
    yield None
    runs = [{}] + [
        {
            "run_state": state,
            "run_samples": samples,
            "run_since": NOW - age,
            "last_sample_at": NOW - gap,
            "grace_expired": over,
        }
        for state, samples, age, gap, over in itertools.product(
            ("saturated", "donor", "unplugged"), (1, 2), RUN_AGES, GAPS, (False, True)
        )
    ]
    for (kind, state), run, peer, bad, blind in itertools.product(IN_FORCE, runs, PEER_AGES, BAD_AGES, BLIND_AGES):
        yield memory_of(
            kind=kind,
            score=SCORES[kind],
            state=state,
            **run,
            peer_since=_since(peer),
            bad_at=_since(bad),
            unknown_since=_since(blind),
        )


def _since(age):
    return None if age is None else NOW - age


# A rule returns None for a case that it says nothing about, else whether the case obeys it.
RULES = []


def rule(*names):
    """Register a rule about conditions of these classes, about all of them if none is named."""

    def register(function):
        RULES.append((function, names or tuple(CONDITIONS)))
        return function

    return register


@rule("certain")
def certain_bad_news_is_in_force_at_once_whatever_the_memory_says(case):
    return (case.verdict.kind, case.verdict.score, case.verdict.state) == (UNFIT, -INFINITY, "read-only")


@rule(*MAY_PASS)
def what_may_pass_is_not_in_force_before_its_grace(case):
    if not _is_patient(case) or case.memory.grace_expired or (case.age("run_since") and case.age("run_since") > 10):
        return None
    return not case.is_in_force


@rule(*MAY_PASS)
def what_may_pass_is_not_in_force_at_its_first_sample(case):
    if not _is_patient(case) or case.memory.run_state == case.condition.state:
        return None
    return not case.is_in_force and case.after.run_samples == 1 and case.after.run_since == NOW


@rule(*MAY_PASS)
def a_gap_of_more_than_three_intervals_and_a_probe_restarts_the_grace(case):
    if not _is_patient(case) or not case.memory.run_state or case.age("last_sample_at") <= MAX_GAP:
        return None
    return not case.is_in_force and case.after.run_samples == 1 and case.after.run_since == NOW


@rule("unfit may pass")
def a_node_whose_verdict_is_bad_gets_no_new_patience(case):
    return case.is_in_force if case.memory is not None and case.memory.kind in (POOR, UNFIT) else None


@rule(*MAY_PASS)
def up_to_three_intervals_and_a_probe_between_samples_continue_the_run(case):
    if not _continues(case):
        return None
    return case.after.run_since == case.memory.run_since and case.after.run_samples == case.memory.run_samples + 1


@rule(*MAY_PASS)
def a_grace_that_is_over_stays_over_while_the_run_lasts(case):
    if not (_continues(case) and case.memory.grace_expired):
        return None
    return case.after.grace_expired


@rule("unfit may pass")
def unfit_that_may_pass_is_in_force_after_its_grace_without_asking_peers(case):
    if not (_continues(case) and case.age("run_since") > 10):
        return None
    return case.is_in_force


@rule("unfit may pass")
def unfit_that_may_pass_is_in_force_at_once_without_memory(case):
    return case.is_in_force if case.memory is None else None


@rule("network")
def a_poor_network_is_in_force_after_its_grace_when_a_peer_answers_or_was_better_for_longer_than_two_seconds(case):
    was_better = _continues(case) and case.peer and (case.age("peer_since") or 0) > 2
    if not (case.is_answered or was_better or case.was_bad):
        return not case.is_in_force
    if not case.after.grace_expired:
        return not case.is_in_force
    return case.verdict.kind == POOR or (case.is_held and case.verdict.kind == UNFIT)


@rule("network")
def a_network_in_doubt_places_the_address_elsewhere_and_moves_nothing(case):
    return case.verdict.score == 960 if case.verdict.kind == FIT else case.verdict.score in (10, -INFINITY)


@rule("poor may pass")
def poor_is_in_force_after_its_grace_when_a_peer_was_better_for_longer_than_two_seconds(case):
    if not (_continues(case) and case.age("run_since") > 10 and case.peer and (case.age("peer_since") or 0) > 2):
        return None
    # A worse verdict in force gives way to a poor one only after recovery_hold.
    return case.verdict.kind == POOR or (case.is_held and case.verdict.kind == UNFIT)


@rule("poor may pass")
def poor_is_never_in_force_unless_a_peer_is_synced_and_was_for_longer_than_two_seconds(case):
    if case.was_bad or (case.peer and (case.age("peer_since") or 0) > 2):
        return None
    return not case.is_in_force


@rule("poor by order")
def poor_by_order_is_in_force_when_a_peer_answers_or_was_better_for_an_interval_and_the_time_to_tell(case):
    was_better = _continues(case) and case.peer and (case.age("peer_since") or 0) > 1.65
    if not (case.is_answered or was_better or case.was_bad):
        return not case.is_in_force
    return case.verdict.kind == POOR or (case.is_held and case.verdict.kind == UNFIT)


@rule("poor by order")
def an_answer_counts_for_the_samples_that_follow(case):
    return NOW - case.after.peer_since > 1.65 if case.is_answered else None


@rule("poor by order", "network")
def the_reason_says_whether_a_peer_has_answered(case):
    said = case.verdict.reason.endswith("s, and another node answers that it is synced")
    return said == case.is_answered if case.is_in_force else None


@rule("poor may pass", "poor by order")
def a_peer_counts_from_when_it_was_first_seen_synced_in_this_run(case):
    if case.is_answered and case.name == "poor by order":
        return None
    if not case.peer:
        return case.after.peer_since is None
    if _continues(case) and case.memory.peer_since is not None:
        return case.after.peer_since == case.memory.peer_since
    return case.after.peer_since == NOW


@rule(*MAY_PASS)
def what_is_not_in_force_leaves_the_node_fit_or_the_bad_verdict_held(case):
    if case.is_in_force:
        return None
    return case.is_held or (case.verdict.kind, case.verdict.score) == (FIT, 1000 - case.condition.penalty)


@rule(*MAY_PASS)
def the_state_is_published_at_the_first_bad_sample_unless_a_bad_verdict_is_held(case):
    return case.is_held or case.verdict.state == case.condition.state


@rule(*GOOD)
def without_memory_good_news_acts_at_once(case):
    return case.is_in_force if case.memory is None else None


@rule(*GOOD)
def in_fail_mode_good_news_acts_at_once(case):
    return case.is_in_force if case.policy.mode == "fail" else None


@rule(*GOOD)
def good_news_after_good_or_unknown_acts_at_once(case):
    if case.memory is None or case.memory.kind in (POOR, UNFIT):
        return None
    return case.is_in_force


@rule(*GOOD)
def in_score_mode_good_news_after_bad_waits_for_recovery_hold(case):
    if not _recovers(case) or (case.age("bad_at") is not None and case.age("bad_at") > 3):
        return None
    return case.is_held


@rule(*GOOD)
def in_score_mode_good_news_after_bad_is_believed_after_recovery_hold(case):
    if not _recovers(case) or (case.age("bad_at") or 0) <= 3:
        return None
    return case.is_in_force


@rule()
def only_good_news_after_bad_in_score_mode_is_held(case):
    if not case.is_held:
        return None
    return _recovers(case) and case.name not in ("certain", "unknown")


@rule()
def a_held_verdict_is_the_one_before_and_keeps_its_time(case):
    if not case.is_held:
        return None
    return all(getattr(case.after, name) == getattr(case.memory, name) for name in ("kind", "score", "state", "bad_at"))


@rule("lagging")
def a_lagging_node_loses_at_most_forty_and_stays_fit(case):
    return (case.verdict.kind, case.verdict.score) == (FIT, 960) if case.is_in_force else None


@rule("unknown")
def the_last_verdict_holds_within_unknown_grace(case):
    if case.memory is None or (case.age("unknown_since") or 0) > 30:
        return None
    return (case.verdict.kind, case.verdict.score) == (case.memory.kind, case.memory.score)


@rule("unknown")
def unknown_is_in_force_after_unknown_grace_and_without_memory(case):
    if case.memory is not None and (case.age("unknown_since") or 0) <= 30:
        return None
    was_bad = case.memory is not None and case.memory.kind in BAD
    return (case.verdict.kind, case.verdict.score) == (UNKNOWN, 5 if was_bad else 950)


@rule("unknown")
def an_unknown_node_that_was_bad_is_no_better_than_a_poor_one(case):
    if case.memory is None or case.memory.kind not in BAD:
        return None
    return case.verdict.score <= SCORES[POOR] and case.after.score <= SCORES[POOR]


@rule("unknown")
def the_state_says_unknown_at_once_so_that_no_peer_takes_this_node_for_a_better_one(case):
    return case.verdict.state == case.after.state == "unknown"


@rule("unknown")
def blindness_is_measured_from_its_first_sample(case):
    known = case.memory is not None and case.memory.unknown_since is not None
    return case.after.unknown_since == (case.memory.unknown_since if known else NOW)


@rule("unknown")
def blindness_keeps_the_time_of_the_last_bad_sample(case):
    return case.after.bad_at == case.memory.bad_at if case.memory else None


@rule("certain", "fit", "lagging", *MAY_PASS)
def any_answer_ends_blindness(case):
    return case.after.unknown_since is None


@rule("certain", "fit", "lagging", "unknown")
def what_does_not_wait_ends_a_run(case):
    return case.after.run_state is None and case.after.run_since is None and not case.after.grace_expired


@rule()
def a_bad_verdict_is_remembered_with_its_time_and_a_good_one_without(case):
    if case.is_held or case.name == "unknown":
        return None
    return case.after.bad_at == (NOW if case.verdict.kind in (POOR, UNFIT) else None)


@rule()
def the_memory_has_what_the_verdict_says(case):
    return all(getattr(case.after, name) == getattr(case.verdict, name) for name in ("kind", "score", "state"))


@rule()
def the_score_is_that_of_the_kind(case):
    return (
        case.verdict.score in {FIT: (1000, 960), UNKNOWN: (950, 5), POOR: (10,), UNFIT: (-INFINITY,)}[case.verdict.kind]
    )


@rule()
def the_score_lies_between_what_the_sample_and_the_memory_justify(case):
    own = SCORES[case.condition.kind] - case.condition.penalty
    before = case.memory.score if case.memory else own
    best = SCORES[FIT] if case.name in (*MAY_PASS, "poor by order") else own
    if case.name == "unknown":
        own = min(own, before)
    return min(own, before, 5) <= case.verdict.score <= max(best, before, 5)


@rule()
def the_reason_is_one_line_that_begins_with_a_state_word(case):
    word = case.verdict.reason.split(":")[0].split(";")[0]
    return word in STATE_WORDS and "\n" not in case.verdict.reason and len(case.verdict.reason) > len(word) + 2


@rule()
def the_reason_names_the_state_of_the_sample(case):
    return case.condition.state in case.verdict.reason


def _continues(case):
    return (
        case.memory is not None
        and case.memory.run_state == case.condition.state
        and case.age("last_sample_at") <= MAX_GAP
    )


def _is_patient(case):
    return case.memory is not None and case.memory.kind not in (POOR, UNFIT)


def _recovers(case):
    return case.memory is not None and case.policy.mode == "score" and case.memory.kind in (POOR, UNFIT)


@functools.cache
def walk():
    """Judge every combination once; return {rule: [cases it speaks about, first violations]} and what else broke."""
    results = {function: [0, []] for function, _ in RULES}
    rules_of = {name: [function for function, names in RULES if name in names] for name in CONDITIONS}
    side_effects, needless_peers, needless_answers = [], [], []
    for memory in memories():
        before = memory and [getattr(memory, name) for name in Memory.__annotations__]
        for name, limits in itertools.product(CONDITIONS, POLICIES):
            cases = [Case(name, limits, memory, peer) for peer in PEERS]
            _, seen, answered = cases
            if CONDITIONS[name].kind != POOR and _outcome(cases[0]) != _outcome(seen):
                needless_peers.append(seen)
            if not CONDITIONS[name].answer_suffices and _outcome(seen) != _outcome(answered):
                needless_answers.append(answered)
            for case in cases:
                for function in rules_of[name]:
                    obeyed = function(case)
                    if obeyed is None:
                        continue
                    result = results[function]
                    result[0] += 1
                    if not obeyed and len(result[1]) < 3:
                        result[1].append(case)
        if memory and before != [getattr(memory, name) for name in Memory.__annotations__]:
            side_effects.append(before)
    return results, side_effects, needless_peers, needless_answers


def _outcome(case):
    return case.verdict.kind, case.verdict.score, case.verdict.state


@pytest.mark.parametrize("function", [function for function, _ in RULES], ids=lambda function: function.__name__)
def test_judge_obeys(function):
    concerned, violations = walk()[0][function]
    assert concerned, "the walk has no case that this rule speaks about"
    assert violations == []


def test_judge_leaves_the_memory_that_it_is_given_as_it_is():
    assert walk()[1] == []


def test_judge_heeds_peers_for_poor_conditions_only():
    assert walk()[2] == []


def test_judge_heeds_answers_only_where_one_is_enough():
    assert walk()[3] == []


def test_judge_scores_make_a_poor_node_a_reason_to_move_and_an_unknown_one_none():
    stickiness = 100
    assert SCORES[FIT] - SCORES[UNKNOWN] < stickiness < SCORES[FIT] - SCORES[POOR]
    assert SCORES[UNFIT] == -1000000
