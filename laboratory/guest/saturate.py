"""Uses up max_connections of one server as ordinary users do: holds what it gets and keeps asking for more."""

from __future__ import annotations

import sys
import time
from typing import NoReturn

import pymysql

REFUSED = 1040
RETRY = 0.1


def main(host: str) -> NoReturn:
    held = []
    while True:
        try:
            held.append(
                pymysql.connect(
                    host=host,
                    user="app",
                    password="app",
                    database="app",
                    connect_timeout=2,
                    read_timeout=2,
                    write_timeout=2,
                )
            )
        except pymysql.MySQLError as error:
            if error.args[0] != REFUSED:
                held.clear()
            time.sleep(RETRY)


main(sys.argv[1])
