"""Holds long-lived connections of several kinds and says in lines of JSON what becomes of them.

usage: sessions.py HOST COUNT KIND...     COUNT connections of each kind

For each connection: `open` with the host that answered, `ready` when it does what its kind does, `closed` when the
client's kernel knows of its end, `broken` when the application has the error.
"""

import json
import select
import socket
import sys
import threading
import time

import pymysql
from pymysql.constants import CLIENT
from pymysql.cursors import SSCursor

ESTABLISHED = 1
HOST, COUNT, KINDS = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
PAUSE = 0.1 * max(1, COUNT / 10)
LOOK_EVERY = 0.02
# Opened side by side: more would meet a listen queue that is full.
opening = threading.Semaphore(20)
sockets = {}


def idle(connection, ready):
    """Ask nothing, as a connection in a pool; notice the end of the connection."""
    ready()
    select.select([connection._sock], [], [])
    connection.ping(reconnect=False)


def busy(connection, ready):
    """Ask ten times a second, or less often when there are many."""
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT 1")
            ready()
            time.sleep(PAUSE)


def waiting(connection, ready):
    """Wait for the answer to one long question.

    The server has taken it already: a client whose packet is lost sends it again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1; SELECT SLEEP(3600)")
        ready()
        cursor.nextset()


def reading(connection, ready):
    """Be in the middle of a long result, with no more of it in memory than a few rows."""
    connection._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    with connection.cursor(SSCursor) as cursor:
        cursor.execute("SELECT seq, REPEAT('x', 1000) FROM seq_1_to_1000000000")
        while cursor.fetchone():
            ready()
            time.sleep(PAUSE)


def say(number, kind, event, **more):
    line = {"number": number, "kind": kind, "event": event, "time": time.monotonic()} | more
    print(json.dumps(line) + "\n", end="", flush=True)


def hold(number, kind):
    """Open one connection and hold it until its end."""
    told = []

    def ready():
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
                say(number, kind, "open", host=cursor.fetchone()[0])
        sockets[number, kind] = connection._sock.dup()
        globals()[kind](connection, ready)
        say(number, kind, "broken", text="end")
    except pymysql.MySQLError as error:
        say(number, kind, "broken", errno=error.args[0] or -1, text=str(error.args[-1]))
    except OSError as error:
        say(number, kind, "broken", errno=error.errno or -1, text=str(error))


def look():
    """Report each connection that the kernel has closed."""
    while True:
        for key, sock in list(sockets.items()):
            if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != ESTABLISHED:
                say(*key, "closed")
                del sockets[key]
                sock.close()
        time.sleep(LOOK_EVERY)


threading.stack_size(256 * 1024)
for number in range(COUNT):
    for name in KINDS:
        threading.Thread(target=hold, args=(number, name)).start()
look()
