"""Storage that hangs, on file systems that can be frozen."""

import pytest

from laboratory.scene import Scene, check, wait_normal, wait_state


def test_a_node_whose_storage_hangs_loses_the_vip_and_heals_by_itself(freezable):
    with Scene(freezable) as scene:
        scene.strike("stall")
        scene.wait_moved()
        scene.heard("stalled: no write to /var/lib/mysql completed for ")
        wait_state(freezable, "stalled", scene.holder)
        scene.heal("stall")
        wait_normal(freezable)
        check(scene, moves=1)


@pytest.mark.matrix
def test_storage_that_hangs_on_another_node_moves_nothing(freezable):
    with Scene(freezable) as scene:
        peer = freezable.peers(scene.holder)[0]
        scene.strike("stall", peer)
        wait_state(freezable, "stalled", peer)
        scene.stay(8)
        scene.heal("stall", peer)
        wait_normal(freezable)
        check(scene, moves=0)
