"""A full or read-only /run: the guard's own bookkeeping decides nothing about the address."""

import os
import subprocess
import time

import pytest

from tests.support.galera import HEALTHY, SATURATED
from tests.support.server import error
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
    guard.parameters.update(watch_interval=request.param, probe_timeout="8s", recovery_hold="0")
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
    guard.monitor_until(lambda _: guard.published == BAD, within=60)
    server.values["read_only"] = "OFF"
    guard.monitor_until(lambda _: guard.published == GOOD, within=60)


@pytest.mark.parametrize("use_up", [fill, use_up_files], ids=["space", "files"])
def test_a_grace_ends_in_spite_of_a_full_file_system(guard, server, state, use_up):
    guard.parameters["saturation_grace"] = "1s"
    guard.started()
    guard.attrd.peer("guard-state", "n2", "synced")
    use_up(state)
    server.values.update(SATURATED)
    guard.monitor_until(lambda _: guard.published == ("10", "saturated"), within=60)


def test_a_guard_starts_and_stops_on_a_full_file_system(guard, server, state):
    fill(state)
    assert guard.start().code == 0
    assert guard.published == GOOD
    assert guard.monitor().code == 0
    assert guard.probe().code == 0
    server.values["read_only"] = "ON"
    guard.monitor_until(lambda _: guard.published == BAD, within=60)
    assert guard.stop().code == 0
    assert guard.monitor().code == 7


def test_a_read_only_file_system_does_not_stop_a_guard_that_was_started(guard, server, state):
    guard.started()
    subprocess.run(["mount", "-o", "remount,ro", state], check=True)
    for _ in range(3):
        assert guard.monitor().code == 0
    server.values["read_only"] = "ON"
    guard.monitor_until(lambda _: guard.published == BAD, within=60)
    assert guard.stop().code == 0
    assert guard.published == (None, None)
    assert watcher_of(guard) is None


def make_read_only(directory):
    subprocess.run(["mount", "-o", "remount,ro", directory], check=True)


@pytest.mark.parametrize("is_full_at_start", [False, True], ids=["then read-only", "full at the start"])
def test_a_memory_that_cannot_be_written_outlasts_a_call_and_says_so_rarely(guard, server, state, is_full_at_start):
    guard.parameters.update(saturation_grace="1s", unknown_grace="1s")
    if is_full_at_start:
        fill(state)
    began = time.monotonic()
    said = [guard.start()]
    assert said[0].code == 0
    if not is_full_at_start:
        make_read_only(state)
    guard.attrd.peer("guard-state", "n2", "synced")

    def expect(*published):
        guard.monitor_until(lambda result: said.append(result) or guard.published == published, within=60)

    server.values.update(SATURATED)
    expect("10", "saturated")
    server.values.update(HEALTHY)
    expect(*GOOD)
    server.trouble["login"] = error(1045, "Access denied")
    if is_watching(guard):
        server.hang_up()
    expect("950", "unknown")
    if not is_watching(guard):
        complaints = [result for result in said if "cannot write the state file" in result.stderr]
        assert 1 <= len(complaints) <= 1 + (time.monotonic() - began) / 60


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
