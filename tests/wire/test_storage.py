"""stall_timeout: the watcher's child that writes, what becomes of it, and what its silence means."""

import fcntl
import os
import re
import signal
import subprocess
import time
import zlib

import pytest

from galera_sync_guard.host.storage import take
from galera_sync_guard.watcher.client import RENEW
from tests.support.guard import CHECKOUT
from tests.wire.watching import GOOD, alive, client_of, open_files, status_of, wait, watcher_of

STALLED = ("-INFINITY", "stalled")


@pytest.fixture
def data(tmp_path):
    """The directory that is written to."""
    directory = tmp_path / "data"
    directory.mkdir()
    return directory


@pytest.fixture
def guard(guard, server, data):
    """A guard that watches a server and a storage, started."""
    guard.parameters.update(
        watch_interval="100ms", probe_timeout="500ms", recovery_hold="0", stall_timeout="1s", stall_directory=str(data)
    )
    yield guard.started()
    for child in writers(guard):
        os.kill(child, signal.SIGKILL)
    client_of(guard).end()


@pytest.fixture
def writer(guard):
    """The pid of the child, once it has written."""
    wait(lambda: writers(guard))
    (child,) = writers(guard)
    wait(lambda: os.listdir(f"/proc/{child}/fd"))
    return child


def lock_of(guard, directory=None):
    name = zlib.crc32(os.fsencode(directory or guard.parameters["stall_directory"]))
    return guard.state_file.with_name(f"galera_sync_guard.host.storage-guard-{name:08x}")


def writers(guard, directory=None):
    """Return the pids of all children that write for a guard into a directory, of whatever watcher."""
    command = ["pgrep", "-f", f"storage {lock_of(guard, directory)}$"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [int(pid) for pid in done.stdout.split()]


def writes(child):
    """Return how many times a process has called write(2) or the like."""
    with open(f"/proc/{child}/io", encoding="ascii") as file:
        return int(dict(line.split(":") for line in file)["syscw"])


class TestVerdict:
    def test_a_storage_that_answers_changes_nothing_and_nothing_is_left_in_it(self, guard, writer, data):
        before = writes(writer)
        wait(lambda: writes(writer) > before + 3, within=10)
        assert guard.published == GOOD
        assert os.listdir(data) == []

    def test_one_that_takes_no_write_is_unfit_until_it_does_again(self, guard, writer):
        os.kill(writer, signal.SIGSTOP)
        assert wait(lambda: guard.published == STALLED) < 4
        reason = f"stalled: no write to {guard.parameters['stall_directory']} completed for "
        wait(lambda: status_of(guard).reason.startswith(reason))
        os.kill(writer, signal.SIGCONT)
        wait(lambda: guard.published == GOOD)

    def test_the_server_is_watched_while_the_storage_hangs(self, guard, server, writer):
        os.kill(writer, signal.SIGSTOP)
        wait(lambda: guard.published == STALLED)
        statements = len(server.statements)
        wait(lambda: len(server.statements) > statements + 10)
        assert guard.monitor().code == 0

    def test_an_error_says_nothing_of_the_node(self, guard, writer, data):
        data.rmdir()
        before = writes(writer)
        wait(lambda: writes(writer) > before + 3, within=10)
        assert guard.published == GOOD

    def test_a_child_that_cannot_come_up_says_nothing_of_the_node(self, guard, server, writer):
        assert guard.stop().code == 0
        wait(lambda: not alive(writer))
        lock_of(guard).mkdir()
        assert guard.start().code == 0
        statements = len(server.statements)
        time.sleep(2)
        wait(lambda: len(server.statements) > statements + 10)
        assert guard.published == GOOD

    def test_a_watcher_that_was_stopped_itself_blames_nobody(self, guard, server, writer):
        guard.parameters["stall_timeout"] = "6s"
        assert guard.start().code == 0
        wait(lambda: writers(guard) not in ([], [writer]))
        (writer,) = writers(guard)
        watcher = watcher_of(guard)
        guard.attrd.forget_calls()
        os.kill(writer, signal.SIGSTOP)
        time.sleep(1.5)  # by then a write waits
        os.kill(watcher, signal.SIGSTOP)
        time.sleep(6)
        os.kill(watcher, signal.SIGCONT)
        statements = len(server.statements)
        wait(lambda: len(server.statements) > statements + 4)
        os.kill(writer, signal.SIGCONT)
        time.sleep(2)
        # The refresh of what is published may fall into these seconds.
        assert {value for _, value in guard.attrd.updates} <= {"1000", "synced"}


@pytest.fixture
def several(guard, data, tmp_path):
    """Two directories, with a child for each."""
    log = tmp_path / "log"
    log.mkdir()
    guard.parameters["stall_directory"] = f"{data}:{log}:{data}"
    assert guard.run("reload-agent").code == 0
    for directory in (data, log):
        wait(lambda directory=directory: len(writers(guard, directory)) == 1)
    yield data, log
    for directory in (data, log):
        for child in writers(guard, directory):
            os.kill(child, signal.SIGKILL)


class TestSeveralDirectories:
    @pytest.mark.parametrize("number", [0, 1])
    def test_one_that_takes_no_write_is_unfit_until_it_does_again(self, guard, several, number):
        (child,) = writers(guard, several[number])
        os.kill(child, signal.SIGSTOP)
        wait(lambda: guard.published == STALLED)
        reason = f"stalled: no write to {several[number]} completed for "
        wait(lambda: status_of(guard).reason.startswith(reason))
        os.kill(child, signal.SIGCONT)
        wait(lambda: guard.published == GOOD)

    def test_an_error_in_one_says_nothing_of_the_node(self, guard, several):
        several[1].rmdir()
        (child,) = writers(guard, several[1])
        before = writes(child)
        wait(lambda: writes(child) > before + 3, within=10)
        assert guard.published == GOOD

    def test_their_children_end_with_the_watcher_and_leave_nothing(self, guard, several):
        assert guard.stop().code == 0
        wait(lambda: os.listdir(guard.state_file.parent) == [])


class TestChild:
    def test_has_a_session_of_its_own_and_nothing_of_the_resource_or_the_executor(self, guard, writer):
        assert os.getsid(writer) == writer
        with open(f"/proc/{writer}/environ", encoding="ascii") as file:
            assert file.read() == "PATH=/usr/sbin:/usr/bin:/sbin:/bin\0"
        # It may be writing just now, to the file that has no name.
        lasting = {
            name for name in open_files(writer) if not name.startswith("pipe:") and not name.endswith("(deleted)")
        }
        assert lasting == {"/dev/null", str(lock_of(guard))}
        assert os.readlink(f"/proc/{writer}/cwd") == "/"

    def test_a_killed_one_is_replaced_and_is_no_news(self, guard, writer):
        os.kill(writer, signal.SIGKILL)
        wait(lambda: writers(guard) not in ([], [writer]))
        time.sleep(1.5)
        assert guard.attrd.updates == []

    def test_ends_with_its_watcher_and_leaves_nothing(self, guard, writer):
        assert guard.stop().code == 0
        wait(lambda: not alive(writer))
        assert os.listdir(guard.state_file.parent) == []

    def test_leaves_nothing_either_when_its_watcher_ended_while_it_was_writing(self, guard, writer):
        os.kill(writer, signal.SIGSTOP)
        wait(lambda: guard.published == STALLED)  # so it has been told to write, and nobody will hear of it
        assert guard.stop().code == 0
        os.kill(writer, signal.SIGCONT)
        wait(lambda: not alive(writer))
        assert os.listdir(guard.state_file.parent) == []

    def test_a_renewed_watcher_has_a_new_one(self, guard, writer):
        watcher = watcher_of(guard)
        os.kill(watcher, RENEW)
        wait(lambda: writers(guard) not in ([], [writer]))
        assert not alive(writer)
        assert not alive(watcher)
        time.sleep(1.5)
        assert guard.published == GOOD

    def test_one_that_hangs_keeps_nobody_waiting(self, guard, writer):
        os.kill(writer, signal.SIGSTOP)
        result = guard.stop()
        assert (result.code, result.seconds < 10) == (0, True)
        assert alive(writer)
        os.kill(writer, signal.SIGCONT)
        wait(lambda: not alive(writer))

    def test_there_is_no_second_one_while_one_of_an_earlier_watcher_hangs(self, guard, writer):
        os.kill(writer, signal.SIGSTOP)
        assert guard.stop().code == 0
        assert guard.start().code == 0
        wait(lambda: guard.published == STALLED)
        assert writers(guard) == [writer]
        os.kill(writer, signal.SIGCONT)
        wait(lambda: guard.published == GOOD)
        wait(lambda: not alive(writer))
        assert len(writers(guard)) == 1

    def test_without_stall_timeout_there_is_none(self, guard, writer):
        guard.parameters["stall_timeout"] = "0"
        assert guard.run("reload-agent").code == 0
        wait(lambda: writers(guard) == [])
        assert guard.monitor().code == 0


def test_a_write_is_synced_and_has_no_name(tmp_path):
    trace = tmp_path / "trace"
    data = tmp_path / "data"
    data.mkdir()
    ask = f"from galera_sync_guard.host.storage import write; print(repr(write('{data}')))"
    done = subprocess.run(
        ["strace", "-o", str(trace), "-e", "trace=openat,write,fsync", "/usr/bin/python3", "-c", ask],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "''\n"
    assert re.search(
        rf'openat\(.*"{data}", .*O_TMPFILE.*\) = (\d+)\nwrite\(\1, .* = 512\nfsync\(\1\) += 0\n', trace.read_text()
    )


def test_no_lock_is_taken_twice(tmp_path):
    path = str(tmp_path / "lock")
    first = take(path)
    assert take(path) is None
    os.unlink(path)
    second = take(path)
    assert second is not None, "who holds a file that is gone holds nothing"
    fcntl.flock(first, fcntl.LOCK_UN)
    for descriptor in (first, second):
        os.close(descriptor)


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        take(str(tmp_path / "lock"))
    assert not (tmp_path / "victim").exists()
