"""Asks the database with a new connection every so often; one line of JSON at the end of each attempt.

usage: probe.py write|read HOST INTERVAL WORKERS FIRST
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from typing import NoReturn

import pymysql

LIMIT = 0.5
STATEMENTS = {
    "write": ("SELECT @@hostname", "INSERT INTO probe (n, host) VALUES (%(n)s, @@hostname)"),
    "read": ("SELECT @@hostname, COUNT(*) FROM probe WHERE n = 0",),
}


class Turns:
    """Gives the workers their numbers, one every `interval` seconds; turns without a free worker are dropped."""

    def __init__(self, interval: float, first: int) -> None:
        self.interval = interval
        self.numbers = itertools.count(first)
        self.next = time.monotonic()
        self.lock = threading.Lock()

    def take(self) -> int:
        with self.lock:
            time.sleep(max(0, self.next - time.monotonic()))
            self.next = max(self.next, time.monotonic() - self.interval) + self.interval
            return next(self.numbers)


def ask(kind: str, host: str, number: int) -> str:
    """Return the host name of the server that has answered all statements."""
    connection = pymysql.connect(
        host=host,
        user="app",
        password="app",
        database="app",
        autocommit=True,
        connect_timeout=LIMIT,
        read_timeout=LIMIT,
        write_timeout=LIMIT,
    )
    with connection, connection.cursor() as cursor:
        first, *others = STATEMENTS[kind]
        cursor.execute(first)
        ((name,),) = cursor.fetchall()
        for statement in others:
            cursor.execute(statement, {"n": number})
    return str(name)


def attempt(kind: str, host: str, number: int) -> dict[str, object]:
    """Return what became of one attempt; errno 0 is an acknowledgement."""
    result: dict[str, object] = {"number": number, "began": time.monotonic(), "errno": 0, "host": "", "text": ""}
    try:
        result["host"] = ask(kind, host, number)
    except pymysql.MySQLError as error:
        result |= {"errno": error.args[0] or -1, "text": str(error.args[-1])}
    except OSError as error:
        result |= {"errno": error.errno or -1, "text": str(error)}
    return result | {"ended": time.monotonic()}


def work(kind: str, host: str, turns: Turns) -> NoReturn:
    """Attempt forever."""
    while True:
        print(json.dumps(attempt(kind, host, turns.take())) + "\n", end="", flush=True)


def main(kind: str, host: str, interval: str, workers: str, first: str) -> None:
    turns = Turns(float(interval), int(first))
    for _ in range(int(workers)):
        threading.Thread(target=work, args=(kind, host, turns)).start()


main(*sys.argv[1:])
