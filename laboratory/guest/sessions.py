"""Holds long-lived connections of several kinds and says in lines of JSON what becomes of them.

usage: sessions.py HOST COUNT KIND...     COUNT connections of each kind

For each connection: `open` with the host that answered, `ready` when it does what its kind does, `closed` when the
client's kernel knows of its end, `broken` when the application has the error.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, NoReturn

import pymysql
from pymysql.constants import CLIENT
from pymysql.cursors import SSCursor

if TYPE_CHECKING:
    from collections.abc import Callable

    from pymysql.connections import Connection

ESTABLISHED = 1
HOST, COUNT, KINDS = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
PAUSE = 0.1 * max(1, COUNT / 10)
LOOK_EVERY = 0.02
# Opened side by side: more would meet a listen queue that is full.
opening = threading.Semaphore(20)
sockets: dict[tuple[int, str], socket.socket] = {}


def socket_of(connection: Connection) -> socket.socket:
    """Return the socket of a connection, for which PyMySQL has no public name."""
    sock: socket.socket = connection._sock  # type: ignore[attr-defined]
    return sock


def idle(connection: Connection, ready: Callable[[], None]) -> None:
    """Ask nothing, as a connection in a pool; notice the end of the connection."""
    ready()
    select.select([socket_of(connection)], [], [])
    connection.ping(reconnect=False)


def busy(connection: Connection, ready: Callable[[], None]) -> NoReturn:
    """Ask ten times a second, or less often when there are many."""
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT 1")
            ready()
            time.sleep(PAUSE)


def waiting(connection: Connection, ready: Callable[[], None]) -> None:
    """Wait for the answer to one long question.

    The server has taken it already: a client whose packet is lost sends it again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1; SELECT SLEEP(3600)")
        ready()
        cursor.nextset()


def reading(connection: Connection, ready: Callable[[], None]) -> None:
    """Be in the middle of a long result, with no more of it in memory than a few rows."""
    socket_of(connection).setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    with connection.cursor(SSCursor) as cursor:
        cursor.execute("SELECT seq, REPEAT('x', 1000) FROM seq_1_to_1000000000")
        while cursor.fetchone():
            ready()
            time.sleep(PAUSE)


def say(number: int, kind: str, event: str, **more: object) -> None:
    line: dict[str, object] = {"number": number, "kind": kind, "event": event, "time": time.monotonic()} | more
    print(json.dumps(line) + "\n", end="", flush=True)


def hold(number: int, kind: str) -> None:
    """Open one connection and hold it until its end."""
    told: list[bool] = []

    def ready() -> None:
        if not told:
            told.append(True)
            say(number, kind, "ready")

    try:
        with opening:
            connection = pymysql.connect(
                host=HOST,
                user="app",
                password="app",
                database="app",
                connect_timeout=5,
                client_flag=CLIENT.MULTI_STATEMENTS,
            )
            with connection.cursor() as cursor:
                cursor.execute("SELECT @@hostname")
                ((name,),) = cursor.fetchall()
                say(number, kind, "open", host=name)
        sockets[number, kind] = socket_of(connection).dup()
        globals()[kind](connection, ready)
        say(number, kind, "broken", text="end")
    except pymysql.MySQLError as error:
        say(number, kind, "broken", errno=error.args[0] or -1, text=str(error.args[-1]))
    except OSError as error:
        say(number, kind, "broken", errno=error.errno or -1, text=str(error))


def look() -> NoReturn:
    """Report each connection that the kernel has closed."""
    while True:
        for (number, kind), sock in list(sockets.items()):
            if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != ESTABLISHED:
                say(number, kind, "closed")
                del sockets[number, kind]
                sock.close()
        time.sleep(LOOK_EVERY)


threading.stack_size(256 * 1024)
for number in range(COUNT):
    for name in KINDS:
        threading.Thread(target=hold, args=(number, name)).start()
look()
