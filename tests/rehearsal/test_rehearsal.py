"""Configurations and what Pacemaker's own scheduler does with them: what check says is what the rehearsal shows."""

import copy
import os

import pytest

from galera_sync_guard.cli.findings.finding import ERROR
from tests.support import configurations
from tests.support.corpus import check
from tests.support.levels import check_runs_every
from tests.support.mistakes import ALSO, MISTAKES

# Random configurations in one run, and the seed of the first: `RANDOM_CIBS=1000 SEED=5000` for more.
RANDOM = int(os.environ.get("RANDOM_CIBS", "40"))
SEED = int(os.environ.get("SEED", "1"))


@pytest.fixture(scope="module")
def clean():
    return configurations.recipe()


def changed(clean, *changes):
    cib = copy.deepcopy(clean)
    for change in changes:
        change(cib)
    return cib


@pytest.mark.parametrize(
    "change", check_runs_every(3, [pytest.param(change, id=what) for what, change in configurations.RIGHT])
)
def test_what_works_has_no_error(clean, change):
    found, (rehearsal,) = check(changed(clean, change))
    assert rehearsal.wrong == []
    assert [each for each in found if each.severity == ERROR] == []
    assert len(rehearsal.holders) >= 2


@pytest.mark.parametrize(
    ("name", "severity", "mistake"), check_runs_every(3, [pytest.param(*rest, id=what) for what, *rest in MISTAKES])
)
def test_what_does_not_work_is_found_and_named(clean, name, severity, mistake):
    found, rehearsals = check(changed(clean, mistake))
    assert {each.name for each in found} - ALSO.get(name, set()) == {name}
    assert {each.severity for each in found if each.name == name} == {severity}
    explained = {fault for each in found for fault in each.explains}
    assert explained == {result.fault for rehearsal in rehearsals for result in rehearsal.wrong}


@pytest.mark.parametrize("seed", check_runs_every(2, range(SEED, SEED + RANDOM)))
def test_check_and_rehearsal_agree_about_a_random_configuration(clean, seed):
    cib, changes = configurations.random_configuration(seed)
    found, rehearsals = check(cib)
    wrong = {result.fault for rehearsal in rehearsals for result in rehearsal.wrong}
    errors = [each for each in found if each.severity == ERROR]
    assert bool(errors) == bool(wrong), changes
    assert {fault for each in errors for fault in each.explains} == wrong


def test_wrong_results_have_the_scores_that_pacemaker_used(clean):
    _, (rehearsal,) = check(changed(clean, configurations.prefers("node1", "INFINITY")))
    for result in rehearsal.wrong:
        assert set(result.scores) == {"node1", "node2", "node3"}
