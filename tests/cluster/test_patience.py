"""What passes by itself, or takes its time: donors, a state that flaps, a busy machine."""

import time

import pytest

from laboratory import faults, mariadb, pacemaker
from laboratory.delay import delayed
from laboratory.machine import end
from laboratory.pacemaker import GUARD_NAME
from laboratory.scene import Scene, check, seen_from, wait_normal
from tests.support.levels import check_runs

SST_CONFIG = "/etc/mysql/mariadb.conf.d/99-state-transfer.cnf"
# Processes without an end on a machine with N processors: N times this many.
OVERCOMMIT = 4
# What a packet takes from one node to another, in milliseconds. Corosync takes a link for down whose round trip takes
# longer than half of the recommended token timeout of one second.
DELAY = 100


@pytest.mark.parametrize(
    "method", check_runs(["rsync", "mariabackup"], "mariabackup"), ids=lambda method: f"sst-{method}"
)
def test_a_donor_of_a_real_state_transfer_hands_the_vip_over_once(score, method):
    with Scene(score) as scene:
        peer = score.peers(scene.holder)[0]
        mariadb.sql(scene.holder, "SET GLOBAL wsrep_sst_auth='mysql:'")
        mariadb.stop(peer)
        peer.shell(f"rm {mariadb.DATADIR}/grastate.dat")
        peer.write(SST_CONFIG, f"[mariadbd]\nwsrep_sst_method = {method}\nwsrep_sst_donor = {scene.holder.name}\n")
        peer.throttle("60mbit")
        scene.begin()
        mariadb.start(peer)
        peer.throttle(None)
        peer.run(["rm", SST_CONFIG])
        wait_normal(score)
        check(scene, moves=1)


@pytest.mark.parametrize(
    "recipe", check_runs(["score", "polling"], "score"), ids=lambda recipe: f"saturation-follows-{recipe}"
)
def test_a_saturation_that_follows_the_address_moves_it_once(request, recipe):
    laboratory = request.getfixturevalue(recipe)
    with Scene(laboratory) as scene:
        scene.strike("saturate")
        node = scene.wait_moved()
        scene.heal("saturate")
        faults.strike(laboratory, "saturate", node)
        try:
            scene.stay(20, moves=1)
        finally:
            faults.heal(laboratory, "saturate", node)
        wait_normal(laboratory)
        check(scene, moves=1, outage=60)
    # A guard that is given another server forgets that a saturation has followed the address.
    for path in ("/run/mysqld/./mysqld.sock", ""):
        pacemaker.pcs(node, "resource", "update", GUARD_NAME, f"socket={path}")
        pacemaker.wait_idle(node)


@pytest.mark.matrix
@pytest.mark.seconds(65)
@pytest.mark.parametrize("recipe", ["score", "polling"], ids=lambda recipe: f"flapping-{recipe}")
def test_a_state_that_flaps_every_second_for_a_minute_moves_the_vip_once(request, recipe):
    laboratory = request.getfixturevalue(recipe)
    with Scene(laboratory) as scene:
        scene.begin()
        while time.monotonic() - scene.struck_at < 60:
            faults.strike(laboratory, "read-only", scene.holder)
            time.sleep(1)
            faults.heal(laboratory, "read-only", scene.holder)
            time.sleep(1)
            assert scene.moves() <= 1, scene.story()
        wait_normal(laboratory)
        check(scene, moves=1)


# Alone: Corosync's token has little time left with such a delay, and a busy machine takes it.
@pytest.mark.matrix
@pytest.mark.alone
@pytest.mark.parametrize("row", ["packet-delay"])
def test_a_slow_network_keeps_the_vip(score, row):
    with Scene(score) as scene:
        scene.begin()
        with delayed(score, DELAY):
            scene.stay(20)
            assert seen_from(score).online() == {node.name for node in score.nodes}
        wait_normal(score)
        # A write takes longer than the client waits for it.
        check(scene, moves=0, outage=60)


@pytest.mark.matrix
@pytest.mark.alone
@pytest.mark.parametrize("recipe", ["score", "polling"], ids=lambda recipe: f"overcommit-{recipe}")
def test_a_machine_with_too_much_to_do_keeps_the_vip(request, recipe):
    laboratory = request.getfixturevalue(recipe)
    cores = int(laboratory.client.shell("nproc"))
    with Scene(laboratory) as scene:
        scene.begin()
        hogs = [laboratory.client.spawn(["sh", "-c", "while :; do :; done"]) for _ in range(OVERCOMMIT * cores)]
        try:
            scene.stay(60)
        finally:
            for hog in hogs:
                end(hog)
        wait_normal(laboratory)
        check(scene, moves=0)
