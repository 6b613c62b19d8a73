"""What the agent says and where: exit reason, syslog, and never a password."""

import re

import pytest

from tests.support.guard import copy_of_tree, in_mount_namespace
from tests.support.server import error
from tests.support.syslog import PRIVATE_DEV, Log

SECRET = "corr3ct-horse-battery"


@pytest.fixture
def log(guard, tmp_path):
    (tmp_path / "dev").mkdir()
    guard.before = in_mount_namespace(PRIVATE_DEV, tmp_path / "dev")
    return Log(tmp_path / "dev/log")


@pytest.fixture
def syslog(log):
    """A function that returns the lines that came to /dev/log since the last call."""
    return log.read().lines


# facility word -> its number (RFC 5424)
@pytest.mark.parametrize(
    ("environment", "facility"),
    [
        ({}, 3),
        ({"HA_LOGFACILITY": "daemon"}, 3),
        ({"HA_LOGFACILITY": "local4"}, 20),
        ({"HA_LOGFACILITY": "none"}, 3),
    ],
    ids=["unset", "daemon", "local4", "none"],
)
def test_syslog_line_has_the_form_of_pacemakers_own_agents(guard, syslog, environment, facility):
    guard.name = "guard:1"
    guard.environment.update(environment)
    guard.start()
    (line,) = syslog()
    form = r"<(\d+)>\w{3} [ \d]\d \d\d:\d\d:\d\d galera_sync_guard\(guard:1\)\[\d+\]: WARNING: down: .*"
    (priority,) = re.fullmatch(form, line).groups()
    assert divmod(int(priority), 8) == (facility, 4)


def test_traceback_goes_to_syslog_only(guard, server, syslog, tmp_path):
    guard.executable = copy_of_tree(tmp_path / "tree")
    guard.started()
    syslog()
    with open(tmp_path / "tree/galera_sync_guard/server/probe.py", "a", encoding="utf-8") as file:
        file.write("\n\ndef probe_node(*arguments): raise KeyError('two\\nlines')\n")
    result = guard.monitor()
    logged = "\n".join(syslog())
    assert "Traceback (most recent call last):" in logged
    assert "in probe_node" in logged
    assert "Traceback" not in result.stderr
    assert "in probe_node" not in result.stderr


def test_change_is_logged_once(guard, server, syslog):
    guard.started()
    assert "INFO: synced: " in "\n".join(syslog())
    server.values["wsrep_ready"] = "OFF"
    guard.monitor()
    assert "WARNING: not-ready: wsrep_ready=OFF, must be ON (unfit, score -INFINITY)" in "\n".join(syslog())
    for _ in range(2):
        guard.monitor()
    assert syslog() == []


def test_syslog_whose_reader_hangs_delays_no_news(guard, server, log):
    guard.started()
    log.fill()
    server.values["wsrep_ready"] = "OFF"
    result = guard.monitor()
    assert result.code == 0
    assert guard.published == ("-INFINITY", "not-ready")
    assert result.seconds < 10


def test_exit_reason_has_the_prefix_that_pacemaker_asked_for(guard):
    guard.environment["OCF_EXIT_REASON_PREFIX"] = "because: "
    assert guard.run("dance").stderr.startswith("because: unknown action dance")
    guard.parameters["mode"] = "fail"
    assert "\nbecause: down: " in "\n" + guard.start().stderr


@pytest.mark.parametrize("text", ["two\nlines", "tab\tand\rreturn", "NUL\0byte", "bell\x07 and \x1b[31mred", "\u2028"])
def test_message_is_one_line_whatever_the_server_says(guard, server, syslog, text):
    server.trouble["login"] = error(1045, text, "28000")
    result = guard.start()
    assert result.code == 0
    (line,) = result.stderr.splitlines()
    assert line.isprintable()
    assert "unknown: error 1045: " in line
    assert guard.published == ("950", "unknown")
    assert len(syslog()) == 1


def test_maintenance_reason_is_shown_as_one_line(guard, server, tmp_path):
    (tmp_path / "maintenance").write_bytes(b"disk \xff\0 change\nsecond line\n")
    guard.parameters["mode"] = "fail"
    result = guard.start()
    assert result.code == 1
    assert "maintenance exists: disk �? change" in result.reason
    assert "second" not in result.stderr


class TestPassword:
    @pytest.fixture
    def guard(self, guard, tmp_path):
        file = tmp_path / "login.cnf"
        file.write_text(f"[client]\nuser=monitor\npassword={SECRET}\n")
        file.chmod(0o600)
        guard.parameters["defaults_file"] = str(file)
        return guard

    def test_is_in_no_argument_and_no_environment(self, guard, server, tmp_path):
        guard.before = (
            "strace",
            "-f",
            "-v",
            "-s",
            "65535",
            "-e",
            "trace=execve,clone,fork,vfork",
            "-o",
            str(tmp_path / "trace"),
        )
        guard.started()
        trace = (tmp_path / "trace").read_text()
        assert trace.count("execve(") > 3
        assert "attrd_updater" in trace
        assert SECRET not in trace

    @pytest.mark.parametrize(
        "trouble",
        [error(1045, "Access denied for user 'monitor'@'localhost' (using password: YES)", "28000"), None],
        ids=["refused", "accepted"],
    )
    def test_is_in_no_message_attribute_or_memory(self, guard, server, syslog, trouble):
        if trouble:
            server.trouble["login"] = trouble
        guard.start()
        for result in (guard.monitor(), guard.run("validate-all"), guard.run("reload-agent")):
            assert SECRET not in result.stdout + result.stderr
        assert SECRET not in guard.state_file.read_text()
        assert SECRET not in "\n".join(guard.attrd.calls)
        assert SECRET not in "\n".join(syslog())

    def test_is_not_shown_when_it_is_the_very_thing_that_breaks(self, guard, server, syslog, tmp_path):
        guard.started()
        (tmp_path / "login.cnf").write_text(f"[client]\npassword={SECRET}\npassword=\u20ac{SECRET}\n")
        for result in (guard.monitor(), guard.monitor()):
            assert result.code == 0
            assert SECRET not in result.stderr
        assert SECRET not in "\n".join(syslog())

    def test_does_not_reach_the_socket_in_clear(self, guard, server, tmp_path):
        guard.before = (
            "strace",
            "-f",
            "-s",
            "65535",
            "-e",
            "trace=sendto,write,sendmsg",
            "-o",
            str(tmp_path / "trace"),
        )
        guard.started()
        trace = (tmp_path / "trace").read_text()
        assert "SHOW GLOBAL VARIABLES" in trace
        assert SECRET not in trace
