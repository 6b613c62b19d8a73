"""From three freshly formed empty nodes to a guarded virtual IP by one command; whatever kills it, all or nothing."""

import subprocess
import time
from xml.etree import ElementTree

import pytest

from galera_sync_guard.cli.cluster_view import AFTER_A_MOVE
from laboratory import mariadb, pacemaker, recipe
from laboratory.laboratory import Laboratory, each
from laboratory.machine import wait_until
from laboratory.scene import Scene, check, wait_normal, wait_state
from tests.cluster.operator_command import SETUP, guard_says, mend
from tests.support.levels import check_runs

REMOVE = ["galera-sync-guard", "setup", "--remove", "--apply", "--yes"]


@pytest.fixture(scope="module")
def laboratory(deb):
    """Three nodes with the package and no resource."""
    with Laboratory() as laboratory:
        laboratory.up(deb=deb)
        yield laboratory


@pytest.fixture
def empty(laboratory):
    """The first node of a cluster without resources."""
    yield laboratory.nodes[0]
    laboratory.nodes[0].run(REMOVE, timeout=120)


@pytest.fixture
def guarded(laboratory, empty):
    """The laboratory as setup made it."""
    done = empty.run(SETUP, timeout=120)
    assert "is up on node" in done.stdout
    wait_normal(laboratory)
    yield laboratory
    for node in laboratory.nodes:
        node.run(["galera-sync-guard", "maintenance", "off"], check=False)


def query(node):
    return ElementTree.fromstring(node.run(["cibadmin", "--query"]).stdout)


def configuration(cib):
    """Return a configuration's resources and constraints without order, spaces and what pcs 0.11 and 0.12 differ in."""

    def plain(element, taste):
        return (
            element.tag,
            sorted(pair for pair in element.items() if pair[0] not in taste),
            sorted(plain(child, taste) for child in element),
        )

    return [
        plain(cib.find("configuration/resources"), ("description",)),
        plain(cib.find("configuration/constraints"), ("id", "boolean-op")),
    ]


def test_setup_is_the_readme_s_recipe(laboratory, empty):
    recipe.apply(empty, recipe.commands("score"))
    by_hand = configuration(query(empty))
    assert "all of it is there already" in empty.run(SETUP, timeout=120).stdout
    assert "setup made none" in empty.run(REMOVE, timeout=120).stdout
    assert configuration(query(empty)) == by_hand
    for name in ("vip-client-reset", "VirtualIP", "galera-guard"):
        pacemaker.pcs(empty, "resource", "delete", name)
    empty.run(SETUP, timeout=120)
    assert configuration(query(empty)) == by_hand
    empty.run(REMOVE, timeout=120)
    assert configuration(query(empty)) == [("resources", [], []), ("constraints", [], [])]
    empty.run(SETUP, timeout=120)


# What others made, under the names that setup uses.
FOREIGN = {
    "VirtualIP": f"ocf:heartbeat:IPaddr2 ip={pacemaker.VIP} cidr_netmask=32",
    "galera-guard": "ocf:custom:galera_sync_guard mode=score",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_others_made_stays(empty, name):
    pacemaker.pcs(empty, "resource", "create", name, *FOREIGN[name].split())
    before = configuration(query(empty))
    try:
        assert "setup made none" in empty.run(REMOVE, timeout=120).stdout
        assert configuration(query(empty)) == before
    finally:
        pacemaker.pcs(empty, "resource", "delete", name)


def test_what_others_tied_to_a_changed_recipe_stays(guarded):
    node = guarded.nodes[0]
    pacemaker.pcs(node, "resource", "create", "web", "ocf:pacemaker:Dummy")
    pacemaker.pcs(node, "constraint", "colocation", "add", "web", "with", "VirtualIP")
    before = configuration(query(node))
    try:
        done = node.run(REMOVE, check=False, timeout=120)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "binds web too" in done.stderr
        assert configuration(query(node)) == before
    finally:
        pacemaker.pcs(node, "resource", "delete", "web")


def test_check_is_clean_on_every_node(guarded):
    for node in guarded.nodes:
        code, found = guard_says(node, "check")
        assert (code, found["unread"]) == (0, {})
        assert {each["severity"] for each in found["findings"]} <= {"note"}


def test_status_and_explain_agree_on_every_node(guarded):
    seen = [guard_says(node, "status") for node in guarded.nodes]
    assert seen[0] == seen[1] == seen[2]
    (guard,) = seen[0][1]["guards"]
    assert guard["virtual_ips"][0]["nodes"] == [guarded.vip_node.name]
    for node in guarded.nodes:
        code, found = guard_says(node, "explain")
        assert (code, found["started"]) == (0, True)
        assert found["verdict"]["state"] == guard["nodes"][node.name]["state"] == "synced"


def test_maintenance_moves_the_vip_and_status_says_why(guarded):
    holder = guarded.vip_node
    done = holder.run(["galera-sync-guard", "maintenance", "on", "--reason", "a new disk"], timeout=60)
    assert "out of service for the virtual IP: a new disk" in done.stdout
    # The address has left; it may still be on its way.
    assert guarded.vip_node is not holder
    wait_until(lambda: guarded.vip_node, 30, "the address is on another node")
    _, seen = guard_says(guarded.peers(holder)[0], "status")
    (guard,) = seen["guards"]
    assert guard["nodes"][holder.name]["state"] == "maintenance"
    assert guard["nodes"][holder.name]["reason"].endswith("exists: a new disk")
    newest = guard["virtual_ips"][0]["moves"][0]
    assert (newest["from_node"], newest["to_node"]) == (holder.name, guarded.vip_node.name)
    assert newest["why"].endswith("a new disk")
    holder.run(["galera-sync-guard", "maintenance", "off"])
    wait_normal(guarded)


@pytest.mark.matrix
def test_maintenance_returns_when_the_address_has_left(guarded):
    for _ in range(3):
        holder = guarded.vip_node
        holder.run(["sh", "-euc", "galera-sync-guard maintenance on; ip -o address show >/run/addresses"], timeout=60)
        assert pacemaker.VIP not in holder.read("/run/addresses")
        holder.run(["galera-sync-guard", "maintenance", "off"])
        wait_normal(guarded)


@pytest.mark.matrix
def test_a_second_address_is_refused(guarded):
    before = configuration(query(guarded.nodes[0]))
    done = guarded.nodes[0].run(["galera-sync-guard", "setup", "--vip", "10.77.0.101/32", "--apply"], check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert configuration(query(guarded.nodes[0])) == before


DELAYS = [f"{n * 0.12:.2f}" for n in range(1, 11)]


@pytest.mark.parametrize("delay", check_runs(DELAYS, DELAYS[4]))
def test_killed_at_any_moment_it_leaves_the_old_or_the_new_configuration(laboratory, empty, delay):
    before = configuration(query(empty))
    with empty.spawn(SETUP, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(float(delay))
        empty.run(["pkill", "-KILL", "-f", "/usr/sbin/galera-sync-guard"], check=False)
        process.wait()
    killed = configuration(query(empty))
    empty.run(SETUP, timeout=120)
    assert killed in (before, configuration(query(empty)))


def test_somebody_else_s_change_meanwhile_is_kept(empty):
    with empty.spawn(
        ["sh", "-c", "for n in $(seq 20); do crm_attribute --name cluster-recheck-interval --update $((n+60))s; done"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as other:
        empty.run(SETUP, timeout=120)
        other.wait()
    assert query(empty).find(".//nvpair[@name='cluster-recheck-interval']").get("value") == "80s"
    assert query(empty).find(".//primitive[@id='VirtualIP']") is not None


def explained_move(node):
    """Return the newest move as status shows it, None until it says why: that is told last."""
    newest = guard_says(node, "status")[1]["guards"][0]["virtual_ips"][0]["moves"][0]
    return newest if newest["why"] else None


@pytest.mark.parametrize("fault", check_runs(["desync", "kill-9", "clean-stop"], "kill-9"))
def test_what_setup_made_leaves_a_broken_node(guarded, fault):
    with Scene(guarded) as scene:
        scene.strike(fault)
        target = scene.wait_moved()
        newest = wait_until(lambda: explained_move(target), 20, "status says why the address has moved")
        assert (newest["from_node"], newest["to_node"]) == (scene.holder.name, target.name)
        # A question that meets a server in the middle of its stop may get no answer.
        assert newest["why"].startswith("donor: " if fault == "desync" else ("down: ", "hung: "))
        scene.heal(fault)
        wait_normal(guarded)
        check(scene, moves=1)


@pytest.mark.matrix
def test_the_reason_of_a_move_outlives_what_becomes_of_the_node(guarded):
    with Scene(guarded) as scene:
        scene.strike("desync")
        target = scene.wait_moved()
        reason = wait_until(lambda: explained_move(target), 20, "status says why the address has moved")["why"]
        time.sleep(AFTER_A_MOVE + 1)
        mariadb.stop(scene.holder)
        wait_state(guarded, "down", scene.holder)
        assert explained_move(target)["why"] == reason
        mariadb.start(scene.holder)
        wait_normal(guarded)


@pytest.mark.matrix
def test_mariadb_stopped(guarded):
    node = guarded.peers(guarded.vip_node)[0]
    mariadb.stop(node)
    assert guard_says(node, "explain")[1]["verdict"]["state"] == "down"
    code, found = guard_says(node, "check")
    assert (code, list(found["unread"])) == (3, ["MariaDB"])
    wait_until(lambda: guard_says(node, "status")[1]["guards"][0]["nodes"][node.name]["state"] == "down", 30, "status")
    assert guard_says(node, "status")[0] == 0
    mariadb.start(node)
    wait_normal(guarded)


def test_pacemaker_stopped(guarded):
    node = guarded.peers(guarded.vip_node)[0]
    pacemaker.stop(node)
    for words in (["status"], SETUP[1:], REMOVE[1:]):
        done = node.run(["galera-sync-guard", *words], check=False, timeout=60)
        assert (done.returncode, done.stderr) == (
            3,
            f"galera-sync-guard {words[0]}: Pacemaker does not run on this node: systemctl start pacemaker\n",
        )
    code, found = guard_says(node, "explain")
    assert (code, found["mode"], "left on disk" in found["note"]) == (0, "score", True)
    assert guard_says(node, "check")[0] == 3
    pacemaker.start(node)
    guarded.wait_online()
    wait_normal(guarded)


@pytest.fixture
def managed(guarded):
    """The laboratory as setup made it, with a pcsd on each node through which pcs changes Corosync on all of them."""
    nodes = guarded.nodes
    each(lambda node: node.shell("echo hacluster:laboratory | chpasswd; systemctl start pcsd"), nodes)
    nodes[0].run(
        ["pcs", "host", "auth", *(node.name for node in nodes), "-u", "hacluster", "-p", "laboratory"], timeout=60
    )
    return guarded


@pytest.mark.parametrize("finding", check_runs(["detection", "wait-for-all"], "detection"))
def test_setting_of_corosync_is_found_and_mended(managed, finding):
    """Debian's defaults have both."""
    mend(managed, managed.nodes[0], finding)
    managed.wait_online()
    wait_normal(managed)


def test_machine_without_a_cluster(laboratory):
    laboratory.client.run(["rm", "-f", "/etc/corosync/corosync.conf"])  # the one that Debian's package brings
    done = laboratory.client.run(["galera-sync-guard", "status"], check=False)
    assert (done.returncode, done.stderr) == (
        3,
        "galera-sync-guard status: this machine belongs to no cluster: there is no /etc/corosync/corosync.conf\n",
    )
