"""What one probe found out about the local node, or why it found out nothing; data only."""

from __future__ import annotations

# What the login may do, among the values of Facts, under a name that no variable can have; only `check` asks for it.
GRANTS = "grants of the login"

# Settings in which nodes must be alike, since a client that the virtual IP takes from one to another notices them.
ALIKE = (
    "sql_mode",
    "character_set_server",
    "collation_server",
    "time_zone",
    "system_time_zone",
    "max_connections",
    "event_scheduler",
    "require_secure_transport",
)
# What all nodes of one Primary component have in common.
CLUSTER_ID = "wsrep_cluster_state_uuid"
CLUSTER_SIZE = "wsrep_cluster_size"
COMPONENT = (CLUSTER_ID, CLUSTER_SIZE)

# More digits than any number that the server shows.
MAX_DIGITS = 20


class Cause:
    """Why a probe has no values from the server."""

    DOWN = "down"
    HUNG = "hung"
    FULL = "full"
    NOT_READY = "not-ready"
    DENIED = "denied"
    OFFLINE = "offline"
    INIT_CONNECT_FAILED = "init-connect-failed"
    CONNECTION_LOST = "connection-lost"
    CANNOT_OBSERVE = "cannot-observe"


class NetworkState:
    """What the host knows of the virtual IP's network, each a reason or "": data only.

    `unplugged`: why the link is not up. `unreachable`: who does not answer. `settling`: that the link is up again, and
    too new for a node that is better than others.
    """

    __slots__ = ("settling", "unplugged", "unreachable")

    def __init__(self, unplugged: str = "", unreachable: str = "", settling: str = "") -> None:
        self.unplugged = unplugged
        self.unreachable = unreachable
        self.settling = settling


class Facts:
    """The result of one probe; it never changes after it was made.

    `values` has the server's status and system variables, names in lower case, values as the server's text.
    `cause` is None when the server answered everything, else one of `Cause`, and `detail` says more.
    `maintenance` is the reason in the maintenance file, None when there is no such file.
    `stalled` is why the storage counts as stalled, None when it does not.
    `network` is None when nothing is known of the virtual IP's network.
    `own_connections` is how many of Threads_connected are ours.
    `pending_thread` is the server's id of a thread of ours that still waits for an answer, None when there is none.
    `lost_thread` is whether the search for that thread left one more thread waiting.
    """

    __slots__ = (
        "cause",
        "detail",
        "lost_thread",
        "maintenance",
        "network",
        "own_connections",
        "pending_thread",
        "stalled",
        "values",
    )

    def __init__(
        self,
        values: dict[str, str] | None = None,
        cause: str | None = None,
        detail: str = "",
        maintenance: str | None = None,
        stalled: str | None = None,
        own_connections: int = 1,
        pending_thread: int | None = None,
        lost_thread: bool = False,
        network: NetworkState | None = None,
    ) -> None:
        self.values = values or {}
        self.cause = cause
        self.detail = detail
        self.maintenance = maintenance
        self.stalled = stalled
        self.own_connections = own_connections
        self.pending_thread = pending_thread
        self.lost_thread = lost_thread
        self.network = network

    def with_stalled(self, reason: str | None) -> Facts:
        """Return the same facts with what the storage check says."""
        return Facts(
            self.values,
            self.cause,
            self.detail,
            self.maintenance,
            reason,
            self.own_connections,
            self.pending_thread,
            self.lost_thread,
            self.network,
        )

    def with_network(self, state: NetworkState | None) -> Facts:
        """Return the same facts with what the host knows of the network."""
        facts = self.with_stalled(self.stalled)
        facts.network = state
        return facts

    def get(self, name: str) -> str | None:
        """Return a variable's text, None if the server does not know it."""
        return self.values.get(name)

    @property
    def settings(self) -> str:
        """What nodes must have in common, as `name=value; name=value`; empty when the server did not say.

        The cluster's id and size are only among them while the node is in the Primary component.
        """
        names = (*ALIKE, *COMPONENT) if self.get("wsrep_cluster_status") == "Primary" else ALIKE
        return "; ".join(f"{name}={self.values[name]}" for name in names if name in self.values)

    def number(self, name: str) -> int | None:
        """Return a variable as an int, None if the server does not know it or its text is not a number."""
        text = self.values.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else None
