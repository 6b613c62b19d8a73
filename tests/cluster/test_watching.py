"""What only a watcher sees, and its own life under Pacemaker, on three real nodes."""

import time

from tests.cluster.scene import Scene, check, seen_from, wait_normal
from tests.laboratory import mariadb
from tests.laboratory.machine import wait_until
from tests.laboratory.pacemaker import GUARD_NAME


def watchers(node):
    """Return the pids of the watchers of a node."""
    return node.run(["pgrep", "-f", "galera_sync_guard watch"], check=False).stdout.split()


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
        wait_until(lambda: any("the watcher is dead" in failure.reason for failure in seen_from(score).failures), 10,
                   "the monitor has failed")
        wait_normal(score)
        check(scene, moves=1)
    for node in score.nodes:
        assert len(watchers(node)) == 1
        assert node is not scene.holder or watchers(node) != [killed]


def test_a_stopped_guard_leaves_no_watcher(score):
    node = score.nodes[0]
    node.run(["crm_resource", "--resource", GUARD_NAME, "--set-parameter", "target-role", "--meta", "--parameter-value",
              "Stopped"])
    wait_until(lambda: not any(watchers(each) for each in score.nodes), 30, "no watcher is left")
    node.run(["crm_resource", "--resource", GUARD_NAME, "--delete-parameter", "target-role", "--meta"])
    wait_normal(score)
