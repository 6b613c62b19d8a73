"""Whole stories through the executable: patience, peers, recovery and blindness, in both modes.

Graces are short, and time passes by running monitors: nothing sleeps. Where only the end of a long time matters, the
memory is told that it has passed.
"""

import time

import pytest

from tests.support.galera import DONOR, HEALTHY, SATURATED
from tests.support.server import error

# A peer must have been better for this long, in seconds (judge.PEER_HOLD).
PEER_HOLD = 2.0
# More than any test's graces and holds together, in seconds.
ENOUGH = 10


@pytest.fixture
def guard(guard, server):
    guard.parameters.update(saturation_grace="1s", donor_grace="1s", unknown_grace="1s", recovery_hold="1s")
    return guard


@pytest.fixture(params=["fail", "score"])
def either(guard, request):
    """A started guard, in both modes."""
    guard.parameters["mode"] = request.param
    return guard.started()


@pytest.fixture
def scored(guard):
    return guard.started()


@pytest.fixture
def failing(guard):
    guard.parameters["mode"] = "fail"
    return guard.started()


def has_acted(guard):
    """Whether the cluster was told to move the virtual IP, in the way of the guard's mode."""
    if guard.parameters["mode"] == "fail":
        return lambda result: result.code == 1
    return lambda result: guard.published[0] != "1000"


def watch(guard, seconds):
    """Run monitors for that long; demand that none of them moves the virtual IP."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = guard.monitor()
        assert result.code == 0, result
        assert guard.published[0] == "1000"
    return result


class TestSaturated:
    @pytest.fixture(params=["counted", "refused"])
    def fill(self, server, request):
        def fill():
            if request.param == "counted":
                server.values.update(SATURATED)
            else:
                server.trouble["login"] = error(1040, "Too many connections", "08004")

        return fill

    def test_acts_when_a_peer_is_better(self, either, server, fill):
        either.attrd.peer("guard-state", "n2", "synced")
        fill()
        began = time.monotonic()
        result = either.monitor_until(has_acted(either), ENOUGH)
        assert time.monotonic() - began > PEER_HOLD
        assert either.published == ("10", "saturated")
        assert "onnections" in result.stderr
        assert " for 2" in result.stderr

    def test_does_not_act_without_a_better_peer(self, either, server, fill):
        either.attrd.peer("guard-state", "n2", "saturated")
        fill()
        assert either.monitor().code == 0
        either.let_pass(100)
        watch(either, 0.3)
        assert either.published == ("1000", "saturated")
        assert either.remembered()["grace_expired"] == "True"

    def test_first_sample_is_shown_at_once_so_that_peers_know(self, either, server, fill):
        fill()
        either.monitor()
        assert either.published == ("1000", "saturated")

    def test_acts_as_soon_as_a_peer_has_been_better_for_long_enough(self, scored, server):
        server.values.update(SATURATED)
        scored.monitor()
        scored.let_pass(100)
        watch(scored, 0.3)
        scored.attrd.peer("guard-state", "n2", "synced")
        began = time.monotonic()
        scored.monitor_until(has_acted(scored), ENOUGH)
        assert time.monotonic() - began > PEER_HOLD

    def test_peer_that_was_better_for_a_moment_only_does_not_count(self, scored, server):
        server.values.update(SATURATED)
        scored.monitor()
        scored.let_pass(100)
        scored.attrd.peer("guard-state", "n2", "synced")
        scored.monitor()
        assert "peer_since" in scored.remembered()
        scored.attrd.peer("guard-state", "n2", "saturated")
        scored.monitor()
        assert "peer_since" not in scored.remembered()
        assert scored.published[0] == "1000"

    def test_what_this_node_says_of_itself_makes_it_no_peer(self, scored, server):
        scored.attrd.peer("guard-state", "n1", "synced")
        server.values.update(SATURATED)
        scored.monitor()
        scored.let_pass(100)
        scored.monitor()
        assert scored.remembered()["grace_expired"] == "True"
        assert "peer_since" not in scored.remembered()

    def test_ebb_before_the_grace_is_over_is_forgotten(self, scored, server):
        scored.attrd.peer("guard-state", "n2", "synced")
        server.values.update(SATURATED)
        scored.monitor()
        server.values.update(HEALTHY)
        scored.monitor()
        assert scored.published == ("1000", "synced")
        assert "run_since" not in scored.remembered()


class TestDonor:
    def test_blip_moves_nothing(self, either, server):
        either.attrd.peer("guard-state", "n2", "synced")
        for _ in range(2):
            server.values.update(DONOR)
            watch(either, 0.5)
            assert either.published == ("1000", "donor")
            server.values.update(HEALTHY)
            either.monitor()
            assert either.published == ("1000", "synced")

    def test_last_resort_acts_only_when_a_peer_is_better(self, either, server):
        server.values.update(DONOR)
        either.monitor()
        either.let_pass(100)
        watch(either, 0.3)
        either.attrd.peer("guard-state", "n3", "synced")
        either.monitor_until(has_acted(either), ENOUGH)
        assert either.published == ("10", "donor")

    @pytest.mark.parametrize(
        ("parameters", "values"),
        [({"available_when_donor": "never"}, {}), ({}, {"wsrep_sst_donor_rejects_queries": "ON"})],
        ids=["never", "rejects queries"],
    )
    def test_unfit_donor_acts_after_its_grace_with_or_without_peers(self, guard, server, parameters, values):
        guard.parameters.update(parameters)
        guard.started()
        server.values.update(DONOR, **values)
        began = time.monotonic()
        guard.monitor_until(has_acted(guard), ENOUGH)
        assert time.monotonic() - began > 1
        assert guard.published == ("-INFINITY", "donor")

    def test_one_sample_is_never_enough(self, guard, server):
        guard.parameters.update(available_when_donor="never", donor_grace="0")
        guard.started()
        server.values.update(DONOR)
        guard.monitor()
        assert guard.published == ("1000", "donor")
        guard.monitor()
        assert guard.published == ("-INFINITY", "donor")

    def test_gap_between_samples_restarts_the_grace(self, guard, server):
        guard.parameters["available_when_donor"] = "never"
        guard.started()
        server.values.update(DONOR)
        guard.monitor()
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        guard.pretend(run_since=now - 100, last_sample_at=now - 9)
        guard.monitor()
        assert guard.published == ("1000", "donor")
        guard.pretend(run_since=now - 100, last_sample_at=now - 2)
        guard.monitor()
        assert guard.published == ("-INFINITY", "donor")

    def test_always_available_donor_stays(self, guard, server):
        guard.parameters["available_when_donor"] = "always"
        guard.attrd.peer("guard-state", "n2", "synced")
        guard.started()
        server.values.update(DONOR)
        watch(guard, 0.3)
        assert "run_since" not in guard.remembered()


class TestCertainBadNews:
    """The values that make a node unfit at once, each by one variable."""

    @pytest.mark.parametrize(
        ("values", "state"),
        [
            ({"wsrep_local_state": "0", "wsrep_local_state_comment": "Initialized"}, "initialized"),
            ({"wsrep_local_state": "1", "wsrep_local_state_comment": "Joining"}, "joining"),
            ({"wsrep_ready": "OFF", "wsrep_local_state": "3", "wsrep_local_state_comment": "Joined"}, "joined"),
            ({"wsrep_local_state": "5", "wsrep_local_state_comment": "Inconsistent"}, "inconsistent"),
            ({"wsrep_cluster_status": "non-Primary"}, "non-primary"),
            ({"wsrep_cluster_status": "Disconnected"}, "non-primary"),
            ({"wsrep_ready": "OFF"}, "not-ready"),
            ({"wsrep_on": "OFF"}, "wsrep-off"),
            ({"wsrep_reject_queries": "ALL_KILL"}, "rejecting"),
            ({"read_only": "ON"}, "read-only"),
            ({"read_only": "NO_LOCK_NO_ADMIN"}, "read-only"),
            ({"super_read_only": "ON"}, "read-only"),
            ({"pxc_maint_mode": "SHUTDOWN"}, "maintenance"),
        ],
        ids=lambda value: value if isinstance(value, str) else ",".join(value.values()),
    )
    def test_acts_at_once(self, either, server, values, state):
        server.values.update(values)
        result = either.monitor()
        assert result.code == (1 if either.parameters["mode"] == "fail" else 0)
        assert either.published == ("-INFINITY", state)

    def test_answer_that_lacks_a_variable_is_no_news(self, either, server):
        for name in ("wsrep_local_state", "wsrep_ready", "wsrep_on", "max_connections", "Threads_connected"):
            value = server.values.pop(name)
            result = either.monitor()
            assert (result.code, either.published) == (0, ("1000", "unknown"))
            assert f"the server's answer has no usable {name.lower()}" in result.stderr
            server.values[name] = value
            either.monitor()
            assert either.published == ("1000", "synced")

    def test_maintenance_file_acts_without_asking_the_server(self, either, server, tmp_path):
        (tmp_path / "maintenance").write_text("new disk\n")
        connections = server.connections
        result = either.monitor()
        assert either.published == ("-INFINITY", "maintenance")
        assert "new disk" in result.stderr
        assert server.connections == connections


class TestRecovery:
    def test_good_news_waits_in_mode_score(self, scored, server):
        server.values["wsrep_ready"] = "OFF"
        began = time.monotonic()
        scored.monitor()
        assert scored.published == ("-INFINITY", "not-ready")
        server.values["wsrep_ready"] = "ON"
        scored.monitor_until(lambda result: scored.published == ("1000", "synced"), ENOUGH)
        assert time.monotonic() - began > 1

    def test_relapse_restarts_the_wait(self, scored, server):
        server.values["wsrep_ready"] = "OFF"
        scored.monitor()
        server.values["wsrep_ready"] = "ON"
        scored.monitor()
        server.values["wsrep_ready"] = "OFF"
        began = time.monotonic()
        scored.monitor()
        server.values["wsrep_ready"] = "ON"
        scored.monitor_until(lambda result: scored.published == ("1000", "synced"), ENOUGH)
        assert time.monotonic() - began > 1

    def test_good_news_acts_at_once_in_mode_fail(self, failing, server):
        server.values["wsrep_ready"] = "OFF"
        assert failing.monitor().code == 1
        server.values["wsrep_ready"] = "ON"
        assert failing.monitor().code == 0

    def test_start_believes_good_news_at_once(self, scored, server):
        server.values["wsrep_ready"] = "OFF"
        scored.monitor()
        server.values["wsrep_ready"] = "ON"
        scored.start()
        assert scored.published == ("1000", "synced")


class TestBlindness:
    @pytest.fixture
    def blind(self, server):
        def blind():
            server.trouble["login"] = error(1045, "Access denied", "28000")

        return blind

    def test_good_verdict_holds_and_then_the_node_is_unknown(self, either, server, blind):
        blind()
        began = time.monotonic()
        either.monitor()
        assert either.published == ("1000", "unknown")
        result = either.monitor_until(lambda result: either.published != ("1000", "unknown"), ENOUGH)
        assert time.monotonic() - began > 1
        assert either.published == ("950", "unknown")
        assert result.code == 0
        assert either.monitor().code == 0

    def test_bad_verdict_holds_and_then_the_node_is_unknown(self, either, server, blind):
        code = 1 if either.parameters["mode"] == "fail" else 0
        server.values["wsrep_ready"] = "OFF"
        assert either.monitor().code == code
        blind()
        assert either.monitor().code == code
        assert either.published == ("-INFINITY", "unknown")
        result = either.monitor_until(lambda result: either.published[0] != "-INFINITY", ENOUGH)
        assert either.published == ("5", "unknown")
        assert result.code == 0

    def test_sight_regained_is_believed_at_once(self, scored, server, blind):
        blind()
        scored.monitor_until(lambda result: scored.published[0] == "950", ENOUGH)
        server.trouble.clear()
        scored.monitor()
        assert scored.published == ("1000", "synced")


def test_lagging_node_is_placed_last_and_never_moved_away_from(guard, server):
    guard.parameters["max_recv_queue"] = "100"
    guard.started()
    scores = []
    for length in (100, 101, 400, 401, 5000, 0):
        server.values["wsrep_local_recv_queue"] = str(length)
        assert guard.monitor().code == 0
        scores.append(guard.published[0])
    assert scores == ["1000", "980", "980", "960", "960", "1000"]
