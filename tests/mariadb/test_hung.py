"""A real server that does not answer: the guard ends in time and leaves no connections behind."""

import time

from laboratory import mariadb
from laboratory.machine import wait_until
from laboratory.mariadb import sql
from tests.mariadb.conftest import wait_whole


def test_thirty_monitors_against_a_stopped_server_leave_at_most_two_threads(guard, node, laboratory):
    guarded = guard(probe_timeout="200ms", mode="score")
    threads = int(sql(node, "SELECT COUNT(*) FROM information_schema.PROCESSLIST"))
    mariadb.kill(node, "STOP")
    try:
        for _ in range(30):
            began = time.monotonic()
            guarded.monitor(expect=0)
            assert time.monotonic() - began < 5
    finally:
        mariadb.kill(node, "CONT")
    wait_whole(laboratory)
    wait_until(
        lambda: int(sql(node, "SELECT COUNT(*) FROM information_schema.PROCESSLIST")) <= threads + 2,
        20,
        "at most two threads more than before",
    )
