"""Faults of the watcher's own: what goes wrong inside a process that lives for months neither ends nor blinds it."""

import os
import signal
import subprocess
import time

import pytest

from galera_sync_guard.watcher.client import END, RENEW
from tests.support.guard import CHECKOUT, copy_of_tree
from tests.support.switch import Switch
from tests.wire.watching import BAD, GOOD, alive, client_of, status_of, wait, watcher_of

LIMIT = 30  # seconds: for what must come to pass on a busy machine too


@pytest.fixture
def tree(guard, tmp_path):
    """A copy of the code, which the guard runs; call it with a module and lines for the module's end."""
    guard.executable = copy_of_tree(tmp_path / "tree")

    def append(module, lines):
        with open(tmp_path / f"tree/galera_sync_guard/{module}.py", "a", encoding="utf-8") as file:
            file.write(f"\n\n{lines}\n")

    return append


@pytest.fixture
def guard(guard, server):
    """A guard that watches, not started yet."""
    guard.parameters.update(watch_interval="100ms", probe_timeout="500ms", recovery_hold="0")
    yield guard
    client_of(guard).end()


@pytest.fixture
def switch():
    with Switch("10.78.0.1/24", "10.78.0.254/24") as switch:
        yield switch


NETWORK_BUGS = {
    "while it waits": ("host/network", "Network.seconds_until_due = lambda *_: {}['a bug']"),
    "what to wait for": ("host/network", "Network.sources = lambda *_: {}['a bug']"),
    "with an event": ("host/network", "Network.process = lambda *_: {}['a bug']"),
    "its state": ("host/network", "Network.state = lambda *_: {}['a bug']"),
    "its summary": ("host/network", "Network.summary = lambda *_: {}['a bug']"),
    "at its start": ("host/network", "def find_interface(*_): raise struct.error('a bug')\nimport struct"),
    "no socket": ("host/network", "def LinkEvents(): raise OSError(24, 'Too many open files')"),
    "a report": ("cluster/network_reports", "NetworkReports.set_own = lambda *_: {}['a bug']"),
}


@pytest.mark.parametrize(("module", "lines"), NETWORK_BUGS.values(), ids=NETWORK_BUGS)
def test_an_error_in_what_watches_the_network_ends_and_blinds_no_watcher(guard, server, switch, tree, module, lines):
    tree(module, lines)
    guard.parameters["vip"] = "10.78.0.100"
    guard.started()
    assert_sees(guard, server)


PEER_BUGS = {
    "joining": ("cluster/corosync", "Group.__init__ = lambda *_: {}['a bug']"),
    "sending and receiving": ("cluster/peers", "CorosyncPeers._connect = lambda *_: {}['a bug']"),
}


@pytest.mark.parametrize(("module", "lines"), PEER_BUGS.values(), ids=PEER_BUGS)
def test_an_error_in_what_asks_the_peers_ends_and_blinds_no_watcher(guard, server, tree, module, lines):
    tree(module, lines)
    guard.started()
    assert_sees(guard, server)


def test_an_error_while_it_waits_ends_and_blinds_no_watcher(guard, server, tree):
    tree("server/connection", "ServerConnection.wait = lambda *_: {}['a bug']")
    guard.started()
    assert_sees(guard, server)


def assert_sees(guard, server):
    """Demand that the watcher goes on, publishes what changes, and fails no monitor."""
    pid = watcher_of(guard)
    for values, published in (({"read_only": "ON"}, BAD), ({"read_only": "OFF"}, GOOD)):
        server.values.update(values)
        wait(lambda published=published: guard.published == published, within=LIMIT)
        assert guard.monitor().code == 0
    assert watcher_of(guard) == pid


def test_told_to_end_after_a_long_wait_it_deletes_the_attributes(guard, server, tree):
    tree("watcher/process", "PUBLISH_TIMEOUT = 0.5")
    guard.parameters["watch_interval"] = "1h"
    guard.started()
    wait(lambda: status_of(guard).kind == "fit", within=LIMIT)
    time.sleep(1.5)  # for longer than one cycle may take
    pid = watcher_of(guard)
    client_of(guard).signal(END)
    wait(lambda: not alive(pid), within=LIMIT)
    assert guard.published == (None, None)


def test_new_code_that_ends_before_it_reads_leaves_the_watcher_as_it_is(guard, server, tree):
    guard.environment["LONG"] = "x" * 100_000  # more than a pipe takes without a reader
    guard.started()
    pid = watcher_of(guard)
    tree("agent", "raise SystemExit(3)")
    client_of(guard).signal(RENEW)
    server.values["read_only"] = "ON"
    wait(lambda: guard.published == BAD, within=LIMIT)
    time.sleep(1)  # the new code has ended by then, or ends later: neither may end the watcher
    assert watcher_of(guard) == pid


def test_new_code_that_hangs_does_not_keep_later_code_from_coming_up(guard, server, tree, tmp_path):
    tree("watcher/process", "RENEW_TIMEOUT, RENEW_INTERVAL = 0.5, 0.1")
    guard.started()
    pid = watcher_of(guard)
    intact = (tmp_path / "tree/galera_sync_guard/agent.py").read_text()
    tree("agent", "time.sleep(1000)")
    client_of(guard).signal(RENEW)
    time.sleep(1)
    assert watcher_of(guard) == pid
    (tmp_path / "tree/galera_sync_guard/agent.py").write_text(intact)
    wait(lambda: client_of(guard).signal(RENEW) != pid, within=LIMIT)
    assert guard.monitor().code == 0


def test_told_to_renew_itself_soon_after_the_last_time_it_does_so_later(guard, tree):
    tree("watcher/process", "RENEW_INTERVAL = 2.0")
    guard.started()
    tree("watcher/process", "half a file (")
    first = watcher_of(guard)
    client_of(guard).signal(RENEW)
    wait(lambda: children(first), within=LIMIT)
    wait(lambda: not children(first), within=LIMIT)
    repaired = guard.executable.parent.parent / "galera_sync_guard/watcher/process.py"
    repaired.write_text(repaired.read_text().removesuffix("half a file (\n"))
    client_of(guard).signal(RENEW)
    wait(lambda: watcher_of(guard) not in (None, first), within=LIMIT)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return file.read().split()


def test_an_update_under_way_when_the_guard_stops_writes_no_score_afterwards(guard, server):
    guard.started()
    guard.attrd.slow()
    server.values["read_only"] = "ON"
    wait(lambda: "-n guard -U -INFINITY" in guard.attrd.calls, within=LIMIT)
    guard.attrd.slow(False)
    assert guard.stop().code == 0
    wait(lambda: not guard.attrd.processes(), within=LIMIT)
    assert guard.published == (None, None)


def test_an_update_under_way_when_pacemaker_kills_the_monitor_writes_no_score_afterwards(guard, server):
    guard.parameters["watch_interval"] = "0"
    guard.started()
    guard.attrd.slow()
    server.values["read_only"] = "ON"
    command = [str(guard.executable), "monitor"]
    with subprocess.Popen(command, env=guard.environ(interval=1000, timeout=10000), process_group=0) as monitor:
        wait(lambda: "-n guard -U -INFINITY" in guard.attrd.calls, within=LIMIT)
        guard.attrd.slow(False)
        os.killpg(monitor.pid, signal.SIGKILL)
    server.values["read_only"] = "OFF"
    assert guard.monitor().code == 0
    wait(lambda: not guard.attrd.processes(), within=LIMIT)
    assert guard.published == GOOD


def test_a_parameter_longer_than_a_status_carries_is_no_other_parameter(guard, server):
    guard.parameters["maintenance_file"] = "/none/" + "x" * 3000
    guard.started()
    wait(lambda: status_of(guard).kind, within=LIMIT)
    assert guard.monitor().code == 0


STALLED = """
import sys, time
from galera_sync_guard import __version__
from galera_sync_guard.watcher.control import ControlSocket
control = ControlSocket(sys.argv[1], "guard")
finished_at = time.clock_gettime(time.CLOCK_BOOTTIME) - float(sys.argv[2])
control.set_status({"version": __version__, "cycle_finished_at": finished_at, "kind": "fit", "is_published": True})
control.take()
print("taken", flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize(("age", "code"), [(0, 0), (13, 1)])
def test_a_watcher_whose_last_cycle_is_too_long_ago_is_stalled(guard, server, age, code):
    guard.parameters.update(watch_interval="200ms", probe_timeout="2s")
    guard.started()
    client_of(guard).end()
    command = ["/usr/bin/python3", "-B", "-c", STALLED, guard.environment["HA_RSCTMP"], str(age)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, start_new_session=True) as watcher:
        assert watcher.stdout.readline() == b"taken\n"
        result = guard.monitor()
        watcher.kill()
    assert result.code == code
    if code:
        assert result.reason.endswith("limit 12.2s")
