"""Faults of the clients' network, on nodes whose cluster has a network of its own."""

import time

import pytest

from laboratory import mariadb, network, pacemaker, recipe
from laboratory.laboratory import each
from laboratory.machine import wait_until
from laboratory.scene import Scene, check, wait_normal, wait_state
from tests.support.levels import check_runs


@pytest.fixture
def laboratory(keeper):
    """A laboratory with two networks and the documented recipe for mode=score."""
    return keeper.with_recipe(recipe.commands("score"), two_networks=True)


# name -> what happens to a node, what undoes it, the state that its guard gives
FAULTS = {
    "cable": (network.pull_cable, network.put_cable_back, "unplugged"),
    "port": (network.close_port, network.open_port, "unreachable"),
    "sent": (lambda node: network.lose(node, sent=100), network.lose_nothing, "unreachable"),
    "received": (lambda node: network.lose(node, received=100), network.lose_nothing, "unreachable"),
    "interface": (network.delete, network.make_again, "unplugged"),
}
EACH = pytest.mark.parametrize("fault", FAULTS)


@EACH
def test_the_address_leaves_a_node_that_clients_cannot_reach_once(laboratory, fault):
    strike, heal, state = FAULTS[fault]
    with Scene(laboratory) as scene:
        scene.begin()
        strike(scene.holder)
        scene.wait_moved()
        wait_state(laboratory, state, scene.holder)
        heal(scene.holder)
        wait_normal(laboratory)
        scene.stay(3, moves=1)
        check(scene, moves=1)


@pytest.mark.parametrize("fault", ["cable", "port"])
def test_a_spare_that_clients_cannot_reach_does_not_get_the_address(laboratory, fault):
    strike, heal, state = FAULTS[fault]
    with Scene(laboratory) as scene:
        # Pacemaker's choice among equals, which must not be taken.
        spare = laboratory.peers(scene.holder)[0]
        scene.begin()
        strike(spare)
        wait_state(laboratory, state, spare)
        scene.stay(4)
        scene.strike("kill-9")
        assert scene.wait_moved() is not spare
        heal(spare)
        scene.heal("kill-9")
        wait_normal(laboratory)
        check(scene, moves=1)


def test_a_spare_whose_cable_goes_with_the_holder_s_database_does_not_get_the_address(laboratory):
    with Scene(laboratory) as scene:
        spare = laboratory.peers(scene.holder)[0]
        scene.begin()
        network.pull_cable(spare)
        mariadb.kill(scene.holder, "KILL")
        assert scene.wait_moved() is not spare
        network.put_cable_back(spare)
        scene.heal("kill-9")
        wait_normal(laboratory)
        check(scene, moves=1)


def test_the_last_synced_node_gets_the_address_without_a_network(laboratory):
    with Scene(laboratory) as scene:
        last, other = laboratory.peers(scene.holder)
        network.pull_cable(last)
        wait_state(laboratory, "unplugged", last)
        scene.begin()
        for node in (scene.holder, other):
            mariadb.sql(node, "SET GLOBAL read_only=ON")
        scene.address.wait_up(scene.struck_at, last.name)
        network.put_cable_back(last)
        for node in (scene.holder, other):
            mariadb.sql(node, "SET GLOBAL read_only=OFF")
        wait_normal(laboratory)
        scene.writes.wait_acknowledged(time.monotonic())


def gateway_dies(laboratory):
    network.stop_gateway(laboratory.nodes[0].ground)
    return lambda: network.start_gateway(laboratory.nodes[0].ground)


def switch_dies(laboratory):
    network.stop_switch(laboratory.nodes[0].ground)
    return lambda: network.start_switch(laboratory.nodes[0].ground)


def every_cable_flaps(laboratory):
    for _ in range(4):
        network.flap(laboratory.nodes, 1)
        time.sleep(1)
    return lambda: None


def one_cable_flaps(laboratory):
    for _ in range(3):
        network.flap([laboratory.vip_node], 0.2)
        time.sleep(1)
    return lambda: None


def every_tenth_frame_is_lost(laboratory):
    holder = laboratory.vip_node
    network.lose(holder, sent=10, received=10)
    time.sleep(60)
    return lambda: network.lose_nothing(holder)


@pytest.mark.parametrize(
    "fault",
    check_runs(
        [gateway_dies, switch_dies, every_cable_flaps, one_cable_flaps, every_tenth_frame_is_lost],
        *("switch_dies", "every_cable_flaps"),
        name=lambda fault: fault.__name__,
    ),
)
def test_nothing_moves_when_no_other_node_is_better(laboratory, fault):
    with Scene(laboratory) as scene:
        scene.begin()
        heal = fault(laboratory)
        scene.stay(6)
        heal()
        wait_normal(laboratory)
        scene.stay(3)
        check(scene, moves=0)


def test_both_spares_without_a_cable_do_not_move_the_address_of_a_desynced_holder(laboratory):
    with Scene(laboratory) as scene:
        spares = laboratory.peers(scene.holder)
        each(network.pull_cable, spares)
        wait_state(laboratory, "unplugged", *spares)
        scene.begin()
        mariadb.sql(scene.holder, "SET GLOBAL wsrep_desync=ON")
        scene.stay(4)
        mariadb.sql(scene.holder, "SET GLOBAL wsrep_desync=OFF")
        each(network.put_cable_back, spares)
        wait_normal(laboratory)
        check(scene, moves=0)


def test_a_host_that_missed_the_first_announcements_learns_where_the_address_is(laboratory):
    with Scene(laboratory) as scene:
        bystander = laboratory.peers(scene.holder)[1]
        learn(bystander, scene.holder)
        scene.begin()
        network.lose(bystander, received=100)
        scene.strike("kill-9")
        holder = scene.wait_moved()
        # IPaddr2 announces an address for one second.
        time.sleep(1.5)
        network.lose_nothing(bystander)
        here = network.hardware_address(holder)
        wait_until(lambda: network.neighbour(bystander, pacemaker.VIP) == here, 20, "the host knows the new place")
        scene.heal("kill-9")
        wait_normal(laboratory)
        check(scene, moves=1)


def learn(bystander, holder):
    """Let a host know the address's place as from an earlier conversation."""
    there = network.hardware_address(holder)
    bystander.run(["ip", "neigh", "replace", pacemaker.VIP, "lladdr", there, "dev", "eth0", "nud", "stale"])
    assert network.neighbour(bystander, pacemaker.VIP) == there
