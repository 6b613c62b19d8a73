"""Every parameter of the guard, declared once; metadata, man page, README table and parsing come from here."""

from __future__ import annotations

from ocfpy.codes import ParameterError
from ocfpy.parameters import AbsolutePath, Address, Boolean, Choice, Integer, ParameterSet, Text, Time, format_seconds


class GuardParameters(ParameterSet):
    """The parameters of the agent galera_sync_guard, in the order of its metadata."""

    mode = Choice(
        "fail",
        "How Pacemaker learns of an unfit node",
        "fail: the monitor fails when this node must not hold the virtual IP; needs migration-threshold=1 and"
        " failure-timeout. score: the monitor succeeds whatever the verdict, and the virtual IP follows the node"
        " attribute that carries the score, by two location rules.",
        words=("fail", "score"),
    )
    attribute = Text(
        None,
        "Node attribute for the score",
        "Name of the transient node attribute that carries the score; NAME-state carries the state. Default: the"
        " resource's name.",
        reloadable=False,
        unique=True,
    )
    socket = AbsolutePath(
        "/run/mysqld/mysqld.sock",
        "Unix socket of the server",
        "Unix socket of the local MariaDB server; ignored when host is set.",
    )
    host = Address(
        None,
        "Address of the server, for TCP",
        "Address of the local MariaDB server, to connect by TCP instead of the socket. No name: a name server that does"
        " not answer would be a fault of all nodes at once.",
    )
    port = Integer(
        "3306",
        "TCP port of the server",
        "TCP port, used with host; may be the server's extra_port, which answers when max_connections is used up.",
        minimum=1,
        maximum=65535,
    )
    user = Text(
        "root",
        "MariaDB user",
        "MariaDB user; USAGE is privilege enough. When it is not given, the user of defaults_file or else os_user is"
        " taken before the default.",
    )
    os_user = Text(
        None,
        "Operating system user to connect as",
        "Become this operating system user while connecting, for a login by the unix_socket plugin without a"
        " password and without root's privileges in the database.",
    )
    defaults_file = AbsolutePath(
        None,
        "Option file with the login",
        "Option file whose [client] section has user and password. Must belong to root and be readable by nobody"
        " else. There is no password parameter: everybody could read it in the cluster's configuration.",
    )
    ssl_ca = AbsolutePath(
        None,
        "CA certificate, for TLS with host",
        "File with the certificate authority that the server's certificate must come from; turns TLS on for host.",
    )
    ssl_cert = AbsolutePath(
        None,
        "Client certificate, for TLS with host",
        "File with the client certificate to show to the server; needs ssl_ca and ssl_key.",
    )
    ssl_key = AbsolutePath(
        None,
        "Client key, for TLS with host",
        "File with the key of the client certificate; needs ssl_ca and ssl_cert.",
    )
    probe_timeout = Time(
        "2s",
        "Time limit of one probe",
        "A server that has not answered everything within this time is hung, which takes the virtual IP away at once."
        " Must be shorter than the timeout of the monitor operation.",
        positive=True,
    )
    available_when_donor = Choice(
        "last_resort",
        "Whether a donor may hold the virtual IP",
        "never: a donor is unfit. last_resort: a donor is poor, and keeps the virtual IP unless another node is"
        " synced. always: a donor is as good as a synced node.",
        words=("never", "last_resort", "always"),
    )
    available_when_readonly = Boolean(
        "no",
        "Whether a read-only node may hold the virtual IP",
        "Whether a node with read_only set may hold the virtual IP.",
    )
    donor_grace = Time(
        "2s",
        "Patience with a donor",
        "How long a node may be a donor before that counts; a restarted peer makes one for about half a second. A node"
        " that was desynced by wsrep_desync=ON gets no grace.",
    )
    saturation_grace = Time(
        "10s",
        "Patience with a server out of connections",
        "How long the connections may be used up before that counts. Keep it longer than evs.suspect_timeout (5s):"
        " the crash of another node stalls commits, and so fills the connections of this one, for that long.",
    )
    unknown_grace = Time(
        "30s",
        "How long the last verdict holds when the guard cannot see",
        "How long the last verdict stays in force when the guard cannot see the node's state (access denied, driver"
        " missing, internal error); afterwards the node is unknown, which never moves the virtual IP.",
    )
    recovery_hold = Time(
        "3s",
        "Patience with a node that recovers",
        "With mode=score: how long after its last bad sample a node's score rises again.",
    )
    connection_limit = Integer(
        "100",
        "Percentage of max_connections that counts as used up",
        "Connections in use, in percent of max_connections, from which the server counts as saturated.",
        minimum=1,
        maximum=100,
    )
    max_recv_queue = Integer(
        "0",
        "Length of the receive queue above which a node lags",
        "Write-sets waiting in wsrep_local_recv_queue above which the node is lagging: placed last among the fit, but"
        " never a reason to move the virtual IP. 0: off.",
    )
    min_cluster_size = Integer(
        "0",
        "Smallest cluster that may serve",
        "With fewer nodes in the Galera cluster than this, the node is unfit. 0: off.",
    )
    maintenance_file = AbsolutePath(
        "/var/lib/galera-sync-guard/maintenance",
        "File that takes the node out of service",
        "While this file exists the node is unfit, also after a reboot; its first line is shown as the reason.",
    )
    watch_interval = Time(
        "0",
        "How often a watcher looks at the server, 0: no watcher",
        "When set (such as 200ms), start leaves one process that looks at the server this often over one open"
        " connection, and at once when the server closes it; the monitor only checks on that process and reports its"
        " verdict. 0: every monitor looks at the server itself.",
    )
    stall_timeout = Time(
        "0",
        "How long the storage may take for a small write, 0: not looked at",
        "With watch_interval: a node is unfit while the storage of stall_directory has not taken a small synced write"
        " for so long; it is asked once a second. A server may answer for long while its storage hangs. Choose it"
        " longer than the worst that a busy disk takes, such as 5s. 0: off.",
    )
    stall_directory = AbsolutePath(
        None,
        "Directory on the storage that stall_timeout is about",
        "Directory to write in, such as the server's datadir; what is written there never has a name.",
    )


# A watcher that looks more often than this, in seconds, costs more than it gains.
SHORTEST_WATCH = 0.05
# A shorter time is often taken by a disk in order, or by a busy processor, in seconds.
SHORTEST_STALL = 1.0


def check(parameters: GuardParameters) -> None:
    """Raise ParameterError for values that contradict each other."""
    if parameters.os_user and parameters.host:
        raise ParameterError("os_user", parameters.os_user, "used with the socket, not with host: TCP knows no user")
    if bool(parameters.ssl_cert) != bool(parameters.ssl_key):
        missing, other = ("ssl_key", "ssl_cert") if parameters.ssl_cert else ("ssl_cert", "ssl_key")
        raise ParameterError(missing, None, f"set together with {other}")
    for name in ("ssl_ca", "ssl_cert"):
        if getattr(parameters, name) and not parameters.host:
            raise ParameterError(name, getattr(parameters, name), "used together with host: a socket needs no TLS")
    if parameters.ssl_cert and not parameters.ssl_ca:
        raise ParameterError("ssl_ca", None, "set together with ssl_cert")
    if 0 < parameters.watch_interval < SHORTEST_WATCH:
        raise ParameterError(
            "watch_interval",
            format_seconds(parameters.watch_interval),
            f"0 or at least {format_seconds(SHORTEST_WATCH)}",
        )
    if 0 < parameters.stall_timeout < SHORTEST_STALL:
        raise ParameterError(
            "stall_timeout", format_seconds(parameters.stall_timeout), f"0 or at least {format_seconds(SHORTEST_STALL)}"
        )
    if parameters.stall_timeout and not parameters.stall_directory:
        raise ParameterError("stall_directory", None, "set together with stall_timeout")
