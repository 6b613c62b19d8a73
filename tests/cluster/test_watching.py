"""What only a watcher sees, and its own life under Pacemaker, on three real nodes."""

import re
import time

import pytest

from laboratory import mariadb, pacemaker
from laboratory.machine import wait_until
from laboratory.pacemaker import GUARD_NAME
from laboratory.scene import Scene, check, seen_from, wait_normal


def watchers(node):
    """Return the pids of the watchers of a node."""
    return node.run(["pgrep", "-f", "galera_sync_guard watch"], check=False).stdout.split()


def can_ask(node):
    """Tell whether a node's watcher is a member of the group in which watchers ask each other."""
    members = re.search(r"^galera-sync-guard\n((?:\s+\d.*\n)*)", node.run(["corosync-cpgtool"]).stdout, re.MULTILINE)
    return bool(members) and watchers(node)[0] in members[1].split()


@pytest.fixture
def rarely_watching(score):
    """A laboratory whose watchers look so rarely that on a busy machine too an answer comes before attributes count."""
    first = score.nodes[0]
    pacemaker.pcs(first, "resource", "update", GUARD_NAME, "watch_interval=5s")
    wait_normal(score)
    yield score
    pacemaker.pcs(first, "resource", "update", GUARD_NAME, "watch_interval=200ms")


def test_a_node_that_flaps_between_two_monitors_loses_the_vip_once(score):
    with Scene(score) as scene:
        scene.begin()
        for _ in range(6):
            for value in ("ON", "OFF"):
                mariadb.sql(scene.holder, f"SET GLOBAL read_only={value}")
                time.sleep(0.5)
        wait_normal(score)
        check(scene, moves=1)


def test_a_killed_watcher_is_replaced_and_none_is_left_over(score):
    assert [len(watchers(node)) for node in score.nodes] == [1, 1, 1]
    with Scene(score) as scene:
        scene.struck_at = time.monotonic()
        (killed,) = watchers(scene.holder)
        scene.holder.run(["kill", "-9", killed])
        scene.wait_moved()
        wait_until(
            lambda: any("the watcher is dead" in failure.reason for failure in seen_from(score).failures),
            10,
            "the monitor has failed",
        )
        wait_normal(score)
        check(scene, moves=1)
    for node in score.nodes:
        assert len(watchers(node)) == 1
        assert node is not scene.holder or watchers(node) != [killed]


def test_a_stopped_guard_leaves_no_watcher(score):
    node = score.nodes[0]
    node.run(
        [
            "crm_resource",
            "--resource",
            GUARD_NAME,
            "--set-parameter",
            "target-role",
            "--meta",
            "--parameter-value",
            "Stopped",
        ]
    )
    wait_until(lambda: not any(watchers(each) for each in score.nodes), 30, "no watcher is left")
    node.run(["crm_resource", "--resource", GUARD_NAME, "--delete-parameter", "target-role", "--meta"])
    wait_normal(score)


def test_a_node_whose_peers_do_not_answer_goes_by_their_attributes(score):
    with Scene(score) as scene:
        silent = {peer: watchers(peer) for peer in score.peers(scene.holder)}
        try:
            for peer, pids in silent.items():
                peer.run(["kill", "-STOP", *pids])
            scene.strike("desync")
            scene.wait_moved()
            scene.heard("donor: wsrep_local_state=2 (Donor/Desynced) with wsrep_desync=ON for ")
            scene.heard("(poor, score 10)")
            assert "another node answers" not in scene.said()
        finally:
            for peer, pids in silent.items():
                peer.run(["kill", "-CONT", *pids])
        scene.heal("desync")
        wait_normal(score)
        check(scene, moves=1)
        assert {peer: watchers(peer) for peer in silent} == silent


def test_a_watcher_that_outlives_corosync_asks_its_peers_again(rarely_watching):
    score = rarely_watching
    with Scene(score) as scene:
        before = watchers(scene.holder)
        node = score.peers(scene.holder)[0]
        pacemaker.maintenance(node)
        pacemaker.stop(scene.holder)
        pacemaker.start(scene.holder)
        score.wait_online()
        pacemaker.maintenance(node, False)
        wait_normal(score)
        assert watchers(scene.holder) == before
        wait_until(lambda: can_ask(scene.holder), 15, "the watcher has found Corosync again")
        scene.strike("desync")
        scene.wait_moved()
        scene.heard(", and another node answers that it is synced")
        scene.heal("desync")
        wait_normal(score)
        check(scene, moves=1)
