"""The OCF resource agent protocol, as ocfpy promises it, through the executable."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.support.guard import Guard, copy_of_tree

NONSENSE = {
    "mode": "backwards",
    "attribute": "two\nlines",
    "socket": "not/absolute",
    "host": "",
    "port": "99999999",
    "probe_timeout": "-3",
    "ssl_cert": "/cert",
    "defaults_file": "nowhere",
    "os_user": "nobody knows",
    "connection_limit": "all",
    "available_when_readonly": "perhaps",
    "unheard_of": "anything",
}


@pytest.fixture
def nobody(tmp_path):
    """Run an installed copy of the agent as the user nobody, who may read nothing else of this test."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    guard = Guard(tmp_path, executable=copy_of_tree(directory))
    yield lambda action, **options: guard.run(action, user="nobody", group="nogroup", extra_groups=(), **options)
    shutil.rmtree(directory)


@pytest.mark.parametrize("parameters", [{}, NONSENSE], ids=["good parameters", "nonsense parameters"])
@pytest.mark.parametrize("action", ["promote", "Start", "", "--version", "monitor "])
def test_unknown_action_is_unimplemented_before_any_validation(guard, action, parameters):
    guard.parameters.update(parameters)
    result = guard.run(action)
    assert result.code == 3
    assert "unknown action" in result.reason
    assert not guard.state_file.parent.exists()


def test_no_action_at_all_is_unimplemented(guard):
    done = subprocess.run([str(guard.executable)], env=guard.environ(), capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "unknown action" in done.stderr


@pytest.mark.parametrize("action", ["meta-data", "usage"])
class TestDescription:
    def test_needs_no_environment(self, guard, action):
        result = guard.run(action, environ={})
        assert (result.code, result.stderr) == (0, "")
        assert "galera_sync_guard" in result.stdout

    def test_needs_no_rights_and_no_readable_directory(self, nobody, tmp_path, action):
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o700)
        result = nobody(action, cwd=str(locked), environ={"HA_RSCTMP": str(locked / "rsctmp")})
        assert (result.code, result.stderr) == (0, "")
        assert not (locked / "rsctmp").exists()

    def test_ignores_nonsense_parameters(self, guard, action):
        expected = guard.run(action).stdout
        guard.parameters = NONSENSE
        assert guard.run(action).stdout == expected


def test_usage_names_every_action(guard):
    for action in ("start", "stop", "monitor", "validate-all", "reload-agent", "meta-data", "usage"):
        assert action in guard.run("usage").stdout


def test_further_arguments_are_ignored(guard, server):
    for action in ("start", "monitor", "stop", "validate-all", "meta-data", "usage"):
        assert guard.run(action, "stop", "--verbose", interval=1).code == 0, action


class TestRunning:
    """Whether the guard runs is a matter of start and stop alone, not of MariaDB."""

    def test_monitor_before_start_says_not_running_even_with_a_healthy_server(self, guard, server):
        assert guard.probe().code == 7
        assert guard.monitor().code == 7
        assert server.connections == 0

    def test_monitor_after_stop_says_not_running(self, guard, server):
        guard.started()
        assert guard.stop().code == 0
        assert guard.probe().code == 7
        assert guard.monitor().code == 7

    def test_monitor_without_an_interval_in_the_environment_is_a_probe(self, guard):
        assert guard.run("monitor").code == 7

    def test_every_action_is_idempotent(self, guard, server):
        for action in ("stop", "stop", "start", "start", "reload-agent", "reload-agent"):
            assert guard.run(action).code == 0, action
        for _ in range(3):
            assert guard.monitor().code == 0
            assert guard.probe().code == 0
        assert guard.stop().code == 0
        assert guard.stop().code == 0
        assert guard.run("reload-agent").code == 7

    def test_probe_of_a_started_guard_succeeds_on_an_unfit_node(self, guard, server):
        guard.parameters["mode"] = "fail"
        guard.started()
        server.values["wsrep_ready"] = "OFF"
        assert guard.probe().code == 0
        assert guard.monitor().code == 1

    def test_what_the_boot_before_remembered_does_not_count_as_started(self, guard, server):
        guard.started()
        text = guard.state_file.read_text()
        guard.state_file.write_text("11111111-1111-1111-1111-111111111111" + text[36:])
        assert guard.probe().code == 7


class TestStart:
    @pytest.mark.parametrize(("mode", "code"), [("fail", 1), ("score", 0)])
    def test_on_an_unfit_node(self, guard, mode, code):
        guard.parameters["mode"] = mode
        result = guard.start()
        assert result.code == code
        assert guard.probe().code == (7 if code else 0)
        assert ("down" in result.reason) if code else (result.reasons == [])
        assert guard.published == ("-INFINITY", "down")


class TestStop:
    @pytest.mark.parametrize(
        "change",
        [
            lambda guard: guard.parameters.update(NONSENSE),
            lambda guard: guard.parameters.clear(),
            lambda guard: guard.state_file.write_bytes(b"\0\xff garbage"),
            lambda guard: guard.state_file.write_text(""),
            lambda guard: guard.attrd.fail(1),
            lambda guard: guard.attrd.fail(102),
            lambda guard: guard.environment.update(PATH=""),
        ],
        ids=[
            "nonsense parameters",
            "no parameters",
            "garbage in memory",
            "empty memory",
            "failing cluster",
            "no cluster",
            "empty PATH",
        ],
    )
    def test_succeeds_and_forgets_whatever_it_meets(self, guard, server, change):
        guard.started()
        change(guard)
        result = guard.stop()
        assert result.code == 0
        assert "Traceback" not in result.stderr
        assert list(guard.state_file.parent.iterdir()) == []

    @pytest.mark.parametrize("broken", ["file", "unwritable name"])
    def test_succeeds_without_a_state_directory(self, guard, tmp_path, broken):
        (tmp_path / "file").touch()
        guard.environment["HA_RSCTMP"] = str(tmp_path / "file") if broken == "file" else "/proc/none/of/this"
        result = guard.stop()
        assert result.code == 0
        assert "Traceback" not in result.stderr

    def test_deletes_the_attributes(self, guard, server):
        guard.started()
        assert guard.published == ("1000", "synced")
        guard.stop()
        assert guard.published == (None, None)


class TestTwoGuards:
    @pytest.fixture
    def other(self, guard):
        return guard.copy(name="other:0")

    def test_do_not_disturb_each_other(self, guard, other, server):
        guard.started()
        assert other.monitor().code == 7
        other.started()
        other.parameters["socket"] = "/nowhere"
        assert other.monitor().code == 0
        assert guard.monitor().code == 0
        assert (guard.published, other.published) == (("1000", "synced"), ("-INFINITY", "down"))
        other.stop()
        assert guard.monitor().code == 0
        assert guard.published == ("1000", "synced")

    def test_number_of_a_clone_instance_is_no_part_of_the_name(self, guard, server):
        guard.started()
        guard.name = "guard:2"
        assert guard.monitor().code == 0
        assert {name for name, _ in guard.attrd.updates} <= {"guard", "guard-state"}
        assert os.listdir(guard.state_file.parent) == ["galera_sync_guard-guard"]

    def test_attribute_can_have_a_name_of_its_own(self, guard, server):
        guard.parameters["attribute"] = "fitness"
        guard.start()
        assert guard.attrd.updates == [("fitness", "1000"), ("fitness-state", "synced")]


def test_state_is_nobody_elses_business(guard, server):
    guard.started()
    assert guard.state_file.stat().st_mode & 0o777 == 0o600
    assert guard.state_file.parent.stat().st_mode & 0o777 == 0o755
