"""Wrong parameters and a host that lacks something: one clear line, the right code, and no virtual IP moves for it."""

import os

import pytest

from tests.support.guard import in_mount_namespace
from tests.support.server import Server

OPTION_FILE = "[client]\nuser=monitor\npassword=geheim\n"

# Values that are not allowed: id -> (parameters, what the message must name).
NOT_ALLOWED = {
    "unknown word": ({"mode": "fast"}, "mode: 'fast'"),
    "unknown word in another case": ({"available_when_donor": "Never"}, "available_when_donor: 'Never'"),
    "negative number": ({"connection_limit": "-1"}, "connection_limit: '-1'"),
    "number below its limit": ({"connection_limit": "0"}, "connection_limit: '0'"),
    "number above its limit": ({"connection_limit": "101"}, "connection_limit: '101'"),
    "no number": ({"min_cluster_size": "two"}, "min_cluster_size: 'two'"),
    "port zero": ({"port": "0"}, "port: '0'"),
    "unknown unit": ({"probe_timeout": "2 parsecs"}, "probe_timeout: '2 parsecs'"),
    "unit alone": ({"donor_grace": "s"}, "donor_grace: 's'"),
    "negative time": ({"recovery_hold": "-3s"}, "recovery_hold: '-3s'"),
    "fraction of a second": ({"saturation_grace": "1.5s"}, "saturation_grace: '1.5s'"),
    "no time at all": ({"probe_timeout": "0"}, "probe_timeout: '0'"),
    "no boolean": ({"available_when_readonly": "maybe"}, "available_when_readonly: 'maybe'"),
    "relative path": ({"socket": "mysqld.sock"}, "socket: 'mysqld.sock'"),
    "two lines": ({"user": "root\nroot"}, "user:"),
    "bytes that are no text": ({"user": b"r\xf6\x01t"}, "user:"),
    "watch_interval too short": ({"watch_interval": "49ms"}, "watch_interval"),
    "stall_timeout too short": ({"stall_timeout": "999ms", "stall_directory": "/var/lib/mysql"}, "stall_timeout"),
    "stall_timeout without a directory": ({"stall_timeout": "5s"}, "stall_directory"),
    "ssl_cert without ssl_key": ({"host": "::1", "ssl_ca": "/ca", "ssl_cert": "/cert"}, "ssl_key"),
    "ssl_key without ssl_cert": ({"host": "::1", "ssl_ca": "/ca", "ssl_key": "/key"}, "ssl_cert"),
    "ssl_cert without ssl_ca": ({"host": "::1", "ssl_cert": "/cert", "ssl_key": "/key"}, "ssl_ca"),
    "ssl_ca without host": ({"ssl_ca": "/ca"}, "ssl_ca"),
}


def assert_one_clear_line(result, *expected):
    assert "Traceback" not in result.stderr
    assert "internal error" not in result.stderr
    assert len(result.stderr.splitlines()) == 1
    for words in expected:
        assert words in result.reason


@pytest.mark.parametrize(("parameters", "named"), NOT_ALLOWED.values(), ids=NOT_ALLOWED)
class TestValueNotAllowed:
    def test_is_refused_when_it_can_be(self, guard, server, parameters, named):
        guard.parameters.update(parameters)
        for action, code in (("validate-all", 6), ("start", 2)):
            result = guard.run(action)
            assert result.code == code
            assert_one_clear_line(result, named, "must be")
        assert guard.probe().code == 7
        assert guard.attrd.updates == []

    def test_does_not_move_the_virtual_ip_from_a_started_guard(self, guard, server, parameters, named):
        guard.started()
        guard.parameters.update(parameters)
        assert guard.run("reload-agent").code == 0
        for _ in range(2):
            result = guard.monitor()
            assert result.code == 0
            assert "Traceback" not in result.stderr
            assert "internal error" not in result.stderr
        assert guard.published == ("1000", "unknown")
        assert guard.stop().code == 0
        assert guard.published == (None, None)


def test_last_bad_verdict_holds_too_when_a_reload_brings_a_value_not_allowed(guard, server):
    server.values["wsrep_ready"] = "OFF"
    guard.started()
    guard.parameters["probe_timeout"] = "soon"
    assert guard.monitor().code == 0
    assert guard.published == ("-INFINITY", "unknown")


def test_unknown_guard_is_no_reason_to_move_after_its_grace(guard, server):
    guard.started()
    guard.parameters.update(unknown_grace="0", probe_timeout="soon")
    guard.monitor()
    guard.monitor_until(lambda result: guard.published[0] != "1000", within=3)
    assert guard.published == ("950", "unknown")


def test_repaired_value_is_believed_at_once(guard, server):
    guard.started()
    guard.parameters["connection_limit"] = "much"
    guard.monitor()
    guard.parameters["connection_limit"] = "90"
    guard.monitor()
    assert guard.published == ("1000", "synced")


# What this host lacks: id -> (option file's text and mode, parameters, start's code, what the message must name).
def file_of(text, mode=0o600, owner=0):
    def make(path):
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(mode)
        os.chown(path, owner, owner)

    return make


HOST = {
    "option file missing": (None, {}, 2, "option.cnf: No such file"),
    "option file is a directory": (lambda path: path.mkdir(), {}, 2, "not a regular file"),
    "option file readable by all": (file_of(OPTION_FILE, 0o644), {}, 4, "chmod 600"),
    "option file readable by a group": (file_of(OPTION_FILE, 0o640), {}, 4, "chmod 600"),
    "option file of another user": (file_of(OPTION_FILE, owner=65534), {}, 4, "belong to root"),
    "option file without [client]": (file_of("[mysqld]\nuser=mysql\n"), {}, 2, "[client]"),
    "option file without any section": (file_of("user=monitor\n"), {}, 2, "not an option file"),
    "option file of noise": (file_of(b"\xff\xfe\0\0[client"), {}, 2, "not an option file"),
    "empty option file": (file_of(""), {}, 2, "[client]"),
    "operating system user missing": (file_of(OPTION_FILE), {"os_user": "no-such-user"}, 2, "os_user no-such-user"),
}


@pytest.mark.parametrize(("make", "parameters", "code", "named"), HOST.values(), ids=HOST)
class TestHostThatLacksSomething:
    @pytest.fixture
    def change(self, guard, tmp_path, make, parameters):
        def change():
            if make:
                make(tmp_path / "option.cnf")
            guard.parameters.update(parameters, defaults_file=str(tmp_path / "option.cnf"))

        return change

    def test_is_found_by_start_and_by_a_deep_validation_only(self, guard, server, change, code, named):
        change()
        for action, environment, expected in (
            ("validate-all", {}, 0),
            ("validate-all", {"OCF_CHECK_LEVEL": "10"}, code),
            ("start", {}, code),
        ):
            guard.environment.update(environment)
            result = guard.run(action)
            assert result.code == expected
            if expected:
                assert_one_clear_line(result, named)
        assert guard.probe().code == 7

    def test_does_not_move_the_virtual_ip_from_a_started_guard(self, guard, server, change, code, named):
        guard.started()
        change()
        assert guard.run("reload-agent").code == 0
        result = guard.monitor()
        assert result.code == 0
        assert named in result.stderr
        assert "Traceback" not in result.stderr
        assert "internal error" not in result.stderr
        assert guard.published[1] == "unknown"
        assert guard.published[0] in ("1000", "950")

    def test_does_not_hide_a_dead_server(self, guard, server, change, code, named):
        guard.started()
        change()
        server.stop()
        guard.monitor()
        assert guard.published == ("-INFINITY", "down")


class TestTls:
    """Files for TLS: over the network, so that the guard asks for them."""

    @pytest.fixture
    def guard(self, guard, tmp_path):
        guard.parameters.update(host="127.0.0.1", port="1", ssl_ca=str(tmp_path / "ca.pem"))
        return guard

    @pytest.mark.parametrize("missing", ["ssl_ca", "ssl_cert", "ssl_key"])
    def test_missing_file_is_named(self, guard, server, tmp_path, missing):
        for name in ("ssl_ca", "ssl_cert", "ssl_key"):
            guard.parameters[name] = str(tmp_path / name)
            if name != missing:
                (tmp_path / name).touch()
        result = guard.start()
        assert result.code == 2
        assert_one_clear_line(result, f"{missing} {tmp_path / missing}: No such file")
        assert guard.run("validate-all").code == 0

    def test_noise_instead_of_a_certificate_is_a_guard_that_cannot_see(self, guard, tmp_path):
        (tmp_path / "ca.pem").write_text("noise\n")
        with Server() as server:
            guard.parameters["port"] = str(server.port)
            result = guard.start()
        assert result.code == 0
        assert "unknown: cannot begin to connect: " in result.stderr
        assert guard.published == ("950", "unknown")


def test_option_file_with_include_lines_is_read_without_them(guard, server, tmp_path):
    file_of("!includedir /etc/mysql/conf.d/\n" + OPTION_FILE + "!include /etc/other.cnf\n")(tmp_path / "option.cnf")
    guard.parameters["defaults_file"] = str(tmp_path / "option.cnf")
    assert guard.start().code == 0
    assert guard.published == ("1000", "synced")


@pytest.mark.parametrize(("mode", "code"), [("fail", 1), ("score", 0)])
def test_missing_socket_is_a_server_that_is_down(guard, mode, code):
    guard.parameters["mode"] = mode
    result = guard.start()
    assert result.code == code
    assert f"down: {guard.parameters['socket']}: No such file or directory" in result.stderr


DRIVER = {
    "not installed": 'mount -t tmpfs none "$1"',
    "half removed": 'mount -t tmpfs none "$1/pymysql"',
}


@pytest.mark.parametrize("script", DRIVER.values(), ids=DRIVER)
class TestDriverMissing:
    @pytest.fixture
    def remove_driver(self, guard, script):
        def remove():
            guard.before = in_mount_namespace(script, "/usr/lib/python3/dist-packages")

        return remove

    def test_is_found_by_start_and_by_a_deep_validation(self, guard, server, remove_driver):
        remove_driver()
        assert guard.run("validate-all").code == 0
        guard.environment["OCF_CHECK_LEVEL"] = "10"
        for action in ("validate-all", "start"):
            result = guard.run(action)
            assert result.code == 5
            assert_one_clear_line(result, "python3-pymysql")
        assert guard.stop().code == 0

    def test_does_not_move_the_virtual_ip_from_a_started_guard(self, guard, server, remove_driver):
        guard.started()
        remove_driver()
        result = guard.monitor()
        assert result.code == 0
        assert "python3-pymysql" in result.stderr
        assert "Traceback" not in result.stderr
        assert guard.published == ("1000", "unknown")
        assert guard.probe().code == 0
