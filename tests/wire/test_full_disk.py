"""A full or read-only /run: the guard's own bookkeeping decides nothing about the address."""

import os
import subprocess
import time

import pytest

from tests.support.galera import SATURATED
from tests.wire.watching import BAD, GOOD, client_of, status_of, wait, watcher_of


@pytest.fixture
def state(guard, server):
    """The guard's state directory, a small file system of its own."""
    directory = guard.state_file.parent
    directory.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=100", "tmpfs", directory], check=True)
    yield directory
    subprocess.run(["mount", "-o", "remount,rw", directory], check=True)
    client_of(guard).end()
    subprocess.run(["umount", "--lazy", directory], check=True)


@pytest.fixture(params=["100ms", "0"], ids=["watching", "polling"])
def guard(request, guard):
    guard.parameters.update(watch_interval=request.param, probe_timeout="500ms", recovery_hold="0")
    return guard


def fill(directory):
    """Use all the space that a file system has."""
    with (
        open(directory / f"log-{time.monotonic_ns()}", "wb", buffering=0) as file,
        pytest.raises(OSError, match="space"),
    ):
        while True:
            file.write(bytes(4096))


def use_up_files(directory):
    """Use all the files that a file system may have."""
    with pytest.raises(OSError, match="space"):
        for number in range(1000):
            (directory / f"file-{number}").touch()


def is_watching(guard):
    return guard.parameters["watch_interval"] != "0"


def test_a_full_file_system_moves_nothing_and_hides_no_fault(guard, server, state):
    guard.started()
    fill(state)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        assert guard.monitor().code == 0
    assert guard.published[0] == "1000"
    server.values["read_only"] = "ON"
    guard.monitor_until(lambda _: guard.published == BAD, within=5)
    server.values["read_only"] = "OFF"
    guard.monitor_until(lambda _: guard.published == GOOD, within=5)


@pytest.mark.parametrize("use_up", [fill, use_up_files], ids=["space", "files"])
def test_a_grace_ends_in_spite_of_a_full_file_system(guard, server, state, use_up):
    guard.parameters["saturation_grace"] = "1s"
    guard.started()
    guard.attrd.peer("guard-state", "n2", "synced")
    use_up(state)
    server.values.update(SATURATED)
    guard.monitor_until(lambda _: guard.published == ("10", "saturated"), within=10)


def test_a_guard_starts_and_stops_on_a_full_file_system(guard, server, state):
    fill(state)
    assert guard.start().code == 0
    assert guard.published == GOOD
    assert guard.monitor().code == 0
    assert guard.probe().code == 0
    server.values["read_only"] = "ON"
    guard.monitor_until(lambda _: guard.published == BAD, within=5)
    assert guard.stop().code == 0
    assert guard.monitor().code == 7


def test_a_read_only_file_system_does_not_stop_a_guard_that_was_started(guard, server, state):
    guard.started()
    subprocess.run(["mount", "-o", "remount,ro", state], check=True)
    for _ in range(3):
        assert guard.monitor().code == 0
    server.values["read_only"] = "ON"
    guard.monitor_until(lambda _: guard.published == BAD, within=5)
    assert guard.stop().code == 0
    assert guard.published == (None, None)
    assert watcher_of(guard) is None


def test_a_watcher_writes_nothing_in_a_steady_state(guard, server, state):
    if not is_watching(guard):
        guard.parameters["watch_interval"] = "100ms"
    guard.started()
    wait(lambda: status_of(guard).kind == "fit")
    before = os.stat(guard.state_file)
    statements = len(server.statements)
    wait(lambda: len(server.statements) > statements + 20)
    assert os.stat(guard.state_file).st_mtime_ns == before.st_mtime_ns
    assert watcher_of(guard)
