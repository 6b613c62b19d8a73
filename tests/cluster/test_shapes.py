"""Clusters of other shapes than three nodes in one network: what is true of those is true of these."""

import pytest

from laboratory import arbitrator, recipe
from laboratory.machine import wait_until
from laboratory.scene import OUTAGE, Scene, check, wait_normal
from measurements.shapes import FAULTS, SHAPES, measure

pytestmark = pytest.mark.matrix


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_fault_moves_the_vip_once(request, shape, fault):
    seen = measure(request.getfixturevalue(shape), fault)
    print(f"{SHAPES[shape].title}, {fault}: {seen}")
    assert seen.moves == 1
    assert seen.lost == 0
    assert seen.outage < OUTAGE


@pytest.fixture
def arbitrated(keeper):
    """Two nodes, and a machine with garbd and a quorum device."""
    return keeper.with_recipe(recipe.commands("score"), **SHAPES["arbitrated"].options)


LOSSES = {
    "garbd": (
        lambda machine: machine.run(["systemctl", "stop", arbitrator.GARBD]),
        lambda machine: arbitrator.start(machine, arbitrator.GARBD),
    ),
    "qnetd": (
        lambda machine: machine.run(["systemctl", "stop", arbitrator.QNETD]),
        lambda machine: arbitrator.start(machine, arbitrator.QNETD),
    ),
    "machine": (lambda machine: machine.power_off(), lambda machine: (machine.boot(), arbitrator.start(machine))),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_an_arbitrator_that_is_lost_moves_nothing(arbitrated, loss):
    lose, bring_back = LOSSES[loss]
    with Scene(arbitrated) as scene:
        scene.begin()
        lose(arbitrated.arbitrator)
        # Longer than a quorum device may be silent (10 s).
        scene.stay(15)
        bring_back(arbitrated.arbitrator)
        wait_until(lambda: arbitrator.has_garbd(arbitrated.arbitrator), 30, "garbd runs")
        wait_normal(arbitrated)
        check(scene, moves=0)
