"""A scripted MySQL server: answers the agent's statements from a table, or misbehaves at any step it is told to.

A conversation has the steps greeting, login, session, pending, status and variables, in this order; `session` is what
the agent sets for its session, `pending` the question for an earlier probe's thread. A trouble for a step is called
with the conversation and the bytes that are due.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING

from tests.support.galera import HEALTHY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import Self

    Trouble = Callable[["Conversation", bytes], None]

STEPS = ("greeting", "login", "session", "pending", "status", "variables")

# Capabilities of the protocol: 4.1, 4.1 login, plugins, transactions, secure connection; no EOF replacement, no TLS.
CAPABILITIES = 0x00000200 | 0x00008000 | 0x00080000 | 0x00002000 | 0x00000001
AUTOCOMMIT = 0x0002
SALT = b"saltsalt" + b"saltsaltsalt"
VAR_STRING, LONGLONG = 0xFD, 0x08


class Server:
    """Listens on a unix socket (or, with path None, on 127.0.0.1 at `port`) until its context ends.

    Public: `values` the variables, None for a NULL, `trouble` step -> trouble, `received` every byte of every client,
    `statements` every text received but the driver's own, `unknown_variables` what cannot be set, `connections` how
    many were accepted, `threads` ids of the conversations that a real server would show in its process list, `running`
    the text of the statement that each of them executes.
    A conversation whose client has gone ends only when it next reads or writes, as in a real server whose storage
    hangs.
    """

    def __init__(self, path: str | Path | None = None, **trouble: Trouble) -> None:
        self.values: dict[str, str | None] = dict(HEALTHY)
        self.received = b""
        self.trouble = trouble
        self.statements: list[str] = []
        self.connections = 0
        self.threads: set[int] = set()
        self.running: dict[int, str] = {}
        self.peers: set[socket.socket] = set()
        self.unknown_variables: set[str] = set()
        self.closing = threading.Event()
        self._released = threading.Event()
        if path is None:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.port = self._listener.getsockname()[1]
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(path))
            self._listener.listen(100)
        self._path = path

    def __enter__(self) -> Self:
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        self._runs = True
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End everything; the socket file stays behind, as after a crash."""
        if not self._runs:
            return
        self._runs = False
        self.closing.set()
        self._released.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Close every connection, as a server does that dies; it takes new ones if it still runs."""
        for peer in list(self.peers):
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it is closed already

    def release(self) -> None:
        """Let every conversation that hangs go on, and no further one hang."""
        self.trouble.clear()
        self._released.set()

    def wait_for_release(self) -> None:
        self._released.wait()

    def wait_until(self, condition: Callable[[], object], within: float = 60) -> None:
        """Wait for `condition()`, which must come true in time."""
        end = time.monotonic() + within
        while not condition():
            assert time.monotonic() < end, f"not within {within} s"
            time.sleep(0.005)

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=Conversation(self, peer, self.connections).run, daemon=True).start()


class Conversation:
    """One connection and the server's thread for it."""

    def __init__(self, server: Server, peer: socket.socket, thread_id: int) -> None:
        self.server = server
        self.peer = peer
        self.thread_id = thread_id
        self.sequence = 0

    def run(self) -> None:
        self.server.threads.add(self.thread_id)
        self.server.peers.add(self.peer)
        try:
            self._send("greeting", self.packet(self._greeting()))
            self.receive()
            self._send("login", self.packet(self._ok()))
            while True:
                command = self.receive()
                if command[:1] != b"\x03":  # anything but COM_QUERY ends it: COM_QUIT, or the client is gone
                    return
                self.server.running[self.thread_id] = command[1:].decode()
                self._answer(self.server.running[self.thread_id])
                del self.server.running[self.thread_id]
        except OSError:
            return
        finally:
            self.server.threads.discard(self.thread_id)
            self.server.running.pop(self.thread_id, None)
            self.server.peers.discard(self.peer)
            self.peer.close()

    def packet(self, payload: bytes) -> bytes:
        """Return a packet with the next sequence number."""
        packet = struct.pack("<I", len(payload))[:3] + bytes([self.sequence % 256]) + payload
        self.sequence += 1
        return packet

    def error_packet(self, number: int, text: str, sqlstate: str = "HY000") -> bytes:
        """Return an error packet; sqlstate "" gives the form that comes before the handshake."""
        state = b"#" + sqlstate.encode() if sqlstate else b""
        return self.packet(b"\xff" + struct.pack("<H", number) + state + text.encode())

    def _send(self, step: str, data: bytes) -> None:
        trouble = self.server.trouble.get(step)
        if trouble:
            trouble(self, data)
        else:
            self.peer.sendall(data)

    def receive(self) -> bytes:
        header = self._exactly(4)
        self.sequence = header[3] + 1
        return self._exactly(int.from_bytes(header[:3], "little"))

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.peer.recv(count - len(data))
            if not more:
                raise ConnectionError("the client is gone")
            data += more
        self.server.received += data
        return data

    def _greeting(self) -> bytes:
        return b"".join(
            (
                b"\x0a",
                b"5.5.5-10.11.19-MariaDB\0",
                struct.pack("<I", self.thread_id),
                SALT[:8],
                b"\0",
                struct.pack("<H", CAPABILITIES & 0xFFFF),
                b"\x2d",
                struct.pack("<H", AUTOCOMMIT),
                struct.pack("<H", CAPABILITIES >> 16),
                bytes([21]),
                b"\0" * 10,
                SALT[8:],
                b"\0",
                b"mysql_native_password\0",
            )
        )

    @staticmethod
    def _ok() -> bytes:
        return b"\0\0\0" + struct.pack("<HH", AUTOCOMMIT, 0)

    def _answer(self, statement: str) -> None:
        if statement.startswith("SET NAMES "):  # from the driver's version 1.1 on, at each login
            self.peer.sendall(self.packet(self._ok()))
            return
        self.server.statements.append(statement)
        if statement.startswith("SET SESSION "):
            unknown = self.server.unknown_variables & set(re.findall(r"(\w+)=", statement))
            if unknown:
                self.peer.sendall(self.error_packet(1193, f"Unknown system variable '{min(unknown)}'"))
            else:
                self._send("session", self.packet(self._ok()))
        elif statement.startswith("SHOW SESSION STATUS WHERE Variable_name IN "):
            self._send("status", self._variables(statement))
        elif statement.startswith("SHOW GLOBAL VARIABLES WHERE Variable_name IN "):
            self._send("variables", self._variables(statement))
        elif match := re.fullmatch(
            r"SELECT COUNT\(\*\) FROM information_schema\.PROCESSLIST WHERE ID = (\d+)"
            r" AND INFO LIKE '%Variable_name IN \(%'",
            statement,
        ):
            present = "Variable_name IN (" in self.server.running.get(int(match[1]), "")
            self._send("pending", self._table([("COUNT(*)", LONGLONG)], [(str(int(present)),)]))
        else:
            self.peer.sendall(self.error_packet(1064, "the scripted server does not know: " + statement, "42000"))

    def _variables(self, statement: str) -> bytes:
        asked = {name.lower() for name in re.findall(r"'(\w+)'", statement)}
        rows = [(name, value) for name, value in self.server.values.items() if name.lower() in asked]
        return self._table([("Variable_name", VAR_STRING), ("Value", VAR_STRING)], rows)

    def _table(self, columns: list[tuple[str, int]], rows: Iterable[tuple[str | None, ...]]) -> bytes:
        end = b"\xfe\0\0" + struct.pack("<H", AUTOCOMMIT)
        payloads = [bytes([len(columns)])]
        for name, kind in columns:
            payloads.append(
                b"".join(map(text, ("def", "", "", "", name, name)))
                + struct.pack("<BHIBHBH", 12, 33, 1024, kind, 0, 0, 0)
            )
        payloads.append(end)
        payloads += [b"".join(map(text, row)) for row in rows]
        payloads.append(end)
        return b"".join(map(self.packet, payloads))


def text(value: str | None) -> bytes:
    """Return a length-encoded string, or NULL."""
    if value is None:
        return b"\xfb"
    data = value.encode()
    if len(data) < 251:
        return bytes([len(data)]) + data
    if len(data) < 1 << 16:
        return b"\xfc" + struct.pack("<H", len(data)) + data
    return b"\xfd" + len(data).to_bytes(3, "little") + data


# Troubles.


def silence(conversation: Conversation, data: bytes) -> None:
    """Say nothing until the server is released; what is due then comes late."""
    conversation.server.wait_for_release()
    conversation.peer.sendall(data)


def drip(conversation: Conversation, data: bytes) -> None:
    """Send one byte every 0.3 s."""
    for position in range(len(data)):
        conversation.peer.sendall(data[position : position + 1])
        if conversation.server.closing.wait(0.3):
            return


def hang_up(conversation: Conversation, data: bytes) -> None:
    """Close the connection instead of answering."""
    raise ConnectionError("as scripted")


def hang_up_midway(conversation: Conversation, data: bytes) -> None:
    """Close the connection in the middle of the answer."""
    conversation.peer.sendall(data[: len(data) // 2])
    raise ConnectionError("as scripted")


def wrong_sequence(conversation: Conversation, data: bytes) -> None:
    """Give the first packet a number that is not its turn's."""
    conversation.peer.sendall(data[:3] + bytes([(data[3] + 7) % 256]) + data[4:])


def huge_length(conversation: Conversation, data: bytes) -> None:
    """Announce 16 MB, send a little, and end there."""
    conversation.peer.sendall(b"\xfe\xff\xff" + data[3:])
    raise ConnectionError("as scripted")


def truncated(conversation: Conversation, data: bytes) -> None:
    """Send each packet with only the first half of its payload, properly framed."""
    while data:
        length = int.from_bytes(data[:3], "little")
        half = length // 2
        conversation.peer.sendall(half.to_bytes(3, "little") + data[3:4] + data[4 : 4 + half])
        data = data[4 + length :]


def instead(noise: bytes) -> Trouble:
    """Return a trouble: these bytes, and then the end."""

    def trouble(conversation: Conversation, data: bytes) -> None:
        conversation.peer.sendall(noise)
        raise ConnectionError("as scripted")

    return trouble


def ask_for_password_by(plugin: str) -> Trouble:
    """Return a trouble for the step login: another plugin is asked for, and whatever it sends is right."""

    def trouble(conversation: Conversation, data: bytes) -> None:
        prompt = b"\x04Password: " if plugin == "dialog" else SALT + b"\0"
        conversation.sequence = data[3]
        conversation.peer.sendall(conversation.packet(b"\xfe" + plugin.encode() + b"\0" + prompt))
        conversation.receive()
        conversation.peer.sendall(conversation.packet(b"\0\0\0" + struct.pack("<HH", AUTOCOMMIT, 0)))

    return trouble


def endless_packets(conversation: Conversation, data: bytes) -> None:
    """Send packets of 16 MB without an end, each of which continues the one before."""
    for number in range(10_000):
        conversation.peer.sendall(b"\xff\xff\xff" + bytes([(data[3] + number) % 256]) + bytes(0xFFFFFF))


def endless_small_packets(conversation: Conversation, data: bytes) -> None:
    """Send empty rows without an end."""
    packets = 0
    while not conversation.server.closing.is_set():
        start = data[3] + packets
        conversation.peer.sendall(b"".join(b"\x02\0\0" + bytes([(start + n) % 256]) + b"\0\0" for n in range(1024)))
        packets += 1024


def error(number: int, message: str, sqlstate: str = "HY000") -> Trouble:
    """Return a trouble: an error packet."""

    def trouble(conversation: Conversation, data: bytes) -> None:
        conversation.sequence = data[3]
        conversation.peer.sendall(conversation.error_packet(number, message, sqlstate))

    return trouble
