"""Planned work as docs/operations.md and docs/setup.md print it: what it moves, and that it ends as promised."""

import json
import os
import signal
import subprocess
import time

import pytest

from laboratory import mariadb, pacemaker, recipe
from laboratory.laboratory import Laboratory, each
from laboratory.machine import wait_until
from laboratory.pacemaker import GUARD_NAME, VIP_NAME
from laboratory.recipe import procedure
from laboratory.scene import Scene, abnormal, check, wait_normal, wait_state
from tests.cluster.operator_command import guard_says

pytestmark = pytest.mark.matrix

PASSWORD = "PASSWORD"
OPTION_FILE = "/etc/galera-sync-guard.cnf"


def last_with_the_address(laboratory, scene):
    """Return the nodes in the order in which the page works on them."""
    return (*laboratory.peers(scene.holder), scene.holder)


def test_a_rolling_upgrade_of_mariadb_moves_the_address_once(score):
    (commands,) = procedure("Upgrade MariaDB")
    # Debian's package restarts the server when it is upgraded; this one is there already.
    on, install, off = commands.splitlines()
    with Scene(score) as scene:
        scene.begin()
        for node in last_with_the_address(score, scene):
            node.shell("\n".join((on, install, "systemctl restart mariadb", off)), timeout=300)
            wait_state(score, "synced", node)
            mariadb.wait_synced(node)
        wait_normal(score)
        check(scene, moves=1)


def test_a_rolling_upgrade_of_pacemaker_moves_the_address_once(score):
    leave, back = procedure("Upgrade Pacemaker and Corosync")
    with Scene(score) as scene:
        scene.begin()
        for node in last_with_the_address(score, scene):
            # Debian's packages restart both when they are upgraded; these are there already.
            node.shell(leave + "systemctl restart corosync pacemaker", timeout=300)
            wait_until(lambda node=node: answers(node), 60, "status answers there")
            node.shell(back)
            score.wait_online()
            wait_state(score, "synced", node)
        wait_normal(score)
        check(scene, moves=1)


def answers(node):
    """Tell whether status answers on a node."""
    return node.run(["galera-sync-guard", "status"], check=False).returncode != 3


def wait_logged_in(laboratory, user):
    """Wait until every guard sees its node by this login, and none is called unknown."""
    wait_until(
        lambda: all(f"{user}\tlocalhost" in mariadb.sql(node, "SHOW PROCESSLIST") for node in laboratory.nodes),
        30,
        f"all guards are logged in as {user}",
    )
    wait_normal(laboratory)


@pytest.fixture
def own_login(score):
    """A laboratory whose guards log in as root, and do so again at the end."""
    yield score
    first = score.nodes[0]
    pacemaker.pcs(first, "resource", "update", GUARD_NAME, "os_user=", "defaults_file=")
    wait_normal(score)
    mariadb.sql(first, "DROP USER IF EXISTS galera_guard@localhost")
    each(lambda node: node.shell(f"rm -f {OPTION_FILE}; ! id galera_guard || deluser galera_guard"), score.nodes)


def test_the_login_by_an_operating_system_user_moves_nothing(own_login):
    everywhere, once, *_ = procedure("Login", recipe.SETUP)
    with Scene(own_login) as scene:
        scene.begin()
        each(lambda node: node.shell(everywhere), own_login.nodes)
        own_login.nodes[0].shell(once)
        wait_logged_in(own_login, "galera_guard")
        assert {guard_says(node, "explain")[0] for node in own_login.nodes} == {0}
        check(scene, moves=0)


def test_the_login_by_a_file_and_a_new_password_move_nothing(own_login):
    _, _, everywhere, once = procedure("Login", recipe.SETUP)
    write, change = procedure("Rotate the guard's password")
    began = time.time()
    with Scene(own_login) as scene:
        scene.begin()
        each(lambda node: node.shell(everywhere), own_login.nodes)
        own_login.nodes[0].shell(once)
        wait_logged_in(own_login, "galera_guard")
        each(lambda node: node.shell(write), own_login.nodes)
        own_login.nodes[-1].shell(change)
        # A new connection needs the new password.
        assert {guard_says(node, "explain")[0] for node in own_login.nodes} == {0}
        for node in own_login.nodes:
            mariadb.sql(node, "KILL USER galera_guard")
        wait_logged_in(own_login, "galera_guard")
        assert not any("(unknown, score" in node.journal(began) for node in own_login.nodes)
        check(scene, moves=0)


def test_a_node_leaves_and_joins_as_the_page_says(deb):
    leave, remove, forget = procedure("Remove a node")
    prepare, add, look = procedure("Add a node")
    with Laboratory().up(4, deb=deb, quorum=pacemaker.RECOMMENDED_QUORUM) as laboratory:
        first, fourth = laboratory.nodes[0], laboratory.machine("node4")
        names = [node.name for node in laboratory.nodes]
        each(
            lambda node: node.shell(f"echo hacluster:{PASSWORD} | chpasswd; systemctl enable --now pcsd"),
            laboratory.nodes,
        )
        first.shell(f"pcs host auth {' '.join(names)} -u hacluster -p {PASSWORD}", timeout=300)
        recipe.change(first, recipe.commands("score"))
        wait_normal(laboratory)
        fourth.copy_in(deb, f"/root/{deb.name}")
        with Scene(laboratory) as scene:
            scene.begin()
            was_there = scene.holder is fourth
            fourth.shell(leave, timeout=300)
            first.shell(remove, timeout=300)
            fourth.shell(forget)
            pacemaker.wait_online(first, names[:3])
            assert scene.moves() == was_there
            fourth.shell("cd /root; " + prepare, input=f"{PASSWORD}\n{PASSWORD}\n", timeout=400)
            first.shell(add, input=f"{PASSWORD}\n", timeout=400)
            wait_normal(laboratory)
            # For four nodes the rehearsal within it takes twice as long as for three.
            assert "nothing is wrong" in fourth.shell(look, timeout=400)
            assert fourth.run(["systemctl", "is-enabled", "corosync", "pacemaker"]).stdout.split() == ["enabled"] * 2
            check(scene, moves=int(was_there))
            assert abnormal(laboratory) == []


def test_a_backup_can_be_made_every_night_and_ends_its_own_maintenance_only(score):
    (script,) = procedure("Backups")
    with Scene(score) as scene:
        scene.begin()
        node = score.peers(scene.holder)[0]
        node.shell("mkdir -p /var/backups; rm -rf /var/backups/mariadb-*")
        for _ in range(2):
            node.shell(script, timeout=300)
            wait_state(score, "synced", node)
        assert len(node.shell("ls -d /var/backups/mariadb-*").split()) == 2
        for broken in ("false", "kill -TERM $$; sleep"):
            failed = node.run(["sh", "-c", script.replace("mariabackup --backup", broken)], check=False, timeout=120)
            assert failed.returncode == 1
            assert guard_says(node, "maintenance")[1]["maintenance"] is False
        node.run(["galera-sync-guard", "maintenance", "on", "--reason", "disks"], timeout=120)
        assert node.run(["sh", "-c", script], check=False, timeout=120).returncode == 1
        assert guard_says(node, "maintenance")[1]["reason"] == "disks"
        node.run(["galera-sync-guard", "maintenance", "off"], timeout=120)
        wait_normal(score)
        check(scene, moves=0)


def test_explain_says_what_to_do_about_a_node_that_pcs_refuses(score):
    with Scene(score) as scene:
        scene.begin()
        node = score.peers(scene.holder)[0]
        move = ["pcs", "resource", "move", VIP_NAME, node.name]
        pacemaker.pcs(node, "resource", "update", GUARD_NAME, "recovery_hold=60s")
        node.run(["galera-sync-guard", "maintenance", "on"], timeout=120)
        wait_state(score, "maintenance", node)
        assert scene.holder.run(move, check=False, timeout=120).returncode != 0
        assert guard_says(node, "explain")[1]["advice"].endswith("galera-sync-guard maintenance off")
        node.run(["galera-sync-guard", "maintenance", "off"], timeout=120)
        assert scene.holder.run(move, check=False, timeout=120).returncode != 0
        assert guard_says(node, "explain")[1]["advice"].startswith("wait: ")
        pacemaker.pcs(node, "resource", "update", GUARD_NAME, "recovery_hold=")
        wait_state(score, "synced", node)
        scene.holder.run(move, timeout=120)
        wait_normal(score)
        assert score.vip_node == node
        check(scene, moves=1)


def test_a_watch_tells_a_move_as_it_happens(score):
    """It would look again after a minute only: a move is told because it happens."""
    with Scene(score) as scene:
        words = ["galera-sync-guard", "status", "--watch", "60", "--json"]
        with score.peers(scene.holder)[0].spawn(words, stdout=subprocess.PIPE) as watch:
            json.loads(watch.stdout.readline())
            scene.strike("read-only")
            target = scene.wait_moved()
            moved_at = next(event.time for event in scene.address.events if event.up and event.node == target.name)
            told = (None, None)
            while told != (scene.holder.name, target.name):
                (guard,) = json.loads(watch.stdout.readline())["guards"]
                last = guard["virtual_ips"][0]["moves"][0]
                told = last["from_node"], last["to_node"]
            assert time.monotonic() - moved_at < 30
            os.killpg(watch.pid, signal.SIGINT)
            watch.stdout.read()
        scene.heal("read-only")
        wait_normal(score)
        check(scene, moves=1)
