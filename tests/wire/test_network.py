"""The virtual IP's network as the watcher sees it: the kernel's links and real neighbours behind a switch."""

import select
import socket
import struct
import time

import pytest

from galera_sync_guard.host.clock import boot_clock
from galera_sync_guard.host.link import find_gateway, find_interface
from galera_sync_guard.host.neighbours import open_socket
from galera_sync_guard.host.network import SETTLING, Network, link_state
from galera_sync_guard.host.reach import SILENT_AFTER
from tests.support.switch import Switch, nodad

LIMIT = 20  # seconds: for what must come to pass on a busy machine too
V4 = ("10.78.0.100", "10.78.0.1/24", "10.78.0.2/24", "10.78.0.254/24")
V6 = ("fd78::100", "fd78::1/64", "fd78::2/64", "fd78::254/64")


@pytest.fixture(params=[V4, V6], ids=["ipv4", "ipv6"])
def addresses(request):
    return request.param


@pytest.fixture
def switch(addresses):
    with Switch(*addresses[1:]) as switch:
        switch.vip, switch.peer, switch.gateway = addresses[0], *(each.split("/")[0] for each in addresses[2:])
        yield switch


@pytest.fixture
def network(switch):
    """A Network that asks one peer and a gateway, and has an answer."""
    switch.ip("route", "add", "default", "via", switch.gateway)
    network = watch(switch.vip)
    network.set_peers((switch.peer,), others_reach=False)
    wait(network, lambda: network.reaches(boot_clock()))
    yield network
    network.close()


def watch(vip, nic=None):
    family = socket.AF_INET6 if ":" in vip else socket.AF_INET
    return Network(vip, nic, open_socket(family), boot_clock())


def wait(network, condition, limit=LIMIT):
    """Attend to the network as the watcher does until the condition holds; return the seconds that took."""
    began = boot_clock()
    while not condition():
        now = boot_clock()
        assert now - began < limit, vars(network)
        select.select(network.sources(), [], [], network.seconds_until_due(0.2, now))
        network.process(boot_clock())
    return boot_clock() - began


def state(network):
    found = network.state(boot_clock())
    return {name: getattr(found, name) for name in found.__slots__ if getattr(found, name)}


def wait_quiet(network, seconds):
    """Attend to the network for some seconds in which nothing may be wrong."""
    end = boot_clock() + seconds
    while boot_clock() < end:
        wait(network, lambda: True)
        select.select(network.sources(), [], [], network.seconds_until_due(0.1, boot_clock()))
        network.process(boot_clock())
        assert not state(network)


# The interface


def test_interface_is_found_by_the_virtual_ip(switch):
    assert find(switch.vip)[0].name == "eth0"
    switch.ip("address", "add", switch.vip, "dev", "eth0")
    assert find(switch.vip)[0].name == "eth0", "with the address on it too"


def test_own_address_is_not_the_virtual_ip(switch):
    switch.ip("address", "add", switch.vip, "dev", "eth0")
    assert watch(switch.vip).own_address == switch.address.split("/")[0]


def test_own_address_may_be_younger_than_the_virtual_ip_beside_it(switch):
    """A renewed lease: the kernel then calls this host's own address a secondary one."""
    switch.ip("address", "del", switch.address, "dev", "eth0")
    prefix = switch.address.split("/")[1]
    switch.ip("address", "add", f"{switch.vip}/{prefix}", "dev", "eth0", *nodad(switch.vip))
    switch.ip("address", "add", switch.address, "dev", "eth0", *nodad(switch.address))
    assert find(switch.vip)[0].name == "eth0"
    assert watch(switch.vip).own_address == switch.address.split("/")[0]


def test_of_two_interfaces_in_its_network_the_one_that_has_the_virtual_ip_counts(switch):
    own, prefix = switch.address.split("/")
    switch.plug_in("eth1", port="port1", address=f"{own}1/{prefix}")
    assert find(switch.vip)[0].name == "eth0"
    switch.ip("address", "add", switch.vip, "dev", "eth1", *nodad(switch.vip))
    assert find(switch.vip)[0].name == "eth1"


def test_interface_is_found_by_name(switch):
    switch.ip("address", "flush", "dev", "eth0")
    assert find(switch.vip, "eth0")[0].name == "eth0"
    assert find(switch.vip) == (None, f"no interface has an address in the network of {switch.vip}")


def test_gateway_of_another_interface_does_not_count(switch):
    index = socket.if_nametoindex("eth0")
    family = socket.AF_INET6 if ":" in switch.vip else socket.AF_INET
    assert find_gateway(family, index) is None
    switch.ip("route", "add", "default", "via", switch.gateway)
    assert find_gateway(family, index) == socket.inet_pton(family, switch.gateway)
    assert find_gateway(family, socket.if_nametoindex("lo")) is None


def find(vip, nic=None):
    family = socket.AF_INET6 if ":" in vip else socket.AF_INET
    return find_interface(family, socket.inet_pton(family, vip), nic)


# The link


def test_cable_out_is_known_at_once_and_gone_when_it_is_back(switch, network):
    switch.pull_cable()
    wait(network, lambda: state(network) == {"unplugged": "interface eth0 has no carrier"})
    assert not network.reaches(boot_clock())
    switch.put_cable_back()
    wait(network, lambda: "unplugged" not in state(network))
    assert set(state(network)) <= {"settling"}
    assert wait(network, lambda: not state(network)) < SETTLING + LIMIT


def test_kernel_wakes_who_waits_for_the_link(switch, network):
    while select.select(network.sources(), [], [], 0)[0]:
        network.process(boot_clock())
    switch.pull_cable()
    assert select.select(network.sources()[:1], [], [], LIMIT)[0]
    assert network.process(boot_clock())


@pytest.mark.parametrize("addresses", [V4], ids=["ipv4"], indirect=True)
def test_answers_on_another_interface_do_not_wake_who_waits_for_the_link(switch):
    opened = open_socket(socket.AF_INET)
    network = Network(switch.vip, None, opened, boot_clock())
    hardware = "02:00:00:00:00:01", "02:00:00:00:00:02"
    peer = ("peer", "name", "far", "address", hardware[1])
    switch.ip("link", "add", "other", "up", "address", hardware[0], "type", "veth", *peer)
    switch.ip("link", "set", "far", "up")
    switch.pull_cable()
    wait(network, lambda: "unplugged" in state(network))
    own, far = (bytes.fromhex(each.replace(":", "")) for each in hardware)
    reply = struct.pack("!6s6sHHHBBH6s4s6s4s", own, far, 0x806, 1, 0x800, 6, 4, 2, far, b"\x0a" * 4, own, b"\x0b" * 4)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("far", 0))
        sender.send(reply)
    assert select.select([opened], [], [], LIMIT)[0], "it has arrived"
    for _ in range(100):
        if not select.select(network.sources(), [], [], 0)[0]:
            return
        network.process(boot_clock())
    pytest.fail("what waits is woken without end")


def test_interface_set_down(switch, network):
    switch.ip("link", "set", "eth0", "down")
    # IPv6 takes the addresses away with the link.
    reasons = ("interface eth0 is down", f"no interface has an address in the network of {switch.vip}")
    wait(network, lambda: state(network).get("unplugged") in reasons)


def test_interface_renamed(switch, network):
    switch.ip("link", "set", "eth0", "name", "lan7")
    wait_quiet(network, 2 * SILENT_AFTER)
    assert network.reaches(boot_clock())


def test_interface_of_a_name_renamed(switch):
    network = watch(switch.vip, "eth0")
    assert not state(network)
    switch.ip("link", "set", "eth0", "name", "lan7")
    wait(network, lambda: state(network) == {"unplugged": "interface eth0 does not exist"})


def test_interface_deleted_and_made_again(switch, network):
    switch.ip("link", "del", "eth0")
    wait(
        network, lambda: state(network) == {"unplugged": f"no interface has an address in the network of {switch.vip}"}
    )
    switch.plug_in()
    wait(network, lambda: network.reaches(boot_clock()) and not state(network))


@pytest.mark.parametrize("kind", ["bridge", "macvlan"])
def test_interface_upon_another_loses_the_carrier_with_it(switch, kind):
    switch.ip("address", "flush", "dev", "eth0")
    if kind == "bridge":
        switch.ip("link", "add", "upper", "type", "bridge")
        switch.ip("link", "set", "eth0", "master", "upper")
    else:
        switch.ip("link", "add", "upper", "link", "eth0", "type", "macvlan")
    switch.ip("link", "set", "upper", "up")
    switch.ip("address", "add", switch.address, "dev", "upper")
    network = watch(switch.vip)
    wait(network, lambda: "unplugged" not in state(network))
    switch.pull_cable()
    wait(network, lambda: state(network) == {"unplugged": "interface upper has no carrier"})


def test_one_look_at_the_link(switch):
    assert link_state(switch.vip, None).unplugged == ""
    switch.pull_cable()
    deadline = time.monotonic() + LIMIT
    while not link_state(switch.vip, None).unplugged:
        assert time.monotonic() < deadline
    assert link_state(switch.vip, None).unplugged == "interface eth0 has no carrier"
    assert link_state("192.0.2.7", None).unplugged == "no interface has an address in the network of 192.0.2.7"


# The neighbours


@pytest.mark.parametrize("fault", ["port", "out", "in"])
def test_loss_of_all_frames_is_seen_within_seconds_and_ends(switch, network, fault):
    switch.close_port() if fault == "port" else switch.lose(fault)
    silent = f"no answer on eth0 from {switch.gateway}, {switch.peer}"
    wait(network, lambda: state(network) == {"unreachable": silent})
    switch.open_port() if fault == "port" else switch.inside("nft", "flush", "ruleset")
    wait(network, lambda: network.reaches(boot_clock()) and not state(network))


def test_one_neighbour_that_answers_is_enough(switch, network):
    switch.remove_host(f"{switch.gateway}/{switch.address.split('/')[1]}")
    wait_quiet(network, 3 * SILENT_AFTER)
    assert network.reaches(boot_clock())


def test_who_was_never_answered_knows_nothing_until_others_are(switch):
    switch.close_port()
    network = watch(switch.vip)
    network.set_peers((switch.peer,), others_reach=False)
    wait_quiet(network, 2 * SILENT_AFTER)
    network.set_peers((switch.peer,), others_reach=True)
    wait(network, lambda: state(network) == {"unreachable": f"no answer on eth0 from {switch.peer}"})


def test_nobody_to_ask_is_no_silence(switch):
    network = watch(switch.vip)
    network.set_peers((switch.address.split("/")[0], switch.vip), others_reach=True)
    wait_quiet(network, 2 * SILENT_AFTER)


def test_gateway_on_the_interface_is_asked_without_any_peer(switch):
    switch.ip("route", "add", "default", "via", switch.gateway)
    network = watch(switch.vip)
    wait(network, lambda: network.reaches(boot_clock()))


def test_a_flap_of_the_link_is_no_silence(switch, network):
    switch.pull_cable()
    wait(network, lambda: "unplugged" in state(network))
    time.sleep(0.2)
    switch.put_cable_back()
    wait(network, lambda: "unplugged" not in state(network))
    end = boot_clock() + 2 * SILENT_AFTER
    while boot_clock() < end:
        select.select(network.sources(), [], [], 0.05)
        network.process(boot_clock())
        assert "unreachable" not in state(network)


def test_a_watcher_that_was_not_scheduled_does_not_blame_the_network(switch, network):
    time.sleep(3 * SILENT_AFTER)
    network.process(boot_clock())
    assert not state(network)
    wait_quiet(network, SILENT_AFTER)


def test_questions_are_sparing(switch, network):
    sent = frames()
    wait_quiet(network, 4)
    assert frames() - sent <= 4 / 0.4 * 2 + 8, "a question and, in the other direction, the kernel's own"


def test_hosts_that_know_the_virtual_ip_elsewhere_learn_that_it_is_here(switch, network):
    switch.inside("ip", "neigh", "replace", switch.vip, "lladdr", "02:00:00:00:00:99", "dev", "lan", "nud", "stale")
    switch.ip("address", "add", switch.vip, "dev", "eth0", *nodad(switch.vip))
    here = hardware("eth0")
    wait(network, lambda: here in switch.asked("ip", "neigh", "show", switch.vip))
    switch.ip("address", "del", f"{switch.vip}/{128 if ':' in switch.vip else 32}", "dev", "eth0")
    switch.inside("ip", "neigh", "replace", switch.vip, "lladdr", "02:00:00:00:00:99", "dev", "lan", "nud", "stale")
    wait_quiet(network, 2.5)
    assert here not in switch.asked("ip", "neigh", "show", switch.vip), "announced no more when it has gone"


def hardware(interface):
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as opened:
        opened.bind((interface, 0))
        return ":".join(f"{byte:02x}" for byte in opened.getsockname()[4])


def frames():
    with open("/proc/net/dev", encoding="ascii") as file:
        return next(int(line.split()[10]) for line in file if line.strip().startswith("eth0:"))
