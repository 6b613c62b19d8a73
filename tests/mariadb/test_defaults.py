"""What a site sets for its applications: it changes neither what the guard sees nor how long that takes."""

import contextlib

import pytest

from laboratory import mariadb
from laboratory.machine import wait_until
from laboratory.mariadb import sql

# Global variables whose session values change what SHOW returns or whether it works, and a value that would.
DEFAULTS = {
    "sql_select_limit": "5",
    "wsrep_sync_wait": "15",
    "max_statement_time": "0.000001",
    "sql_mode": "'ORACLE'",
    "character_set_results": "'utf16'",
    "character_set_server": "'ucs2'",
    "max_join_size": "1",
    "sql_big_selects": "0",
    "tmp_memory_table_size": "0",
    "max_heap_table_size": "16384",
    "big_tables": "1",
    "wait_timeout": "1",
    "autocommit": "0",
    "lock_wait_timeout": "0",
    "lc_messages": "'de_DE'",
}


@pytest.fixture
def plain_login(guard, node):
    """A guard whose login has no rights at all, which every default and hook of a site concerns."""
    node.shell("id galera-guard 2>/dev/null || useradd --system galera-guard")
    sql(node, "CREATE USER 'galera-guard'@localhost IDENTIFIED VIA unix_socket")
    yield guard(mode="score", os_user="galera-guard")
    sql(node, "DROP USER 'galera-guard'@localhost")


@contextlib.contextmanager
def globally(node, name, value):
    """Set a global variable, and put it back."""
    before = sql(node, f"SELECT @@GLOBAL.{name}").strip()
    sql(node, f"SET GLOBAL {name}={value}")
    try:
        yield
    finally:
        sql(node, f"SET GLOBAL {name}={before if before.replace('.', '').isdigit() else repr(before)}")


@pytest.mark.parametrize(("name", "value"), DEFAULTS.items(), ids=DEFAULTS)
def test_a_session_default_changes_nothing(node, plain_login, name, value):
    with globally(node, name, value):
        for _ in range(2):
            assert "log=''" in repr(plain_login.monitor(expect=0)), "nothing to say: the node is still synced"


def test_transactions_that_are_read_only_by_default_are_read_only(node, plain_login):
    with globally(node, "tx_read_only", "1"):
        assert "read-only: tx_read_only=ON, must be OFF" in plain_login.monitor().log


def test_init_connect_that_fails_only_without_quorum_does_not_hide_that(node, plain_login):
    """The peers' guards see synced nodes with the same login; here no peer is known, and the address stays."""
    with globally(node, "init_connect", "'DO 1'"):
        assert "log=''" in repr(plain_login.monitor(expect=0))
        node.block("tcp", *mariadb.PORTS)
        try:
            wait_until(lambda: "rejecting: error 1184: " in plain_login.monitor().log, 30, "init_connect fails")
        finally:
            node.unblock()
            wait_until(lambda: mariadb.synced(node, 3), 30, "the cluster whole again")
