"""The control socket that makes a process the watcher: who has it, what callers are told, and that it can be taken."""

import os
import posix
import signal
import subprocess
import sys
import time

import pytest

from galera_sync_guard.watcher import client as module
from galera_sync_guard.watcher.client import Status, WatcherClient, socket_name
from tests.support.checkout import ROOT

# Takes the name, and says whether it still has it whenever it is asked. Meanwhile it waits in a system call.
HOLDER = """
import os, sys
sys.path.insert(0, sys.argv[1])
from galera_sync_guard.watcher.control import ControlSocket
control = ControlSocket(sys.argv[2], "guard")
control.set_status({"version": "1", "cycle_finished_at": 5.0, "kind": "unfit", "reason": "x=1, must be 2"})
control.take()
print("taken", flush=True)
while sys.stdin.readline():
    print(control.is_mine(), flush=True)
"""


class Holder:
    """Another process that becomes the watcher."""

    def __init__(self, directory):
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-c", HOLDER, str(ROOT), str(directory)],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.pid = self._process.pid
        assert self._process.stdout.readline() == "taken\n"

    def still_has_it(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip() == "True"

    def wait(self):
        return self._process.wait(60)

    def end(self):
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def holder(run_directory):
    holders = []

    def new():
        holders.append(Holder(run_directory))
        return holders[-1]

    yield new
    for each in holders:
        each.end()


@pytest.fixture
def client(run_directory):
    return WatcherClient(str(run_directory), socket_name("guard"))


def test_at_first_there_is_no_watcher(client):
    assert client.pid() is None
    assert client.status(1.0) is None


def test_a_directory_that_is_missing_has_no_watcher(run_directory):
    assert WatcherClient(str(run_directory / "missing"), "any").status(1.0) is None


def test_it_tells_its_status_while_it_waits_for_something_else(client, holder):
    first = holder()
    for _ in range(20):
        status = client.status(30.0)
        assert (status.pid, status.version, status.kind, status.reason) == (first.pid, "1", "unfit", "x=1, must be 2")


def test_only_the_owner_of_its_directory_reaches_it(client, holder, run_directory):
    holder()
    (name,) = os.listdir(run_directory)
    assert (run_directory / name).stat().st_mode & 0o777 == 0o600


def test_the_next_one_takes_the_name_and_ends_the_last(client, holder):
    first, second = holder(), holder()
    assert first.wait() == -9
    assert second.still_has_it()
    assert client.pid() == second.pid


def test_its_end_gives_the_name_back_so_that_no_pid_is_ever_believed(client, holder):
    first = holder()
    first.end()
    assert client.pid() is None
    assert client.status(1.0) is None
    assert holder().still_has_it()


def test_one_that_is_stopped_gives_no_answer_in_time(client, holder):
    first = holder()
    os.kill(first.pid, signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        client.status(0.1)
    assert client.pid() == first.pid
    os.kill(first.pid, signal.SIGCONT)
    assert client.status(30.0).pid == first.pid


def test_end_ends_it_and_leaves_no_file(client, holder, run_directory):
    first = holder()
    client.end()
    assert first.wait() == -9
    assert os.listdir(run_directory) == []
    client.end()


def test_one_that_cannot_be_killed_delays_no_caller_for_long_and_does_not_have_the_name_any_more(
    client, holder, monkeypatch
):
    first = holder()
    for kill in ("kill", "killpg"):
        monkeypatch.setattr(posix, kill, lambda pid, signal: None)
    monkeypatch.setattr(module, "KILL_TIMEOUT", 0.1)
    began = time.monotonic()
    client.end()
    assert time.monotonic() - began < 10
    assert not first.still_has_it()
    second = holder()
    assert second.still_has_it()
    assert client.pid() == second.pid


def test_parameters_are_compared_by_value_and_unknown_ones_do_not_count():
    status = Status(1, "version=1\nparameter.mode='score'\nparameter.donor_grace=2.0\n")
    assert status.changed({"mode": "'score'", "donor_grace": "2.0", "new_in_this_version": "5"}) == []
    assert status.changed({"mode": "'fail'", "donor_grace": "3.0"}) == ["mode", "donor_grace"]


@pytest.mark.parametrize(("age", "stalled"), [(0, False), (12.9, False), (13.1, True), (60, True)])
def test_it_is_stalled_when_its_last_cycle_is_too_long_ago(age, stalled):
    status = Status(1, f"cycle_finished_at={time.clock_gettime(time.CLOCK_BOOTTIME) - age}\n")
    reason = status.stall_reason(13.0)
    assert (reason is not None) == stalled
    if age == 60:
        assert reason == "watcher stalled: last check finished 60s ago, limit 13s"


def test_a_status_without_a_time_is_stalled():
    assert Status(1, "garbage").stall_reason(13.0)
