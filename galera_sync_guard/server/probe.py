"""Asks the local server for its facts over one connection, within one time limit; the only module that talks to it."""

import errno
import os
import select
import stat
import struct
import sys

from galera_sync_guard.decision.facts import Cause, Facts
from ocfpy import codes
from ocfpy.codes import Failure
from ocfpy.deadline import TimeIsUp, uninterrupted
from ocfpy.parameters import Secret, format_seconds

# All that classify looks at, plus what tells whether our own connection counts in Threads_connected.
STATUS = (
    "wsrep_local_state",
    "wsrep_local_state_comment",
    "wsrep_cluster_status",
    "wsrep_ready",
    "wsrep_cluster_size",
    "wsrep_local_recv_queue",
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
    "pxc_maint_mode",
    "extra_port",
)

# wsrep_sync_wait set globally makes even SHOW wait for other nodes; MariaDB lifts it for one statement, others for
# the session. SESSION status: the wsrep values are the server's, and it stays cheap with many connections.
SHOW_STATUS = "SHOW SESSION STATUS WHERE Variable_name IN ({})".format(", ".join(f"'{name}'" for name in STATUS))
SHOW_VARIABLES = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ({})".format(
    ", ".join(f"'{name}'" for name in VARIABLES)
)
WITHOUT_SYNC_WAIT = "SET STATEMENT wsrep_sync_wait=0 FOR "
SESSION_WITHOUT_SYNC_WAIT = "SET SESSION wsrep_sync_wait=0"
# By its text too: after a restart the server gives the same numbers to others.
FIND_THREAD = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = %d AND INFO LIKE '%%Variable_name IN (%%'"

# MariaDB's error number -> the cause (MariaDB Error Codes); with every other number the guard cannot observe.
CAUSE_OF_SERVER_ERROR = {
    1040: Cause.FULL,  # ER_CON_COUNT_ERROR, before the handshake too
    1041: Cause.FULL,  # ER_OUT_OF_RESOURCES
    1135: Cause.FULL,  # ER_CANT_CREATE_THREAD
    1047: Cause.NOT_READY,  # ER_UNKNOWN_COM_ERROR: WSREP has not yet prepared node for application use
    1053: Cause.DOWN,  # ER_SERVER_SHUTDOWN
    1044: Cause.DENIED,  # ER_DBACCESS_DENIED_ERROR
    1045: Cause.DENIED,  # ER_ACCESS_DENIED_ERROR
    1130: Cause.DENIED,  # ER_HOST_NOT_PRIVILEGED
    1698: Cause.DENIED,  # ER_ACCESS_DENIED_NO_PASSWORD_ERROR: no such user, or unix_socket says no
}
NO_SUCH_STATEMENT = (1064, 1193)  # ER_PARSE_ERROR, ER_UNKNOWN_SYSTEM_VARIABLE: not MariaDB

# PyMySQL's number for a handshake of TLS that failed; the cause is its original_exception.
CANNOT_CONNECT = 2003

# The server's CLIENT_SSL capability; PyMySQL goes on in clear without it.
TLS_CAPABILITY = 0x800

# The socket's error before the greeting -> the cause; with every other the guard cannot observe.
CAUSE_OF_CONNECT_ERROR = {
    errno.ENOENT: Cause.DOWN,
    errno.ECONNREFUSED: Cause.DOWN,
    errno.ECONNRESET: Cause.CONNECTION_LOST,
}

# PyMySQL's numbers for a connection that the server closed (CR_SERVER_GONE_ERROR, CR_SERVER_LOST).
CONNECTION_LOST_ERRORS = (2006, 2013)

# What PyMySQL raises, besides its own errors, on bytes that are not its protocol.
NOT_THE_PROTOCOL = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)

# What a watcher's connection outlasts.
WHILE_CONNECTED = (None, Cause.HUNG, Cause.NOT_READY)

# Steps: before the server has any part in how long it takes; on a unix socket, which nothing else keeps from being
# connected at once; and until it has let us in.
PREPARING = "preparing"
DIALLING = "its backlog of connections is full"
LOGGING_IN = "connecting and logging in"

# How long a server that has closed the watcher's connection may take to greet the next, in seconds: one that is being
# stopped greets nobody for a second or two before it refuses, one that works does within a millisecond (MariaDB 10.11).
GREETS_WITHIN = 0.3

# Longer than the server's first packet when that is an error: 4 bytes in front, 0xff, the number, a text of up to 512.
REFUSAL = 1024


class Line:
    """The way to the server that a watcher keeps from one probe to the next: one open connection.

    The one to a server that takes connections and greets nobody (it is stopped) is kept too, as a canary, and there is
    no other until it is greeted or closed: what hangs in the server's backlog does not pile up.
    """

    def __init__(self):
        self.connection = None
        self.is_mariadb = True
        self.was_closed = False  # by the server, which has greeted nobody since
        self._canary = None  # the socket of a connection that was not greeted yet
        self._was_woken = False

    def is_open(self):
        """Return whether there is a connection to ask over; one that the server has closed, or spoke on unasked, goes."""
        if self.connection and _is_readable(self.connection._sock):
            self.was_closed = True
            self.hang_up()
        return self.connection is not None

    def hang_up(self):
        """Close the connection, if there is one."""
        connection, self.connection = self.connection, None
        if connection and connection.open:
            connection.close()
        self._drop_canary()

    def dial(self, parameters):
        """Open the socket of a connection, with the options that PyMySQL would give it; raises OSError."""
        import socket

        if parameters.host:
            canary = socket.create_connection((parameters.host, parameters.port))
            canary.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            canary.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        else:
            canary = socket.socket(socket.AF_UNIX)
            canary.connect(parameters.socket)
        self._canary = canary

    def first_bytes(self):
        """Wait until the server says something, and return it, or its beginning, without taking it; raises OSError.

        None if that takes too long for a server that closed the connection before.
        """
        from socket import MSG_PEEK

        if self.was_closed and not _is_readable(self._canary, GREETS_WITHIN):
            return None
        first = self._canary.recv(REFUSAL, MSG_PEEK)
        self.was_closed = self.was_closed and not first
        return first

    def log_in(self, connection):
        """Let a connection of PyMySQL's, which is not connected yet, take the socket over and log in."""
        canary, self._canary = self._canary, None
        connection.connect(canary)
        self.connection = connection

    def is_unheard(self):
        """Return whether the canary still waits for a greeting."""
        if self._canary and _is_readable(self._canary):
            self._drop_canary()
        return self._canary is not None

    def wait(self, seconds, others=()):
        """Wait for that time, or until the server closes the connection or greets the canary, and return whether it did.

        Never twice in a row at once: what nobody reads must not make a watcher spin. One of the `others` that becomes
        readable ends the wait too.
        """
        source = self._canary or (self.connection and self.connection._sock)
        sources = [source] if source and not self._was_woken else []
        ready = select.select([*sources, *others], [], [], seconds)[0]
        self._was_woken = bool(sources) and source in ready
        return self._was_woken

    def _drop_canary(self):
        canary, self._canary = self._canary, None
        if canary:
            canary.close()


def _is_readable(source, seconds=0):
    return bool(select.select([source], [], [], seconds)[0])


def observe(parameters, deadline, seconds, pending_thread=None, may_search=True, question_type=None, line=None):
    """Return the Facts of the local node, after `seconds` (and never after the deadline) at the latest.

    Never raises for what a server does: what keeps us from asking is the cause in the facts. `pending_thread` is
    the server's id of an earlier probe's thread that got no answer: while it still waits there is no second question,
    so that a server whose storage hangs collects no threads of ours. With `may_search` false it is taken to wait still.
    `question_type` is a Question that asks more than a monitor does. A watcher's `line` is used and kept open; without one
    the connection ends with the probe.
    """
    reason = maintenance_reason(parameters.maintenance_file)
    if reason is not None:
        return Facts(maintenance=reason, pending_thread=pending_thread)
    if line and line.is_unheard():
        return _unheard(line, pending_thread)
    question = (question_type or Question)(parameters, pending_thread, may_search, line)
    try:
        with deadline.limit(seconds):
            facts = question.ask()
            if facts.cause == Cause.CONNECTION_LOST:
                # A server that is just going down is gone by now.
                question = (question_type or Question)(parameters, pending_thread, may_search, line)
                facts = question.ask()
            return facts
    except TimeIsUp:
        if question.step == PREPARING:
            return Facts(
                cause=Cause.CANNOT_OBSERVE,
                detail=f"could not ask within {format_seconds(seconds)}, still {PREPARING}",
                pending_thread=pending_thread,
            )
        facts = Facts(
            cause=Cause.HUNG,
            detail=f"no answer within {format_seconds(seconds)} while {question.step}",
            pending_thread=question.waiting_thread(),
            lost_thread=question.is_searching,
        )
    except Failure as failure:
        return Facts(cause=Cause.CANNOT_OBSERVE, detail=failure.reason)
    if line and line.connection:
        line.hang_up()
    return facts


def _unheard(line, pending_thread):
    cause, does = (Cause.DOWN, "has closed the connection") if line.was_closed else (Cause.HUNG, "takes connections")
    return Facts(cause=cause, detail=f"the server {does} and greets nobody", pending_thread=pending_thread)


def maintenance_reason(path):
    """Return the first line of the maintenance file, "" when it cannot be read, None when there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return ""
    try:
        return os.read(descriptor, 200).decode("utf-8", "replace").partition("\n")[0].strip()
    except OSError:
        return ""
    finally:
        os.close(descriptor)


def check_host(parameters):
    """Raise Failure for what on this host keeps the guard from asking: driver, option file, operating system user."""
    _driver(parameters)
    _login(parameters)
    _tls(parameters)
    _os_user(parameters)


class Question:
    """One connection and what is asked over it.

    `step` names what was under way when time ran out, `is_searching` whether that was the search for an earlier thread.
    """

    def __init__(self, parameters, pending_thread, may_search, line=None):
        self._parameters = parameters
        self._pending_thread = pending_thread
        self._may_search = may_search
        self._keeps_line = line is not None
        self._line = line or Line()
        self._asked = False
        self.is_searching = False
        self.step = PREPARING

    def ask(self):
        """Connect, ask and return the Facts; TimeIsUp passes through."""
        facts = None if self._line.is_open() else self._connect()
        if facts is None:
            self.step = PREPARING
            facts = self._talk(_driver(self._parameters))
        if facts.cause == Cause.FULL:
            facts.pending_thread = self._pending_thread
        if facts.cause == Cause.CONNECTION_LOST:
            self._line.was_closed = True
        is_open = facts.cause in WHILE_CONNECTED and not facts.own_connections
        if not (self._keeps_line and (is_open or self._line.is_unheard())):
            self._line.hang_up()
        return facts

    def _connect(self):
        """Wait for the greeting; return the Facts if there is none: they cost no driver."""
        parameters = self._parameters
        user, password = _login(parameters)
        self._arguments = {"user": user, "password": password.reveal(), "autocommit": None, **_tls(parameters)}
        identity = _os_user(parameters)
        self.step = LOGGING_IN if parameters.host else DIALLING
        try:
            with identity:
                self._line.dial(parameters)
            self.step = LOGGING_IN
            first = self._line.first_bytes()
        except OSError as error:
            return self._cannot_connect(error)
        if first is None:
            return _unheard(self._line, self._pending_thread)
        refusal = _refusal(first)
        return refusal and _server_error(*refusal)

    def _talk(self, pymysql):
        try:
            if not self._line.connection:
                self._log_in(pymysql)
            return self._ask()
        except pymysql.Error as error:
            return self._error_facts(error)
        except OSError as error:
            return Facts(cause=Cause.CANNOT_OBSERVE, detail=f"cannot begin to connect: {error}")
        except NOT_THE_PROTOCOL as error:
            return Facts(cause=Cause.CANNOT_OBSERVE, detail=f"protocol error: {type(error).__name__}: {error}")

    def _log_in(self, pymysql):
        self.step = LOGGING_IN
        connection = pymysql.connect(host=self._parameters.host, defer_connect=True, **self._arguments)
        # What PyMySQL notes of a unix socket that it opens itself: a password in clear is safe there.
        connection._secure = not self._parameters.host
        self._line.log_in(connection)

    def _ask(self):
        if self._parameters.ssl_ca and not self._line.connection.server_capabilities & TLS_CAPABILITY:
            return Facts(cause=Cause.CANNOT_OBSERVE, detail="the server offers no TLS, and ssl_ca asks for it")
        if self._pending_thread and self._still_waits():
            return Facts(
                cause=Cause.HUNG,
                detail=f"an earlier probe still waits for its answer (thread {self._pending_thread})",
                pending_thread=self._pending_thread,
                own_connections=0,
            )
        self._pending_thread = None
        facts = Facts(self.show())
        facts.own_connections = self._connections_to_give_back(facts)
        return facts

    def _connections_to_give_back(self, facts):
        """Return how many of Threads_connected end with this probe.

        None when the line stays open: then our place is one that no application can have. But the one place that the
        server keeps for an administrator, beyond max_connections, is never ours for longer than a probe.
        """
        if self._parameters.host and facts.get("extra_port") == str(self._parameters.port):
            return 0
        used, most = facts.number("threads_connected"), facts.number("max_connections")
        return 0 if self._keeps_line and not (used and most and used > most) else 1

    def waiting_thread(self):
        """The server's id of the thread that has our question and no answer to it, None if there is none."""
        if self._asked:
            return self._line.connection.thread_id()
        return self._pending_thread

    def _still_waits(self):
        if self._line.connection.thread_id() < self._pending_thread:
            return False  # the server was restarted
        if not self._may_search:
            return True
        self.step = "looking for the earlier probe's thread"
        self.is_searching = True
        found = self.rows(FIND_THREAD % self._pending_thread)[0][0] == 1
        self.is_searching = False
        return found

    def show(self):
        """Return all variables that classify looks at; a subclass may add others."""
        self._asked = True
        self.step = "it should answer SHOW STATUS"
        rows = self.rows(SHOW_STATUS)
        self.step = "it should answer SHOW VARIABLES"
        rows += self.rows(SHOW_VARIABLES)
        return {name.lower(): value for name, value in rows}

    def rows(self, statement):
        """Return the rows of one statement, which does not wait for other nodes."""
        if self._line.is_mariadb:
            try:
                return self._execute(WITHOUT_SYNC_WAIT + statement)
            except self._line.connection.Error as error:
                if error.args[0] not in NO_SUCH_STATEMENT:
                    raise
            self._line.is_mariadb = False
            self._execute(SESSION_WITHOUT_SYNC_WAIT)
        return self._execute(statement)

    def _execute(self, statement):
        with self._line.connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def _error_facts(self, error):
        number, *text = error.args
        if number == CANNOT_CONNECT:
            return self._cannot_connect(error.original_exception)
        if not isinstance(number, int):
            return Facts(cause=Cause.CANNOT_OBSERVE, detail=f"protocol error: {number}")
        return _server_error(number, " ".join(text))

    def _cannot_connect(self, error):
        return Facts(
            cause=CAUSE_OF_CONNECT_ERROR.get(error.errno, Cause.CANNOT_OBSERVE),
            detail=f"{_address(self._parameters)}: {error.strerror or error}",
        )


def _refusal(first):
    """Return (number, text) of the error that a server sends in place of its greeting, None if these bytes are no such.

    Before the handshake it carries no SQL state, which PyMySQL takes the beginning of the text for.
    """
    if first[4:5] == b"\xff" and 3 <= int.from_bytes(first[:3], "little") == len(first) - 4:
        return int.from_bytes(first[5:7], "little"), first[7:].decode("utf-8", "replace")
    return None


def _server_error(number, text):
    cause = (
        Cause.CONNECTION_LOST
        if number in CONNECTION_LOST_ERRORS
        else CAUSE_OF_SERVER_ERROR.get(number, Cause.CANNOT_OBSERVE)
    )
    return Facts(cause=cause, detail=f"error {number}: {text}")


def _address(parameters):
    return f"{parameters.host}:{parameters.port}" if parameters.host else parameters.socket


def _driver(parameters):
    """Import PyMySQL without what a monitor pays for and never uses; raise Failure with code 5 if it is missing.

    `cryptography` costs more than all the rest together and serves no login of MariaDB, `_hashlib` and `ssl` load
    OpenSSL; a None in sys.modules makes their import fail, and PyMySQL and hashlib do without (Python reference, "The
    import system"). `traceback`, which the driver uses for errors that it does not expect, is loaded when it does.
    """
    for name in ("cryptography", "getpass") if parameters.ssl_ca else ("cryptography", "getpass", "ssl", "_hashlib"):
        sys.modules.setdefault(name, None)
    sys.modules.setdefault("traceback", _LoadedWhenUsed("traceback"))
    try:
        import pymysql.connections
    except ImportError as error:
        raise Failure(codes.OCF_ERR_INSTALLED, f"the driver PyMySQL is missing, install python3-pymysql ({error})")
    return pymysql


class _LoadedWhenUsed(type(sys)):
    """Stands in sys.modules for a module until somebody wants something of it."""

    def __getattr__(self, name):
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(__import__(self.__name__), name)


def _login(parameters):
    """Return user and password (a Secret); raise Failure for an option file that is missing or not safe."""
    user = parameters.user if "user" in parameters.given else None
    password = ""
    if parameters.defaults_file:
        _driver(parameters)
        section = _client_section(parameters.defaults_file)
        user = user or section.get("user")
        password = section.get("password") or ""
    return user or parameters.os_user or parameters.user, Secret(password)


def _client_section(path):
    import configparser

    from pymysql.optionfile import Parser

    try:
        # Never waiting for a writer, should it be a pipe.
        with open(path, encoding="utf-8", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Failure(codes.OCF_ERR_ARGS, f"defaults_file {path} is no file")
            if status.st_uid != 0 or stat.S_IMODE(status.st_mode) & 0o077:
                raise Failure(
                    codes.OCF_ERR_PERM,
                    f"defaults_file {path} must belong to root and be readable by nobody else:"
                    " chown root:root and chmod 600",
                )
            parser = Parser(strict=False)
            parser.read_file(line for line in file if not line.startswith("!"))
    except OSError as error:
        raise Failure(codes.OCF_ERR_ARGS, f"defaults_file {path}: {error.strerror}") from None
    except (configparser.Error, UnicodeError):
        raise Failure(codes.OCF_ERR_ARGS, f"defaults_file {path} is no option file") from None
    if not parser.has_section("client"):
        raise Failure(codes.OCF_ERR_ARGS, f"defaults_file {path} has no section [client]")
    return {name: parser.get("client", name) for name in parser.options("client")}


def _tls(parameters):
    """Return the driver's arguments for TLS; raise Failure for a file that cannot be read."""
    if not parameters.ssl_ca:
        return {"ssl_disabled": True}
    files = {name: getattr(parameters, name) for name in ("ssl_ca", "ssl_cert", "ssl_key")}
    for name, path in files.items():
        try:
            if path:
                os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError as error:
            raise Failure(codes.OCF_ERR_ARGS, f"{name} {path}: {error.strerror}") from None
    return {**files, "ssl_verify_cert": True}


class _Identity:
    """A context in which this process has the effective rights of another operating system user, and all of them."""

    def __init__(self, uid, gid):
        self._uid = uid
        self._gid = gid

    @uninterrupted
    def __enter__(self):
        self._groups = os.getgroups()
        os.setgroups([self._gid])
        os.setegid(self._gid)
        os.seteuid(self._uid)

    @uninterrupted
    def __exit__(self, *exception):
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(self._groups)


class _SameIdentity:
    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None


def _os_user(parameters):
    if not parameters.os_user:
        return _SameIdentity()
    import pwd

    try:
        entry = pwd.getpwnam(parameters.os_user)
    except KeyError:
        raise Failure(codes.OCF_ERR_ARGS, f"os_user {parameters.os_user}: there is no such user on this node")
    return _Identity(entry.pw_uid, entry.pw_gid)
