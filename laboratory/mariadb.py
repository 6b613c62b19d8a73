"""MariaDB Galera on laboratory machines: configuration, seeded data, life and death of mariadbd, SQL."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

from laboratory import rootfs
from laboratory.ground import Ground, command
from laboratory.machine import CommandError, Machine, end, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

DATADIR = "/var/lib/mysql"
CONFIG = "/etc/mysql/mariadb.conf.d/99-laboratory.cnf"
# The command that shows what mariadbd has logged, without what the journal puts before each line.
SHOW_LOG = "journalctl --quiet --output=cat --unit=mariadb"
PORTS = (4567, 4568, 4444)
SYNCED = "4"

# Small enough for three on two cores; everything else is as Debian ships it.
OPTIONS = {
    "bind-address": "0.0.0.0",
    "binlog_format": "ROW",
    "innodb_autoinc_lock_mode": "2",
    "innodb_buffer_pool_size": "64M",
    "innodb_log_file_size": "16M",
    "performance_schema": "OFF",
    "wsrep_on": "ON",
    "wsrep_provider": "/usr/lib/galera/libgalera_smm.so",
    "wsrep_cluster_name": "laboratory",
    "wsrep_sst_method": "rsync",
}
PROVIDER_OPTIONS = {"gcache.size": "16M"}

# What the probes use: an application's account that may not use the administrative connection.
SEED = """
CREATE USER app IDENTIFIED BY 'app';
CREATE DATABASE app;
GRANT ALL ON app.* TO app;
CREATE TABLE app.probe (n BIGINT PRIMARY KEY, host VARCHAR(64) NOT NULL) ENGINE=InnoDB;
"""


def config(
    machine: Machine,
    peers: Iterable[Machine],
    options: Mapping[str, str] | None = None,
    provider_options: Mapping[str, str] | None = None,
) -> str:
    """Return the text of a node's option file; `options` and `provider_options` (Galera's own) override ours."""
    provider = PROVIDER_OPTIONS | dict(provider_options or {})
    settings = (
        OPTIONS
        | {
            "wsrep_cluster_address": "gcomm://" + ",".join(str(peer.cluster_address) for peer in peers),
            "wsrep_node_name": machine.name,
            "wsrep_node_address": str(machine.cluster_address),
            "wsrep_provider_options": '"' + "; ".join(f"{name}={value}" for name, value in provider.items()) + '"',
        }
        | dict(options or {})
    )
    return "[mariadbd]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items())


def template(root: Path, say: rootfs.Say = rootfs.silent) -> Path:
    """Return a datadir that a one-node cluster of this root filesystem's MariaDB left by a clean stop.

    Copied to all nodes it lets them join without a state transfer: grastate.dat and InnoDB's
    checkpoint agree. Made once (5 s), then cached.
    """
    with rootfs.cached(f"datadir-{rootfs.fingerprint(root.name, repr(OPTIONS), SEED)}") as (entry, work):
        if work:
            say("making a seeded datadir")
            ground = Ground.start()
            try:
                machine = Machine(ground, "template", [root], "10.77.0.1")
                machine.boot()
                machine.write(CONFIG, config(machine, []))
                machine.run(["mariadb-install-db", "--user=mysql", "--skip-test-db"])
                bootstrap(machine)
                sql(machine, SEED)
                stop(machine)
                machine.shell(f"rm -f {DATADIR}/galera.cache {DATADIR}/ib_buffer_pool")
                command("cp", "-a", f"/proc/{machine.pid}/root{DATADIR}", work / "mysql")
            finally:
                ground.stop()
    return entry / "mysql"


def seed(machine: Machine, datadir: Path) -> None:
    """Replace a machine's datadir by the template."""
    machine.shell(f"find {DATADIR} -mindepth 1 -delete; chown mysql:mysql {DATADIR}")
    machine.copy_in(datadir, DATADIR)


# Life and death


def start(machine: Machine, timeout: float = 90) -> None:
    """Start mariadbd and return when it answers, which is after it has joined; CommandError when it ends first."""
    machine.run(["systemctl", "start", "mariadb"], timeout=timeout)


def bootstrap(machine: Machine, timeout: float = 60) -> None:
    """Start the first node of a new Primary component, as `galera_new_cluster` does.

    CommandError when the node is not safe to bootstrap from (grastate.dat).
    """
    machine.run(["galera_new_cluster"], timeout=timeout)


def stop(machine: Machine, timeout: float = 60) -> None:
    """Stop mariadbd cleanly: it leaves the cluster with a goodbye."""
    machine.run(["systemctl", "stop", "mariadb"], timeout=timeout)


def kill(machine: Machine, signal: str = "KILL") -> None:
    """Send mariadbd a signal: KILL, STOP, CONT...; CommandError when it does not run."""
    machine.shell(f"kill -{signal} $(pidof mariadbd)")


def crash(machine: Machine) -> None:
    """Kill mariadbd, and let it stay down: its unit would start it again after 5 s (Restart=on-abnormal)."""
    kill(machine)
    stop(machine)


def running(machine: Machine) -> bool:
    """Tell whether there is a mariadbd, in whatever state."""
    return machine.run(["pidof", "mariadbd"], check=False).returncode == 0


# SQL


def sql(machine: Machine, statement: str, *, timeout: float = 20) -> str:
    """Run statements as root on the machine's socket; rows as lines, columns divided by tabs.

    CommandError with the server's words, or subprocess.TimeoutExpired after `timeout` seconds.
    """
    return machine.run(["mariadb", "--batch", "--skip-column-names"], input=statement, timeout=timeout).stdout.strip()


@contextlib.contextmanager
def sessions(machines: Iterable[Machine]) -> Iterator[Callable[[str], None]]:
    """Log in as root on every machine, and yield what sends a statement to all of them within a millisecond."""
    with contextlib.ExitStack() as ends:
        clients = []
        for machine in machines:
            client = machine.spawn(
                ["mariadb", "--batch", "--skip-column-names", "--unbuffered"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            ends.callback(end, client)
            clients.append(client)
            print("SELECT 'ready';", file=client.stdin)
        for client in clients:
            assert client.stdout is not None
            assert client.stdout.readline() == "ready\n"

        def send(statement: str) -> None:
            for client in clients:
                print(statement, file=client.stdin)

        yield send


def status(machine: Machine, timeout: float = 5) -> dict[str, str]:
    """Return the wsrep status of a node; empty when it does not answer within `timeout` seconds."""
    try:
        rows = sql(machine, "SET SESSION wsrep_sync_wait=0; SHOW STATUS LIKE 'wsrep%'", timeout=timeout)
    except (CommandError, subprocess.TimeoutExpired):
        return {}
    return {name: value for name, _, value in (row.partition("\t") for row in rows.splitlines())}


def synced(machine: Machine, size: int | None = None) -> bool:
    """Tell whether the node is Synced in a Primary component, of `size` nodes if given."""
    seen = status(machine)
    return (
        seen.get("wsrep_cluster_status") == "Primary"
        and seen.get("wsrep_local_state") == SYNCED
        and seen.get("wsrep_ready") == "ON"
        and size in (None, int(seen.get("wsrep_cluster_size", 0)))
    )


def wait_synced(machine: Machine, size: int | None = None, timeout: float = 60) -> None:
    """Wait until the node is Synced in a Primary component of `size` nodes; TimeoutError after `timeout` seconds."""
    wait_until(lambda: synced(machine, size), timeout, f"{machine.name} Synced")
