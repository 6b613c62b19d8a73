"""Faults on another node, or common to all: nothing moves."""

import time

import pytest

from laboratory import faults, mariadb
from laboratory.laboratory import each
from laboratory.scene import Scene, check, wait_normal, wait_state
from tests.cluster.rows import stay_when_a_peer_crashes
from tests.support.levels import check_runs

# The VIP's node suffers first, in seconds: its guard looks up to a second before the others', and so much more.
APART = 0.4


@pytest.mark.parametrize("recipe", check_runs(["score", "polling", "fail"], "score"))
def test_the_crash_of_another_node_moves_nothing(request, recipe):
    stay_when_a_peer_crashes(request.getfixturevalue(recipe))


@pytest.mark.parametrize("recipe", check_runs(["score", "polling", "fail"], "score"))
def test_a_restarted_peer_makes_a_donor_for_a_moment_and_moves_nothing(request, recipe):
    laboratory = request.getfixturevalue(recipe)
    with Scene(laboratory) as scene:
        scene.strike("restart", laboratory.peers(scene.holder)[0])
        wait_normal(laboratory)
        check(scene, moves=0)


@pytest.mark.parametrize(
    ("fault", "state"),
    check_runs(
        [
            ("sigstop", "hung"),
            ("desync", "donor"),
            ("saturate", "saturated"),
            ("read-only", "read-only"),
            ("power-off", None),
            ("partition", None),
        ],
        *("sigstop", "saturate", "partition"),
        name=lambda row: row[0],
    ),
    ids=lambda each: f"peer-{each}",
)
def test_trouble_of_another_node_moves_nothing(score, fault, state):
    with Scene(score) as scene:
        peer = score.peers(scene.holder)[0]
        scene.strike(fault, peer)
        if state:
            wait_state(score, state, peer, but=[peer])
        scene.stay(8)
        scene.heal(fault, peer)
        wait_normal(score)
        check(scene, moves=0)


@pytest.mark.parametrize("recipe", check_runs(["score", "polling"], "score"))
@pytest.mark.parametrize(
    ("fault", "state"), [("ftwrl", "donor"), ("saturate", "saturated")], ids=lambda each: f"all-{each}"
)
def test_what_all_nodes_suffer_moves_nothing_though_one_begins_earlier(request, recipe, fault, state):
    laboratory = request.getfixturevalue(recipe)
    with Scene(laboratory) as scene:
        scene.begin()
        peers = laboratory.peers(scene.holder)
        faults.strike(laboratory, fault, scene.holder)
        time.sleep(max(0, scene.struck_at + APART - time.monotonic()))
        each(lambda peer: faults.strike(laboratory, fault, peer), peers)
        wait_state(laboratory, state, scene.holder, *peers)
        # Longer than any grace and the time for which a peer must have been better.
        scene.stay(14 if state == "saturated" else 6)
        each(lambda node: faults.heal(laboratory, fault, node), laboratory.nodes)
        wait_normal(laboratory)
        check(scene, moves=0, outage=40)


@pytest.mark.parametrize("recipe", check_runs(["score", "polling"], "score"), ids=lambda recipe: f"all-desync-{recipe}")
def test_a_desync_of_all_nodes_at_once_moves_nothing(request, recipe):
    laboratory = request.getfixturevalue(recipe)
    with Scene(laboratory) as scene, mariadb.sessions(laboratory.nodes) as send:
        scene.begin()
        send("SET GLOBAL wsrep_desync=ON;")
        wait_state(laboratory, "donor", *laboratory.nodes)
        scene.stay(6)
        scene.heal("desync", *laboratory.nodes)
        wait_normal(laboratory)
        check(scene, moves=0, outage=40)


@pytest.mark.parametrize("row", ["two-stopped"])
def test_the_last_of_three_databases_goes_on_serving(score, row):
    with Scene(score) as scene:
        scene.begin()
        peers = score.peers(scene.holder)
        for peer in peers:
            mariadb.stop(peer)
        scene.stay(4)
        scene.writes.wait_acknowledged(time.monotonic())
        for peer in peers:
            mariadb.start(peer)
        wait_normal(score)
        check(scene, moves=0)
