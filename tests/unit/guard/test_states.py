"""What Pacemaker gets for each state, in each action and mode: the table of the design, in full."""

import itertools

import pytest

from galera_sync_guard.decision.facts import Cause, Facts, NetworkState
from galera_sync_guard.decision.states import FAILS, FIT, POOR, STATES, UNFIT, UNKNOWN, exit_code, score_text
from tests.support.galera import DONOR, READ_ONLY, SATURATED
from tests.unit.builders import Guard, node, policy, variables

UNFIT_OUTCOME = ("-INFINITY", 1, 1)
FIT_OUTCOME = ("1000", 0, 0)
POOR_OUTCOME = ("10", 0, 1)

# row -> facts, parameters, state, and the outcome: the attribute, the exit code of start and of the recurring monitor,
# both in mode=fail. In mode=score both are 0 for every verdict.
ROWS = {
    "synced": (node(), {}, "synced", FIT_OUTCOME),
    "lagging": (node(wsrep_local_recv_queue="6"), {"max_recv_queue": "5"}, "lagging", ("980", 0, 0)),
    "lagging-far": (node(wsrep_local_recv_queue="60"), {"max_recv_queue": "5"}, "lagging", ("960", 0, 0)),
    "saturated": (node(**SATURATED), {}, "saturated", POOR_OUTCOME),
    "saturated-1040": (Facts(cause=Cause.FULL, detail="error 1040"), {}, "saturated", POOR_OUTCOME),
    "donor-last-resort": (node(**DONOR), {}, "donor", POOR_OUTCOME),
    "donor-never": (node(**DONOR), {"available_when_donor": "never"}, "donor", UNFIT_OUTCOME),
    "donor-always": (node(**DONOR), {"available_when_donor": "always"}, "donor", FIT_OUTCOME),
    "read-only": (node(**READ_ONLY), {}, "read-only", UNFIT_OUTCOME),
    "read-only-allowed": (node(**READ_ONLY), {"available_when_readonly": "yes"}, "synced", FIT_OUTCOME),
    "rejecting": (node(wsrep_reject_queries="ALL"), {}, "rejecting", UNFIT_OUTCOME),
    "maintenance": (Facts(maintenance="disks"), {}, "maintenance", UNFIT_OUTCOME),
    "pxc-maintenance": (node(pxc_maint_mode="MAINTENANCE"), {}, "maintenance", UNFIT_OUTCOME),
    "initialized": (node(wsrep_local_state="0"), {}, "initialized", UNFIT_OUTCOME),
    "joining": (node(wsrep_local_state="1"), {}, "joining", UNFIT_OUTCOME),
    "joined": (node(wsrep_local_state="3", wsrep_ready="OFF"), {}, "joined", UNFIT_OUTCOME),
    "inconsistent": (node(wsrep_local_state="5"), {}, "inconsistent", UNFIT_OUTCOME),
    "non-primary": (node(wsrep_cluster_status="non-Primary"), {}, "non-primary", UNFIT_OUTCOME),
    "not-ready": (node(wsrep_ready="OFF"), {}, "not-ready", UNFIT_OUTCOME),
    "wsrep-off": (node(wsrep_on="OFF"), {}, "wsrep-off", UNFIT_OUTCOME),
    "small-cluster": (node(wsrep_cluster_size="1"), {"min_cluster_size": "2"}, "small-cluster", UNFIT_OUTCOME),
    "down": (Facts(cause=Cause.DOWN), {}, "down", UNFIT_OUTCOME),
    "stalled": (Facts(variables(), stalled="no write"), {}, "stalled", UNFIT_OUTCOME),
    "hung": (Facts(cause=Cause.HUNG), {}, "hung", UNFIT_OUTCOME),
    "unplugged": (node().with_network(NetworkState("no carrier")), {}, "unplugged", POOR_OUTCOME),
    "unreachable": (node().with_network(NetworkState("", "no answer")), {}, "unreachable", POOR_OUTCOME),
    "unknown": (Facts(cause=Cause.DENIED), {}, "unknown", ("950", 0, 0)),
}


def verdict_in_the_end(facts, mode, better_peer, **given):
    """Return the verdict that such a node reaches when it stays so for a minute."""
    guard = Guard(policy(mode=mode, **given))
    for second in range(60):
        verdict = guard.sees(facts, 1000.0 + second, better_peer)
    return verdict


@pytest.mark.parametrize("mode", ["fail", "score"])
@pytest.mark.parametrize(("facts", "given", "state", "outcome"), ROWS.values(), ids=ROWS)
def test_a_state_that_stays_has_the_outcome_of_the_design(facts, given, state, outcome, mode):
    verdict = verdict_in_the_end(facts, mode, better_peer=True, **given)
    attribute, start, monitor = outcome
    assert (verdict.state, score_text(verdict.score)) == (state, attribute)
    assert exit_code("start", mode, verdict.kind) == (start if mode == "fail" else 0)
    assert exit_code("monitor", mode, verdict.kind) == (monitor if mode == "fail" else 0)


@pytest.mark.parametrize("mode", ["fail", "score"])
@pytest.mark.parametrize("row", ["saturated", "saturated-1040", "donor-last-resort"])
def test_a_poor_node_without_a_better_peer_stays_in_service_and_says_so_by_its_state(row, mode):
    facts, given, state, _ = ROWS[row]
    verdict = verdict_in_the_end(facts, mode, better_peer=False, **given)
    assert (verdict.state, score_text(verdict.score)) == (state, "1000")
    assert exit_code("monitor", mode, verdict.kind) == 0


@pytest.mark.parametrize("mode", ["fail", "score"])
@pytest.mark.parametrize("row", ["unplugged", "unreachable"])
def test_a_node_without_a_network_and_without_a_better_peer_is_placed_last_and_not_left(row, mode):
    facts, given, state, _ = ROWS[row]
    verdict = verdict_in_the_end(facts, mode, better_peer=False, **given)
    assert (verdict.state, score_text(verdict.score)) == (state, "960")
    assert exit_code("monitor", mode, verdict.kind) == 0


def test_the_table_has_every_state():
    assert {row[2] for row in ROWS.values()} == {state.name for state in STATES}


@pytest.mark.parametrize(("state", "kind"), [(state.name, state.kind) for state in STATES])
def test_the_documented_kind_is_the_one_in_the_design(state, kind):
    # The first row of a state is the one with the default parameters.
    attribute = next(outcome[0] for _, _, name, outcome in ROWS.values() if name == state)
    assert {"-INFINITY": UNFIT, "10": POOR, "950": UNKNOWN}.get(attribute, FIT) == kind


@pytest.mark.parametrize(
    ("action", "mode", "kind"),
    [*itertools.product(("start", "monitor"), ("fail", "score"), (FIT, UNKNOWN, POOR, UNFIT))],
)
def test_no_verdict_gives_a_code_but_0_and_1(action, mode, kind):
    assert exit_code(action, mode, kind) in (0, 1)


def test_unknown_never_makes_an_action_fail():
    assert not any(UNKNOWN in kinds or FIT in kinds for modes in FAILS.values() for kinds in modes.values())


@pytest.mark.parametrize(
    ("score", "text"), [(1000, "1000"), (10, "10"), (-1000000, "-INFINITY"), (-1000001, "-INFINITY")]
)
def test_a_score_is_written_as_pacemaker_does(score, text):
    assert score_text(score) == text
