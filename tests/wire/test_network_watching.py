"""A guard that knows its virtual IP, behind a switch: what it publishes, with a watcher or not, and by which rights."""

import os

import pytest

from galera_sync_guard.watcher.client import RENEW
from tests.support.switch import Switch
from tests.wire.watching import GOOD, client_of, status_of, wait, watcher_of

VIP, ADDRESS, GATEWAY = "10.78.0.100", "10.78.0.1/24", "10.78.0.254"
DAC_OVERRIDE, SETGID, SETUID = 1 << 1, 1 << 6, 1 << 7


@pytest.fixture
def switch():
    with Switch(ADDRESS, f"{GATEWAY}/24") as switch:
        switch.ip("route", "add", "default", "via", GATEWAY)
        yield switch


@pytest.fixture
def guard(switch, guard, server):
    """A guard that watches and knows its virtual IP, started behind the switch."""
    guard.parameters.update(watch_interval="100ms", recovery_hold="0", vip=VIP)
    guard.started()
    wait_answered(guard)
    yield guard
    client_of(guard).end()


def wait_answered(guard):
    wait(lambda: status_of(guard).fields.get("network") == "interface eth0 is up, 1 of 1 neighbours answer", within=60)


def test_a_cable_that_is_out_lowers_the_score_only_while_another_node_is_synced(switch, guard):
    switch.pull_cable()
    wait(lambda: guard.published == ("960", "unplugged"))
    guard.attrd.peer("guard-state", "n2", "synced")
    wait(lambda: guard.published == ("10", "unplugged"), within=60)
    switch.put_cable_back()
    wait(lambda: guard.published == GOOD, within=60)


def test_silence_of_the_gateway_is_published_and_moves_nothing(switch, guard):
    guard.attrd.peer("guard-state", "n2", "synced")
    switch.close_port()
    wait(lambda: guard.published == ("960", "unreachable"), within=60)
    switch.open_port()
    wait(lambda: guard.published == GOOD, within=60)


def test_a_successor_inherits_what_asks_neighbours(switch, guard):
    first = watcher_of(guard)
    os.kill(first, RENEW)
    wait(lambda: watcher_of(guard) not in (None, first), within=60)
    wait_answered(guard)
    switch.close_port()
    wait(lambda: guard.published == ("960", "unreachable"), within=60)


def test_the_watcher_has_no_right_to_open_such_a_socket_itself(guard):
    with open(f"/proc/{watcher_of(guard)}/status", encoding="ascii") as file:
        rights = {name: value.strip() for name, value in (line.split(":", 1) for line in file)}
    assert int(rights["CapEff"], 16) == int(rights["CapBnd"], 16) == DAC_OVERRIDE | SETGID | SETUID


@pytest.mark.parametrize("given", [{"vip": None}, {"reach_grace": "0"}])
def test_a_watcher_that_asks_no_neighbour_has_no_such_socket(guard, given):
    def packets():
        with open("/proc/thread-self/net/packet", encoding="ascii") as file:
            return len(file.readlines()) - 1

    assert packets() == 1
    for name, value in given.items():
        if value is None:
            del guard.parameters[name]
        else:
            guard.parameters[name] = value
    guard.start()
    wait(lambda: packets() == 0)


def test_without_a_watcher_the_monitor_looks_at_the_link(switch, guard):
    guard.parameters["watch_interval"] = "0"
    guard.parameters["link_grace"] = "0"
    guard.attrd.peer("guard-state", "n2", "synced")
    guard.start()
    switch.pull_cable()
    wait(lambda: guard.monitor().code == 0 and guard.published == ("10", "unplugged"), within=60)
    switch.put_cable_back()
    wait(lambda: guard.monitor().code == 0 and guard.published == GOOD, within=60)
