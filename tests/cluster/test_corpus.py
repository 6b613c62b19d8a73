"""The corpus of configurations: Pacemaker 2.1.5 and 3.0.0, rehearse, check, status and setup do what was recorded."""

import pytest

from laboratory import rootfs
from tests.support import corpus
from tests.support.corpus_machine import SYSTEMS, corpus_machine, recorded, seen
from tests.support.levels import check_runs_every

RECORDED = recorded()


@pytest.fixture(scope="module", params=rootfs.SUITES)
def on(request):
    """A machine of each suite, and what its system is called."""
    with corpus_machine(request.param) as machine:
        yield machine, SYSTEMS[request.param]


def test_the_record_is_large_and_half_of_it_nobody_chose():
    assert set(RECORDED) == set(corpus.names())
    assert len(RECORDED) >= 60
    assert sum(name.startswith("random ") for name in RECORDED) >= len(RECORDED) / 2


@pytest.mark.parametrize("name", check_runs_every(35, RECORDED))
def test_pacemaker_and_the_command_do_what_was_recorded(on, name):
    machine, system = on
    (expected,) = [said for systems, said in RECORDED[name].items() if system in systems]
    assert seen(machine, name) == expected


@pytest.mark.parametrize("name", RECORDED)
def test_an_error_is_a_rehearsal_that_goes_wrong(name):
    for said in RECORDED[name].values():
        is_wrong = any("!" in cells for table in said["rehearse"].values() for cells in table)
        errors = {each.removeprefix("error ") for each in said["check"] if each.startswith("error ")}
        # What no scheduler knows.
        errors -= {"probe-timeout", "two-guards", "parameter", "other-vip-parameter"}
        assert bool(errors) == is_wrong
