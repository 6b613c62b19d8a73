"""What systemd does to Pacemaker, to the guard and to what they need: the address is right, and so are the watchers."""

import time

import pytest

from laboratory import mariadb
from laboratory.laboratory import each
from laboratory.machine import wait_until
from laboratory.scene import OUTAGE, Scene, check, wait_normal
from laboratory.troubles import TROUBLES, Fault

UNITS = ("mariadb", "corosync", "pacemaker")
GROUP = "/sys/fs/cgroup/system.slice/pacemaker.service/cgroup.kill"
DROP_IN = "/etc/systemd/system/{}.service.d/row.conf"
JOURNALD = "systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket systemd-journald"
JOURNAL = "/var/log/journal"


def watchers(node):
    """Return how many watchers a node has."""
    return len(node.run(["pgrep", "-f", "galera_sync_guard watch"], check=False).stdout.split())


def one_watcher_each(laboratory):
    """Wait until everything is normal, with one watcher on each node."""
    wait_normal(laboratory)
    wait_until(lambda: {watchers(node) for node in laboratory.nodes} == {1}, 30, "one watcher on each node")


def systemctl(node, *args):
    node.run(["systemctl", *args], timeout=120)


def test_a_killed_pacemakerd_moves_nothing(score):
    with Scene(score) as scene:
        scene.begin()
        main = scene.holder.shell("pidof pacemakerd").strip()
        scene.holder.run(["kill", "-KILL", main])
        wait_until(
            lambda: scene.holder.run(["pidof", "pacemakerd"], check=False).stdout.strip() not in ("", main),
            30,
            "pacemakerd runs again",
        )
        one_watcher_each(score)
        scene.stay(3)
        check(scene, moves=0)


@pytest.mark.matrix
def test_a_stopped_pacemaker_leaves_no_watcher_and_gets_one_back(score):
    with Scene(score) as scene:
        scene.begin()
        systemctl(scene.holder, "stop", "pacemaker")
        assert watchers(scene.holder) == 0
        scene.wait_moved()
        systemctl(scene.holder, "start", "pacemaker")
        one_watcher_each(score)
        check(scene, moves=1)


@pytest.mark.matrix
def test_a_restarted_pacemaker_moves_the_vip_once(score):
    with Scene(score) as scene:
        scene.begin()
        systemctl(scene.holder, "restart", "pacemaker")
        one_watcher_each(score)
        check(scene, moves=1)


KILL_ALL = "systemctl kill --kill-who=all -s KILL pacemaker"
# As the kernel does it when memory is short, all at once.
KILL_GROUP = f"echo 1 >{GROUP}"


@pytest.mark.matrix
@pytest.mark.parametrize("command", [KILL_ALL, KILL_GROUP], ids=["all-killed", "control-group-killed"])
def test_a_peer_on_which_all_of_pacemaker_is_killed_moves_nothing(score, command):
    with Scene(score) as scene:
        scene.begin()
        score.peers(scene.holder)[0].shell(command)
        one_watcher_each(score)
        check(scene, moves=0)


@pytest.mark.matrix
@pytest.mark.parametrize("command", [KILL_ALL, KILL_GROUP], ids=["all-killed", "control-group-killed"])
def test_a_node_on_which_all_of_pacemaker_is_killed_has_one_watcher_again(score, command):
    """Without fencing the address goes elsewhere and stays here too, until Pacemaker is back and stops it on both."""
    with Scene(score) as scene:
        scene.begin()
        scene.holder.shell(command)
        one_watcher_each(score)
        scene.writes.wait_acknowledged(time.monotonic())
        assert scene.moves() <= 2, scene.story()
        assert len(scene.address.holders()) == 1, scene.story()
        assert scene.outage() < OUTAGE
        scene.writes.stop()
        assert not any(scene.writes.missing().values())


@pytest.mark.matrix
def test_a_machine_that_reboots_gives_the_vip_away_first_and_comes_back_by_itself(score):
    with Scene(score) as scene:
        node = scene.holder
        systemctl(node, "enable", "--quiet", *UNITS)
        scene.begin()
        node.run(["systemctl", "reboot"], check=False)
        node.wait_off()
        scene.wait_moved()
        node.boot()
        one_watcher_each(score)
        systemctl(node, "disable", "--quiet", *UNITS)
        check(scene, moves=1)


@pytest.mark.matrix
def test_a_mariadb_that_does_not_start_within_its_limit_gets_no_vip(score):
    with Scene(score) as scene:
        node, path = scene.holder, DROP_IN.format("mariadb")
        node.write(path, "[Service]\nTimeoutStartSec=3s\nExecStartPre=/bin/sleep 60\n")
        systemctl(node, "daemon-reload")
        scene.begin()
        assert node.run(["systemctl", "restart", "mariadb"], check=False, timeout=60).returncode
        scene.wait_moved()
        scene.stay(5, moves=1)
        node.run(["rm", path])
        systemctl(node, "daemon-reload")
        mariadb.start(node)
        one_watcher_each(score)
        check(scene, moves=1)


def shell(script):
    return lambda _, node: node.shell(script)


SURROUNDINGS = {
    "journald-stopped": Fault(
        "nothing takes what is logged", shell(f"systemctl stop {JOURNALD}"), shell(f"systemctl start {JOURNALD}")
    ),
    "journal-full": Fault(
        "the journal's file system is full",
        shell(
            f"mount -t tmpfs -o size=9M full {JOURNAL}; systemctl restart systemd-journald; journalctl --flush;"
            f" cat /dev/zero >{JOURNAL}/filler 2>/dev/null || :"
        ),
        shell(f"umount -l {JOURNAL}; systemctl restart systemd-journald; journalctl --flush"),
    ),
    **{name: TROUBLES[name] for name in ("syslog-hangs", "run-full")},
}


@pytest.mark.matrix
@pytest.mark.parametrize("name", SURROUNDINGS)
def test_without_a_journal_or_room_nothing_moves_and_a_fault_moves_the_vip_once(score, name):
    surroundings = SURROUNDINGS[name]
    with Scene(score) as scene:
        scene.begin()
        surroundings.strike(score, scene.holder)
        scene.stay(5)
        scene.strike("clean-stop")
        scene.wait_moved()
        surroundings.heal(score, scene.holder)
        # What mariadbd logs goes to the journal that runs when it starts.
        scene.heal("clean-stop")
        one_watcher_each(score)
        check(scene, moves=1)


WRITABLE = "ReadWritePaths=/var/lib/pacemaker /var/log/pacemaker /run"


@pytest.mark.matrix
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param("ProtectSystem=full", id="full"),
        pytest.param(f"ProtectSystem=strict\n{WRITABLE}", id="strict"),
        pytest.param(f"ProtectSystem=strict\n{WRITABLE}\nPrivateTmp=yes\nProtectHome=yes", id="strict-private"),
    ],
)
def test_a_guard_whose_file_system_is_read_only_works(score, lines):
    path = DROP_IN.format("pacemaker")

    def restart(node):
        systemctl(node, "daemon-reload")
        systemctl(node, "restart", "pacemaker")

    each(lambda node: node.write(path, f"[Service]\n{lines}\n"), score.nodes)
    each(restart, score.nodes)
    one_watcher_each(score)
    with Scene(score) as scene:
        scene.strike("desync")
        scene.wait_moved()
        scene.heal("desync")
        one_watcher_each(score)
        check(scene, moves=1)
    each(lambda node: node.run(["rm", path]), score.nodes)
    each(restart, score.nodes)
    one_watcher_each(score)
