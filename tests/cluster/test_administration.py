"""What administrators do: nothing of it may cost more than one move."""

import time

import pytest

from laboratory import mariadb, pacemaker
from laboratory.machine import wait_until
from laboratory.pacemaker import GUARD_NAME, VIP_NAME
from laboratory.scene import Scene, check, wait_normal, wait_state
from tests.cluster.operator_command import SETUP, guard_says


@pytest.mark.parametrize(
    ("command", "undo"),
    [
        pytest.param(
            "resource update galera-guard donor_grace=3s",
            "resource update galera-guard donor_grace=",
            id="update-reloadable",
            marks=pytest.mark.matrix,
        ),
        pytest.param(
            "resource update galera-guard connection_limit=90 probe_timeout=1500ms recovery_hold=2s",
            "resource update galera-guard connection_limit= probe_timeout= recovery_hold=",
            id="update-several",
        ),
        pytest.param(
            "resource update galera-guard watch_interval=0",
            "resource update galera-guard watch_interval=200ms",
            id="update-watcher",
        ),
        pytest.param(
            "resource update galera-guard op monitor interval=2s timeout=12s",
            "resource update galera-guard op monitor interval=1s timeout=10s",
            id="update-operation",
            marks=pytest.mark.matrix,
        ),
        pytest.param(
            "resource meta galera-guard failure-timeout=40s",
            "resource meta galera-guard failure-timeout=30s",
            id="update-meta",
            marks=pytest.mark.matrix,
        ),
        pytest.param("resource cleanup galera-guard", None, id="cleanup", marks=pytest.mark.matrix),
        pytest.param("resource refresh galera-guard", None, id="refresh", marks=pytest.mark.matrix),
        pytest.param("resource refresh", None, id="refresh-all"),
    ],
)
def test_a_change_of_the_guard_moves_nothing(score, command, undo):
    with Scene(score) as scene:
        scene.begin()
        for line in filter(None, (command, undo)):
            pacemaker.pcs(scene.holder, *line.split())
            pacemaker.wait_idle(scene.holder)
            scene.stay(3)
        wait_normal(score)
        check(scene, moves=0)


@pytest.mark.parametrize("row", ["update-attribute"])
def test_another_attribute_restarts_the_guards_and_costs_one_move_at_most(score, row):
    with Scene(score) as scene:
        scene.begin()
        for attribute in ("score-of-mariadb", GUARD_NAME):
            pacemaker.apply(scene.holder, follow(attribute))
            wait_until(
                lambda name=attribute: (
                    {"1000"}
                    == {attributes.get(name) for attributes in pacemaker.status(scene.holder).attributes.values()}
                ),
                30,
                f"all guards publish {attribute}",
            )
            wait_until(lambda: score.vip_node, 30, "the VIP is up")
        wait_normal(score)
        assert scene.moves() <= 2, scene.story()
        check(scene, moves=scene.moves())


def follow(attribute):
    """Return pcs commands that give the guard's score another name and let the VIP follow that one."""
    return [
        line.split()
        for line in (
            f"resource update {GUARD_NAME} attribute={'' if attribute == GUARD_NAME else attribute}",
            f"constraint remove location-{VIP_NAME} location-{VIP_NAME}-1",
            f"constraint location {VIP_NAME} rule score-attribute={attribute} defined {attribute}",
            f"constraint location {VIP_NAME} rule score=-INFINITY not_defined {attribute}",
        )
    ]


@pytest.mark.parametrize("row", ["rolling-restart"])
def test_a_rolling_restart_with_the_vip_s_node_last_moves_it_once(score, row):
    with Scene(score) as scene:
        scene.begin()
        for node in (*score.peers(scene.holder), scene.holder):
            node.run(["systemctl", "restart", "mariadb"], timeout=90)
            score.wait_synced()
        wait_normal(score)
        check(scene, moves=1)


@pytest.mark.parametrize("row", ["all-stopped"])
def test_the_vip_comes_back_alone_when_all_databases_were_stopped(score, row):
    with Scene(score) as scene:
        scene.begin()
        # One after the other: of three that stop in the same moment Galera may let none bootstrap.
        for peer in score.peers(scene.holder):
            mariadb.stop(peer)
        wait_until(lambda: mariadb.synced(scene.holder, 1), 30, "it is the last node, and knows it")
        # And for a moment a guard that has not looked since calls its stopped node synced.
        wait_state(score, "down", *score.peers(scene.holder))
        mariadb.stop(scene.holder)
        time.sleep(3)
        assert scene.address.holders() == set()
        mariadb.bootstrap(scene.holder)
        # One after the other again: two that join in the same moment may cost all of them the Primary component.
        for peer in score.peers(scene.holder):
            mariadb.start(peer)
            mariadb.wait_synced(peer)
        wait_normal(score)
        check(scene, moves=1, outage=40)


@pytest.mark.matrix
def test_guards_without_watchers_are_nothing_to_check_and_nothing_for_setup_to_change(polling):
    for node in polling.nodes:
        assert guard_says(node, "check")[0] == 0
    refused = polling.nodes[0].run(SETUP, check=False, timeout=120)
    assert (refused.returncode, refused.stderr) == (
        1,
        "galera-sync-guard setup: nothing was changed: galera-guard has the parameter watch_interval=(none), and setup"
        " would give it 200ms\n",
    )
    wait_normal(polling)
