"""Every state of the verdict table, made on a real server: what the monitor says of it and what it gives Pacemaker."""

import contextlib
import subprocess

import pytest

from laboratory import mariadb
from laboratory.machine import wait_until
from laboratory.mariadb import sql


@pytest.fixture(autouse=True)
def show(request, capsys):
    """Print the line that the agent gave, for the table of faults and reasons (pytest -s)."""
    lines = []
    yield lines
    with capsys.disabled():
        for line in lines:
            print(
                f"\n    {request.node.callspec.id if hasattr(request.node, 'callspec') else request.node.name}: {line}"
            )


def statement(do, undo):
    """Return a fault that is one SQL statement and its opposite."""

    @contextlib.contextmanager
    def fault(node, peer):
        sql(node, do)
        try:
            yield
        finally:
            sql(node, undo)

    return fault


@contextlib.contextmanager
def clean_stop(node, peer):
    mariadb.stop(node)
    yield
    mariadb.start(node)


@contextlib.contextmanager
def being_stopped(node, peer):
    unit = "/run/systemd/system/mariadb.service.d/slow.conf"
    node.write(unit, "[Service]\nExecStop=sleep infinity\n")
    node.run(["systemctl", "daemon-reload"])
    node.run(["systemctl", "stop", "--no-block", "mariadb"])
    wait_until(lambda: node.shell("systemctl is-active mariadb || true") == "deactivating\n", 30, "deactivating")
    mariadb.kill(node, "STOP")
    try:
        yield
    finally:
        mariadb.kill(node, "CONT")
        node.run(["systemctl", "kill", "--kill-whom=control", "mariadb"])
        node.shell(f"rm {unit}; systemctl daemon-reload")
        mariadb.stop(node)
        mariadb.start(node)


@contextlib.contextmanager
def kill_9(node, peer):
    mariadb.crash(node)
    assert node.run(["test", "-S", "/run/mysqld/mysqld.sock"]), "the dead server's socket file is what is tested"
    yield
    mariadb.start(node)


@contextlib.contextmanager
def sigstop(node, peer):
    mariadb.kill(node, "STOP")
    try:
        yield
    finally:
        mariadb.kill(node, "CONT")


@contextlib.contextmanager
def no_component(node, peer):
    address = sql(node, "SELECT @@wsrep_cluster_address")
    sql(node, "SET GLOBAL wsrep_cluster_address=''")
    yield
    sql(node, f"SET GLOBAL wsrep_cluster_address='{address}'")


@contextlib.contextmanager
def partition(node, peer):
    node.block("tcp", *mariadb.PORTS)
    try:
        wait_until(lambda: mariadb.status(node).get("wsrep_cluster_status") == "non-Primary", 30, "non-Primary")
        mariadb.wait_synced(peer, 2)
        yield
    finally:
        node.unblock()


@contextlib.contextmanager
def lost_vote(node, peer):
    sql(peer, "CREATE TABLE app.vote (a INT PRIMARY KEY)")
    sql(node, "SET SESSION wsrep_sync_wait=15; SELECT * FROM app.vote; SET SESSION wsrep_on=OFF; DROP TABLE app.vote")
    sql(peer, "INSERT INTO app.vote VALUES (1)")
    wait_until(lambda: mariadb.status(node).get("wsrep_local_state") == "5", 30, "Inconsistent")
    yield
    sql(peer, "DROP TABLE app.vote")
    mariadb.stop(node)
    node.shell("rm -f /var/lib/mysql/grastate.dat")
    mariadb.start(node)


@contextlib.contextmanager
def maintenance(node, peer):
    node.write("/var/lib/galera-sync-guard/maintenance", "replacing a disk\nsince Monday\n")
    yield
    node.shell("rm /var/lib/galera-sync-guard/maintenance")


# state -> what puts the real server into it, what the agent says of it.
CERTAIN = {
    "maintenance": (maintenance, "maintenance: /var/lib/galera-sync-guard/maintenance exists: replacing a disk"),
    "down, being stopped": (being_stopped, "down: mariadb.service is being stopped, and sends no handshake"),
    "down, stopped": (clean_stop, "down: /run/mysqld/mysqld.sock: No such file or directory"),
    "down, killed": (kill_9, "down: /run/mysqld/mysqld.sock: Connection refused"),
    "hung": (sigstop, "hung: no answer within 2s while connecting and logging in"),
    "wsrep-off": (
        statement("SET GLOBAL wsrep_on=OFF", "SET GLOBAL wsrep_on=ON"),
        "wsrep-off: wsrep_on=OFF, must be ON",
    ),
    "inconsistent": (lost_vote, "inconsistent: wsrep_local_state=5 (Inconsistent)"),
    "initialized": (no_component, "initialized: wsrep_local_state=0 (Initialized), wsrep_cluster_status=Disconnected"),
    "non-primary": (partition, "non-primary: wsrep_cluster_status=non-Primary, must be Primary"),
    "rejecting": (
        statement("SET GLOBAL wsrep_reject_queries=ALL", "SET GLOBAL wsrep_reject_queries=NONE"),
        "rejecting: wsrep_reject_queries=ALL, must be NONE",
    ),
    "read-only": (
        statement("SET GLOBAL read_only=ON", "SET GLOBAL read_only=OFF"),
        "read-only: read_only=ON, must be OFF",
    ),
}


@pytest.mark.parametrize(("fault", "reason"), CERTAIN.values(), ids=CERTAIN)
def test_certain_bad_news_fails_the_monitor_at_once_and_is_over_when_it_is_healed(
    guard, node, peer, show, fault, reason
):
    guarded = guard()
    guarded.monitor(expect=0)
    with fault(node, peer):
        seen = guarded.monitor(expect=1)
        show.append(seen.reason)
        assert seen.reason == reason
    mariadb.wait_synced(node, 3)
    assert guarded.monitor(expect=0).reason == ""


@pytest.mark.parametrize(
    ("fault", "reason"), [CERTAIN["read-only"], CERTAIN["down, stopped"]], ids=["read-only", "down"]
)
def test_start_refuses_an_unfit_node_in_mode_fail_and_accepts_it_in_mode_score(guard, node, peer, fault, reason):
    by_fail, by_score = guard(name="fail"), guard(name="score", mode="score")
    with fault(node, peer):
        by_fail.stop()
        assert by_fail.call("start", expect=1).reason == reason
        by_fail.call("monitor", expect=7)
        by_score.stop()
        assert reason in by_score.call("start", expect=0).log
        assert by_score.monitor(expect=0).reason == ""


@pytest.fixture
def lock(node):
    """Lock a table on the node until `unlock` gets what this returns or the test ends; it stops the applier there."""
    sessions = []

    def take(table):
        session = node.spawn(
            ["mariadb", "--unbuffered", "--batch", "--skip-column-names"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        sessions.append(session)
        session.stdin.write(f"SET wsrep_dirty_reads=ON; LOCK TABLES {table} WRITE; SELECT 'locked';\n")
        assert session.stdout.readline() == "locked\n"
        return session

    yield take
    for session in sessions:
        unlock(session)


def unlock(session):
    """End a session that holds a lock, if it has not ended yet."""
    session.stdin.close()
    session.wait()


@pytest.fixture
def steps(node, peer):
    """Three tables; while one is locked on the node, it stays in that step of catching up."""
    tables = ("app.first", "app.second", "app.third")
    sql(peer, "".join(f"CREATE TABLE {table} (a INT PRIMARY KEY);" for table in tables))
    sql(node, f"SET SESSION wsrep_sync_wait=15; SELECT * FROM {tables[-1]}")
    # Synced comes only with a nearly empty queue, and a full one holds no writer back.
    limits = sql(node, "SELECT REGEXP_SUBSTR(@@wsrep_provider_options, 'gcs.fc_factor = [^;]*; gcs.fc_limit = [^;]*')")
    sql(node, "SET GLOBAL wsrep_provider_options='gcs.fc_factor=0.01; gcs.fc_limit=1000'")
    yield tables
    mariadb.wait_synced(node, 3)
    sql(node, f"SET GLOBAL wsrep_provider_options='{limits}'")
    sql(peer, "".join(f"DROP TABLE {table};" for table in tables))


def test_joining_and_joined(guard, node, peer, steps, lock, show):
    first, second, third = steps
    guarded = guard()
    locks = [lock(table) for table in steps]
    with partition(node, peer):
        sql(peer, f"INSERT INTO {first} VALUES (1)")
    wait_until(lambda: mariadb.status(node).get("wsrep_local_state") == "1", 30, "Joining")
    sql(peer, "".join(f"INSERT INTO {second} VALUES ({n});" for n in range(300)))
    seen = guarded.monitor(expect=1)
    show.append(seen.reason)
    assert seen.reason.startswith("joining: wsrep_local_state=1 (Joining")

    unlock(locks[0])
    wait_until(lambda: mariadb.status(node).get("wsrep_local_state_comment") == "Joining", 30, "transfer received")
    sql(peer, "".join(f"INSERT INTO {third} VALUES ({n});" for n in range(300)))
    unlock(locks[1])
    wait_until(lambda: mariadb.status(node).get("wsrep_local_state") == "3", 30, "Joined")
    seen = guarded.monitor(expect=1)
    show.append(seen.reason)
    assert seen.reason == "joined: wsrep_local_state=3 (Joined)"

    unlock(locks[2])
    mariadb.wait_synced(node, 3)
    guarded.monitor(expect=0)


def test_a_donor_that_catches_up_is_still_a_donor(guard, node, peer, steps, lock, show):
    first, second, _ = steps
    guarded = guard(available_when_donor="never", donor_grace="5s")
    locks = [lock(table) for table in (first, second)]
    sql(node, "SET GLOBAL wsrep_desync=ON")
    sql(peer, "".join(f"INSERT INTO {first} VALUES ({n});" for n in range(300)))
    sql(node, "SET GLOBAL wsrep_desync=OFF")
    sql(peer, "".join(f"INSERT INTO {second} VALUES ({n});" for n in range(300)))
    unlock(locks[0])
    wait_until(lambda: mariadb.status(node).get("wsrep_local_state") == "3", 30, "Joined")
    seen = guarded.monitor(expect=0)
    show.append(seen.log)
    assert (
        "donor: wsrep_local_state=3 (Joined) with wsrep_ready=ON for 0s, ignored until donor_grace=5s (fit" in seen.log
    )

    wait_until(lambda: guarded.monitor(expect=None).code == 1, 30, "its grace over")
    unlock(locks[1])
    mariadb.wait_synced(node, 3)
    guarded.monitor(expect=0)


def test_lagging_is_fit_and_says_by_how_much(guard, node, peer, lock, show):
    guarded = guard(max_recv_queue=5)
    locked = lock("app.probe")
    sql(peer, "".join(f"INSERT INTO app.probe VALUES ({-number}, 'lag');" for number in range(1, 13)))
    wait_until(lambda: int(mariadb.status(node).get("wsrep_local_recv_queue", 0)) > 5, 20, "a receive queue")
    seen = guarded.monitor(expect=0)
    show.append(seen.log)
    assert "lagging: wsrep_local_recv_queue=" in seen.log
    assert "is above max_recv_queue=5 (fit, score 980)" in seen.log
    unlock(locked)
    wait_until(lambda: mariadb.status(node).get("wsrep_local_recv_queue") == "0", 20, "an empty queue")
    assert "(fit, score 1000)" in guarded.monitor(expect=0).log
    sql(peer, "DELETE FROM app.probe WHERE n < 0")


def test_small_cluster(guard, node, show):
    too_few = guard(name="small", min_cluster_size=3)
    too_few.monitor(expect=0)
    too_few.environment["OCF_RESKEY_min_cluster_size"] = "4"
    seen = too_few.monitor(expect=1)
    show.append(seen.reason)
    assert seen.reason == "small-cluster: wsrep_cluster_size=3 is below min_cluster_size=4"


DONORS = {
    "last resort": ("SET GLOBAL wsrep_desync=ON", "SET GLOBAL wsrep_desync=OFF", {}),
    "rejects queries": (
        "SET GLOBAL wsrep_desync=ON, wsrep_sst_donor_rejects_queries=ON",
        "SET GLOBAL wsrep_desync=OFF, wsrep_sst_donor_rejects_queries=OFF",
        {},
    ),
    "never": ("SET GLOBAL wsrep_desync=ON", "SET GLOBAL wsrep_desync=OFF", {"available_when_donor": "never"}),
    "always": ("SET GLOBAL wsrep_desync=ON", "SET GLOBAL wsrep_desync=OFF", {"available_when_donor": "always"}),
}
ACTS = {"rejects queries", "never"}


@pytest.mark.parametrize("case", DONORS)
def test_desynced_node_counts_at_once_as_the_parameter_says(guard, node, show, case):
    do, undo, parameters = DONORS[case]
    guarded = guard(**parameters)
    guarded.monitor(expect=0)
    sql(node, do)
    try:
        for _ in range(9):
            seen = guarded.monitor(expect=1 if case in ACTS else 0)
            show.append(seen.reason or seen.log)
        assert "donor: wsrep_local_state=2 (Donor/Desynced)" in show[0]
    finally:
        sql(node, undo)


def test_flush_tables_with_read_lock_is_a_donor(guard, node, show):
    guarded = guard()
    backup = node.spawn(
        ["mariadb", "--unbuffered", "--batch", "--skip-column-names"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    backup.stdin.write("FLUSH TABLES WITH READ LOCK; SELECT 'locked';\n")
    assert backup.stdout.readline() == "locked\n"
    seen = guarded.monitor(expect=0)
    show.append(seen.log)
    assert "donor: wsrep_local_state=2 (Donor/Desynced)" in seen.log
    backup.communicate("UNLOCK TABLES;\n")


def test_saturated_by_ordinary_users_and_with_the_administrative_slot_taken(guard, node, laboratory, lock, show):
    guarded = guard(saturation_grace="1s")
    most = sql(node, "SELECT @@max_connections")
    sql(node, "SET GLOBAL max_connections=10")
    crowd = [_connect(laboratory.client, node, "app") for _ in range(10)]
    try:
        seen = guarded.monitor(expect=0)
        show.append(seen.log)
        assert "saturated: Threads_connected=10 of max_connections=10" in seen.log
        assert sql(node, "SELECT 'root can still log in'") == "root can still log in"
        administrator = lock("app.probe")
        seen = guarded.monitor(expect=0)
        show.append(guarded.call("monitor", expect=0).log or seen.log)
        assert (
            guard(name="late")
            .call("validate-all", expect=0, OCF_CHECK_LEVEL="10")
            .log.endswith("saturated: error 1040: Too many connections")
        )
    finally:
        for client in crowd:
            client.stdin.close()
            client.wait()
    wait_until(lambda: int(sql(node, "SHOW STATUS LIKE 'Threads_connected'").split()[1]) < 5, 10, "the crowd gone")
    sql(node, f"SET GLOBAL max_connections={most}")
    unlock(administrator)
    assert "synced" in guarded.monitor(expect=0).log


def _connect(client, node, user):
    connection = client.spawn(
        [
            "mariadb",
            "--host",
            node.address,
            "--user",
            user,
            f"--password={user}",
            "--unbuffered",
            "--batch",
            "--skip-column-names",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    connection.stdin.write("SELECT 'here';\n")
    assert connection.stdout.readline() == "here\n"
    return connection
