"""How the guard logs in to a real server, and what it says when it cannot: never the password."""

import ast
import subprocess

import pytest

from laboratory import mariadb
from laboratory.machine import wait_until
from laboratory.mariadb import sql
from tests.mariadb.conftest import restarted_with
from tests.mariadb.guard import Guard
from tests.support.option_files import CLIENT_SECTIONS

PASSWORD = "Kr0kodil-im-Teich"
OPTION_FILE = "/etc/galera-guard.cnf"
PLAIN = "/run/mysqld/plain.sock"


@pytest.fixture
def account(node):
    """Make a database user with no privileges; it is dropped after the test."""
    made = []

    def create(name, how):
        made.append(name)
        sql(node, f"CREATE USER {name} {how}")

    yield create
    for name in made:
        sql(node, f"DROP USER {name}")


@pytest.fixture
def option_file(node):
    """Write an option file with a login on the node; it is removed after the test."""

    def write(user, password, mode=0o600):
        node.write(OPTION_FILE, f"[client]\nuser = {user}\npassword = '{password}'\n", mode)
        return OPTION_FILE

    yield write
    node.shell(f"rm -f {OPTION_FILE}")


def test_an_operating_system_user_logs_in_without_a_password(guard, node, account):
    node.shell("id galera-guard 2>/dev/null || useradd --system galera-guard")
    account("'galera-guard'@localhost", "IDENTIFIED VIA unix_socket")
    guarded = guard(os_user="galera-guard")
    sql(node, "SET GLOBAL general_log=ON, log_output='TABLE'")
    guarded.monitor(expect=0)
    sql(node, "SET GLOBAL general_log=OFF")
    logged = sql(
        node,
        "SELECT user_host, argument FROM mysql.general_log WHERE command_type='Connect'"
        " AND user_host LIKE '%galera-guard%'; TRUNCATE mysql.general_log",
    )
    assert len(logged.splitlines()) == 1


def test_one_monitor_is_one_connection_with_three_statements(guard, node):
    guarded = guard(mode="score")
    guarded.monitor(expect=0)
    sql(node, "TRUNCATE mysql.general_log; SET GLOBAL log_output='TABLE'; SET GLOBAL general_log=ON")
    before = int(sql(node, "SHOW GLOBAL STATUS LIKE 'Connections'").split()[1])
    guarded.monitor(expect=0)
    after = int(sql(node, "SHOW GLOBAL STATUS LIKE 'Connections'").split()[1])
    sql(node, "SET GLOBAL general_log=OFF")
    statements = sql(
        node,
        "SELECT command_type FROM mysql.general_log WHERE argument LIKE 'SET SESSION wsrep_sync_wait%'"
        " OR argument LIKE 'SHOW % WHERE Variable_name IN %'",
    )
    assert after - before == 2, "the guard's connection, and the one that counts"
    assert statements.splitlines() == ["Query", "Query", "Query"]
    sql(node, "TRUNCATE mysql.general_log")


@pytest.mark.parametrize("how", ["socket", "tcp"])
def test_an_option_file_carries_the_login(guard, node, account, option_file, how):
    account("guard@'%'", f"IDENTIFIED BY '{PASSWORD}'")
    where = {} if how == "socket" else {"host": node.address, "port": 3306}
    guarded = guard(defaults_file=option_file("guard", PASSWORD), **where)
    assert "unknown" not in guarded.monitor(expect=0).log


def test_the_extra_port_answers_when_connections_are_used_up(guard, node, account, option_file):
    account("guard@'%'", f"IDENTIFIED BY '{PASSWORD}'")
    login = {"defaults_file": option_file("guard", PASSWORD), "host": node.address}
    with restarted_with(node, "extra_port = 3307\nextra_max_connections = 2\n"):
        guarded = guard(**login, port=3307)
        sql(node, "SET GLOBAL max_connections=10")
        crowd = [
            node.spawn(["mariadb", "--user=app", "--password=app", "--execute=DO SLEEP(20)"], stderr=subprocess.DEVNULL)
            for _ in range(10)
        ]
        wait_until(
            lambda: "Threads_connected=10 of max_connections=10" in guarded.monitor(expect=0).log, 10, "saturated"
        )
        for client in crowd:
            client.kill()
            client.wait()
        guarded.stop()


def test_a_changed_password_leaves_the_last_verdict_and_says_so(guard, node, account, option_file):
    account("guard@localhost", f"IDENTIFIED BY '{PASSWORD}'")
    guarded = guard(defaults_file=option_file("guard", PASSWORD))
    guarded.monitor(expect=0)
    sql(node, "SET PASSWORD FOR guard@localhost = PASSWORD('rotated')")
    seen = guarded.monitor(expect=0)
    assert "unknown: error 1045: Access denied for user 'guard'@'localhost'" in seen.log
    assert "the last verdict (fit) holds for unknown_grace=30s" in seen.log
    assert PASSWORD not in seen.log
    assert "Access denied" in guarded.call("validate-all", expect=4, OCF_CHECK_LEVEL="10").reason
    guarded.call("validate-all", expect=0)


def test_an_option_file_that_others_can_read_is_refused_by_start_and_leaves_the_monitor_blind(guard, node, option_file):
    guarded = guard(defaults_file=option_file("root", ""))
    node.shell(f"chmod 644 {OPTION_FILE}")
    assert "chmod 600" in guarded.monitor(expect=0).log
    guarded.stop()
    assert guarded.call("start", expect=4).reason == (
        f"defaults_file {OPTION_FILE} must belong to root, and only root may read it: chown root:root and chmod 600"
    )


@pytest.fixture(scope="module")
def plain(laboratories):
    """The client's machine with a server of its own that knows no Galera, listens on 3310 and has a certificate."""
    machine = laboratories().client
    for name, signer in (("ca", ""), ("other-ca", ""), ("server", "-CA ca.pem -CAkey ca.key")):
        machine.shell(
            f"mkdir -p /etc/tls && cd /etc/tls && openssl req -x509 -newkey rsa:2048 -nodes -days 2"
            f" -subj /CN={name} -addext subjectAltName=DNS:localhost {signer}"
            f" -keyout {name}.key -out {name}.pem 2>/dev/null && chmod a+r *"
        )
    machine.shell("mkdir -p /run/mysqld && chown mysql /run/mysqld")
    machine.shell("mariadb-install-db --no-defaults --user=mysql --datadir=/tmp/plain --skip-test-db >/dev/null")
    server = machine.spawn(
        [
            "mariadbd",
            "--no-defaults",
            "--user=mysql",
            "--datadir=/tmp/plain",
            f"--socket={PLAIN}",
            "--port=3310",
            "--bind-address=127.0.0.1",
            "--ssl-ca=/etc/tls/ca.pem",
            "--ssl-cert=/etc/tls/server.pem",
            "--ssl-key=/etc/tls/server.key",
        ],
        stderr=subprocess.DEVNULL,
    )
    query = ["mariadb", f"--socket={PLAIN}", "--execute"]
    wait_until(lambda: machine.run([*query, "DO 1"], check=False).returncode == 0, 30, "the plain server answers")
    machine.run([*query, f"CREATE USER guard@localhost IDENTIFIED BY '{PASSWORD}' REQUIRE SSL"])
    machine.write(OPTION_FILE, f"[client]\nuser=guard\npassword={PASSWORD}\n", 0o600)
    yield machine
    machine.shell("kill $(pidof mariadbd)")
    server.wait()


def test_a_server_without_galera_is_no_galera_node(plain):
    guarded = Guard(plain, socket=PLAIN)
    assert guarded.call("start", expect=1).reason == "wsrep-off: wsrep_on=OFF, must be ON"
    assert "not a Galera node" in guarded.call("validate-all", expect=5, OCF_CHECK_LEVEL="10").reason


@pytest.mark.parametrize(
    ("tls", "answer"),
    [
        ({"ssl_ca": "/etc/tls/ca.pem"}, "wsrep-off: wsrep_on=OFF"),
        ({"ssl_ca": "/etc/tls/other-ca.pem"}, "unknown: "),
        ({}, "unknown: error 1045: Access denied"),
    ],
    ids=["right CA", "wrong CA", "no TLS"],
)
def test_tls_is_used_and_the_server_is_verified(plain, tls, answer):
    """A login that requires TLS gets as far as the server's answer only with the right CA."""
    guarded = Guard(plain, mode="score", host="localhost", port=3310, defaults_file=OPTION_FILE, **tls)
    seen = guarded.start()
    guarded.stop()
    assert answer in seen.log
    assert PASSWORD not in seen.log


def test_global_sync_wait_does_not_keep_the_guard_from_seeing(guard, node, peer):
    guarded = guard()
    sql(node, "SET GLOBAL wsrep_sync_wait=15")
    node.block("tcp", *mariadb.PORTS)
    try:
        wait_until(lambda: "non-primary" in guarded.monitor().reason, 30, "non-primary")
    finally:
        node.unblock()
        wait_until(lambda: mariadb.synced(node, 3), 30, "the cluster whole again")
        sql(node, "SET SESSION wsrep_sync_wait=0; SET GLOBAL wsrep_sync_wait=0")


READ_BY_MARIADB = """
import ast, subprocess, sys
for number, text in enumerate(ast.literal_eval(sys.stdin.read())):
    with open("/root/case.cnf", "wb") as file:
        file.write(b"[client]\\n" + text + b"\\n")
    done = subprocess.run(
        ["my_print_defaults", "--defaults-file=/root/case.cnf", "client"], capture_output=True, check=False
    )
    print(None if done.returncode else done.stdout)
"""


def test_mariadb_itself_reads_option_files_as_the_guard_does(node):
    texts = [text for text, _ in CLIENT_SECTIONS]
    done = node.run(["python3", "-c", READ_BY_MARIADB], input=repr(texts))
    found = [ast.literal_eval(line) for line in done.stdout.splitlines()]
    expected = [
        options
        if options is None
        else b"".join(b"--" + name.encode() + b"=" + value + b"\n" for name, value in options.items())
        for _, options in CLIENT_SECTIONS
    ]
    for text, printed, options in zip(texts, found, expected, strict=True):
        assert _last_of_each(printed) == _last_of_each(options), text


def _last_of_each(printed):
    """Return what my_print_defaults printed as a dictionary; an option without a value is an empty one."""
    if printed is None:
        return None
    options = {}
    for option in (b"\n" + printed.removesuffix(b"\n")).split(b"\n--")[1:]:
        name, _, value = option.partition(b"=")
        options[name.replace(b"-", b"_")] = value
    options.pop(b"", None)
    return options
