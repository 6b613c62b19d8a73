"""Faults of the guard itself and of the cluster software below it, on nodes whose databases work."""

import pytest

from laboratory import mariadb, pacemaker
from laboratory.laboratory import each
from laboratory.machine import wait_until
from laboratory.pacemaker import GUARD_NAME
from laboratory.scene import Scene, check, seen_from, wait_normal, wait_state
from tests.cluster.rows import STOP_FAILS, move_with_a_broken_client_reset
from tests.support.levels import check_runs

AGENT = "/usr/lib/ocf/resource.d/custom/galera_sync_guard"
PACKAGE = "/usr/lib/python3/dist-packages"
OPTION_FILE = "/etc/galera-sync-guard.cnf"


def logins(node):
    """Return the threads of the guard's own user at a server."""
    return mariadb.sql(node, "SELECT ID FROM information_schema.PROCESSLIST WHERE USER='guard'").split()


@pytest.mark.parametrize(
    "recipe", check_runs(["polling", "score"], "score"), ids=["password-changed", "password-changed-watching"]
)
def test_a_password_changed_on_all_nodes_moves_nothing_and_the_reason_can_be_seen(request, recipe):
    laboratory = request.getfixturevalue(recipe)
    first = laboratory.nodes[0]
    mariadb.sql(first, "CREATE USER guard@localhost IDENTIFIED BY 'old'")
    for node in laboratory.nodes:
        node.write(OPTION_FILE, "[client]\nuser=guard\npassword=old\n", 0o600)
    pacemaker.pcs(first, "resource", "update", GUARD_NAME, f"defaults_file={OPTION_FILE}", "unknown_grace=6s")
    # Pacemaker reloads one node after the other, and each reload logs in by itself.
    pacemaker.wait_idle(first)
    # A watcher is logged in, and sees until its connection ends.
    watched = laboratory.nodes if recipe == "score" else ()
    wait_until(lambda: all(map(logins, watched)), 30, "the watchers are logged in with the new parameters")
    wait_normal(laboratory)
    with Scene(laboratory) as scene:
        scene.begin()
        mariadb.sql(first, "ALTER USER guard@localhost IDENTIFIED BY 'new'")
        for node in watched:
            (thread,) = logins(node)
            mariadb.sql(node, f"KILL {thread}")
        wait_state(laboratory, "unknown", *laboratory.nodes)
        # From the last verdict's grace into the score of a guard that cannot see.
        scene.stay(10)
        scene.heard("error 1045: Access denied for user 'guard'@'localhost'")
        assert {attributes[GUARD_NAME] for attributes in seen_from(laboratory).attributes.values()} == {"950"}
        mariadb.sql(first, "ALTER USER guard@localhost IDENTIFIED BY 'old'")
        wait_normal(laboratory)
        check(scene, moves=0)
    pacemaker.pcs(first, "resource", "update", GUARD_NAME, "defaults_file=", "unknown_grace=")
    mariadb.sql(first, "DROP USER guard@localhost")


EXCEPTION = (
    f"cp {PACKAGE}/galera_sync_guard/server/probe.py /root; "
    f"echo 'def probe_node(*_): raise KeyError(\"wsrep\")' >>{PACKAGE}/galera_sync_guard/server/probe.py",
    f"cp /root/probe.py {PACKAGE}/galera_sync_guard/server",
    "internal error: KeyError: 'wsrep'",
    False,
)
HALF_UNPACKED = (
    f"mv {PACKAGE}/ocfpy/runner.py /root; rm -rf {PACKAGE}/ocfpy/__pycache__",
    f"mv /root/runner.py {PACKAGE}/ocfpy",
    "galera_sync_guard is not completely installed",
    True,
)


# A watcher has read all its code by then.
@pytest.mark.parametrize(
    ("recipe", "broken"),
    [
        pytest.param("polling", EXCEPTION, id="exception"),
        pytest.param("polling", HALF_UNPACKED, id="half-unpacked", marks=pytest.mark.matrix),
        pytest.param("score", HALF_UNPACKED, id="half-unpacked-watching"),
    ],
)
def test_a_broken_guard_moves_nothing_and_says_what_it_lacks(request, recipe, broken):
    laboratory = request.getfixturevalue(recipe)
    strike, heal, reason, by_pacemaker = broken
    with Scene(laboratory) as scene:
        scene.begin()
        each(lambda node: node.shell(strike), laboratory.nodes)
        scene.stay(8)
        scene.heard(reason, by_pacemaker=by_pacemaker)
        each(lambda node: node.shell(heal), laboratory.nodes)
        wait_normal(laboratory)
        check(scene, moves=0)


@pytest.mark.parametrize(
    ("row", "script"),
    check_runs(
        [("monitor-hangs", "sleep 1000"), ("monitor-killed", "kill -9 $$")], "monitor-killed", name=lambda row: row[0]
    ),
)
def test_a_guard_that_cannot_monitor_gives_the_vip_to_a_node_with_a_guard_that_can(score, row, script):
    with Scene(score) as scene:
        scene.begin()
        scene.holder.shell(f"mv {AGENT} {AGENT}.whole")
        scene.holder.write(AGENT, f'#!/bin/sh\n[ "$1" != monitor ] || {script}\nexec {AGENT}.whole "$@"\n', 0o755)
        scene.wait_moved()
        scene.holder.shell(f"mv {AGENT}.whole {AGENT}")
        wait_normal(score)
        check(scene, moves=1)


@pytest.mark.parametrize(
    "replacement", [pytest.param(STOP_FAILS, id="reset-fails"), pytest.param("", id="reset-missing")]
)
def test_a_vip_client_reset_that_cannot_stop_keeps_the_vip_on_no_bad_node(score, replacement):
    move_with_a_broken_client_reset(score, replacement)


@pytest.mark.parametrize("row", ["attrd-killed"])
def test_node_attributes_that_are_lost_come_back(score, row):
    with Scene(score) as scene:
        scene.begin()
        scene.holder.shell("kill -9 $(pidof pacemaker-attrd)")
        scene.wait_moved()
        wait_normal(score)
        check(scene, moves=1)


@pytest.mark.parametrize("row", ["maintenance-mode"])
def test_pacemaker_may_be_restarted_under_maintenance_mode(score, row):
    with Scene(score) as scene:
        scene.begin()
        pacemaker.maintenance(scene.holder)
        scene.holder.run(["systemctl", "stop", "pacemaker"])
        scene.holder.run(["systemctl", "start", "pacemaker"])
        score.wait_online()
        pacemaker.maintenance(scene.holder, False)
        wait_normal(score)
        scene.stay(3)
        check(scene, moves=0)
