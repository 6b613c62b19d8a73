"""What a monitor of a fit node costs, counted instead of timed: processes, connections, statements, files, modules."""

import re
import subprocess
import time

import pytest

from galera_sync_guard.host.clock import BOOT_ID
from tests.support.galera import DONOR, READ_ONLY, SATURATED
from tests.support.server import error, silence
from tests.wire.imports import (
    ASKING,
    DIALLING,
    NEVER,
    REFUSED,
    WATCHING,
    imported_by_monitor,
)


@pytest.fixture
def guard(guard, server):
    return guard.started()


class TestCounts:
    @pytest.fixture
    def calls(self, guard, server, tmp_path):
        """The system calls of one monitor whose executor is the one that started the guard."""
        trace = tmp_path / "trace"
        # A shell as the executor, parent of start and monitor alike: strace -D keeps out of the way.
        script = '"$1" start && strace -D -f -qq -s 4096 -e trace=%process,%network,%file -o "$2" "$1" monitor; exit $?'
        guard.parameters["probe_timeout"] = "8s"  # for a busy machine
        environ = guard.environ(timeout=10000, interval=1000)
        guard.stop()
        guard.attrd.forget_calls()
        done = subprocess.run(
            ["sh", "-c", script, "sh", str(guard.executable), str(trace)],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done
        return trace.read_text()

    def test_one_process(self, calls):
        assert len({line.split()[0] for line in calls.splitlines()}) == 1
        assert not re.search(r"\b(clone3?|v?fork)\(", calls)
        assert len(re.findall(r"\bexecve\(.* = 0$", calls, re.MULTILINE)) == 1

    def test_one_connection(self, calls, guard):
        connected = re.findall(r"\bconnect\((.*)", calls)
        assert len([call for call in connected if guard.parameters["socket"] in call]) == 1

    def test_no_file_written(self, calls):
        opened = re.findall(r"\bopenat\(.*", calls)
        assert opened
        assert [call for call in opened if re.search("O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", call)] == []
        assert not re.search(r"\b(rename|unlink|mkdir|chmod|truncate)(at)?2?\(.* = 0$", calls, re.MULTILINE)

    def test_nothing_published(self, calls, guard):
        assert [call for call in guard.attrd.calls if call.startswith("-n")] == [
            "-n guard -U 1000",
            "-n guard-state -U synced",
        ]


@pytest.mark.parametrize(
    ("found", "parameters"),
    [({}, {}), (READ_ONLY, {}), (DONOR, {}), (SATURATED, {"saturation_grace": "0"}), ({}, {"probe_timeout": "soon"})],
    ids=["fit", "unfit", "poor in its grace", "poor", "wrong parameter"],
)
def test_state_file_and_boot_id_are_read_once(guard, server, tmp_path, found, parameters):
    server.values.update(found)
    guard.parameters.update(parameters)
    trace = tmp_path / "trace"
    guard.before = ("strace", "-D", "-f", "-qq", "-s", "4096", "-e", "trace=%file", "-o", str(trace))
    guard.monitor()
    opened = re.findall(r'\bopen(?:at)?\(.*?"(.*?)".*O_RDONLY', trace.read_text())
    assert [opened.count(path) for path in (str(guard.state_file), BOOT_ID)] == [1, 1]


def test_one_connection_and_three_statements(guard, server):
    before, asked = server.connections, len(server.statements)
    assert guard.monitor().stderr == ""
    assert server.connections == before + 1
    assert len(server.statements) == asked + 3
    server.wait_until(lambda: not server.threads)


def test_memory_is_left_alone(guard, server):
    guard.monitor()
    before = guard.state_file.stat()
    for _ in range(3):
        guard.monitor()
    after = guard.state_file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def absent(guard, server):
    guard.parameters["socket"] += ".absent"


def refused(guard, server):
    server.stop()


def shutting_down(guard, server):
    server.trouble["greeting"] = error(1053, "Server shutdown in progress", sqlstate="")


def stopped(guard, server):
    guard.parameters["probe_timeout"] = "200ms"
    server.trouble["greeting"] = silence


class TestImports:
    def test_fit(self, guard):
        guard.attrd.forget_calls()
        # However slow this machine is: it need not be published again yet.
        guard.pretend(published_at=time.clock_gettime(time.CLOCK_BOOTTIME))
        assert sorted(imported_by_monitor(guard) - ASKING - REFUSED) == []
        assert guard.attrd.calls == []

    def test_fit_with_an_option_file(self, guard, tmp_path):
        path = tmp_path / "login.cnf"
        path.write_text("[client]\nuser = guard\n")
        path.chmod(0o600)
        guard.parameters["defaults_file"] = str(path)
        assert guard.start().code == 0
        assert sorted(imported_by_monitor(guard) - ASKING - REFUSED) == ["galera_sync_guard.server.option_file"]

    @pytest.mark.parametrize("trouble", [absent, refused, shutting_down, stopped])
    def test_no_greeting_needs_no_driver(self, guard, server, trouble):
        trouble(guard, server)
        guard.monitor()  # publishes
        assert sorted(imported_by_monitor(guard) - DIALLING) == []

    def test_what_is_loaded_when_it_is_used_is_the_module_then(self, guard):
        script = (
            "import sys; sys.path += ['.', '/usr/lib/python3/dist-packages']\n"
            "from galera_sync_guard.server.driver import load_client\n"
            "load_client(with_tls=False)\n"
            "from pymysql import connections\n"
            "assert 'tokenize' not in sys.modules\n"
            "try: 1 / 0\nexcept ArithmeticError: print(connections.traceback.format_exc())\n"
            "import traceback; assert traceback.__file__"
        )
        done = subprocess.run(["/usr/bin/python3", "-BS", "-c", script], capture_output=True, text=True, check=False)
        assert (done.stderr, done.stdout.splitlines()[-2:]) == ("", ["ZeroDivisionError: division by zero", ""])

    @pytest.mark.parametrize("allowed", [WATCHING, DIALLING, ASKING], ids=["watching", "dialling", "asking"])
    def test_allow_list_allows_nothing_expensive(self, allowed):
        assert allowed & NEVER == set()
