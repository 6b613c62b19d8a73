"""The table of faults: how each is brought about on a node and how it is healed."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from laboratory import mariadb, network, pacemaker
from laboratory.ground import GUEST
from laboratory.laboratory import Laboratory
from laboratory.machine import CommandError, Machine, wait_until

FILLER = f"{mariadb.DATADIR}/filler"
TOO_MANY_CONNECTIONS = "1040"
MAINTENANCE_FILE = "/var/lib/galera-sync-guard/maintenance"

Action = Callable[[Laboratory, Machine], None]


@dataclass(frozen=True)
class Fault:
    """One fault; both actions return when what they bring about is true, not merely ordered."""

    description: str
    strike: Action
    heal: Action


# Processes that hold a fault open, in whichever machine, found again by their name


def hold(machine: Machine, name: str, script: str) -> None:
    """Start a script that holds a fault open."""
    inner = shlex.quote(f"echo $$ >/run/{name}.pid; {script}")
    machine.shell(f"setsid sh -c {inner} </dev/null >/dev/null 2>&1 &")


def release(machine: Machine, name: str) -> None:
    """End the script of that name, and all that it has started."""
    machine.shell(f"kill -KILL -$(cat /run/{name}.pid); rm /run/{name}.pid")


# Actions


def _set(variable: str, value: str) -> Action:
    def action(_: Laboratory, node: Machine) -> None:
        mariadb.sql(node, f"SET GLOBAL {variable}={value}")

    return action


def nothing(_: Laboratory, __: Machine) -> None:
    """Heal a fault that has an end of its own."""


def _restart(_: Laboratory, node: Machine) -> None:
    node.run(["systemctl", "restart", "mariadb"], timeout=90)


def _crash(_: Laboratory, node: Machine) -> None:
    mariadb.crash(node)


def _signal(name: str) -> Action:
    return lambda _, node: mariadb.kill(node, name)


def _start(laboratory: Laboratory, node: Machine) -> None:
    mariadb.start(node)
    laboratory.wait_synced()


def _continue(laboratory: Laboratory, node: Machine) -> None:
    mariadb.kill(node, "CONT")
    laboratory.wait_synced()


def _plug(laboratory: Laboratory, node: Machine) -> None:
    node.plug()
    laboratory.wait_synced()


def _block_galera(_: Laboratory, node: Machine) -> None:
    node.block("tcp", *mariadb.PORTS)


def _unblock_galera(laboratory: Laboratory, node: Machine) -> None:
    node.unblock()
    laboratory.wait_synced()


def _unblock_corosync(laboratory: Laboratory, node: Machine) -> None:
    node.unblock()
    laboratory.wait_online()


def _saturate(laboratory: Laboratory, node: Machine) -> None:
    client = laboratory.client
    assert client is not None
    client.run(["python3", "-c", "import pymysql"])
    client.write("/usr/local/lib/saturate.py", (GUEST / "saturate.py").read_text())
    hold(client, f"saturate-{node.name}", f"exec python3 /usr/local/lib/saturate.py {node.address}")
    wait_until(lambda: _room(node) <= 0, 20, f"{node.name} is full")


def _room(node: Machine) -> int:
    """Return how many ordinary users could still connect if this question had not been asked."""
    try:
        used, limit = mariadb.sql(
            node,
            "SELECT VARIABLE_VALUE, @@max_connections FROM information_schema."
            "GLOBAL_STATUS WHERE VARIABLE_NAME='THREADS_CONNECTED'",
        ).split()
    except CommandError as error:
        if TOO_MANY_CONNECTIONS in error.done.stderr:
            return 0
        raise
    return int(limit) - int(used) + 1


def _saturate_all(laboratory: Laboratory, node: Machine) -> None:
    _saturate(laboratory, node)
    # Two, since one may get the place of an application that leaves just then.
    hold(node, "administrator", "for _ in 1 2; do sleep infinity | until mariadb; do sleep 0.1; done & done; wait")
    wait_until(lambda: _locked_out(node), 20, f"{node.name} is full for the administrator too")


def _locked_out(node: Machine) -> bool:
    done = node.run(["mariadb", "-e", "SELECT 1"], check=False)
    return TOO_MANY_CONNECTIONS in done.stderr


def _relieve(laboratory: Laboratory, node: Machine) -> None:
    assert laboratory.client is not None
    release(laboratory.client, f"saturate-{node.name}")
    wait_until(lambda: _room(node) > 0, 20, f"{node.name} has room")


def _relieve_all(laboratory: Laboratory, node: Machine) -> None:
    release(node, "administrator")
    _relieve(laboratory, node)


def _lock_tables(_: Laboratory, node: Machine) -> None:
    hold(node, "ftwrl", "(echo 'FLUSH TABLES WITH READ LOCK;'; exec sleep infinity) | mariadb --unbuffered")
    wait_until(lambda: mariadb.status(node).get("wsrep_local_state") == "2", 10, f"{node.name} is locked")


def _unlock_tables(laboratory: Laboratory, node: Machine) -> None:
    release(node, "ftwrl")
    laboratory.wait_synced()


def _fill_disk(_: Laboratory, node: Machine) -> None:
    # Most of it at once; the rest until nothing fits, since mariadbd may write in between.
    node.shell(
        f"fallocate -l $(($(df --output=avail -B1M {mariadb.DATADIR} | tail -n 1) - 4))M {FILLER}; "
        f"cat /dev/zero >>{FILLER} 2>/dev/null || :"
    )


def _empty_disk(laboratory: Laboratory, node: Machine) -> None:
    node.shell(f"rm -f {FILLER}")
    if not mariadb.synced(node):
        if mariadb.running(node):
            mariadb.crash(node)
        _start(laboratory, node)


def _freeze(_: Laboratory, node: Machine) -> None:
    node.freeze()


def _thaw(laboratory: Laboratory, node: Machine) -> None:
    node.thaw()
    laboratory.wait_synced()


def _power_off(_: Laboratory, node: Machine) -> None:
    node.power_off()


def _stop_cluster(_: Laboratory, node: Machine) -> None:
    pacemaker.stop(node)


def _start_cluster(laboratory: Laboratory, node: Machine) -> None:
    pacemaker.start(node)
    laboratory.wait_online()


def _maintain(_: Laboratory, node: Machine) -> None:
    node.write(MAINTENANCE_FILE, "laboratory\n")


def _end_maintenance(_: Laboratory, node: Machine) -> None:
    node.run(["rm", MAINTENANCE_FILE])


def _on_peer(action: Action) -> Action:
    return lambda laboratory, node: action(laboratory, laboratory.peers(node)[0])


FAULTS = {
    "kill-9": Fault("mariadbd is killed by SIGKILL, and its unit lets it stay down", _crash, _start),
    "crash": Fault(
        "mariadbd is killed by SIGKILL, and its unit starts it again after 5 s",
        _signal("KILL"),
        lambda laboratory, node: mariadb.wait_synced(node, laboratory.size(len(laboratory.nodes))),
    ),
    "sigstop": Fault("mariadbd hangs (SIGSTOP)", _signal("STOP"), _continue),
    "clean-stop": Fault("mariadbd is stopped as for maintenance", lambda _, node: mariadb.stop(node), _start),
    "restart": Fault("mariadbd is restarted as for an upgrade", _restart, nothing),
    "desync": Fault("wsrep_desync=ON", _set("wsrep_desync", "ON"), _set("wsrep_desync", "OFF")),
    "read-only": Fault("read_only=ON", _set("read_only", "ON"), _set("read_only", "OFF")),
    "reject": Fault(
        "wsrep_reject_queries=ALL", _set("wsrep_reject_queries", "ALL"), _set("wsrep_reject_queries", "NONE")
    ),
    "wsrep-off": Fault("wsrep_on=OFF: writes stay local", _set("wsrep_on", "OFF"), _set("wsrep_on", "ON")),
    "ftwrl": Fault("FLUSH TABLES WITH READ LOCK, as a backup does", _lock_tables, _unlock_tables),
    "saturate": Fault("ordinary users hold all of max_connections", _saturate, _relieve),
    "saturate-all": Fault("max_connections and the administrator's connection are taken", _saturate_all, _relieve_all),
    "disk-full": Fault(
        "the disk is full: the next large write ends the node's part in the cluster", _fill_disk, _empty_disk
    ),
    "stall": Fault("the storage hangs (needs a freezable laboratory)", _freeze, _thaw),
    "power-off": Fault("the machine loses its power", _power_off, Laboratory.power_on),
    "cable": Fault(
        "the machine loses the cable to the clients (needs two networks)",
        lambda _, node: network.pull_cable(node),
        lambda _, node: network.put_cable_back(node),
    ),
    "port": Fault(
        "the clients' switch drops what the machine sends and receives (needs two networks)",
        lambda _, node: network.close_port(node),
        lambda _, node: network.open_port(node),
    ),
    "partition": Fault("the machine loses its network", lambda _, node: node.unplug(), _plug),
    "galera-partition": Fault("Galera's packets are lost, Corosync's are not", _block_galera, _unblock_galera),
    "corosync-partition": Fault(
        "Corosync's packets are lost, Galera's are not",
        lambda _, node: node.block("udp", pacemaker.COROSYNC_PORT),
        _unblock_corosync,
    ),
    "standby": Fault(
        "the node is put into standby",
        lambda _, node: pacemaker.standby(node, node.name),
        lambda _, node: pacemaker.standby(node, node.name, False),
    ),
    "cluster-stop": Fault("Pacemaker and Corosync are stopped, mariadbd runs on", _stop_cluster, _start_cluster),
    "maintenance": Fault("the guard's maintenance file exists", _maintain, _end_maintenance),
    "crash-peer": Fault("mariadbd is killed on another node", _on_peer(_crash), _on_peer(_start)),
}


def strike(laboratory: Laboratory, name: str, node: Machine) -> None:
    """Bring the fault about on a node; KeyError when there is no such fault."""
    FAULTS[name].strike(laboratory, node)


def heal(laboratory: Laboratory, name: str, node: Machine) -> None:
    """Undo the fault; returns when the node is as before."""
    FAULTS[name].heal(laboratory, node)
