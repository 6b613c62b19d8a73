"""The procedures of docs/operations.md, typed as the page prints them."""

import pytest

from laboratory import pacemaker
from laboratory.machine import wait_until
from laboratory.pacemaker import GUARD_NAME
from laboratory.recipe import procedure
from laboratory.scene import Scene, check, wait_normal


@pytest.mark.parametrize("recipe", ["score", "fail"])
def test_the_address_goes_to_a_node_by_hand_when_the_guard_is_wrong(recipe, request):
    laboratory = request.getfixturevalue(recipe)
    look, put, restore = procedure("Put the address on a node by hand")
    with Scene(laboratory) as scene:
        scene.begin()
        target = laboratory.peers(scene.holder)[0]
        pacemaker.pcs(target, "resource", "update", GUARD_NAME, "min_cluster_size=9")
        wait_until(lambda: not scene.address.holders(), 30, "all guards are wrong, and no node has the address")
        assert all(word in target.shell(look) for word in ("Primary", "Synced", "ON"))
        scene.holder.shell(put.replace("node2", target.name), timeout=60)
        wait_until(lambda: scene.address.holders() == {target.name}, 5, "the address is there")
        scene.writes.wait_acknowledged(scene.address.events[-1].time, host=target.name)
        pacemaker.pcs(target, "resource", "update", GUARD_NAME, "min_cluster_size=")
        wait_until(
            lambda: len(pacemaker.status(target).where(GUARD_NAME)) == len(laboratory.nodes), 60, "all guards are right"
        )
        scene.holder.shell(restore)
        wait_normal(laboratory)
        assert laboratory.vip_node == target
        check(scene, moves=scene.moves(), outage=60)
