"""The procedures of docs/operations.md, typed as the page prints them."""

import time
from functools import partial

import pytest

from laboratory import mariadb, pacemaker
from laboratory.laboratory import each, together
from laboratory.machine import Machine, wait_until
from laboratory.pacemaker import GUARD_NAME
from laboratory.recipe import procedure
from laboratory.scene import Scene, check, wait_normal
from tests.support.levels import check_runs


@pytest.mark.parametrize("recipe", check_runs(["score", "fail"], "score"))
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
        wait_until(lambda: scene.address.holders() == {target.name}, 30, "the address is there")
        scene.writes.wait_acknowledged(scene.address.events[-1].time, host=target.name)
        pacemaker.pcs(target, "resource", "update", GUARD_NAME, "min_cluster_size=")
        wait_until(
            lambda: len(pacemaker.status(target).where(GUARD_NAME)) == len(laboratory.nodes), 60, "all guards are right"
        )
        scene.holder.shell(restore)
        wait_normal(laboratory)
        assert laboratory.vip_node == target
        check(scene, moves=scene.moves(), outage=60)


def test_the_last_node_serves_when_the_others_are_gone_for_good(score):
    bootstrap, quorum = procedure("The other nodes are gone for good")
    with Scene(score) as scene:
        scene.begin()
        last = scene.holder
        each(Machine.power_off, score.peers(last))
        wait_until(lambda: not scene.address.holders(), 30, "no quorum: no node has the address")
        wait_until(lambda: not mariadb.synced(last), 30, "it is not Primary")
        done = [last.run(["sh", "-c", line], check=False).returncode for line in bootstrap.splitlines()]
        assert done.count(0) == 1, "each server takes one of both"
        mariadb.wait_synced(last, 1)
        assert scene.address.holders() == set(), "Pacemaker has no quorum"
        last.shell(quorum)
        wait_until(lambda: scene.address.holders() == {last.name}, 30, "the address is back")
        scene.writes.wait_acknowledged(scene.address.events[-1].time, host=last.name)
        for node in score.peers(last):
            score.power_on(node)
        wait_normal(score)


def start_all(nodes):
    """Start the servers of these nodes as the page says, the newest first; return that one."""
    look, first, others = procedure("All are stopped")
    said = {node: node.shell(look) for node in nodes}
    newest = next((node for node in nodes if "safe_to_bootstrap: 1" in said[node]), None)
    if newest is None:
        assert all("seqno:   -1" in each for each in said.values())
        positions = {node: int(node.shell("galera_recovery").rpartition(":")[2]) for node in nodes}
        newest = max(positions, key=positions.get)
        newest.shell("sed -i 's/safe_to_bootstrap: 0/safe_to_bootstrap: 1/' /var/lib/mysql/grastate.dat")
    newest.shell(first, timeout=60)
    for node in nodes:
        if node != newest:
            node.shell(others, timeout=90)
            mariadb.wait_synced(node)
    return newest


def test_all_nodes_crashed_and_stay_down(score):
    with Scene(score) as scene:
        scene.begin()
        each(mariadb.crash, score.nodes)
        start_all(score.nodes)
        wait_normal(score)
        check(scene, moves=scene.moves(), outage=120)


def test_all_nodes_were_stopped_one_after_the_other(score):
    with Scene(score) as scene:
        scene.begin()
        *first, last = score.nodes
        for node in first:
            mariadb.stop(node)
        wait_until(lambda: mariadb.synced(last, 1), 30, "it is the last node, and knows it")
        mariadb.stop(last)
        assert {cases(node)[0] for node in score.nodes} == {"inactive"}
        assert start_all(score.nodes) is last
        wait_normal(score)
        check(scene, moves=scene.moves(), outage=120)


def test_two_nodes_crashed_and_one_is_left_without_primary(score):
    with Scene(score) as scene:
        scene.begin()
        left = scene.holder
        gone = score.peers(left)
        together(*(partial(mariadb.crash, node) for node in gone))
        wait_until(lambda: "non-Primary" in cases(left), 60, "it is left without a Primary component")
        each(lambda node: node.run(["systemctl", "start", "mariadb"], check=False, timeout=120), gone)
        wait_normal(score)
        check(scene, moves=scene.moves(), outage=120)


def test_all_nodes_crashed_and_return_by_themselves(score):
    with Scene(score) as scene:
        scene.begin()
        each(mariadb.kill, score.nodes)
        wait_until(lambda: not scene.address.holders(), 30, "no node has the address")
        wait_normal(score)
        check(scene, moves=scene.moves(), outage=120)


def test_all_nodes_crashed_and_one_does_not_return(score):
    (end_waiting,) = procedure("They wait for each other")
    with Scene(score) as scene:
        scene.begin()
        lost = scene.holder
        waiting = score.peers(lost)
        together(lost.power_off, *(partial(mariadb.kill, node) for node in waiting))
        wait_until(lambda: {unit_state(node) for node in waiting} == {"activating"}, 60, "they are started again")
        time.sleep(10)
        assert {unit_state(node) for node in waiting} == {"activating"}, "they wait for the node that does not return"
        each(lambda node: node.shell(end_waiting, timeout=30), waiting)
        start_all(waiting)
        wait_until(scene.address.holders, 30, "the address is back")
        score.power_on(lost)
        wait_normal(score)


def unit_state(node):
    """Return the state of MariaDB's unit."""
    return cases(node)[0]


def cases(node):
    """Return what the page tells to look at first, in words: the unit's state, and MariaDB's component."""
    (look,) = procedure("All nodes are down")
    return node.run(["sh", "-c", look], check=False).stdout.split()
