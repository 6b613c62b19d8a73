"""A package half unpacked, files half written, bugs of ours: none of it takes the virtual IP from a node that works."""

import pytest

from tests.support.guard import copy_of_tree

ACTIONS = ("start", "stop", "monitor", "validate-all", "reload-agent", "meta-data", "usage")


def cut(path):
    """Leave the first half of a file, up to an open bracket."""
    text = path.read_text()
    path.write_text(text[: len(text) // 2] + "(")


def compiled_to(noise):
    """Put a compiled module of noise in place of the source, as after a power failure."""

    def damage(path):
        path.with_suffix(".pyc").write_bytes(noise)
        path.unlink()

    return damage


# What can be wrong with a file: id -> (file, what happens to it).
DAMAGE = {
    "states missing": ("galera_sync_guard/decision/states.py", lambda path: path.unlink()),
    "states truncated": ("galera_sync_guard/decision/states.py", cut),
    "states empty": ("galera_sync_guard/decision/states.py", lambda path: path.write_text("")),
    "states full of NUL": ("galera_sync_guard/decision/states.py", lambda path: path.write_bytes(bytes(1000))),
    "states compiled to nothing": ("galera_sync_guard/decision/states.py", compiled_to(b"")),
    "states of another version": (
        "galera_sync_guard/decision/states.py",
        lambda path: path.write_text("import no_such_name\n"),
    ),
    "name missing at import": (
        "galera_sync_guard/decision/states.py",
        lambda path: path.write_text("LIMIT = SECONDS * 2\n"),
    ),
    "guard truncated": ("galera_sync_guard/agent.py", cut),
    "parameters truncated": ("galera_sync_guard/parameters.py", cut),
    "ocfpy missing": ("ocfpy", lambda path: path.rename(path.with_suffix(".dpkg-tmp"))),
    "ocfpy run missing": ("ocfpy/runner.py", lambda path: path.unlink()),
}


@pytest.fixture
def copied(guard, server, tmp_path):
    """A started guard whose files may be damaged."""
    guard.executable = copy_of_tree(tmp_path / "tree")
    return guard.started()


@pytest.mark.parametrize(("file", "damage"), DAMAGE.values(), ids=DAMAGE)
def test_recurring_monitor_keeps_its_result_and_stop_does_not_fail_while_files_are_incomplete(
    copied, tmp_path, file, damage
):
    damage(tmp_path / "tree" / file)
    result = copied.monitor()
    assert result.code == 0
    assert "not completely installed" in result.reason
    assert copied.published == ("1000", "synced")
    for action in ACTIONS:
        result = copied.run(action)
        assert result.code == (0 if action == "stop" else 1)
        assert "Traceback" not in result.stderr
        assert "not completely installed" in result.reason


# Bugs: id -> (module, a line at its end, start's code).
BUGS = {
    "probe": ("server/probe", "def probe_node(*arguments, **options): raise KeyError('a bug')", 0),
    "classify": ("decision/classify", "def classify(*arguments, **options): raise KeyError('a bug')", 0),
    "judge": ("decision/judge", "def judge(*arguments, **options): raise KeyError('a bug')", 0),
    "judge that returns nothing": ("decision/judge", "def judge(*arguments, **options): return None, None  # a bug", 0),
    "publish": ("cluster/attributes", "def bug(*arguments): raise KeyError('a bug')\nAttributes.publish = bug", 0),
    "load": ("host/state_file", "def bug(*arguments, **options): raise KeyError('a bug')\nStore.load = bug", 0),
    "save": ("host/state_file", "def bug(*arguments): raise KeyError('a bug')\nStore.save = bug", 1),
    "exit code": ("decision/states", "def exit_code(*arguments): raise KeyError('a bug')", 0),
    "no exit code": ("decision/states", "def exit_code(*arguments): return True", 0),
}


@pytest.mark.parametrize(("module", "line", "start"), BUGS.values(), ids=BUGS)
class TestBug:
    @pytest.fixture
    def buggy(self, copied, tmp_path, module, line, start):
        path = tmp_path / "tree/galera_sync_guard" / (module + ".py")
        assert path.exists()
        with open(path, "a", encoding="utf-8") as file:
            file.write("\n\n" + line + "\n")
        copied.pretend(published_at=-60)  # a refresh is due
        return copied

    @pytest.mark.parametrize("mode", ["fail", "score"])
    def test_recurring_monitor_does_not_fail(self, buggy, mode, line, start, module):
        buggy.parameters["mode"] = mode
        for _ in range(2):
            result = buggy.monitor()
            assert result.code == 0
            assert "Traceback" not in result.stderr
        assert buggy.published[0] in ("1000", "950")

    def test_reason_is_logged_with_its_place(self, buggy, module, line, start):
        result = buggy.monitor()
        assert "internal error: " in result.stderr
        assert (f"KeyError: 'a bug' ({module.rpartition('/')[2]}.py:" in result.stderr) == ("KeyError" in line)

    def test_start_works_if_anything_can_be_remembered(self, buggy, module, line, start):
        buggy.stop()
        result = buggy.start()
        assert result.code == start
        assert "Traceback" not in result.stderr
        assert buggy.probe().code == (7 if start else 0)

    def test_stop_works(self, buggy, module, line, start):
        assert buggy.stop().code == 0
        assert not buggy.state_file.exists()


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("cluster/attributes", "def bug(*arguments): raise KeyError('a bug')\nAttributes.delete = bug"),
        ("parameters", "def check(*arguments): raise KeyError('a bug')"),
    ],
)
def test_stop_forgets_in_spite_of_a_bug(copied, tmp_path, module, line):
    path = tmp_path / "tree/galera_sync_guard" / (module + ".py")
    assert path.exists()
    with open(path, "a", encoding="utf-8") as file:
        file.write("\n\n" + line + "\n")
    result = copied.stop()
    assert result.code == 0
    assert "Traceback" not in result.stderr
    assert not copied.state_file.exists()


class TestStateDirectory:
    """What happens to the verdict when nothing can be remembered."""

    @pytest.fixture
    def full(self, guard, server):
        """A started guard whose next file cannot be written."""
        guard.started()
        guard.state_file.with_name(guard.state_file.name + ".new").mkdir()
        return guard

    def test_unfit_node_is_unfit_all_the_same(self, full, server):
        server.values["wsrep_ready"] = "OFF"
        for _ in range(2):
            result = full.monitor()
            assert result.code == 0
            assert "cannot write the state file" in result.stderr
            assert "Traceback" not in result.stderr
            assert full.published == ("-INFINITY", "not-ready")

    def test_unfit_node_fails_the_monitor_in_mode_fail(self, full, server):
        full.parameters["mode"] = "fail"
        server.values["wsrep_ready"] = "OFF"
        assert full.monitor().code == 1

    def test_fit_node_stays_fit(self, full):
        assert full.monitor().code == 0
        assert full.published == ("1000", "synced")

    def test_unreadable_memory_is_no_memory(self, guard, server):
        guard.started()
        guard.state_file.unlink()
        guard.state_file.mkdir()
        result = guard.monitor()
        assert result.code == 0
        assert "Traceback" not in result.stderr
        assert guard.published == ("1000", "synced")

    def test_start_that_nothing_can_remember_fails(self, guard, server, tmp_path):
        (tmp_path / "file").touch()
        guard.environment["HA_RSCTMP"] = str(tmp_path / "file")
        result = guard.start()
        assert result.code == 1
        assert "Traceback" not in result.stderr
