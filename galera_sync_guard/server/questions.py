"""What the guard asks a server, and what its errors mean."""

from __future__ import annotations

import errno

from galera_sync_guard.decision.facts import ALIKE, CLUSTER_ID, Cause
from galera_sync_guard.server.connection import ServerError

# All that classify looks at, what tells whether our own connection counts in Threads_connected, and what `check` compares.
STATUS = (
    "wsrep_local_state",
    "wsrep_local_state_comment",
    "wsrep_cluster_status",
    "wsrep_ready",
    "wsrep_cluster_size",
    "wsrep_local_recv_queue",
    CLUSTER_ID,
    "Threads_connected",
)
VARIABLES = (
    "wsrep_on",
    "wsrep_reject_queries",
    "wsrep_desync",
    "wsrep_sst_donor_rejects_queries",
    "read_only",
    "super_read_only",
    "max_connections",
    "tx_read_only",
    "transaction_read_only",
    "offline_mode",
    "pxc_maint_mode",
    "extra_port",
    *(name for name in ALIKE if name != "max_connections"),
)

# SESSION status: the wsrep values are the server's, and it stays cheap with many connections.
SHOW_STATUS = "SHOW SESSION STATUS WHERE Variable_name IN ({})".format(", ".join(f"'{name}'" for name in STATUS))
SHOW_VARIABLES = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ({})".format(
    ", ".join(f"'{name}'" for name in VARIABLES)
)
# By its text too: after a restart the server gives the same numbers to others.
FIND_THREAD = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = {} AND INFO LIKE '%Variable_name IN (%'"

# MariaDB's error number -> the cause (MariaDB Error Codes); with every other number the guard cannot observe.
CAUSE_OF_SERVER_ERROR = {
    1040: Cause.FULL,  # ER_CON_COUNT_ERROR, before the handshake too
    1041: Cause.FULL,  # ER_OUT_OF_RESOURCES
    1135: Cause.FULL,  # ER_CANT_CREATE_THREAD
    1047: Cause.NOT_READY,  # ER_UNKNOWN_COM_ERROR: WSREP has not yet prepared node for application use
    1053: Cause.DOWN,  # ER_SERVER_SHUTDOWN
    3032: Cause.OFFLINE,  # ER_SERVER_OFFLINE_MODE, of MySQL
    1044: Cause.DENIED,  # ER_DBACCESS_DENIED_ERROR
    1045: Cause.DENIED,  # ER_ACCESS_DENIED_ERROR
    1130: Cause.DENIED,  # ER_HOST_NOT_PRIVILEGED
    1698: Cause.DENIED,  # ER_ACCESS_DENIED_NO_PASSWORD_ERROR: no such user, or unix_socket says no
    1317: Cause.CONNECTION_LOST,  # ER_QUERY_INTERRUPTED, ER_CONNECTION_KILLED: a KILL
    1927: Cause.CONNECTION_LOST,
    2006: Cause.CONNECTION_LOST,  # PyMySQL's CR_SERVER_GONE_ERROR and CR_SERVER_LOST
    2013: Cause.CONNECTION_LOST,
}

# ER_NEW_ABORTING_CONNECTION: the login was accepted, and what the server runs for it then failed.
ABORTED_CONNECTION = 1184

# The socket's error before the handshake -> the cause; with every other the guard cannot observe.
CAUSE_OF_SOCKET_ERROR = {
    errno.ENOENT: Cause.DOWN,
    errno.ECONNREFUSED: Cause.DOWN,
    errno.ECONNRESET: Cause.CONNECTION_LOST,
}


def cause_of_server_error(error: ServerError) -> str:
    """Return the cause that an error of the server means."""
    if error.number == ABORTED_CONNECTION and "init_connect" in error.text:
        return Cause.INIT_CONNECT_FAILED
    return CAUSE_OF_SERVER_ERROR.get(error.number, Cause.CANNOT_OBSERVE)


def refusal(first: bytes) -> ServerError | None:
    """Return the error that a server sends in place of its handshake, None if these bytes are something else.

    Before the handshake it carries no SQL state, which PyMySQL takes the beginning of the text for.
    """
    if first[4:5] == b"\xff" and 3 <= int.from_bytes(first[:3], "little") == len(first) - 4:
        return ServerError(int.from_bytes(first[5:7], "little"), first[7:].decode("utf-8", "replace"))
    return None
