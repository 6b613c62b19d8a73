"""What the cluster is told, when, and what happens when it cannot be told."""

import time

import pytest

from galera_sync_guard import __version__
from tests.support.server import silence

# Runs the agent below a shell, so that its parent is another process each time.
OTHER_PARENT = ("sh", "-c", '"$@"; exit $?', "sh")


def boot_clock():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class TestWhen:
    @pytest.mark.parametrize("mode", ["fail", "score"])
    def test_start_publishes_the_score_before_the_state(self, guard, server, mode):
        guard.parameters["mode"] = mode
        guard.start()
        assert guard.attrd.updates == [("guard", "1000"), ("guard-state", "synced")]

    def test_nothing_is_published_in_steady_state(self, guard, server):
        guard.started()
        for _ in range(3):
            guard.monitor()
        assert guard.attrd.calls == []

    def test_change_is_published_at_once_and_once(self, guard, server):
        guard.started()
        server.values["wsrep_reject_queries"] = "ALL"
        for _ in range(3):
            assert guard.monitor().code == 0
        assert guard.attrd.updates == [("guard", "-INFINITY"), ("guard-state", "rejecting")]

    def test_change_of_the_state_alone_is_published_too(self, guard, server):
        server.values["wsrep_reject_queries"] = "ALL"
        guard.started()
        server.values.update(wsrep_reject_queries="NONE", read_only="ON")
        guard.monitor()
        assert guard.published == ("-INFINITY", "read-only")

    @pytest.mark.parametrize(("age", "updates"), [(0, 0), (11, 2)])
    def test_published_again_every_ten_seconds(self, guard, server, age, updates):
        guard.started()
        guard.pretend(published_at=boot_clock() - age)
        for _ in range(2):
            guard.monitor()
        assert len(guard.attrd.updates) == updates

    def test_published_again_when_the_executor_was_restarted(self, guard, server):
        guard.started()
        guard.monitor()
        assert guard.attrd.updates == []
        guard.before = OTHER_PARENT
        guard.monitor()
        assert guard.attrd.updates == [("guard", "1000"), ("guard-state", "synced")]

    def test_probe_of_a_started_guard_publishes(self, guard, server):
        guard.started()
        server.values["wsrep_on"] = "OFF"
        assert guard.probe().code == 0
        assert guard.published == ("-INFINITY", "wsrep-off")

    def test_probe_of_a_guard_that_is_not_started_does_not(self, guard, server):
        guard.probe()
        assert guard.attrd.calls == []

    def test_start_waits_until_the_cluster_shows_the_score(self, guard, server):
        guard.start()
        assert guard.attrd.calls[-1] == "-Q -n guard -N n1"


class TestWhy:
    def test_a_fall_of_the_score_is_told_apart_from_what_a_bad_node_becomes_later(self, guard, server):
        guard.started()
        server.values["wsrep_reject_queries"] = "ALL"
        guard.monitor()
        server.values.update(wsrep_reject_queries="NONE", read_only="ON")
        guard.monitor()
        told = [call.split(" ", 6) for call in guard.attrd.calls if call.startswith("-p ") and "settings" not in call]
        assert [(name, version, reason.partition(":")[0]) for _, _, name, _, _, version, reason in told] == [
            ("guard-unfit", __version__, "rejecting"),
            ("guard-bad", __version__, "read-only"),
        ]


class TestSettings:
    def test_settings_in_which_nodes_must_be_alike_are_told(self, guard, server):
        server.values.update(sql_mode="STRICT_TRANS_TABLES,ANSI", time_zone="SYSTEM", wsrep_cluster_state_uuid="b1-c2")
        guard.start()
        told = [call for call in guard.attrd.calls if "guard-settings" in call]
        assert len(told) == 1
        for setting in ("sql_mode=STRICT_TRANS_TABLES,ANSI; ", "time_zone=SYSTEM; ", "wsrep_cluster_state_uuid=b1-c2"):
            assert setting in told[0]

    def test_a_cluster_without_a_primary_component_has_no_id(self, guard, server):
        server.values.update(wsrep_cluster_state_uuid="b1-c2", wsrep_cluster_status="non-Primary")
        guard.start()
        assert not [call for call in guard.attrd.calls if "uuid" in call]


class TestOutsideACluster:
    @pytest.fixture
    def guard(self, guard):
        del guard.environment["OCF_RESKEY_CRM_meta_on_node"]
        guard.attrd.fail(102)
        return guard

    def test_everything_works_in_silence(self, guard, server):
        for action in ("start", "monitor", "stop"):
            result = guard.run(action, interval=1)
            assert result.code == 0
            assert result.reasons == []
            assert "publish" not in result.stderr
            assert "attribute" not in result.stderr

    def test_bad_news_is_no_failure_in_mode_score(self, guard, server):
        guard.started()
        server.values["wsrep_ready"] = "OFF"
        assert guard.monitor().code == 0

    def test_host_without_the_cluster_tools_is_outside_too(self, guard, server):
        (guard.attrd.directory / "attrd_updater").unlink()
        assert guard.start().code == 0
        assert guard.stop().code == 0


class TestClusterThatCannotBeTold:
    @pytest.fixture(params=[1, 102, "missing", "hangs"])
    def mute(self, request, guard):
        """Let the started guard's cluster be mute from now on."""

        def mute():
            if request.param == "missing":
                (guard.attrd.directory / "attrd_updater").unlink()
            elif request.param == "hangs":
                guard.attrd.hang()
            else:
                guard.attrd.fail(request.param)

        return mute

    def test_bad_news_fails_the_monitor_instead(self, guard, server, mute):
        guard.started()
        mute()
        server.values["wsrep_ready"] = "OFF"
        for _ in range(2):
            result = guard.monitor(timeout=2)
            assert result.code == 1
            assert "could not be published: not-ready" in result.reason
            assert result.seconds < 2

    def test_good_news_does_not(self, guard, server, mute):
        guard.started()
        guard.pretend(published_at=boot_clock() - 61)
        mute()
        result = guard.monitor(timeout=2)
        assert result.code == 0
        assert result.seconds < 2

    def test_stop_succeeds_and_forgets(self, guard, server, mute):
        guard.started()
        mute()
        result = guard.stop(timeout=2)
        assert result.code == 0
        assert result.seconds < 2
        assert not guard.state_file.exists()

    def test_start_succeeds_with_a_warning(self, guard, server, mute):
        mute()
        result = guard.start(timeout=4)
        assert result.code == 0
        assert "could not be published" in result.stderr
        assert result.seconds < 4

    def test_value_is_published_as_soon_as_the_cluster_answers(self, guard, server):
        guard.started()
        guard.attrd.fail(1)
        server.values["wsrep_ready"] = "OFF"
        assert guard.monitor().code == 1
        guard.attrd.fail(None)
        assert guard.monitor().code == 0
        assert guard.published == ("-INFINITY", "not-ready")


@pytest.mark.parametrize("timeout", [1, 2])
def test_hung_server_is_published_before_the_operations_timeout(guard, server, timeout):
    guard.parameters["probe_timeout"] = f"{timeout * 2}s"
    guard.started()
    server.trouble["status"] = silence
    result = guard.monitor(timeout=timeout)
    assert result.code == 0
    assert result.seconds < timeout
    assert guard.published == ("-INFINITY", "hung")


def test_peer_is_asked_for_only_when_that_matters(guard, server):
    guard.started()
    server.values["wsrep_ready"] = "OFF"
    guard.monitor()
    assert not [call for call in guard.attrd.calls if call.startswith("-Q")]
    server.values.update(wsrep_ready="ON", Threads_connected="152")
    guard.monitor()
    assert "-Q -n guard-state -A" in guard.attrd.calls


def test_earlier_falls_are_kept_when_the_node_is_good_again(guard, server):
    guard.parameters["recovery_hold"] = "0"
    guard.started()
    told = []
    for reason in ("ALL", "ALL_KILL"):
        for value in (reason, "NONE"):
            server.values["wsrep_reject_queries"] = value
            guard.monitor()
            guard.let_pass(5)
            guard.monitor()
        told.append(guard.attrd.value("guard-unfit"))
    kept = guard.attrd.value("guard-falls").split(" ;; ")
    assert sorted(kept) == sorted(told)
    assert [text.split(" ", 2)[2].partition(",")[0] for text in sorted(told)] == [
        "rejecting: wsrep_reject_queries=ALL",
        "rejecting: wsrep_reject_queries=ALL_KILL",
    ]
