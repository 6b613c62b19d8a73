"""Five minutes of random faults in CI, and the arithmetic of a soak without a laboratory."""

import itertools

import pytest

from laboratory import recipe
from laboratory.faults import FAULTS
from laboratory.galera_log import SHIFT, without
from laboratory.probes import AddressEvent
from laboratory.troubles import TROUBLES
from measurements.soak import STATES, Soak, absences, common, plan

SEED = 26
SECONDS = 300


@pytest.fixture
def laboratory(keeper):
    """A laboratory in which every fault can be brought about, with guards that look at the storage too."""
    lines = recipe.with_parameters(recipe.commands("score"), *recipe.STORAGE)
    return keeper.with_recipe(lines, freezable=True, two_networks=True)


@pytest.mark.matrix
@pytest.mark.alone
def test_five_minutes_of_random_faults(laboratory):
    lines = []
    soak = Soak(laboratory, lines.append)
    soak.run(SEED, SECONDS)
    assert not soak.complaints, "\n".join(lines)


def steps(seed, count=200):
    return list(itertools.islice(plan(seed), count))


def test_the_same_seed_gives_the_same_plan():
    assert steps(1) == steps(1)
    assert steps(1) != steps(2)


def test_a_long_plan_has_every_fault_on_every_node():
    assert {step.fault for step in steps(1, 400)} == {*STATES, *TROUBLES}
    assert set(STATES) <= set(FAULTS)
    assert not set(STATES) & set(TROUBLES)
    assert {step.victim for step in steps(1)} == {0, 1, 2}


MOVE = [AddressEvent(0, "node1", True), AddressEvent(10, "node1", False), AddressEvent(12, "node2", True)]
OVERLAP = [AddressEvent(0, "node1", True), AddressEvent(10, "node2", True), AddressEvent(12, "node1", False)]


@pytest.mark.parametrize(
    ("events", "cuts", "found"),
    [
        (MOVE, [], [(10, 12)]),
        (MOVE[:2], [], [(10, 20)]),
        (OVERLAP, [], []),
        (OVERLAP, [(5, 30, "node1")], [(5, 10)]),
        (MOVE, [(5, 30, "node1")], [(5, 12)]),
        (MOVE, [(5, 30, "node3")], [(10, 12)]),
        (MOVE[:1], [(5, 7, "node1")], [(5, 7)]),
        ([], [], [(1, 20)]),
    ],
    ids=["move", "gone", "two-at-once", "two-of-whom-one-is-cut-off", "cut-off", "another-cut-off", "back", "never"],
)
def test_the_address_is_missing_where_nobody_can_reach_it(events, cuts, found):
    assert absences(events, cuts, since=1, until=20) == found


NODES = {"node1", "node2"}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ([], []),
        ([(3, "node1", False), (5, "node1", True)], []),
        ([(4, "node2", False), (3, "node1", False), (7, "node2", True), (8, "node1", True)], [(4, 7)]),
        ([(3, "node1", False), (3, "node2", False)], [(3, 20)]),
    ],
    ids=["never", "one-of-two", "both", "to-the-end"],
)
def test_nobody_is_fit_while_no_node_is_synced(changes, found):
    assert without(changes, NODES, until=20) == found


@pytest.mark.parametrize(("others", "seconds"), [([], 0), ([(0, 9)], 0), ([(8, 12), (18, 30)], 4), ([(0, 30)], 10)])
def test_a_time_without_synced_component_is_no_fault_of_the_guards(others, seconds):
    assert common((10, 20), others) == seconds


def test_the_server_s_log_tells_when_it_is_synced():
    line = "2026-11-24 17:08:29 0 [Note] WSREP: Shifting SYNCED -> OPEN (TO: 1656)\n"
    assert SHIFT.findall("mariadbd: ready\n" + line) == [("2026-11-24 17:08:29", "OPEN")]
