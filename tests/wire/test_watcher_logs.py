"""What a watcher logs in the months that it lives: neither nothing nor too much, whatever syslog and server do."""

import collections
import re
import time

import pytest

from tests.support.guard import copy_of_tree, in_mount_namespace
from tests.support.server import error
from tests.support.syslog import PRIVATE_DEV, Log
from tests.wire.watching import BAD, GOOD, client_of, wait, watcher_of

LIMIT = 60  # seconds: for what must come to pass on a busy machine too


@pytest.fixture
def guard(guard, server, tmp_path):
    """A guard that watches, from a copy of the code, with a syslog of its own."""
    guard.executable = copy_of_tree(tmp_path / "tree")
    guard.parameters.update(watch_interval="100ms", recovery_hold="0")
    (tmp_path / "dev").mkdir()
    guard.before = in_mount_namespace(PRIVATE_DEV, tmp_path / "dev")
    yield guard
    client_of(guard).end()


@pytest.fixture
def log(guard, tmp_path):
    return Log(tmp_path / "dev/log")


def append(tmp_path, module, lines):
    with open(tmp_path / f"tree/{module}.py", "a", encoding="utf-8") as file:
        file.write(f"\n\n{lines}\n")


def messages(lines):
    """Return the syslog's lines without priority, as (time, message)."""
    return [re.fullmatch(r"<\d+>(.{15}) [^:]*: (.*)", line, re.DOTALL).groups() for line in lines]


def test_a_syslog_that_was_full_for_a_moment_hears_of_later_faults_and_of_the_lines_that_it_lost(
    guard, server, log, tmp_path
):
    append(tmp_path, "ocfpy/report", "SYSLOG_RETRY = 1.0")
    guard.started()
    log.fill()
    for value, published in (("ON", BAD), ("OFF", GOOD)):
        server.values["read_only"] = value
        wait(lambda published=published: guard.published == published, within=LIMIT)
    log.read()
    said = []

    def has_said_both():
        said.extend(line for line in log.lines() if line != "noise")
        text = "\n".join(said)
        server.values["read_only"] = "OFF" if server.values["read_only"] == "ON" else "ON"
        time.sleep(0.3)
        return "lines are lost: syslog took none" in text and "read-only: read_only=ON" in text

    wait(has_said_both, within=LIMIT)


def test_a_syslog_that_stays_full_keeps_nothing_from_being_published(guard, server, log):
    guard.started()
    log.fill()
    pid = watcher_of(guard)
    for _ in range(3):
        for value, published in (("ON", BAD), ("OFF", GOOD)):
            server.values["read_only"] = value
            wait(lambda published=published: guard.published == published, within=LIMIT)
            assert guard.monitor().code == 0
    assert watcher_of(guard) == pid


def test_a_state_that_comes_and_goes_with_every_turn_is_not_logged_with_every_turn(guard, server, log):
    turns = []

    def every_other(conversation, data):
        turns.append(data)
        if len(turns) % 2:
            error(1205, f"turn {len(turns)}")(conversation, data)
        else:
            conversation.peer.sendall(data)

    log.read()
    guard.started()
    log.lines()
    server.trouble["status"] = every_other
    wait(lambda: len(turns) > 40, within=LIMIT)
    said = messages(log.lines())
    assert said, "it says so"
    counted = collections.Counter((second, text.partition(" (")[0].partition(" turn")[0]) for second, text in said)
    assert max(counted.values()) <= 2, counted
    del server.trouble["status"]
    assert_last_line(log, said, "INFO: synced")


def assert_last_line(log, said, beginning):
    """Demand that the log comes to say what is true in the end."""

    def is_said():
        said.extend(messages(log.lines()))
        return said[-1][1].startswith(beginning)

    wait(is_said, within=LIMIT)


@pytest.mark.parametrize(
    "line",
    [
        "def classify(*_): raise KeyError(boot_clock())",
        "def classify(*_): raise KeyError('x\\n' + str(boot_clock()))",
    ],
    ids=["a line", "lines"],
)
def test_an_internal_error_of_another_value_each_turn_is_traced_once_a_minute(guard, server, log, tmp_path, line):
    append(tmp_path, "galera_sync_guard/watcher/process", "import galera_sync_guard.cycle as broken")
    append(tmp_path, "galera_sync_guard/watcher/process", line.replace("def classify", "def broken_classify"))
    append(tmp_path, "galera_sync_guard/watcher/process", "broken.classify = broken_classify")
    log.read()
    assert guard.start().code == 0
    wait(lambda: watcher_of(guard), within=LIMIT)
    began = time.monotonic()
    time.sleep(5)  # for some turns: with each more of them, too many lines are more certain to be seen
    said = [text for _, text in messages(log.lines())]
    traces = [text for text in said if "Traceback" in text]
    assert 1 <= len(traces) <= 2 * (1 + (time.monotonic() - began) / 60)
    assert watcher_of(guard)
