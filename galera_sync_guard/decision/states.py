"""The verdict table: every state of a node, its kind, and what Pacemaker gets for a kind; the rules are in judge."""

from __future__ import annotations

from ocfpy.codes import OCF_ERR_GENERIC, OCF_SUCCESS

FIT = "fit"
UNKNOWN = "unknown"
POOR = "poor"
UNFIT = "unfit"

BAD = (POOR, UNFIT)

# Pacemaker's INFINITY is 1000000 (Pacemaker Explained, "Scores").
INFINITY = 1000000

# The invariant: 1000 - 950 < the VIP's stickiness (100) < 1000 - 10. An unknown node does not move a VIP, it only
# places it elsewhere; a poor node moves it.
SCORES = {FIT: 1000, UNKNOWN: 950, POOR: 10, UNFIT: -INFINITY}

# The score of an unknown node that was bad when its state was last known: below a poor one's, so that no working node
# loses the VIP to it.
UNKNOWN_AFTER_BAD = 5

# What a fit node loses at most, while it lags or its network is in doubt: less than the difference between fit and
# unknown. It places the address elsewhere, and never moves it.
MAX_PENALTY = 40

# action -> mode -> kinds of verdict that make the action fail. A probe is not here: it only tells whether the guard is
# started. 2, 4, 5 (they ban the node), 6 (stops the guard everywhere) and 190 (stays among the failed actions) are
# never given for a verdict.
FAILS: dict[str, dict[str, tuple[str, ...]]] = {
    "start": {"fail": (UNFIT,), "score": ()},
    "monitor": {"fail": (POOR, UNFIT), "score": ()},
}


class State:
    """One row of the verdict table."""

    __slots__ = ("advice", "kind", "name", "reasons", "when")

    def __init__(self, name: str, kind: str, when: str, advice: str, *reasons: str) -> None:
        self.name = name
        self.kind = kind
        self.when = when  # in which case a node is in this state
        self.advice = advice  # what an administrator does about it, "" for nothing
        self.reasons = reasons  # examples of the reason that the guard gives, without the name


# Where the conditions of several states hold, the first counts; but unplugged and unreachable count before every state
# that is not unfit.
STATES = (
    State(
        "maintenance",
        UNFIT,
        "the maintenance file exists, or pxc_maint_mode is not DISABLED",
        "when the work is done: galera-sync-guard maintenance off",
        "/var/lib/galera-sync-guard/maintenance exists: replacing a disk",
        "/var/lib/galera-sync-guard/maintenance exists",
        "pxc_maint_mode=MAINTENANCE, must be DISABLED",
    ),
    State(
        "stalled",
        UNFIT,
        "the storage has not taken a small synced write within stall_timeout",
        "look at the disks (dmesg, iostat, multipath -ll): the server cannot commit until they answer",
        "no write to /var/lib/mysql completed for 7s, limit stall_timeout=5s",
    ),
    State(
        "down",
        UNFIT,
        "no socket, connection refused, the server says that it is shutting down, or systemd is stopping it",
        "systemctl start mariadb, if another node serves; journalctl -u mariadb says why it ended",
        "/run/mysqld/mysqld.sock: No such file or directory",
        "/run/mysqld/mysqld.sock: Connection refused",
        "127.0.0.1:3306: Connection refused",
        "error 1053: Server shutdown in progress",
        "mariadb.service is stopped, and systemd would start it for a connection",
        "mariadb.service is being stopped, and sends no handshake",
    ),
    State(
        "hung",
        UNFIT,
        "no answer within probe_timeout",
        "look at the disks and at the server's processes (top, iostat, journalctl -u mariadb) before a restart",
        "no answer within 2s while connecting and logging in",
        "no answer within 2s while it should answer SHOW STATUS",
        "no answer within 2s while its backlog of connections is full",
        "an earlier probe still waits for its answer (thread 4711)",
        "the server accepts connections but sends no handshake",
    ),
    State(
        "unknown",
        UNKNOWN,
        "access denied, driver missing, protocol error, internal error: the guard cannot see",
        "galera-sync-guard explain on that node says what the guard lacks",
        "error 1045: Access denied for user 'galera_guard'@'localhost' (using password: YES)",
        "error 1698: Access denied for user 'galera_guard'@'localhost'",
        "error 2013: Lost connection to MySQL server during query",
        "protocol error: Packet sequence number wrong - got 3 expected 1",
        "cannot begin to connect: no certificate or crl found",
        "could not ask within 2s, still preparing",
        "the server closed the connection before its handshake",
        "the server's answer has no usable wsrep_ready",
        "the server sends too much: more than 65536 bytes in a packet, or 262144 in a probe",
        "the server offers no TLS, and ssl_ca asks for it",
        "the server asks for a login by mysql_clear_password, which shows the password without TLS",
        "the driver PyMySQL is missing, install python3-pymysql (No module named 'pymysql')",
        "os_user galera_guard: there is no such user on this node",
        "defaults_file /etc/galera-sync-guard.cnf: No such file or directory",
        "parameter probe_timeout: 'soon' is not allowed, must be a time such as 10s",
        "internal error: KeyError: 'x' (probe.py:93)",
    ),
    State(
        "wsrep-off",
        UNFIT,
        "wsrep_on is not ON, or the server knows no wsrep_local_state: it is not a Galera node",
        "SET GLOBAL wsrep_on=ON, or configure Galera (wsrep_provider, wsrep_cluster_address)",
        "wsrep_on=OFF, must be ON",
        "the server does not know wsrep_local_state",
    ),
    State(
        "inconsistent",
        UNFIT,
        "wsrep_local_state is 5: the node lost a consistency vote or its disk is full",
        "free the disk if it is full, then systemctl restart mariadb: the node fetches the data anew",
        "wsrep_local_state=5 (Inconsistent)",
    ),
    State(
        "joining",
        UNFIT,
        "wsrep_local_state is 1",
        "wait: the node is fetching the data",
        "wsrep_local_state=1 (Joining: receiving State Transfer)",
    ),
    State(
        "joined",
        UNFIT,
        "wsrep_local_state is 3 and wsrep_ready is not ON: the node has joined and catches up",
        "wait: the node is catching up",
        "wsrep_local_state=3 (Joined)",
    ),
    State(
        "initialized",
        UNFIT,
        "wsrep_local_state is 0 and the node belongs to no component",
        "look why it finds no other node: wsrep_cluster_address, the network, journalctl -u mariadb",
        "wsrep_local_state=0 (Initialized), wsrep_cluster_status=Disconnected",
    ),
    State(
        "non-primary",
        UNFIT,
        "wsrep_cluster_status is not Primary",
        "repair the network to the other nodes: it joins them again by itself",
        "wsrep_cluster_status=non-Primary, must be Primary",
    ),
    State(
        "not-ready",
        UNFIT,
        "wsrep_ready is not ON, or wsrep_local_state is a number that no version of Galera documents",
        "wait, or look why Galera does not get ready: journalctl -u mariadb",
        "wsrep_ready=OFF, must be ON",
        "error 1047: WSREP has not yet prepared node for application use",
    ),
    State(
        "rejecting",
        UNFIT,
        "wsrep_reject_queries is not NONE, or offline_mode is ON; poor if init_connect fails for the guard's login",
        "SET GLOBAL wsrep_reject_queries=NONE, or offline_mode=OFF, or correct init_connect",
        "wsrep_reject_queries=ALL, must be NONE",
        "offline_mode=ON, must be OFF",
        "error 3032: The server is currently in offline mode",
        "error 1184: Aborted connection 7 to db: 'unconnected' user: 'guard' host: 'localhost' (init_connect command failed)",
    ),
    State(
        "read-only",
        UNFIT,
        "read_only, super_read_only or tx_read_only is anything but OFF or 0, unless available_when_readonly",
        "SET GLOBAL read_only=OFF, or the variable that the reason names; and take it out of the option files",
        "read_only=ON, must be OFF",
        "super_read_only=ON, must be OFF",
        "tx_read_only=ON, must be OFF",
    ),
    State(
        "small-cluster",
        UNFIT,
        "wsrep_cluster_size is below min_cluster_size",
        "start the missing nodes, or lower min_cluster_size",
        "wsrep_cluster_size=1 is below min_cluster_size=2",
    ),
    State(
        "unplugged",
        POOR,
        "the interface of the virtual IP has no carrier, is down or does not exist, for longer than link_grace; needs"
        " vip",
        "look at cable, switch and bond of that interface (ip link, ethtool, dmesg)",
        "interface eth1 has no carrier for 3s",
        "interface eth1 is down for 3s",
        "interface eth1 does not exist for 3s",
        "no interface has an address in the network of 192.168.1.199 for 3s",
        "interface eth1 is up again for less than 1s",
    ),
    State(
        "unreachable",
        POOR,
        "neither the default gateway nor another node answers ARP or neighbour discovery on the interface of the virtual"
        " IP, for longer than reach_grace; needs vip and watch_interval",
        "look at the switch port and its VLAN: the link is up, and frames are lost (arping, tcpdump -e arp)",
        "no answer on eth1 from 192.168.1.254, 192.168.1.2 for 3s",
    ),
    State(
        "donor",
        POOR,
        "wsrep_local_state is 2, or 3 with wsrep_ready ON (a donor that catches up), for longer than"
        " donor_grace, or with wsrep_desync; unfit with available_when_donor=never or"
        " wsrep_sst_donor_rejects_queries, fit with always",
        "wait for the state transfer or backup to end; SET GLOBAL wsrep_desync=OFF if it was left on",
        "wsrep_local_state=2 (Donor/Desynced) for 13s",
        "wsrep_local_state=3 (Joined) with wsrep_ready=ON for 13s",
        "wsrep_local_state=2 (Donor/Desynced)",
        "wsrep_local_state=2 (Donor/Desynced) with wsrep_desync=ON for 13s",
        "wsrep_local_state=2 (Donor/Desynced) with wsrep_sst_donor_rejects_queries for 13s",
    ),
    State(
        "saturated",
        POOR,
        "error 1040, or Threads_connected (less our own) has reached connection_limit percent of"
        " max_connections, for longer than saturation_grace",
        "end connections that are not needed (SHOW PROCESSLIST), or raise max_connections",
        "error 1040: Too many connections for 13s",
        "Threads_connected=151 of max_connections=151 for 13s",
        "Threads_connected=136 of max_connections=151 reaches connection_limit=90% for 13s",
    ),
    State(
        "lagging",
        FIT,
        "wsrep_local_recv_queue is above max_recv_queue: fit, with a score of up to 40 less",
        "wait: the node applies what others have written",
        "wsrep_local_recv_queue=250 is above max_recv_queue=100",
    ),
    State(
        "synced",
        FIT,
        "Primary, ready, wsrep_on, wsrep_local_state 4, and nothing above",
        "",
        "wsrep_local_state=4 (Synced)",
    ),
)


def exit_code(action: str, mode: str, kind: str) -> int:
    """Return the exit code of `action` (start or recurring monitor) for a verdict of that kind.

    1 makes Pacemaker recover the resource: with migration-threshold=1 it goes, and the virtual IP with it, to another
    node.
    """
    return OCF_ERR_GENERIC if kind in FAILS[action][mode] else OCF_SUCCESS


def score_text(score: int) -> str:
    """Return a score as Pacemaker writes it."""
    return "-INFINITY" if score <= -INFINITY else str(score)
