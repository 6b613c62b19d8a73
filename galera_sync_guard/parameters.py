"""Every parameter of the guard, declared once; metadata, man page, docs/parameters.md and parsing come from here."""

from __future__ import annotations

from ocfpy.codes import ParameterError
from ocfpy.parameters import (
    AbsolutePath,
    AbsolutePaths,
    Address,
    Boolean,
    Choice,
    Integer,
    ParameterSet,
    Text,
    Time,
    format_seconds,
)


class GuardParameters(ParameterSet):
    """The parameters of the agent galera_sync_guard, in the order of its metadata."""

    mode = Choice(
        "fail",
        "How Pacemaker learns of an unfit node",
        "fail: the monitor fails when this node must not hold the virtual IP; needs migration-threshold=1 and"
        " failure-timeout. score: the monitor succeeds with every verdict, and the virtual IP follows the node"
        " attribute with the score, by two location rules.",
        words=("fail", "score"),
        advice="score fits nearly always; fail shows a failed action, and needs no location rules",
        cost="fail: a failed action to read after every fault, return to service only after failure-timeout, and no"
        " address at all when all nodes are unfit",
    )
    attribute = Text(
        None,
        "Node attribute for the score",
        "Name of the transient node attribute that carries the score; NAME-state carries the state. Default: the"
        " resource's name.",
        reloadable=False,
        unique=True,
        advice="two guards in one cluster, or another program that reads the score under a fixed name",
        cost="restarts the guard on all nodes. Change the two location rules in the same step (`pcs -f FILE`, then"
        " `pcs cluster cib-push FILE --config`): then the address moves once at most",
    )
    socket = AbsolutePath(
        "/run/mysqld/mysqld.sock",
        "Unix socket of the server",
        "Unix socket of the local MariaDB server; ignored when host is set.",
        advice="MariaDB's socket is at another path",
    )
    host = Address(
        None,
        "Address of the server, for TCP",
        "Address of the local MariaDB server, to connect by TCP instead of the socket. A name is not allowed: a name"
        " server that does not answer would be a fault of all nodes at once.",
        advice="the guard cannot reach the socket, such as with a container",
        cost="needs a password; excludes os_user",
    )
    port = Integer(
        "3306",
        "TCP port of the server",
        "TCP port, used with host; may be the server's extra_port, which answers when max_connections is used up.",
        minimum=1,
        maximum=65535,
        advice="with host; or to use the server's extra_port",
        cost="over extra_port the guard can look into a full server",
    )
    user = Text(
        "root",
        "MariaDB user",
        "MariaDB user; the privilege USAGE is enough. When it is not given, the user of defaults_file or else os_user"
        " comes before the default.",
        advice="the login has another name than os_user or the option file gives",
    )
    os_user = Text(
        None,
        "Operating system user to connect as",
        "Become this operating system user while connecting. The unix_socket plugin then logs in without a password"
        " and without root's privileges in the database.",
        advice="always, when database root has too many rights for a monitor",
        cost="one system user on every node, before the parameter is set",
    )
    defaults_file = AbsolutePath(
        None,
        "Option file with the login",
        "Option file whose [client] section has user and password. It must belong to root, and other users must not"
        " be able to read it. There is no password parameter, because the cluster's configuration would show it.",
        advice="the login needs a password",
        cost="a secret on every node, to rotate on every node",
    )
    ssl_ca = AbsolutePath(
        None,
        "CA certificate, for TLS with host",
        "File with the certificate authority that must have signed the server's certificate; turns TLS on for host.",
        advice="host is not this machine's loopback address",
        cost="every monitor loads Python's TLS: see dev/cost.md",
    )
    ssl_cert = AbsolutePath(
        None,
        "Client certificate, for TLS with host",
        "File with the client certificate to show to the server; needs ssl_ca and ssl_key.",
        advice="the server demands a client certificate",
        cost="after its expiry date the guard reports unknown",
    )
    ssl_key = AbsolutePath(
        None,
        "Client key, for TLS with host",
        "File with the key of the client certificate; needs ssl_ca and ssl_cert.",
        advice="with ssl_cert",
    )
    probe_timeout = Time(
        "2s",
        "Time limit of one probe",
        "A server that has not answered everything within this time is hung, and loses the virtual IP at once. Must"
        " be shorter than the timeout of the monitor operation.",
        positive=True,
        advice="larger: the log shows hung without a real hang (slow disks, overcommitted machines). Smaller: a hung"
        " server must lose the address sooner",
        cost="larger: a hung server keeps the address longer. Smaller: a busy second moves the address",
    )
    available_when_donor = Choice(
        "last_resort",
        "Whether a donor may hold the virtual IP",
        "never: a donor is unfit. last_resort: a donor is poor, and keeps the virtual IP unless another node is"
        " synced. always: a donor is as good as a synced node.",
        words=("never", "last_resort", "always"),
        advice="never: no reads during a blocking backup or state transfer. always: backups and transfers do not block",
        cost="never: no address at all when the last node left is a donor. always: clients wait while a donor is"
        " locked",
    )
    available_when_readonly = Boolean(
        "no",
        "Whether a read-only node may hold the virtual IP",
        "Whether a node with read_only set may hold the virtual IP.",
        advice="the address is for reading only",
        cost="applications that write get errors",
    )
    donor_grace = Time(
        "2s",
        "Grace for a donor",
        "How long a node may be a donor before that counts. A restarted peer makes one for about half a second. A"
        " node with wsrep_desync=ON gets no grace.",
        advice="larger: a backup of a few seconds should move nothing",
        cost="a locked donor keeps the address that much longer",
    )
    saturation_grace = Time(
        "10s",
        "Grace for a server without free connections",
        "How long the connections may be used up before that counts. Keep it longer than evs.suspect_timeout (5s):"
        " the crash of another node stalls commits for that long, and this fills the connections.",
        advice="larger: short floods of connections are normal. Raise it with evs.suspect_timeout",
        cost="a full server keeps the address that much longer",
    )
    unknown_grace = Time(
        "30s",
        "How long the last verdict holds when the guard cannot see",
        "How long the last verdict holds when the guard cannot determine the node's state (access denied, driver"
        " missing, internal error). Afterwards the node is unknown, which never moves the virtual IP.",
        advice="rarely: the state after it moves nothing either",
    )
    recovery_hold = Time(
        "3s",
        "Hold after a recovery",
        "With mode=score: how long after its last bad sample a node's score rises again.",
        advice="larger: a node changes often between good and bad",
        cost="its return takes longer; clients do not notice while another node serves",
    )
    connection_limit = Integer(
        "100",
        "Percentage of max_connections that counts as used up",
        "Connections in use, in percent of max_connections, from which the server counts as saturated.",
        minimum=1,
        maximum=100,
        advice="smaller: the application's limit is below max_connections",
        cost="the address moves although connections are left",
    )
    max_recv_queue = Integer(
        "0",
        "Length of the receive queue above which a node lags",
        "Write-sets waiting in wsrep_local_recv_queue above which the node is lagging: last choice among the fit"
        " nodes, but never a reason to move the virtual IP. 0: off.",
        advice="a node that applies slowly should be the last choice",
    )
    min_cluster_size = Integer(
        "0",
        "Smallest cluster that may serve",
        "With fewer nodes in the Galera cluster than this, the node is unfit. 0: off.",
        advice="you prefer no service to a service without redundancy",
        cost="two failures stop the service although the data are safe",
    )
    maintenance_file = AbsolutePath(
        "/var/lib/galera-sync-guard/maintenance",
        "File that takes the node out of service",
        "While this file exists the node is unfit, also after a reboot. Its first line is shown as the reason.",
        advice="the default directory does not outlast a reboot",
        cost="the same path on all nodes",
    )
    watch_interval = Time(
        "0",
        "How often a watcher probes the server, 0: no watcher",
        "When set (such as 200ms), start leaves one process, the watcher. It probes the server this often over one"
        " open connection, and at once when the server closes it. The monitor checks the watcher and reports its"
        " verdict. 0: every monitor probes the server.",
        advice="the recipe for mode=score has 200ms; 0 where one more process is too many",
        cost="set: one process and one open connection per node. 0: the next monitor detects a fault, and costs twice"
        " the CPU of one beside a watcher",
    )
    stall_timeout = Time(
        "0",
        "How long the storage may take for a small write, 0: off",
        "With watch_interval: a node is unfit when the storage of stall_directory completed no small synced write for"
        " this long. The watcher writes once a second. A server may answer for long while its storage hangs. Choose a"
        " time longer than a busy disk takes, such as 5s. 0: off.",
        advice="storage that may hang (SAN, network disks): 5s",
        cost="storage that all nodes share stalls all of them, and none has the address",
    )
    stall_directory = AbsolutePaths(
        None,
        "Directories on the storage that stall_timeout checks",
        "Directory to write in, such as the server's datadir; or several with colons between them, one on each file"
        " system that a commit writes to, such as that of the binary log. The written file never has a name.",
        advice="with stall_timeout: the server's datadir, and the directory of a binary log on a file system of its own",
        cost="for each directory one process, and one synced write of 512 bytes a second",
    )
    vip = Address(
        None,
        "The virtual IP, to look at its network",
        "The virtual IP, as in the parameter ip of the IPaddr2 resource. When set, the guard looks at the link of the"
        " interface that has an address in its network, and with watch_interval also asks the default gateway and the"
        " other nodes there by ARP or neighbour discovery. A node that cannot be reached is poor: the virtual IP leaves"
        " it only for a node that is synced and can be reached.",
        advice="always with an IPaddr2 address",
        cost="two or three small frames a second on that network",
    )
    nic = Text(
        None,
        "Interface of the virtual IP",
        "Name of the interface to look at in place of the one found by vip, for nodes without an address of their own in"
        " that network.",
        advice="the nodes have no address of their own in the network of vip",
        cost="a renamed interface counts as unplugged",
    )
    link_grace = Time(
        "250ms",
        "Patience with a link that is down",
        "With vip: how long the link may be down before that counts.",
        advice="larger: a bond or switch takes longer to fail over",
        cost="the address stays that much longer on a node whose cable is out",
    )
    reach_grace = Time(
        "1s",
        "Patience with a network without an answer",
        "With vip and watch_interval: how long no neighbour may answer before that counts, beyond the second after which"
        " silence is noticed. 0: neighbours are not asked.",
        advice="larger: a switch relearns its ports slowly. 0: only the link matters",
        cost="the address stays that much longer behind a switch port that drops everything",
    )


# A watcher that probes more often than this, in seconds, costs more than it gains.
SHORTEST_WATCH = 0.05
# A good disk or a busy processor often needs more than a shorter time, in seconds.
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
    if parameters.vip == "localhost":
        raise ParameterError("vip", parameters.vip, "an IPv4 or IPv6 address")
    if parameters.nic and not parameters.vip:
        raise ParameterError("vip", None, "set together with nic")
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


def as_text(parameters: GuardParameters) -> dict[str, str]:
    """Return the value of each declared parameter as a text, by name: by these, two calls have the same or not."""
    return {parameter.name: repr(getattr(parameters, parameter.name)) for parameter in parameters.declared}
