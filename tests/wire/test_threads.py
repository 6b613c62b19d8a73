"""A server that hangs keeps the thread of a client that has gone: how many of ours it collects."""

import time

import pytest

from tests.support.server import Server, error, silence


@pytest.fixture
def guard(guard, server):
    guard.parameters.update(probe_timeout="2s", recovery_hold="0")
    return guard.started()


def test_thirty_monitors_leave_one_thread_in_a_server_that_hangs(guard, server):
    server.trouble["status"] = silence
    for _ in range(30):
        assert guard.monitor().code == 0
        assert guard.published == ("-INFINITY", "hung")
    server.wait_until(lambda: len(server.threads) == 1)
    assert server.connections > 30


@pytest.mark.parametrize("step", ["status", "variables"])
def test_question_is_asked_again_once_the_earlier_one_was_answered(guard, server, step):
    server.trouble[step] = silence
    for _ in range(3):
        guard.monitor()
    server.release()
    server.wait_until(lambda: not server.threads)
    guard.monitor()
    guard.monitor_until(lambda result: guard.published == ("1000", "synced"), within=60)


def test_server_that_hangs_in_the_search_too_collects_few_threads(guard, server):
    """The search itself leaves a thread behind, so pauses between searches grow: 4 s, 8 s, to 60 s."""
    server.trouble.update(status=silence, pending=silence)
    for _ in range(30):
        assert guard.monitor().code == 0
        assert guard.published == ("-INFINITY", "hung")
        if "searched_at" in guard.remembered():
            # However slow this machine is: the pause is not over yet.
            guard.pretend(searched_at=time.clock_gettime(time.CLOCK_BOOTTIME))
    assert len(server.threads) == 2
    assert float(guard.remembered()["pause"]) == 4
    searched = float(guard.remembered()["searched_at"])
    for pause in (8, 16, 32, 60, 60):
        searched -= 61
        guard.pretend(searched_at=searched)
        guard.monitor()
        assert float(guard.remembered()["pause"]) == pause
        searched = float(guard.remembered()["searched_at"])
    assert len(server.threads) == 7


def test_server_that_recovers_is_seen_at_the_next_search(guard, server):
    server.trouble.update(status=silence, pending=silence)
    guard.monitor()
    guard.monitor()
    server.release()
    server.wait_until(lambda: not server.threads)
    guard.monitor()
    assert guard.published == ("-INFINITY", "hung")
    guard.pretend(searched_at=float(guard.remembered()["searched_at"]) - 5)
    guard.monitor_until(lambda result: guard.published == ("1000", "synced"), within=60)
    assert "pause" not in guard.remembered()
    assert "pending_thread" not in guard.remembered()


def test_restarted_server_is_asked_at_once(guard, server, tmp_path):
    """A new server numbers its threads from the beginning: what hung in the old one is gone with it."""
    for _ in range(3):
        guard.monitor()
    server.trouble.update(status=silence, pending=silence)
    guard.monitor()
    guard.monitor()
    assert guard.published == ("-INFINITY", "hung")
    with Server(tmp_path / "new.sock") as new:
        (tmp_path / "new.sock").rename(guard.parameters["socket"])
        guard.monitor()
        guard.monitor_until(lambda result: guard.published == ("1000", "synced"), within=60)
        assert "SHOW SESSION STATUS" in new.statements[1]


def test_another_clients_thread_of_the_same_number_is_not_taken_for_ours(guard, server):
    server.trouble["status"] = silence
    guard.monitor()
    server.release()
    server.wait_until(lambda: not server.threads)
    server.running[int(guard.remembered()["pending_thread"])] = "SELECT SLEEP(1000)"
    guard.monitor()
    guard.monitor_until(lambda result: guard.published == ("1000", "synced"), within=60)


def test_pending_thread_outlives_a_server_that_is_full(guard, server):
    server.trouble["status"] = silence
    guard.monitor()
    pending = guard.remembered()["pending_thread"]
    server.trouble["login"] = error(1040, "Too many connections", "08004")
    guard.monitor()
    assert guard.remembered()["pending_thread"] == pending
    del server.trouble["login"]
    statements = len(server.statements)
    guard.monitor()
    assert "PROCESSLIST WHERE ID = " + pending in server.statements[statements + 1]
    assert len(server.statements) == statements + 2


@pytest.mark.parametrize(("number", "state"), [(1047, "not-ready"), (1205, "unknown"), (1142, "unknown")])
def test_error_in_the_search_does_not_block_the_next_monitor(guard, server, number, state):
    server.trouble["status"] = silence
    guard.monitor()
    server.trouble["pending"] = error(number, "as scripted")
    guard.monitor()
    assert guard.published[1] == state
    server.release()
    guard.monitor()
    guard.monitor_until(lambda result: guard.published == ("1000", "synced"), within=60)
