"""A guard that watches: the one process that start leaves behind, its life cycle, and the monitor that checks on it."""

import os
import re
import signal
import time

import pytest

from galera_sync_guard.host.clock import BOOT_ID
from galera_sync_guard.watcher.client import END, PUBLISH_AGAIN, RENEW
from tests.support.galera import SATURATED
from tests.support.guard import copy_of_tree
from tests.support.server import hang_up, silence
from tests.wire.imports import WATCHING, imported_by_monitor
from tests.wire.watching import BAD, GOOD, alive, client_of, open_files, socket_of, status_of, wait, watcher_of


@pytest.fixture
def guard(guard, server):
    """A guard that watches, started, with few holds and a short probe_timeout."""
    guard.parameters.update(watch_interval="100ms", probe_timeout="2s", recovery_hold="0")
    yield guard.started()
    client_of(guard).end()


@pytest.fixture
def pid(guard):
    return watcher_of(guard)


class TestSight:
    """What the watcher sees is published without any monitor."""

    def test_steady_state_needs_one_connection_and_publishes_nothing(self, guard, server, pid):
        connections, statements = server.connections, len(server.statements)
        wait(lambda: len(server.statements) > statements + 10)
        assert server.connections <= connections + 1, "the watcher's first turn may be one of these"
        assert len(server.threads) == 1
        assert guard.attrd.updates == []

    def test_a_fault_and_its_end_are_published(self, guard, server):
        server.values["read_only"] = "ON"
        wait(lambda: guard.published == BAD)
        server.values["read_only"] = "OFF"
        wait(lambda: guard.published == GOOD)

    def test_the_end_of_the_connection_wakes_it_whatever_the_interval(self, guard, server):
        guard.parameters["watch_interval"] = "1h"
        guard.start()
        wait(lambda: len(server.threads) == 1)
        time.sleep(0.5)  # for the answers of its first turn
        server.stop()
        wait(lambda: guard.published == ("-INFINITY", "down"), within=60)

    def test_a_lost_connection_alone_is_no_news(self, guard, server):
        for _ in range(3):
            wait(lambda: len(server.peers) == 1)
            connections = server.connections
            server.hang_up()
            wait(lambda before=connections: server.connections > before)
        assert guard.published[0] == "1000"

    @pytest.mark.parametrize("is_asked", [False, True], ids=["idle", "asked"])
    def test_a_server_that_closes_the_connection_and_is_slow_with_the_next_is_not_down(self, guard, server, is_asked):
        """As a thread pool does that has no thread left for a new connection; it is down when nobody listens."""
        guard.parameters["probe_timeout"] = "1500ms"
        guard.start()
        wait(lambda: len(server.peers) == 1)
        server.trouble.update(greeting=silence)
        if is_asked:
            server.trouble.update(status=hang_up)
        else:
            server.hang_up()
        began = time.monotonic()
        wait(lambda: guard.published == ("-INFINITY", "hung"))
        assert time.monotonic() - began > 1.3
        assert "down" not in [state for name, state in guard.attrd.updates if name == "guard-state"]
        wait(lambda: "sends no handshake" in status_of(guard).reason)
        assert status_of(guard).reason == "hung: the server accepts connections but sends no handshake"
        assert len(server.threads) <= 2, "one connection waits in the backlog"
        server.release()
        wait(lambda: guard.published == GOOD)

    def test_a_server_that_is_slow_with_the_next_connection_but_in_time_is_no_news(self, guard, server):
        guard.parameters["probe_timeout"] = "20s"
        guard.start()
        wait(lambda: len(server.peers) == 1)
        guard.attrd.forget_calls()
        server.trouble.update(greeting=silence)
        server.hang_up()
        wait(lambda: server.connections > 2)
        time.sleep(0.5)
        server.release()
        connections = server.connections
        wait(lambda: server.statements and len(server.peers) == 1)
        statements = len(server.statements)
        wait(lambda: len(server.statements) > statements + 2)
        assert guard.attrd.updates == []
        assert server.connections == connections

    def test_a_hung_server_gets_few_connections_and_is_seen_when_it_answers_again(self, guard, server):
        server.trouble.update(status=silence, greeting=silence)
        wait(lambda: guard.published == ("-INFINITY", "hung"))
        time.sleep(2)
        assert len(server.threads) <= 4, "the question, the attempt that was given up, and the canary"
        server.release()
        wait(lambda: guard.published == GOOD)

    def test_the_administrators_connection_is_let_go_of(self, guard, server):
        server.values.update(SATURATED)
        wait(lambda: guard.published[1] == "saturated")
        statements = len(server.statements)
        wait(lambda: not server.threads)
        wait(lambda: len(server.statements) > statements)

    def test_its_own_lasting_connection_is_a_place_that_applications_lack(self, guard, server):
        server.values.update(Threads_connected="151")
        wait(lambda: guard.published[1] == "saturated")
        assert len(server.threads) == 1

    def test_maintenance_lasts_without_a_busy_loop(self, guard, server, tmp_path, pid):
        (tmp_path / "maintenance").write_text("disk")
        wait(lambda: guard.published == ("-INFINITY", "maintenance"))
        server.hang_up()
        used = cpu_seconds(pid)
        time.sleep(1)
        assert cpu_seconds(pid) - used < 0.3


class TestPublishing:
    def test_bad_news_that_cannot_be_published_fails_the_monitor(self, guard, server):
        guard.attrd.fail(1)
        server.values["read_only"] = "ON"
        result = guard.monitor_until(lambda result: result.code == 1, within=60)
        assert "could not be published: read-only" in result.reason
        guard.attrd.fail(None)
        wait(lambda: guard.published == BAD)
        guard.monitor_until(lambda result: result.code == 0, within=60)

    def test_a_cluster_that_hangs_keeps_neither_the_watcher_nor_its_monitor(self, guard, server):
        guard.attrd.hang()
        server.values["read_only"] = "ON"
        guard.monitor_until(lambda result: result.code == 1 and "could not be published" in result.reason, within=60)
        guard.attrd.hang(False)
        wait(lambda: guard.published == BAD)

    def test_a_score_that_does_not_arrive_is_published_again(self, guard, server):
        guard.attrd.lose()
        server.values["read_only"] = "ON"
        wait(lambda: guard.attrd.updates.count(("guard", BAD[0])) > 1, within=9)  # sooner than the refresh
        assert guard.monitor().code == 0, "nothing has failed"
        guard.attrd.lose(False)
        wait(lambda: guard.published == BAD)

    def test_a_probe_has_it_published_again_since_a_restarted_pacemaker_has_lost_it(self, guard, pid):
        for name in ("guard", "guard-state"):
            (guard.attrd.directory / ("value." + name)).unlink()
        assert guard.probe().code == 0
        wait(lambda: guard.published == GOOD)
        assert watcher_of(guard) == pid


class TestLife:
    def test_start_twice_leaves_one(self, guard, pid):
        assert guard.start().code == 0
        assert watcher_of(guard) not in (None, pid)
        assert not alive(pid)

    def test_stop_ends_it_and_leaves_nothing(self, guard, pid):
        for _ in range(2):
            result = guard.stop()
            assert result.code == 0
        assert not alive(pid)
        assert os.listdir(guard.state_file.parent) == []
        assert guard.published == (None, None)

    def test_killed_it_is_a_failed_monitor_until_the_guard_is_started_again(self, guard, pid):
        os.kill(pid, signal.SIGKILL)
        wait(lambda: not watcher_of(guard))
        result = guard.monitor()
        assert (result.code, result.reason) == (1, "the watcher is dead")
        assert watcher_of(guard) is None, "a monitor restarts nothing"
        assert guard.probe().code == 7, "Pacemaker starts it then, and nothing has failed"
        assert guard.stop().code == 0
        assert guard.start().code == 0
        assert guard.monitor().code == 0

    def test_stopped_it_is_stalled_and_can_be_ended(self, guard, pid):
        os.kill(pid, signal.SIGSTOP)
        result = guard.monitor(timeout=8)
        assert result.code == 1
        assert result.reason.startswith("watcher stalled: no answer within ")
        assert guard.probe().code == 0
        result = guard.stop()
        assert result.code == 0
        assert result.seconds < 10
        assert not alive(pid)

    def test_one_that_was_replaced_ends_without_publishing(self, guard, server, pid):
        os.kill(pid, signal.SIGSTOP)
        socket_of(guard).rename(socket_of(guard).with_suffix(".old"))
        server.values["read_only"] = "ON"
        os.kill(pid, signal.SIGCONT)
        wait(lambda: not alive(pid))
        assert guard.attrd.updates == []

    def test_told_to_end_it_deletes_the_attributes(self, guard, pid):
        client_of(guard).signal(END)
        wait(lambda: not alive(pid))
        assert guard.published == (None, None)

    def test_the_package_s_removal_ends_it_and_deletes_its_attributes(self, guard, pid):
        assert guard.run("end-watchers", str(guard.state_file.parent)).code == 0
        assert not alive(pid)
        assert guard.published == (None, None)

    def test_the_package_s_removal_ends_one_that_is_stopped_too(self, guard, pid):
        os.kill(pid, signal.SIGSTOP)
        assert guard.run("end-watchers", str(guard.state_file.parent)).code == 0
        assert not alive(pid)

    def test_the_package_s_scripts_do_nothing_where_there_is_no_watcher(self, guard, tmp_path):
        assert guard.run("end-watchers", str(tmp_path / "none")).code == 0
        assert guard.run("renew-watchers", str(tmp_path)).code == 0

    def test_the_same_version_installed_again_renews_it(self, guard, pid):
        assert guard.run("renew-watchers", str(guard.state_file.parent)).code == 0
        wait(lambda: watcher_of(guard) not in (None, pid))
        assert not alive(pid)
        assert guard.monitor().code == 0

    def test_two_hundred_bytes_of_a_name_are_not_too_long_for_its_socket(self, guard):
        long = guard.copy(name="g" * 200)
        assert long.start().code == 0
        assert long.monitor().code == 0
        assert watcher_of(long)
        assert long.stop().code == 0

    def test_what_the_boot_before_left_counts_for_nothing(self, guard, pid):
        os.kill(pid, signal.SIGKILL)
        wait(lambda: not watcher_of(guard))
        text = guard.state_file.read_text()
        guard.state_file.write_text("11111111-1111-1111-1111-111111111111" + text[36:])
        assert guard.monitor().code == 7
        assert guard.start().code == 0
        assert guard.monitor().code == 0

    def test_reload_agent_gives_it_the_new_parameters(self, guard, server, pid):
        server.values["read_only"] = "ON"
        wait(lambda: guard.published == BAD)
        guard.parameters["available_when_readonly"] = "yes"
        assert guard.run("reload-agent").code == 0
        assert not alive(pid)
        assert guard.monitor().code == 0
        assert guard.published == GOOD

    def test_a_value_that_is_not_allowed_is_logged_once_and_the_watcher_goes_on(self, guard, pid):
        guard.parameters["probe_timeout"] = "abc"
        results = [guard.run("reload-agent"), *(guard.monitor() for _ in range(3))]
        assert [result.code for result in results] == [0] * 4
        assert ["'abc' is not allowed" in result.stderr for result in results] == [True, False, False, False]
        assert (watcher_of(guard), guard.published) == (pid, GOOD)

    def test_reload_agent_turns_watching_off_and_on(self, guard, pid):
        guard.parameters["watch_interval"] = "0"
        assert guard.run("reload-agent").code == 0
        assert watcher_of(guard) is None
        assert guard.monitor().code == 0
        guard.parameters["watch_interval"] = "100ms"
        assert guard.run("reload-agent").code == 0
        assert guard.monitor().code == 0
        assert watcher_of(guard)

    def test_parameters_that_are_not_allowed_leave_it_as_it_is(self, guard, server, pid):
        guard.parameters["port"] = "none"
        assert guard.run("reload-agent").code == 0
        assert guard.monitor().code == 0
        assert watcher_of(guard) == pid
        server.values["read_only"] = "ON"
        wait(lambda: guard.published == BAD)

    def test_two_guards_have_one_each(self, guard, server, pid):
        other = guard.copy(name="other")
        assert other.start().code == 0
        assert watcher_of(other) not in (None, pid)
        assert other.stop().code == 0
        assert watcher_of(guard) == pid
        assert guard.monitor().code == 0

    def test_a_watcher_that_cannot_come_up_makes_start_fail(self, guard, tmp_path):
        guard.executable = copy_of_tree(tmp_path / "tree")
        append(tmp_path / "tree", "watcher/process", "def run(): return 1  # a bug")
        result = guard.start()
        assert result.code == 1
        assert "the watcher does not come up" in result.reason
        assert not guard.state_file.exists()

    def test_a_watcher_that_is_slow_to_come_up_on_a_busy_machine_has_the_time_of_start(self, guard, tmp_path):
        guard.executable = copy_of_tree(tmp_path / "tree")
        append(tmp_path / "tree", "watcher/process", "time.sleep(6)")
        assert guard.start(timeout=60).code == 0
        assert watcher_of(guard)

    def test_one_that_hangs_is_ended_and_start_says_so_in_its_time(self, guard, tmp_path):
        guard.executable = copy_of_tree(tmp_path / "tree")
        append(tmp_path / "tree", "watcher/process", "time.sleep(600)")
        result = guard.start(timeout=8)
        assert (result.code, watcher_of(guard)) == (1, None)
        assert "the watcher does not come up: not within " in result.reason


class TestUpgrade:
    """The installed code changes under a watcher."""

    @pytest.fixture
    def guard(self, guard, tmp_path):
        guard.executable = copy_of_tree(tmp_path / "tree")
        return guard.started()

    def test_renews_it_while_every_monitor_succeeds(self, guard, server, tmp_path):
        for version in ("0.2.0", "0.2.1"):
            old = watcher_of(guard)
            set_version(tmp_path / "tree", version)
            guard.monitor_until(lambda result, version=version: renewed(guard, result, version), within=60)
            assert not alive(old)
            server.values["read_only"] = "ON"
            wait(lambda: guard.published == BAD)
            server.values["read_only"] = "OFF"
            wait(lambda: guard.published == GOOD)

    def test_what_it_is_told_while_it_is_renewed_does_not_end_it(self, guard, tmp_path):
        set_version(tmp_path / "tree", "0.2.0")
        end = time.monotonic() + 10
        while status_of(guard).version != "0.2.0":
            assert time.monotonic() < end
            for number in (RENEW, PUBLISH_AGAIN):
                assert client_of(guard).signal(number)
        wait(lambda: guard.published == GOOD)

    @pytest.mark.parametrize(
        ("module", "line"),
        [
            ("watcher/process", "this is half a file ("),
            ("server/probe", "def probe_node(*_, **__): raise KeyError('a bug')"),
        ],
        ids=["cannot be loaded", "fails when it is used"],
    )
    def test_to_code_that_does_not_work_leaves_it_as_it_is(self, guard, server, pid, tmp_path, module, line):
        pid = watcher_of(guard)
        path = tmp_path / f"tree/galera_sync_guard/{module}.py"
        intact = path.read_text()
        append(tmp_path / "tree", module, line)
        set_version(tmp_path / "tree", "0.2.0")
        for _ in range(5):
            assert guard.monitor().code == 0
            assert watcher_of(guard) == pid
            time.sleep(0.2)
        server.values["read_only"] = "ON"
        wait(lambda: guard.published == BAD)
        path.write_text(intact)
        guard.monitor_until(lambda result: renewed(guard, result, "0.2.0"), within=60)

    def test_one_that_is_stopped_is_a_failed_monitor(self, guard, tmp_path):
        set_version(tmp_path / "tree", "0.2.0")
        os.kill(watcher_of(guard), signal.SIGSTOP)
        result = guard.monitor(timeout=8)
        assert (result.code, result.reason.partition(":")[0]) == (1, "watcher stalled")

    def test_its_first_monitor_does_not_speak_of_other_parameters(self, guard, tmp_path):
        append(tmp_path / "tree", "parameters", 'GuardParameters.mode.default = "score"')
        append(tmp_path / "tree", "parameters", "as_text = lambda parameters: {'key': 'of another kind'}")
        set_version(tmp_path / "tree", "0.2.0")
        guard.monitor_until(lambda result: renewed(guard, result, "0.2.0"), within=60)
        assert guard.monitor().code == 0

    def test_with_other_parameters_is_a_failed_monitor_once_it_is_renewed(self, guard, tmp_path):
        set_version(tmp_path / "tree", "0.2.0")
        guard.parameters["donor_grace"] = "3s"
        assert guard.monitor().code == 0
        result = guard.monitor_until(lambda result: result.code, within=60)
        assert result.reason == "the watcher runs with other parameters: donor_grace"


class TestProcess:
    def test_carries_nothing_of_the_resource_in_its_environment(self, pid):
        with open(f"/proc/{pid}/environ", encoding="ascii") as file:
            assert file.read() == "PATH=/usr/sbin:/usr/bin:/sbin:/bin\0"

    def test_holds_none_of_the_executors_files(self, guard, pid, tmp_path):
        # A file that it has open for a moment, such as its memory, is gone a moment later: the executor's would stay.
        wait(
            lambda: {name for name in open_files(pid) if not name.startswith("socket:")} == {"/dev/null"},
            within=60,
        )

    def test_has_a_session_of_its_own_and_few_rights(self, pid):
        assert os.getsid(pid) == pid
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            status = dict(line.split(":", 1) for line in file)
        assert status["NoNewPrivs"].strip() == "1"
        assert int(status["CapBnd"], 16) == 1 << 1 | 1 << 6 | 1 << 7


class TestMonitor:
    @pytest.mark.parametrize(("mode", "code"), [("score", 0), ("fail", 1)])
    def test_reports_the_verdict(self, guard, server, mode, code):
        guard.parameters["mode"] = mode
        assert guard.start().code == 0
        assert guard.monitor().code == 0
        server.values["read_only"] = "ON"
        wait(lambda: guard.published == BAD)
        result = guard.monitor_until(lambda result: result.code == code, within=60)
        assert result.reasons == (["read-only: read_only=ON, must be OFF"] if code else [])

    def test_news_that_are_being_published_fail_no_monitor(self, guard, server):
        guard.attrd.hang()
        server.values["read_only"] = "ON"
        wait(lambda: "hang" in os.listdir(guard.attrd.directory) and guard.attrd.calls)
        assert guard.monitor().code == 0
        guard.attrd.hang(False)

    def test_asks_no_server_and_no_cluster_and_reads_no_state_file(self, guard, server, tmp_path):
        trace = tmp_path / "trace"
        guard.before = (
            "strace",
            "-D",
            "-f",
            "-qq",
            "-s",
            "4096",
            "-e",
            "trace=%process,%network,%file",
            "-o",
            str(trace),
        )
        assert guard.monitor().code == 0
        calls = trace.read_text()
        assert len(re.findall(r"\bexecve\(.* = 0$", calls, re.MULTILINE)) == 1
        assert not re.search(r"\b(clone3?|v?fork)\(", calls)
        connected = [line for line in calls.splitlines() if "connect(" in line and "nscd" not in line]
        assert ["galera_sync_guard.watcher-guard" in line for line in connected] == [True]
        assert [path for path in (str(guard.state_file), BOOT_ID) if f'"{path}"' in calls] == []

    def test_loads_no_third_party_and_runs_no_commands(self, guard):
        assert sorted(imported_by_monitor(guard) - WATCHING) == []


def set_version(tree, version):
    """Turn a copy of the tree into another version of the package, as an upgrade does."""
    new, module = tree / "new", tree / "ocfpy/__init__.py"
    new.write_text(re.sub('__version__ = ".*"', f'__version__ = "{version}"', module.read_text()))
    new.rename(module)


def renewed(guard, result, version):
    """Return whether the watcher is of that version; no monitor may fail before."""
    assert result.code == 0, result
    return status_of(guard).version == version


def append(tree, module, line):
    """Add a line to a module of a copy of the tree."""
    with open(tree / f"galera_sync_guard/{module}.py", "a", encoding="utf-8") as file:
        file.write(f"\n\n{line}\n")


def cpu_seconds(pid):
    """Return the CPU time that a process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
