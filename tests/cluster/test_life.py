"""A cluster's life beside single faults: slow databases, and an administrator who forgot something."""

import time

import pytest

from laboratory import mariadb, pacemaker, recipe
from laboratory.laboratory import each
from laboratory.machine import wait_until
from laboratory.pacemaker import GUARD_NAME, VIP_NAME
from laboratory.scene import Scene, abnormal, check, seen_from, wait_normal
from tests.cluster.rows import bootstrap_what_is_left

PACEMAKER_LOG = "/var/log/pacemaker/pacemaker.log"
UNANSWERED = "Controller on %s did not return result in time"


@pytest.mark.matrix
@pytest.mark.seconds(90)
@pytest.mark.parametrize("mode", ["score", "fail"])
def test_the_vip_comes_up_by_itself_when_mariadb_comes_a_minute_after_pacemaker(keeper, mode):
    """In mode=fail guards fail to start meanwhile, and after the recipe's failure-timeout they fail once more."""
    laboratory = keeper.with_recipe(recipe.commands(mode))
    each(pacemaker.stop, laboratory.nodes)
    *others, last = laboratory.nodes
    for node in (*others, last):
        mariadb.stop(node)
    each(pacemaker.start, laboratory.nodes)
    laboratory.wait_online()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert laboratory.vip_node is None, "there is no database to serve"
        time.sleep(1)
    mariadb.bootstrap(last)
    each(mariadb.start, others)
    wait_normal(laboratory, timeout=90)
    with Scene(laboratory) as scene:
        scene.struck_at = time.monotonic()
        check(scene, moves=0)


@pytest.mark.matrix
def test_with_nothing_but_a_colocation_the_vip_moves_once_and_the_log_says_what_is_missing(keeper):
    bare = [
        line.partition(" meta ")[0] if "galera_sync_guard" in line else line
        for line in recipe.commands("fail")
        if not line.startswith("pcs constraint order")
    ]
    laboratory = keeper.with_recipe(bare)
    with Scene(laboratory) as scene:
        assert "missing: migration-threshold, failure-timeout" in scene.holder.read(PACEMAKER_LOG)
        scene.strike("kill-9")
        scene.wait_moved()
        scene.heal("kill-9")
        status = seen_from(laboratory)
        assert status.where(VIP_NAME) != [scene.holder.name]
        assert scene.holder.name not in status.where(GUARD_NAME), "banned until a cleanup, as docs/setup.md says"
        pacemaker.pcs(scene.holder, "resource", "cleanup", GUARD_NAME)
        wait_normal(laboratory)
        check(scene, moves=1)


@pytest.mark.parametrize("row", ["attributes-erased"])
def test_attributes_that_the_cluster_has_lost_are_back_by_themselves(score, row):
    """They are taken from the CIB, where location rules read them, behind the back of attrd.

    The cluster does so when a controller crashes, but not each time.
    """
    with Scene(score) as scene:
        scene.begin()
        scene.holder.shell(
            "cibadmin --delete --xpath \"//node_state[@uname='$(crm_node --name)']/transient_attributes\""
        )
        wait_until(lambda: abnormal(score), 30, "the cluster has noticed", 0.05)
        wait_normal(score, timeout=30)
        check(scene, moves=scene.moves())
        assert scene.moves() <= 1, scene.story()


@pytest.mark.parametrize("row", ["execd-killed"])
def test_an_executor_that_is_killed_leaves_the_cluster_as_it_was(score, row):
    """Pacemaker may have asked its controller, which ends too, for a stop that nobody answers: it waits that long.

    Without fencing the address may go elsewhere while it is still here; found on two nodes, it is stopped on both.
    """
    first = score.nodes[0]
    pacemaker.pcs(first, "property", "set", "cluster-delay=5s")  # a minute, which Pacemaker waits beyond the timeout
    try:
        with Scene(score) as scene:
            scene.begin()
            scene.holder.shell("kill -KILL $(pidof pacemaker-execd)")
            wait_until(lambda: abnormal(score), 30, "the cluster has noticed", 0.05)
            wait_until(
                lambda: all(wrong.startswith("fail") for wrong in abnormal(score)), 45, "all but failures is normal"
            )
            if failures := seen_from(score).failures:
                assert {failure.reason for failure in failures} == {UNANSWERED % scene.holder.name}
                pacemaker.pcs(first, "resource", "cleanup")
            wait_normal(score, timeout=30)
            check(scene, moves=scene.moves())
            assert scene.moves() <= 2, scene.story()
    finally:
        pacemaker.pcs(first, "property", "set", "cluster-delay=")


def test_what_is_left_of_galera_is_bootstrapped_as_the_documentation_says(score):
    bootstrap_what_is_left(score)
