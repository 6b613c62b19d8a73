"""What check finds on running nodes about the next move of the address, and what its own commands make of that."""

import pytest

from laboratory import mariadb, pacemaker
from laboratory.laboratory import each
from laboratory.machine import wait_until
from laboratory.pacemaker import GUARD_NAME, VIP_NAME
from laboratory.recipe import procedure
from laboratory.scene import wait_normal, wait_state
from tests.cluster.operator_command import found, mend
from tests.cluster.settings import MADE_BY_CHECK, OPTION_FILE
from tests.support.levels import check_runs

ADDRESS_AGENT = "/usr/lib/ocf/resource.d/heartbeat/IPaddr2"
# What IPaddr2 of resource-agents 4.17 does more.
LINK_CHECK = """ip_validate
case $__OCF_ACTION in start|monitor)
  ! ip link show dev $NIC | grep -E 'state (DOWN|LOWERLAYERDOWN)' || exit $OCF_ERR_INSTALLED;;
esac"""

IPV6 = "fd00:77::100"
SECOND_ADDRESS = [
    f"resource create second ocf:heartbeat:IPaddr2 ip={IPV6} cidr_netmask=64 nic=eth0 op monitor interval=5s"
    " meta resource-stickiness=100",
    f"constraint location second rule score-attribute={GUARD_NAME} defined {GUARD_NAME}",
    f"constraint location second rule score=-INFINITY not_defined {GUARD_NAME}",
    f"constraint colocation add second with {GUARD_NAME}-clone",
]


def accepts(laboratory, address):
    """Tell whether a client can log in through an address; AssertionError when it is not the server that refuses."""
    login = ["--user=app", "--password=app", f"--host={address}", "--connect-timeout=5"]
    words = ["mariadb", *login, "--execute=SELECT 1"]
    done = laboratory.client.run(words, check=False)
    assert done.returncode == 0 or "ERROR 2002" in done.stderr or "ERROR 2003" in done.stderr, done.stderr
    return done.returncode == 0


def restart(node):
    """Restart the server, and wait until it is back in its cluster."""
    node.run(["systemctl", "restart", "mariadb"], timeout=120)
    mariadb.wait_synced(node)


def bind(laboratory, address):
    """Let all servers listen at one address only; what the laboratory's own file says without one."""
    for node in laboratory.nodes:
        node.shell(f"rm -f {OPTION_FILE} {MADE_BY_CHECK}")
        if address:
            node.write(OPTION_FILE, f"[mariadbd]\nbind-address = {address}\n")
        restart(node)
        wait_normal(laboratory)


def mend_everywhere(laboratory, name):
    """Carry out check's commands on one node after the other."""
    for node in laboratory.nodes:
        assert mend(laboratory, node, name)["severity"] == "error"
        wait_normal(laboratory)


@pytest.fixture
def with_ipv6(score):
    """A laboratory with a second address, of IPv6, as the recipe has the first."""
    machines = [*score.nodes, score.client]
    for number, machine in enumerate(machines, 1):
        machine.run(["ip", "address", "add", f"fd00:77::{number}/64", "dev", "eth0", "nodad"])
    pacemaker.apply(score.nodes[0], [line.split() for line in SECOND_ADDRESS])
    wait_until(lambda: pacemaker.status(score.nodes[0]).where("second"), 30, "the second address is up")
    yield score
    pacemaker.pcs(score.nodes[0], "resource", "delete", "second")
    for number, machine in enumerate(machines, 1):
        machine.run(["ip", "address", "delete", f"fd00:77::{number}/64", "dev", "eth0"])
    bind(score, None)


def test_clients_of_an_ipv6_address_are_refused_until_check_s_commands_ran(with_ipv6):
    assert accepts(with_ipv6, pacemaker.VIP)
    assert not accepts(with_ipv6, IPV6)
    mend_everywhere(with_ipv6, "bind-address")
    assert accepts(with_ipv6, IPV6)
    assert accepts(with_ipv6, pacemaker.VIP)


@pytest.mark.matrix
def test_clients_of_an_ipv4_address_are_refused_by_a_server_of_ipv6(score):
    try:
        bind(score, "::")
        assert not accepts(score, pacemaker.VIP)
        mend_everywhere(score, "bind-address")
        assert accepts(score, pacemaker.VIP)
    finally:
        bind(score, None)


@pytest.mark.parametrize(
    ("name", "value"),
    check_runs([("sql_mode", "ANSI"), ("time_zone", "+03:00"), ("max_connections", "41")], name=lambda row: row[0]),
)
def test_a_setting_of_one_node_becomes_that_of_most(score, name, value):
    *others, odd = score.nodes
    show = f"SELECT @@GLOBAL.{name}"
    usual = mariadb.sql(odd, show)
    mariadb.sql(odd, f"SET GLOBAL {name}={value if value.isdigit() else repr(value)}")
    try:
        finding = wait_until(
            lambda: found(others[0]).get("settings-differ"), 60, "the guards have told each other their settings"
        )
        assert f"{name} differs between nodes" in finding["text"]
        assert all(command.endswith(f"# on {odd.name}") for command in finding["commands"])
        mend(score, odd, "settings-differ")
        mariadb.wait_synced(odd)
        assert mariadb.sql(odd, show) == usual
    finally:
        odd.shell(f"rm -f {MADE_BY_CHECK}")
        restart(odd)
    wait_normal(score)


@pytest.mark.matrix
def test_two_galera_clusters_become_one_again_as_the_page_says(score):
    leave, join = procedure("Two Galera clusters")
    kept = score.vip_node
    other = score.peers(kept)[0]
    mariadb.stop(other)
    other.shell("sed -i 's/safe_to_bootstrap: 0/safe_to_bootstrap: 1/' /var/lib/mysql/grastate.dat")
    mariadb.bootstrap(other)
    wait_state(score, "synced", *score.nodes)
    finding = wait_until(lambda: found(kept).get("two-clusters"), 30, "check says so")
    assert finding["severity"] == "error"
    assert "Two Galera clusters" in finding["text"]
    mariadb.sql(other, "INSERT INTO app.probe VALUES (-1, 'lost')")
    other.shell(leave, timeout=120)
    assert "two-clusters" not in found(kept)
    other.shell(join, timeout=180)
    wait_normal(score)
    assert "two-clusters" not in found(kept)
    assert mariadb.sql(other, "SELECT * FROM app.probe WHERE n = -1") == ""
    # The node that had the address may have given the data, as a donor.
    assert score.vip_node is not other
    other.shell("rm -r /var/lib/mysql.parted")


@pytest.mark.matrix
def test_an_address_that_nobody_announces_again(polling):
    node = polling.nodes[0]
    assert mend(polling, node, "announced-once")["severity"] == "note"
    pacemaker.pcs(node, "resource", "update", VIP_NAME, "arp_count_refresh=")
    wait_normal(polling)


@pytest.mark.matrix
def test_an_address_agent_that_looks_at_the_link(score):
    node = score.nodes[0]
    whole = node.read(ADDRESS_AGENT)
    assert "\nip_validate\n" in whole
    each(
        lambda node: node.write(ADDRESS_AGENT, whole.replace("\nip_validate\n", f"\n{LINK_CHECK}\n"), 0o755),
        score.nodes,
    )
    try:
        assert mend(score, node, "link-check")["severity"] == "warning"
    finally:
        each(lambda node: node.write(ADDRESS_AGENT, whole, 0o755), score.nodes)
        pacemaker.pcs(node, "resource", "meta", VIP_NAME, "failure-timeout=")
    wait_normal(score)
