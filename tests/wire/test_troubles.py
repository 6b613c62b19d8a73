"""A server that misbehaves at any step: the monitor ends in time, with the verdict that the table says."""

import random
import socket
import threading

import pytest

from tests.support.server import (
    Server,
    drip,
    error,
    hang_up,
    hang_up_midway,
    huge_length,
    instead,
    silence,
    truncated,
    wrong_sequence,
)
from tests.wire.misbehaving import ANY_CERTIFICATE, EVERY_STEP, GENEROUS, LONG_PROBE_TIMEOUT, PROBE_TIMEOUT, monitor

NOISE = random.Random(1)
GARBAGE = {
    "random bytes": NOISE.randbytes(400),
    "random bytes, framed": b"\x90\x01\0\0" + NOISE.randbytes(400),
    "NUL bytes": bytes(400),
    "0xff bytes": b"\xff" * 400,
    "http": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "postgres": b"E\0\0\0\x8bSFATAL\0VFATAL\0C0A000\0Munsupported frontend protocol\0\0",
    "empty packet": b"\0\0\0\0",
    "half a header": b"\x4a\0",
    "error without a text": b"\x03\0\0\0\xff\x15\x04",
    "error without a number": b"\x01\0\0\0\xff",
    "greeting without an end": b"\x05\0\0\0\x0a10.1",
    "request for a local file": b"\x0c\0\0\x01\xfb/etc/passwd",
}

# Errors that the server sends in place of its greeting: number -> (state, score) of the monitor.
GREETING_ERRORS = {
    1040: ("saturated", "1000"),
    1053: ("down", "-INFINITY"),
    1129: ("unknown", "1000"),  # ER_HOST_IS_BLOCKED
    1130: ("unknown", "1000"),
}
# Errors at any later step.
ERRORS = {
    1040: ("saturated", "1000"),
    1044: ("unknown", "1000"),
    1045: ("unknown", "1000"),
    1047: ("not-ready", "-INFINITY"),
    1053: ("down", "-INFINITY"),
    1205: ("unknown", "1000"),
    1698: ("unknown", "1000"),
    1927: ("unknown", "1000"),  # ER_CONNECTION_KILLED
    32000: ("unknown", "1000"),
}


@pytest.fixture
def guard(guard, server, request):
    guard.parameters["probe_timeout"] = f"{LONG_PROBE_TIMEOUT:g}s"
    guard.started()
    if request.cls is TestNoAnswerInTime:
        guard.parameters["probe_timeout"] = f"{PROBE_TIMEOUT:g}s"
    return guard


def flip(dice):
    """Return a trouble: the right answer with one to three wrong bytes in it."""

    def trouble(conversation, data):
        data = bytearray(data)
        for _ in range(dice.randint(1, 3)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        conversation.peer.sendall(data)

    return trouble


class TestNoAnswerInTime:
    """A server that does not answer is hung, whatever it still does."""

    @pytest.mark.parametrize("step", EVERY_STEP)
    @pytest.mark.parametrize("trouble", [silence, drip])
    def test_is_hung(self, guard, server, step, trouble):
        server.trouble[step] = trouble
        state, score, result = monitor(guard)
        assert (state, score) == ("hung", "-INFINITY")
        assert "no answer within 2s while" in result.stderr
        assert result.seconds > PROBE_TIMEOUT

    def test_full_backlog_is_hung(self, guard, server, tmp_path):
        guard.parameters["socket"] = str(tmp_path / "full.sock")
        with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
            listener.bind(guard.parameters["socket"])
            listener.listen(0)
            first.connect(guard.parameters["socket"])
            state, score, result = monitor(guard)
        assert (state, score) == ("hung", "-INFINITY")
        assert "backlog" in result.stderr

    def test_stopped_server_accepts_into_its_backlog_and_is_hung(self, guard, server, tmp_path):
        guard.parameters["socket"] = str(tmp_path / "stopped.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(guard.parameters["socket"])
            listener.listen(10)
            state, score, _ = monitor(guard)
        assert (state, score) == ("hung", "-INFINITY")

    def test_monitor_fails_in_mode_fail(self, guard, server):
        guard.parameters["mode"] = "fail"
        server.trouble["status"] = silence
        result = guard.monitor()
        assert result.code == 1
        assert result.reason.startswith("hung: no answer within 2s while it should answer SHOW STATUS")


class TestGarbage:
    """A server that speaks something else, or breaks off, tells nothing: the last verdict holds."""

    @pytest.mark.parametrize("noise", GARBAGE.values(), ids=GARBAGE)
    @pytest.mark.parametrize("step", EVERY_STEP)
    def test_is_unknown(self, guard, server, step, noise):
        server.trouble[step] = instead(noise)
        state, score, _ = monitor(guard)
        assert (state, score) == ("unknown", "1000")

    @pytest.mark.parametrize("trouble", [hang_up, hang_up_midway, wrong_sequence, huge_length])
    @pytest.mark.parametrize("step", EVERY_STEP)
    def test_broken_answer_is_unknown(self, guard, server, step, trouble):
        server.trouble[step] = trouble
        state, score, _ = monitor(guard)
        assert (state, score) == ("unknown", "1000")

    @pytest.mark.parametrize("step", ["status", "variables"])
    def test_truncated_rows_are_unknown(self, guard, server, step):
        server.trouble[step] = truncated
        assert monitor(guard)[:2] == ("unknown", "1000")

    @pytest.mark.parametrize("step", EVERY_STEP)
    def test_flipped_bytes_never_break_the_guard(self, guard, server, step):
        guard.parameters["probe_timeout"] = "200ms"
        dice = random.Random(step)
        server.trouble[step] = flip(dice)
        for _ in range(12):
            result = guard.monitor()
            assert result.code == 0
            assert "Traceback" not in result.stderr
            assert "internal error" not in result.stderr
            assert result.seconds < 0.2 + GENEROUS

    def test_is_no_reason_to_fail_in_mode_fail(self, guard, server):
        guard.parameters["mode"] = "fail"
        server.trouble["greeting"] = instead(GARBAGE["http"])
        assert guard.monitor().code == 0


class TestErrors:
    @pytest.mark.parametrize("number", GREETING_ERRORS)
    def test_before_the_handshake(self, guard, server, number):
        server.trouble["greeting"] = error(number, "Too many connections", sqlstate="")
        state, score, result = monitor(guard)
        assert (state, score) == GREETING_ERRORS[number]
        assert f"error {number}: " in result.stderr

    @pytest.mark.parametrize(("step", "sqlstate"), [("greeting", ""), ("login", "08004")])
    def test_full_server_is_named_as_such(self, guard, server, step, sqlstate):
        server.trouble[step] = error(1040, "Too many connections", sqlstate)
        assert "saturated: error 1040: Too many connections" in monitor(guard)[2].stderr

    @pytest.mark.parametrize("number", ERRORS)
    @pytest.mark.parametrize("step", ["login", "session", "status", "variables"])
    def test_later(self, guard, server, step, number):
        server.trouble[step] = error(number, "as scripted")
        state, score, result = monitor(guard)
        assert (state, score) == ERRORS[number]
        assert f"error {number}: " in result.stderr

    @pytest.mark.parametrize("number", [1317, 1927], ids=["query", "connection"])
    @pytest.mark.parametrize("step", ["session", "status", "variables"])
    def test_a_question_that_was_killed_is_asked_once_more(self, guard, server, step, number):
        def kill(conversation, data):
            del server.trouble[step]
            error(number, "killed")(conversation, data)

        guard.started()
        server.trouble[step] = kill
        assert (guard.monitor().stderr, guard.published) == ("", ("1000", "synced"))
        assert step not in server.trouble, "it was killed"

    @pytest.mark.parametrize("number", [1064, 1193])
    def test_statement_that_the_server_does_not_know_is_unknown(self, guard, server, number):
        server.trouble["status"] = error(number, "no such thing")
        assert monitor(guard)[:2] == ("unknown", "1000")


class TestServerThatIsNoMariaDB:
    def test_sets_what_it_knows(self, guard, server):
        server.unknown_variables = {"max_statement_time"}
        server.statements.clear()
        result = guard.monitor()
        assert (result.code, result.stderr) == (0, "")
        assert guard.published == ("1000", "synced")
        assert "SET SESSION wsrep_sync_wait=0" in server.statements
        assert [statement.split()[0] for statement in server.statements[-2:]] == ["SHOW", "SHOW"]
        assert server.connections == 2

    def test_maintenance_mode_of_pxc_is_maintenance(self, guard, server):
        server.unknown_variables = {"max_statement_time"}
        server.values["pxc_maint_mode"] = "MAINTENANCE"
        assert monitor(guard)[:2] == ("maintenance", "-INFINITY")


def _close_one_and_go(listener):
    client, _ = listener.accept()
    listener.close()
    client.close()


class TestAddress:
    def test_server_over_tcp(self, guard):
        with Server() as server:
            guard.parameters.update(host="127.0.0.1", port=str(server.port), socket="/nowhere")
            assert guard.monitor().code == 0
            assert guard.published == ("1000", "synced")
            assert server.connections == 1

    def test_server_that_offers_no_tls_is_not_asked_in_clear(self, guard, tmp_path):
        (tmp_path / "ca.pem").write_text(ANY_CERTIFICATE)
        with Server() as server:
            guard.parameters.update(host="127.0.0.1", port=str(server.port), ssl_ca=str(tmp_path / "ca.pem"))
            state, _, result = monitor(guard)
            assert state == "unknown"
            assert "the server offers no TLS" in result.stderr
            assert server.statements == []

    def test_own_connection_to_the_extra_port_is_not_counted(self, guard):
        with Server() as server:
            guard.parameters.update(host="127.0.0.1", port=str(server.port))
            server.values.update(max_connections="10", Threads_connected="10")
            assert guard.monitor().code == 0
            assert guard.published[1] == "synced"
            server.values["extra_port"] = str(server.port)
            assert monitor(guard)[0] == "saturated"

    def test_refused_connection_is_down(self, guard):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        guard.parameters.update(host="127.0.0.1", port=str(port))
        state, score, result = monitor(guard)
        assert (state, score) == ("down", "-INFINITY")
        assert f"127.0.0.1:{port}: Connection refused" in result.stderr

    def test_connection_that_is_lost_is_tried_once_more(self, guard):
        """A server that is just going down answers the first question with a reset, and is down at the second."""
        guard.started()
        with socket.socket(socket.AF_UNIX) as listener:
            path = guard.parameters["socket"] + ".going"
            listener.bind(path)
            listener.listen()
            guard.parameters["socket"] = path
            going = threading.Thread(target=_close_one_and_go, args=(listener,))
            going.start()
            state, score, _ = monitor(guard)
            going.join()
        assert (state, score) == ("down", "-INFINITY")

    def test_socket_of_a_dead_server_is_down(self, guard, server):
        server.stop()
        assert monitor(guard)[:2] == ("down", "-INFINITY")

    def test_file_that_is_no_socket_is_down(self, guard, tmp_path):
        (tmp_path / "file").touch()
        guard.parameters["socket"] = str(tmp_path / "file")
        assert monitor(guard)[:2] == ("down", "-INFINITY")
