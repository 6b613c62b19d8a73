"""What a fence device makes of a fault that would leave the address on two nodes."""

import pytest

from laboratory import fencing, recipe
from laboratory.machine import wait_until
from laboratory.scene import Scene, check, wait_normal


@pytest.fixture
def fenced(keeper):
    """A laboratory with a fence device and the documented recipe for mode=score."""
    return keeper.with_recipe([*recipe.commands("score"), fencing.DEVICE], fencing=True)


def test_a_machine_that_hangs_is_fenced_and_the_address_is_never_on_two_nodes(fenced):
    cuts = len(fenced.switch.cuts)
    with Scene(fenced) as scene:
        scene.begin()
        scene.holder.hang()
        scene.wait_moved()
        assert [cut.name for cut in fenced.switch.cuts[cuts:]] == [scene.holder.name]
        assert scene.address.overlap() == 0
        wait_until(lambda: scene.holder.running, 30, "the fenced machine has power")
        wait_normal(fenced)
        check(scene, moves=1)
