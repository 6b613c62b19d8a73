"""PyMySQL's connection with bounds: on the bytes that it takes from a server, and on when it gives the password."""

from __future__ import annotations

import struct

from pymysql.connections import Connection
from pymysql.constants import CLIENT
from pymysql.err import Error

from galera_sync_guard.server.connection import ProtocolError, ServerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket

    from pymysql.protocol import MysqlPacket

    from galera_sync_guard.server.credentials import Login

# Bytes of one packet and of all packets of one probe: many times what a server has to say, and little memory.
MAX_PACKET = 64 * 1024
MAX_PROBE = 256 * 1024

# Logins that keep the password secret on a connection that can be listened to. PyMySQL encrypts the password for the two
# that may ask for more than a hash, or fails.
SAFE_WITHOUT_TLS = (b"mysql_native_password", b"client_ed25519", b"caching_sha2_password", b"sha256_password")

# What a site sets for its applications must not change what SHOW answers, or when: each session of the guard sets its own.
SESSION = (
    "wsrep_sync_wait=0",  # else even SHOW waits for other nodes
    "sql_select_limit=18446744073709551615",
    "max_statement_time=0",
    "sql_big_selects=1",
    "sql_mode=''",
    "character_set_results=utf8mb4",
    "wait_timeout=28800",
)
NO_SUCH_VARIABLE = (1064, 1193)  # ER_PARSE_ERROR, ER_UNKNOWN_SYSTEM_VARIABLE

# PyMySQL's number for a handshake of TLS that failed; the cause is its original_exception.
CANNOT_CONNECT = 2003

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


class _Connection(Connection):
    """PyMySQL's connection, which stops reading and logging in where it must."""

    server_capabilities: int
    _sock: _socket.socket
    _secure: bool
    bytes_left = MAX_PROBE

    def _read_bytes(self, num_bytes: int) -> bytes:
        self.bytes_left -= num_bytes
        if num_bytes > MAX_PACKET or self.bytes_left < 0:
            raise ProtocolError(
                f"the server sends too much: more than {MAX_PACKET} bytes in a packet, or {MAX_PROBE} in a probe"
            )
        return super()._read_bytes(num_bytes)  # type: ignore[misc, no-any-return]

    def _get_server_information(self) -> None:
        super()._get_server_information()  # type: ignore[misc]
        if self.ssl and not self.server_capabilities & CLIENT.SSL:
            raise ProtocolError("the server offers no TLS, and ssl_ca asks for it")

    def _process_auth(self, plugin_name: bytes, auth_packet: MysqlPacket, *handler: object) -> MysqlPacket:
        if not self._secure and plugin_name not in SAFE_WITHOUT_TLS:
            plugin = plugin_name.decode("ascii", "replace")
            raise ProtocolError(f"the server asks for a login by {plugin}, which shows the password without TLS")
        return super()._process_auth(plugin_name, auth_packet, *handler)  # type: ignore[misc, no-any-return]


class _TranslatedErrors:
    """A context in which PyMySQL's errors become those of connection.py; an OSError passes."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Error):
            number, *text = error.args or ("an error without a number",)
            if number == CANNOT_CONNECT:
                raise getattr(error, "original_exception", error) from None
            if not isinstance(number, int):
                raise ProtocolError(f"protocol error: {number}") from None
            raise ServerError(number, " ".join(map(str, text))) from None
        if isinstance(error, NOT_THE_PROTOCOL):
            raise ProtocolError(f"protocol error: {type(error).__name__}: {error}") from None


TRANSLATED_ERRORS = _TranslatedErrors()


class Client:
    """One login to the server; its methods raise ServerError, ProtocolError or OSError."""

    def __init__(self, login: Login, host: str | None) -> None:
        try:
            with TRANSLATED_ERRORS:
                # Without converters every value comes as text, whatever type the server gives it.
                self._connection = _Connection(
                    user=login.user,
                    password=login.password.reveal(),
                    host=host,
                    defer_connect=True,
                    autocommit=None,
                    conv={},
                    ssl_disabled=not login.ssl_ca,
                    ssl_ca=login.ssl_ca,
                    ssl_cert=login.ssl_cert,
                    ssl_key=login.ssl_key,
                    ssl_verify_cert=True if login.ssl_ca else None,
                )
        except OSError as error:
            raise ProtocolError(f"cannot begin to connect: {error}") from None
        # What PyMySQL notes of a unix socket that it opens itself: a password in clear is safe there.
        self._connection._secure = not host
        self._is_prepared = False

    def connect(self, pending: _socket.socket) -> None:
        """Take over a socket on which the server has sent its handshake, and log in."""
        with TRANSLATED_ERRORS:
            self._connection.connect(pending)  # type: ignore[arg-type]  # it uses what UnixSocket has

    def begin_probe(self) -> None:
        """Grant another probe's bytes, and set what this session needs if it is not set yet."""
        self._connection.bytes_left = MAX_PROBE
        if not self._is_prepared:
            self._prepare()
            self._is_prepared = True

    def _prepare(self) -> None:
        try:
            self.execute(f"SET SESSION {', '.join(SESSION)}")
        except ServerError as error:
            if error.number not in NO_SUCH_VARIABLE:
                raise
            for setting in SESSION:
                self._set_if_known(setting)

    def _set_if_known(self, setting: str) -> None:
        try:
            self.execute(f"SET SESSION {setting}")
        except ServerError as error:
            if error.number not in NO_SUCH_VARIABLE:
                raise

    def close(self) -> None:
        """Say goodbye to the server and close the socket."""
        if self._connection.open:
            self._connection.close()

    def fileno(self) -> int:
        """Return the socket's descriptor, for select."""
        return self._connection._sock.fileno()

    def thread_id(self) -> int:
        """Return the server's id of the thread that serves this client."""
        return int(self._connection.thread_id())  # type: ignore[no-untyped-call]

    def execute(self, statement: str) -> list[tuple[str | None, ...]]:
        """Return the rows of one statement."""
        with TRANSLATED_ERRORS, self._connection.cursor() as cursor:
            cursor.execute(statement)
            return [tuple(map(_text, row)) for row in cursor.fetchall()]

    def pairs(self, statement: str) -> dict[str, str]:
        """Return the rows of a statement with two columns, names in lower case; a NULL counts as missing."""
        found = {}
        for row in self.execute(statement):
            if len(row) != 2:
                raise ProtocolError(f"protocol error: {len(row)} columns in place of a name and a value")
            name, value = row
            if name is None:
                raise ProtocolError("protocol error: a value without a name")
            if value is not None:
                found[name.lower()] = value
        return found


def _text(value: str | bytes | None) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
