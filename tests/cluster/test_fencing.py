"""What a fence device makes of faults that would leave the address on its node or on two, and of others."""

import pytest

from laboratory import fencing, mariadb, recipe
from laboratory.machine import wait_until
from laboratory.scene import Scene, check, wait_normal
from tests.support.levels import check_runs

ADDRESS_AGENT = "/usr/lib/ocf/resource.d/heartbeat/IPaddr2"
GUARD_AGENT = "/usr/lib/ocf/resource.d/custom/galera_sync_guard"
# Takes the place of an agent of which some actions fail, until the machine restarts.
FAILS = '#!/bin/sh\n[ ! -e /run/broken ] || case $1 in %s) exit 1 ;; esac\nexec %s.whole "$@"\n'


@pytest.fixture
def fenced(keeper):
    """A laboratory with a fence device and the documented recipe for mode=score."""
    return keeper.with_recipe([*recipe.commands("score"), fencing.DEVICE], fencing=True)


def fail_to_stop_the_address(node):
    fail(node, ADDRESS_AGENT, "stop")
    mariadb.sql(node, "SET GLOBAL wsrep_desync=ON")


def fail_to_stop_the_guard(node):
    fail(node, GUARD_AGENT, "monitor|stop")


def fail(node, agent, actions):
    node.shell(f"[ -e {agent}.whole ] || cp -p {agent} {agent}.whole; touch /run/broken")
    node.write(agent, FAILS % (actions, agent), 0o755)


FAULTS = {
    "address-cannot-stop": fail_to_stop_the_address,
    "guard-cannot-stop": fail_to_stop_the_guard,
    "machine-hangs": lambda node: node.hang(),
}


@pytest.mark.parametrize("fault", check_runs(FAULTS, "machine-hangs"))
def test_a_machine_that_keeps_the_address_is_fenced_once_and_comes_back(fenced, fault):
    cuts = len(fenced.switch.cuts)
    with Scene(fenced) as scene:
        scene.begin()
        FAULTS[fault](scene.holder)
        scene.wait_moved()
        assert [cut.name for cut in fenced.switch.cuts[cuts:]] == [scene.holder.name]
        assert scene.address.overlap() == 0
        wait_until(lambda: scene.holder.running, 30, "the fenced machine has power")
        wait_normal(fenced)
        check(scene, moves=1, outage=90)


@pytest.mark.matrix
def test_a_database_that_dies_fences_nobody(fenced):
    cuts = len(fenced.switch.cuts)
    with Scene(fenced) as scene:
        scene.strike("kill-9")
        scene.wait_moved()
        scene.heal("kill-9")
        wait_normal(fenced)
        assert fenced.switch.cuts[cuts:] == []
        check(scene, moves=1)
