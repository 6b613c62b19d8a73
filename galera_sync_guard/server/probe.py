"""Asks the local server for its facts over one connection, within one time limit."""

from __future__ import annotations

import os

from galera_sync_guard.decision.facts import Cause, Facts
from galera_sync_guard.host.maintenance import maintenance_reason
from galera_sync_guard.server import questions
from galera_sync_guard.server.connection import ProtocolError, ServerConnection, ServerError
from galera_sync_guard.server.credentials import Identity, find_identity, read_login
from ocfpy.codes import Failure
from ocfpy.deadline import Deadline, TimeIsUp
from ocfpy.parameters import format_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from galera_sync_guard.parameters import GuardParameters
    from galera_sync_guard.server.client import Client

# With these causes a watcher keeps its connection.
KEPT_WITH = (None, Cause.HUNG, Cause.NOT_READY)

# Steps: what the server has no part in; connecting a unix socket, which only a full backlog delays; until the server has
# let us in; and the statements.
PREPARING = "preparing"
CONNECTING = "its backlog of connections is full"
LOGGING_IN = "connecting and logging in"
SEARCHING = "looking for the earlier probe's thread"
SHOWING_STATUS = "it should answer SHOW STATUS"
SHOWING_VARIABLES = "it should answer SHOW VARIABLES"

# A server that works sends its handshake within a millisecond (MariaDB 10.11). After so many seconds without one,
# systemd is asked whether it stops the server.
HANDSHAKE_DELAY = 0.2

# systemd has a link here for each service that runs (systemd 236 and later); and what a server's service is called.
RUNNING_UNITS = "/run/systemd/units"
SERVICES = ("invocation:mariadb.service", "invocation:mysql.service", "invocation:mysqld.service")
INSTANCES = ("invocation:mariadb@", "invocation:mysql@")

# Characters of a value or an error text: what a server says goes into reasons, attributes and logs.
MAX_VALUE = 120
MAX_DETAIL = 200


class NoValues(Exception):
    """The probe ends without values from the server; `facts` say why."""

    def __init__(self, cause: str, detail: str, pending_thread: int | None = None) -> None:
        super().__init__(cause, detail)
        self.facts = Facts(
            cause=cause,
            detail=shorten(detail, MAX_DETAIL),
            pending_thread=None if cause == Cause.DOWN else pending_thread,
        )


def probe_node(
    parameters: GuardParameters,
    deadline: Deadline,
    seconds: float,
    pending_thread: int | None = None,
    may_search: bool = True,
    *,
    connection: ServerConnection | None = None,
    session_type: type[ProbeSession] | None = None,
    on_step: Callable[[str], None] | None = None,
    ignore_maintenance: bool = False,
) -> Facts:
    """Return the Facts of the local node, after `seconds` (and never after the deadline) at the latest.

    Never raises for what a server does: what keeps us from asking is the cause in the facts. `pending_thread` is
    the server's id of an earlier probe's thread that got no answer: while it still waits no second question is sent,
    so that a server whose storage hangs collects no threads of ours. With `may_search` false it is taken to wait still.
    A watcher's `connection` is used and kept open; without one the connection ends with the probe. `session_type` is a
    ProbeSession that asks for more than a monitor does. `on_step` is called with the name of each step that begins.
    """
    if not ignore_maintenance:
        reason = maintenance_reason(parameters.maintenance_file)
        if reason is not None:
            return Facts(maintenance=reason, pending_thread=pending_thread)
    if connection and connection.is_awaiting_handshake():
        return _no_handshake(pending_thread)

    def session() -> ProbeSession:
        return (session_type or ProbeSession)(parameters, pending_thread, may_search, connection, on_step)

    current = session()
    try:
        with deadline.limit(seconds):
            facts = current.ask()
            if facts.cause == Cause.CONNECTION_LOST:
                # A server that is just going down is gone by now.
                current = session()
                facts = current.ask()
            return facts
    except TimeIsUp:
        facts = current.timed_out(seconds)
    except Failure as failure:
        facts = NoValues(Cause.CANNOT_OBSERVE, failure.reason, pending_thread).facts
    current.close_unless_pending()
    return facts


def _no_handshake(pending_thread: int | None) -> Facts:
    return NoValues(Cause.HUNG, "the server accepts connections but sends no handshake", pending_thread).facts


def check_host(parameters: GuardParameters) -> None:
    """Raise Failure for what on this host keeps the guard from asking: driver, option file, operating system user."""
    from galera_sync_guard.server.driver import load_client

    load_client(bool(parameters.ssl_ca))
    read_login(parameters)
    find_identity(parameters)


class ProbeSession:
    """One connection and what is asked over it; `step` names what is under way."""

    def __init__(
        self,
        parameters: GuardParameters,
        pending_thread: int | None,
        may_search: bool,
        connection: ServerConnection | None = None,
        on_step: Callable[[str], None] | None = None,
    ) -> None:
        self._parameters = parameters
        self._pending_thread = pending_thread
        self._may_search = may_search
        self._is_kept = connection is not None
        self._connection = connection or ServerConnection()
        self._on_step = on_step
        self._asked_thread: int | None = None
        self.step = ""
        self.begin_step(PREPARING)

    def begin_step(self, name: str) -> None:
        """Note what is under way from now on."""
        self.step = name
        if self._on_step:
            self._on_step(name)

    def ask(self) -> Facts:
        """Connect, ask and return the Facts; raises Failure, and TimeIsUp passes through."""
        try:
            client = self._connection.client() or self._connect()
            client.begin_probe()
            facts = self._ask(client)
        except NoValues as ended:
            facts = ended.facts
        except ServerError as error:
            if self.step == SEARCHING:
                self._pending_thread = None  # what cannot be found must not keep the next probe from asking
            facts = self._server_error(error).facts
        except ProtocolError as error:
            facts = NoValues(Cause.CANNOT_OBSERVE, str(error), self._pending_thread).facts
        except OSError as error:
            facts = self._socket_error(error).facts
        if not (self._is_kept and facts.cause in KEPT_WITH and not facts.own_connections):
            self._connection.close()
        return facts

    def timed_out(self, seconds: float) -> Facts:
        """Return the Facts of a probe whose time is over."""
        limit = format_seconds(seconds)
        if self.step == PREPARING:
            return NoValues(
                Cause.CANNOT_OBSERVE, f"could not ask within {limit}, still {PREPARING}", self._pending_thread
            ).facts
        return Facts(
            cause=Cause.HUNG,
            detail=f"no answer within {limit} while {self.step}",
            pending_thread=self._asked_thread or self._pending_thread,
            lost_thread=self.step == SEARCHING,
        )

    def close_unless_pending(self) -> None:
        """Close the connection, except for a socket that still waits for the handshake."""
        if not (self._is_kept and self._connection.is_awaiting_handshake()):
            self._connection.close()

    def show(self, client: Client) -> dict[str, str]:
        """Return all variables that classify looks at; a subclass may add others."""
        self.begin_step(SHOWING_STATUS)
        values = client.pairs(questions.SHOW_STATUS)
        self.begin_step(SHOWING_VARIABLES)
        values.update(client.pairs(questions.SHOW_VARIABLES))
        return {name: shorten(value, MAX_VALUE) for name, value in values.items()}

    def _connect(self) -> Client:
        """Find out whether a server listens and answers, before anything else that can go wrong; then log in."""
        parameters = self._parameters
        identity, trouble = Identity(), None
        try:
            identity = find_identity(parameters)
        except Failure as failure:
            trouble = failure
        service = _stopped_service(parameters) if _may_be_stopped() else None
        if service:
            raise NoValues(Cause.DOWN, f"{service} is stopped, and systemd would start it for a connection")
        self.begin_step(LOGGING_IN if parameters.host else CONNECTING)
        with identity:
            self._connection.open_socket(parameters)
        self.begin_step(LOGGING_IN)
        if not self._connection.is_answered_within(HANDSHAKE_DELAY):
            self._raise_if_stopping()
        first = self._connection.peek_handshake()
        if not first:
            raise NoValues(Cause.CONNECTION_LOST, "the server closed the connection before its handshake")
        refused = questions.refusal(first)
        if refused:
            raise refused
        self.begin_step(PREPARING)
        if trouble:
            raise trouble
        login = read_login(parameters)
        from galera_sync_guard.server.driver import load_client

        client_type = load_client(bool(parameters.ssl_ca))
        self.begin_step(LOGGING_IN)
        return self._connection.log_in(client_type, login, parameters.host)

    def _raise_if_stopping(self) -> None:
        """Raise NoValues if systemd is stopping the server, which still accepts connections for a second or two."""
        pid = self._connection.server_pid()
        if not pid:
            return
        from galera_sync_guard.server.activation import stopping_service

        service = stopping_service(self._parameters, pid)
        if service:
            raise NoValues(Cause.DOWN, f"{service} is being stopped, and sends no handshake")

    def _ask(self, client: Client) -> Facts:
        if self._pending_thread and self._still_waits(client, self._pending_thread):
            return Facts(
                cause=Cause.HUNG,
                detail=f"an earlier probe still waits for its answer (thread {self._pending_thread})",
                pending_thread=self._pending_thread,
                own_connections=0,
            )
        self._pending_thread = None
        self._asked_thread = client.thread_id()
        values = self.show(client)
        return Facts(values, own_connections=self._connections_to_give_back(Facts(values)))

    def _still_waits(self, client: Client, pending_thread: int) -> bool:
        if client.thread_id() < pending_thread:
            return False  # the server was restarted
        if not self._may_search:
            return True
        self.begin_step(SEARCHING)
        return client.execute(questions.FIND_THREAD.format(pending_thread)) == [("1",)]

    def _connections_to_give_back(self, facts: Facts) -> int:
        """Return how many of Threads_connected end with this probe.

        None when the connection is kept: then our place is one that no application can have. But the one place that
        the server keeps for an administrator, beyond max_connections, is never ours for longer than a probe.
        """
        if self._parameters.host and facts.get("extra_port") == str(self._parameters.port):
            return 0
        used, most = facts.number("threads_connected"), facts.number("max_connections")
        return 0 if self._is_kept and not (used and most and used > most) else 1

    def _server_error(self, error: ServerError) -> NoValues:
        cause = questions.cause_of_server_error(error)
        return NoValues(cause, f"error {error.number}: {error.text}", self._pending_thread)

    def _socket_error(self, error: OSError) -> NoValues:
        host, port = self._parameters.host, self._parameters.port
        address = f"{host}:{port}" if host else self._parameters.socket
        cause = questions.CAUSE_OF_SOCKET_ERROR.get(error.errno or 0, Cause.CANNOT_OBSERVE)
        return NoValues(cause, f"{address}: {error.strerror or error}", self._pending_thread)


def _may_be_stopped() -> bool:
    """Return whether systemd runs this machine and no service that is called like a server."""
    try:
        running = os.listdir(RUNNING_UNITS)
    except OSError:
        return False
    return not any(unit in SERVICES or unit.startswith(INSTANCES) for unit in running)


def _stopped_service(parameters: GuardParameters) -> str | None:
    from galera_sync_guard.server.activation import stopped_service

    return stopped_service(parameters)


def shorten(text: str, limit: int) -> str:
    """Return the text, or its beginning if it is longer than that many characters."""
    return text if len(text) <= limit else text[: limit - 3] + "..."
