"""A real server that does not answer: the guard ends in time and leaves no connections behind."""

import time

from laboratory import mariadb
from laboratory.machine import wait_until
from laboratory.mariadb import sql
from tests.mariadb.conftest import is_whole, restarted_with


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
    assert is_whole(laboratory)
    wait_until(
        lambda: int(sql(node, "SELECT COUNT(*) FROM information_schema.PROCESSLIST")) <= threads + 2,
        20,
        "at most two threads more than before",
    )


def test_a_connection_killed_on_a_busy_thread_pool_is_not_a_server_that_is_down(guard, node):
    """The pool's only thread is busy for a second and a half: until then no new connection gets its handshake."""
    pool = "thread_handling=pool-of-threads\nthread_pool_size=1\nthread_pool_max_threads=1\n"
    pool += "thread_pool_stall_limit=60000\n"
    with restarted_with(node, pool):
        guarded = guard(watch_interval="100ms", probe_timeout="4s")
        (thread,) = sql(
            node, "SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND='Sleep' AND INFO IS NULL AND USER='root'"
        ).split()
        busy = node.spawn(["mariadb", "-e", f"KILL {thread}; DO SLEEP(1.5)"])
        try:
            end = time.monotonic() + 3
            while time.monotonic() < end:
                assert guarded.monitor().reason == ""
        finally:
            busy.wait()
