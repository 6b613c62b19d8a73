"""Who is measured: our monitor in its modes and in trouble, and its peers, each set up so that its monitor succeeds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from galera_sync_guard.server import questions
from laboratory.mariadb import DATADIR
from laboratory.pacemaker import VIP

OURS = "/usr/lib/ocf/resource.d/custom/galera_sync_guard"
PEERS = "/usr/lib/ocf/resource.d/heartbeat"
PID = "/run/mysqld/mysqld.pid"
SOCKET = "/run/mysqld/mysqld.sock"
REFUSING_SOCKET = "/run/refusing.sock"
OPTION_FILE = "/etc/bench.cnf"
ACCOUNT = "bench"
TABLE = "app.probe"

# What every agent gets from Pacemaker. The interval is about that between two rounds: with a much shorter one the
# graces would begin anew each time.
PACEMAKER = {
    "OCF_ROOT": "/usr/lib/ocf",
    "OCF_RESKEY_CRM_meta_interval": "10000",
    "OCF_RESKEY_CRM_meta_timeout": "20000",
    "OCF_RESKEY_CRM_meta_on_node": "node1",
    "HA_RSCTMP": "/run/resource-agents",
}


@dataclass(frozen=True)
class Contender:
    """A command to measure: `situation` names a method of Server in guest/measure.py, `code` what it must return.

    Unless `settled` is false it is run once right before it is measured: what is due only now and then is done.
    """

    name: str
    group: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    setup: list[list[str]] = field(default_factory=list)
    situation: str = "as_it_is"
    code: int = 0
    settled: bool = True

    def plan(self) -> dict[str, object]:
        """Return what guest/measure.py takes."""
        return asdict(self)


def agent(
    name: str,
    group: str,
    path: str,
    parameters: dict[str, str],
    *,
    started: bool = True,
    situation: str = "as_it_is",
    code: int = 0,
    level: int = 0,
    settled: bool = True,
) -> Contender:
    """Return an OCF resource agent's recurring monitor."""
    environment = PACEMAKER | {
        "OCF_RESOURCE_INSTANCE": name.replace(" ", "-").replace(":", "-"),
        "OCF_CHECK_LEVEL": str(level),
    }
    environment |= {f"OCF_RESKEY_{key}": value for key, value in parameters.items()}
    return Contender(
        name, group, [path, "monitor"], environment, [[path, "start"]] if started else [], situation, code, settled
    )


def ours(name: str, group: str, *, situation: str = "as_it_is", settled: bool = True, **parameters: str) -> Contender:
    """Return a monitor of our guard; `parameters` are the guard's."""
    usual = {"mode": "score", "recovery_hold": "0"}
    contender = agent(name, group, OURS, usual | parameters, situation=situation, settled=settled)
    if "watch_interval" in parameters:
        contender.setup.append(["python3", "-c", AWAIT_VERDICT])
    return contender


# Until the watcher has its first verdict: a later one would be of the next contender's situation.
AWAIT_VERDICT = """
import os, time
from galera_sync_guard.watcher.client import WatcherClient, socket_name
watcher = WatcherClient(os.environ["HA_RSCTMP"], socket_name(os.environ["OCF_RESOURCE_INSTANCE"]))
while not watcher.status(5.0).kind:
    time.sleep(0.01)
"""

BARE = "python3 -I -S -c pass"
FIT = "fit monitor"
GALERA = "ocf:heartbeat:galera"
MYSQL = "ocf:heartbeat:mysql, level 10"
IPADDR2 = "ocf:heartbeat:IPaddr2"

DATABASE = {
    "binary": "/usr/sbin/mariadbd",
    "client_binary": "/usr/bin/mariadb",
    "datadir": DATADIR,
    "pid": PID,
    "socket": SOCKET,
}

CONTENDERS = (
    Contender(BARE, "peers", ["/usr/bin/python3", "-I", "-S", "-c", "pass"]),
    Contender("mariadb -N -e SHOW", "peers", ["mariadb", "-N", "-e", questions.SHOW_STATUS]),
    agent(IPADDR2, "peers", f"{PEERS}/IPaddr2", {"ip": VIP, "cidr_netmask": "32", "nic": "eth0"}),
    agent(
        GALERA,
        "peers",
        f"{PEERS}/galera",
        DATABASE | {"wsrep_cluster_address": "gcomm://node1", "check_user": "root"},
        started=False,
        code=8,
    ),
    agent(
        MYSQL,
        "peers",
        f"{PEERS}/mysql",
        DATABASE | {"test_user": ACCOUNT, "test_passwd": ACCOUNT, "test_table": TABLE},
        started=False,
        level=10,
    ),
    ours(FIT, "fit", mode="fail"),
    ours("fit, mode=score", "fit"),
    ours("fit, os_user", "fit", os_user=ACCOUNT),
    ours("fit, defaults_file", "fit", defaults_file=OPTION_FILE),
    # So long an interval that its watcher's questions are not in anybody's count.
    ours("fit, with a watcher", "watching", mode="fail", watch_interval="1h"),
    ours("state changes", "change", situation="other_than_before", settled=False),
    ours("socket absent", "silent", socket="/run/absent.sock"),
    ours("connection refused", "silent", socket=REFUSING_SOCKET),
    ours("access denied", "silent", user="unknown-user"),
    ours("error 1040", "silent", situation="full"),
    ours("server hung", "silent", situation="hung", probe_timeout="200ms"),
)
