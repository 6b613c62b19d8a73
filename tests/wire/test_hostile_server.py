"""A server that was taken over, or somebody in its place: no password for it, little memory, and one clear line."""

import sys

import pytest

from tests.support.server import (
    Server,
    ask_for_password_by,
    endless_packets,
    endless_small_packets,
    error,
)
from tests.wire.misbehaving import ANY_CERTIFICATE, EVERY_STEP, monitor

PASSWORD = "Sup3rSecret!"
# What one probe may have in memory, in MB, with the interpreter and the driver.
MEMORY = 40


@pytest.fixture
def guard(guard, tmp_path):
    option_file = tmp_path / "login.cnf"
    option_file.write_text(f"[client]\nuser=monitor\npassword={PASSWORD}\n")
    option_file.chmod(0o600)
    (tmp_path / "ca.pem").write_text(ANY_CERTIFICATE)
    guard.parameters.update(defaults_file=str(option_file), probe_timeout="8s")
    return guard


class TestPassword:
    @pytest.fixture
    def remote(self, guard, server):
        """A server without TLS, by TCP; the guard was started with another one."""
        guard.started()
        with Server() as remote:
            guard.parameters.update(host="127.0.0.1", port=str(remote.port))
            yield remote

    def test_nothing_is_sent_to_a_server_without_tls_if_ssl_ca_is_given(self, guard, remote, tmp_path):
        guard.parameters["ssl_ca"] = str(tmp_path / "ca.pem")
        remote.trouble["login"] = ask_for_password_by("mysql_clear_password")
        state, _, result = monitor(guard)
        assert state == "unknown"
        assert "the server offers no TLS, and ssl_ca asks for it" in result.stderr
        assert remote.connections == 1
        assert remote.received == b""

    @pytest.mark.parametrize("plugin", ["mysql_clear_password", "dialog", "mysql_old_password", "unheard_of"])
    def test_a_login_that_shows_the_password_is_refused_without_tls(self, guard, remote, plugin):
        remote.trouble["login"] = ask_for_password_by(plugin)
        state, _, result = monitor(guard)
        assert state == "unknown"
        assert f"the server asks for a login by {plugin}, which shows the password without TLS" in result.stderr
        assert b"monitor" in remote.received, "the login's packet, with a hash"
        length = int.from_bytes(remote.received[:3], "little")
        assert len(remote.received) == 4 + length, "no answer to the server's wish"
        assert PASSWORD.encode() not in remote.received

    @pytest.mark.parametrize("plugin", ["mysql_clear_password", "dialog"])
    def test_such_a_login_is_safe_over_the_unix_socket(self, guard, server, plugin):
        server.trouble["login"] = ask_for_password_by(plugin)
        guard.started()
        assert PASSWORD.encode() in server.received
        assert guard.published == ("1000", "synced")

    def test_a_hash_of_the_password_may_go_out_without_tls(self, guard, remote):
        assert guard.monitor().code == 0
        assert guard.published[1] == "synced"
        assert PASSWORD.encode() not in remote.received


# Runs a command and writes the most memory that it had, in kB.
MEASURE = (
    "import resource, subprocess, sys; done = subprocess.run(sys.argv[2:], check=False);"
    "usage = resource.getrusage(resource.RUSAGE_CHILDREN); open(sys.argv[1], 'w').write(str(usage.ru_maxrss));"
    "sys.exit(done.returncode)"
)


class TestBounds:
    @pytest.fixture
    def memory(self, guard, server, tmp_path):
        """Return the most memory of the last action, in MB."""
        guard.started()
        guard.before = (sys.executable, "-c", MEASURE, str(tmp_path / "memory"))
        return lambda: int((tmp_path / "memory").read_text()) / 1024

    @pytest.mark.parametrize("flood", [endless_packets, endless_small_packets])
    @pytest.mark.parametrize("step", EVERY_STEP)
    def test_packets_without_an_end(self, guard, server, memory, step, flood):
        server.trouble[step] = flood
        assert monitor(guard)[0] == "unknown"
        assert memory() < MEMORY

    @pytest.mark.parametrize("name", ["read_only", "wsrep_local_state", "wsrep_cluster_status", "max_connections"])
    @pytest.mark.parametrize("size", [5000, 60_000, 100_000, 10_000_000])
    def test_a_long_value_goes_nowhere(self, guard, server, memory, name, size):
        server.values[name] = "4" * size
        _, _, result = monitor(guard)
        assert len(result.stderr) < 500
        assert max(map(len, guard.attrd.calls)) < 500
        assert guard.state_file.stat().st_size < 2000
        assert memory() < MEMORY

    def test_a_long_error_is_cut(self, guard, server):
        guard.started()
        server.trouble["status"] = error(1105, "x" * 20_000)
        assert len(monitor(guard)[2].stderr) < 500


class TestValues:
    @pytest.mark.parametrize("name", ["wsrep_local_state", "read_only", "Threads_connected", "wsrep_ready"])
    def test_a_null_is_no_value(self, guard, server, name):
        guard.started()
        server.values[name] = None
        state, _, result = monitor(guard)
        assert state == "unknown"
        assert f"the server's answer has no usable {name.lower()}" in result.stderr

    def test_a_server_without_galera_is_wsrep_off(self, guard, server):
        guard.started()
        server.unknown_variables = {"wsrep_sync_wait"}
        server.values = {
            name: value for name, value in server.values.items() if not name.startswith("wsrep") and value is not None
        }
        state, score, result = monitor(guard)
        assert (state, score) == ("wsrep-off", "-INFINITY")
        assert "the server does not know wsrep_on" in result.stderr

    def test_what_changes_the_answers_is_set_by_the_guard_itself(self, guard, server):
        guard.started()
        (setting,) = [text for text in server.statements if text.startswith("SET SESSION")]
        assert {"wsrep_sync_wait", "sql_select_limit", "max_statement_time", "sql_mode"} <= {
            part.split("=")[0].split()[-1] for part in setting.split(",")
        }

    def test_init_connect_that_fails_is_this_nodes_fault_if_another_is_synced(self, guard, server):
        guard.started()
        server.trouble["session"] = error(
            1184,
            "Aborted connection 7 to db: 'unconnected' user: 'monitor' host: 'localhost' (init_connect command failed)",
        )
        state, score, _ = monitor(guard)
        assert (state, score) == ("rejecting", "1000")
        guard.attrd.peer("guard-state", "n2", "synced")
        guard.monitor_until(lambda result: guard.published == ("10", "rejecting"), within=5)
