"""The judge of random configurations, which asks crm_simulate itself: it sees what is wrong, and nothing else."""

import pytest

from measurements.rehearsals.judge import judge
from tests.support import configurations
from tests.support.levels import check_runs
from tests.support.mistakes import MISTAKES, mode_fail

# What is wrong, and how the judge's words for it begin, for the node node1.
WRONG = [
    ("the address prefers a node", "VirtualIP on node1, unfit and fit again"),
    ("no colocation", "VirtualIP on node1, monitor fails"),
    ("stickiness INFINITY", "VirtualIP on node1, poor"),
    ("mode=score without failure-timeout", "VirtualIP on node1, a day after the monitor failed"),
    ("all resources are stopped", "VirtualIP, start"),
]


@pytest.mark.parametrize("change", [lambda cib: None, mode_fail], ids=["score", "fail"])
def test_nothing_is_wrong_with_the_recipes(change):
    cib = configurations.recipe()
    change(cib)
    assert judge(cib, 1) == ""


@pytest.mark.parametrize(("what", "words"), check_runs(WRONG, "stickiness INFINITY", name=lambda row: row[0]))
def test_a_mistake_goes_wrong(what, words):
    cib = configurations.recipe()
    (mistake,) = [change for name, _, _, change in MISTAKES if name == what]
    mistake(cib)
    assert judge(cib, 0).startswith(words)
