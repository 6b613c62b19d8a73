"""One turn with a real store: what Pacemaker is told and when, what is asked, remembered and logged."""

import itertools
import os
import time

import pytest

from galera_sync_guard import cycle
from galera_sync_guard.cluster import attributes, peers
from galera_sync_guard.cluster.network_reports import NetworkReports
from galera_sync_guard.cluster.peers import AttributePeers, CorosyncPeers
from galera_sync_guard.cycle import FailedSampler
from galera_sync_guard.decision.facts import Cause, Facts
from galera_sync_guard.server import probe
from tests.support.galera import DESYNCED, DONOR, READ_ONLY, SATURATED
from tests.unit.builders import Cluster, call, cycle_of, node, store_of

EXECUTOR = 100
HUNG = Facts(cause="hung", detail="no answer", pending_thread=77)
# Not even the search for the thread that owes us an answer was answered.
SEARCH_HUNG = Facts(cause="hung", detail="no answer", pending_thread=77, lost_thread=True)


class Host:
    """A node, a clock and the state directory of one guard; `turn` is one call of its agent."""

    def __init__(self, directory, monkeypatch):
        self.directory = directory
        self.now = 5000.0
        self.facts = node()
        self.asked = []
        self.peers_follow = False
        self.cluster = Cluster()
        for module in (cycle, peers):
            monkeypatch.setattr(module, "boot_clock", lambda: self.now)
        monkeypatch.setattr(cycle.time, "sleep", self._sleep)
        monkeypatch.setattr(probe, "probe_node", self._observe)

    def _sleep(self, seconds):
        self.now += seconds
        self.cluster.better_peer = self.cluster.better_peer and not self.peers_follow

    def _observe(self, parameters, deadline, seconds, *pending):
        self.asked.append((seconds, *pending))
        return self.facts

    def run(self, facts=None, executor=EXECUTOR, fresh=False, error=None, wait=1.0, peers=None, **given):
        """Run the cycle of one call of the agent; `fresh` is that of start."""
        self.now += wait
        self.facts = facts or node()
        self.call = call(self.directory, **{"mode": "score", **given})
        sampler = FailedSampler(error) if error else None
        one = cycle_of(self.call, self.cluster, executor, sampler, peers and peers.of(self.cluster))
        if fresh:
            one.forget()
        return one.run_once(must_save=fresh)

    def record(self, **given):
        return store_of(call(self.directory, **{"mode": "score", **given})).load()


@pytest.fixture
def host(run_directory, monkeypatch):
    """A host on which the guard was started on a healthy node."""
    host = Host(run_directory, monkeypatch)
    host.run(fresh=True)
    return host


def test_start_publishes_score_and_state(host):
    assert host.cluster.attributes == ("1000", "synced")


def test_the_same_verdict_is_not_published_again(host):
    for _ in range(9):
        assert host.run()[1]
    assert host.cluster.published == 1


def test_a_steady_state_asks_no_peer_and_writes_no_file(host):
    host.run()
    (file,) = os.listdir(host.directory)
    before = os.stat(host.directory / file).st_ino
    for _ in range(8):
        host.run()
    assert os.stat(host.directory / file).st_ino == before
    assert host.cluster.asked == 0


@pytest.mark.parametrize(("wait", "again"), [(9.0, False), (10.0, True), (11.0, True)])
def test_it_is_published_again_every_ten_seconds(host, wait, again):
    host.run(wait=wait)
    assert host.cluster.published == 1 + again


def test_it_is_published_again_to_a_new_executor_because_a_restarted_pacemaker_has_lost_it(host):
    host.cluster.score = host.cluster.state = None
    host.run(executor=EXECUTOR + 1)
    assert host.cluster.attributes == ("1000", "synced")


def test_a_change_of_the_score_is_published(host):
    host.run(node(**READ_ONLY))
    assert host.cluster.attributes == ("-INFINITY", "read-only")


def test_a_state_is_published_at_its_first_bad_sample_with_the_score_as_it_was(host):
    host.run(node(**SATURATED))
    assert host.cluster.attributes == ("1000", "saturated")


def test_peers_are_asked_only_for_a_poor_sample(host):
    host.run(node(**READ_ONLY))
    host.run(Facts(cause=Cause.DENIED))
    assert host.cluster.asked == 0
    host.run(node(**DONOR))
    assert host.cluster.asked == 1


def test_a_poor_node_scores_low_after_its_grace(host):
    host.cluster.better_peer = True
    for _ in range(20):
        host.run(node(**SATURATED))
    assert host.cluster.attributes == ("10", "saturated")


def test_a_node_that_was_desynced_by_order_scores_low_at_its_second_sample(host):
    host.cluster.better_peer = True
    host.run(node(**DESYNCED))
    assert host.cluster.attributes == ("1000", "donor")
    host.run(node(**DESYNCED))
    assert host.cluster.attributes == ("10", "donor")


def test_a_peer_that_tells_of_the_same_desync_while_a_sample_waits_is_no_better_one(host):
    host.cluster.better_peer = host.peers_follow = True
    for _ in range(9):
        host.run(node(**DESYNCED))
    assert host.cluster.attributes == ("1000", "donor")


class Watchers(CorosyncPeers):
    """The peers of a watcher: how often they are to be asked, and whether one has answered."""

    def __init__(self):
        super().__init__(None, "guard", None, NetworkReports())
        self.times = 0

    def of(self, cluster):
        self._attributes = AttributePeers(cluster)
        return self

    def recheck_after(self, *arguments):
        before = self._query_at
        seconds = super().recheck_after(*arguments)
        self.times += self._query_at != before
        return seconds

    def hear(self):
        self._has_answer = True


def test_a_watcher_asks_its_peers_of_a_desync_once_and_does_not_wait_in_its_turn(host):
    host.cluster.better_peer = True
    watchers, before = Watchers(), host.now
    for _ in range(4):
        assert host.run(node(**DESYNCED), wait=0.1, peers=watchers)[0].kind == "fit"
    assert watchers.times == 1
    assert host.now == pytest.approx(before + 0.4)
    assert host.cluster.attributes == ("1000", "donor")


def test_an_answer_makes_a_watcher_score_low_at_once_whatever_the_attributes_say(host):
    watchers = Watchers()
    host.run(node(**DESYNCED), wait=0.1, peers=watchers)
    watchers.hear()
    host.run(node(**DESYNCED), wait=0.1, peers=watchers)
    assert host.cluster.attributes == ("10", "donor")


def test_an_answer_that_comes_too_late_to_be_needed_is_forgotten(host):
    watchers = Watchers()
    host.run(node(**DESYNCED), wait=0.1, peers=watchers)
    watchers.hear()
    host.run(wait=0.1, peers=watchers)
    host.run(node(**DESYNCED), wait=0.1, peers=watchers)
    assert host.cluster.attributes == ("1000", "donor")


def test_without_an_answer_the_attributes_decide(host):
    host.cluster.better_peer = True
    watchers = Watchers()
    for _ in range(9):
        host.run(node(**DESYNCED), wait=0.2, interval="200", peers=watchers)
    assert host.cluster.attributes == ("10", "donor")


def test_a_call_without_the_time_to_wait_for_its_peers_does_not(host):
    host.cluster.better_peer = True
    host.run(node(**DESYNCED), timeout="1300")
    before = host.now
    assert host.run(node(**DESYNCED), timeout="1300")[0].kind == "fit"
    assert host.now == before + 1


def test_what_could_not_be_published_is_published_by_the_next_turn(host):
    host.cluster.result = attributes.FAILED
    assert not host.run(node(**READ_ONLY))[1]
    host.cluster.result = attributes.PUBLISHED
    assert host.run(node(**READ_ONLY))[1]
    assert host.cluster.attributes == ("-INFINITY", "read-only")


@pytest.fixture
def watching(host):
    """The cycle of a watcher on that host, and a turn of it: 0.2 s later, with these facts."""
    kept = cycle_of(call(host.directory, mode="score"), host.cluster, EXECUTOR, is_kept=True)

    def turn(facts=None):
        host.now += 0.2
        host.facts = facts or node()
        return kept.run_once()

    turn.cycle, turn.log = kept, kept._report.lines
    return turn


def test_a_watcher_tries_less_and_less_often_to_publish_while_nobody_takes_it(host, watching):
    host.cluster.result, host.cluster.published = attributes.FAILED, 0
    moments = []
    for _ in range(300):
        before = host.cluster.published
        assert not watching(node(**READ_ONLY))[1]
        moments += [host.now] * (host.cluster.published - before)
    pauses = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert 0 < pauses[0] < 1
    assert pauses == sorted(pauses)
    assert 4 < pauses[-1] < 6
    host.cluster.result = attributes.PUBLISHED
    began = host.now
    while not watching(node(**READ_ONLY))[1]:
        assert host.now - began < 6
    assert host.cluster.attributes == ("-INFINITY", "read-only")


def test_a_watcher_whose_state_comes_and_goes_tells_less_and_less_often_that_it_has_gone(host, watching):
    host.cluster.published = 0
    for _ in range(300):  # two minutes
        watching(node(**SATURATED))
        watching()
    assert 10 < host.cluster.published < 100
    assert 10 < len(watching.log) < 100
    watching(node(**SATURATED))
    assert host.cluster.attributes == ("1000", "saturated"), "bad news at once"
    began = host.now
    while host.cluster.attributes != ("1000", "synced"):
        watching()
        assert host.now - began < 6
    for _ in range(100):
        watching()
    watching(node(**SATURATED))
    watching()
    assert host.cluster.attributes == ("1000", "synced"), "once is not again and again"


@pytest.mark.parametrize("news", ["another verdict", "another Pacemaker"])
def test_a_watcher_publishes_news_at_once_however_often_it_has_failed(host, watching, news):
    host.cluster.result = attributes.FAILED
    for _ in range(300):
        watching(node(**READ_ONLY))
    host.cluster.result = attributes.PUBLISHED
    if news == "another Pacemaker":
        watching.cycle.publication_epoch += 1
    assert watching(node(**(READ_ONLY if news == "another Pacemaker" else {"wsrep_on": "OFF"})))[1]


SETTINGS = {"sql_mode": "ANSI", "time_zone": "SYSTEM"}


def test_settings_are_published_when_they_change_and_once_a_minute(host):
    host.cluster.settings.clear()
    for _ in range(50):
        host.run(node(**SETTINGS))
    assert len(host.cluster.settings) == 1
    host.run(node(**SETTINGS, event_scheduler="ON"))
    assert len(host.cluster.settings) == 2
    assert "event_scheduler=ON" in host.cluster.settings[-1]
    for _ in range(62):
        host.run(node(**SETTINGS, event_scheduler="ON"))
    assert len(host.cluster.settings) == 3


def test_settings_are_published_again_to_a_new_executor_because_a_restarted_pacemaker_has_lost_them(host):
    host.run(node(**SETTINGS))
    host.cluster.settings.clear()
    host.run(node(**SETTINGS), executor=EXECUTOR + 1)
    assert len(host.cluster.settings) == 1


def test_settings_that_nobody_takes_are_published_as_soon_as_somebody_does(host):
    host.cluster.settings.clear()
    host.cluster.result = attributes.FAILED
    host.run(node(**SETTINGS, read_only="ON"))
    assert not host.cluster.settings
    host.cluster.result = attributes.PUBLISHED
    host.run(node(**SETTINGS, read_only="ON"))
    assert len(host.cluster.settings) == 1


def test_a_return_to_the_verdict_before_a_failed_publishing_is_published(host):
    host.cluster.result = attributes.FAILED
    host.run(node(**READ_ONLY))
    host.cluster = Cluster("-INFINITY", "synced")
    for _ in range(5):
        host.run()
    assert host.cluster.attributes == ("1000", "synced")


def test_outside_a_cluster_it_is_tried_once_and_counts_as_told(run_directory, monkeypatch):
    host = Host(run_directory, monkeypatch)
    host.cluster.result = attributes.OUTSIDE
    assert host.run(fresh=True)[1]
    for _ in range(9):
        assert host.run()[1]
    assert host.cluster.published == 1


def test_start_forgets_the_memory_so_that_its_verdict_is_of_now(host):
    host.run(node(**READ_ONLY))
    assert host.run()[0].kind == "unfit"
    assert host.run(fresh=True)[0].kind == "fit"


def test_another_server_is_judged_without_what_was_known_of_the_last(host):
    host.run(node(**READ_ONLY))
    assert host.run(socket="/run/other.sock")[0].kind == "fit"
    assert host.cluster.attributes == ("1000", "synced")


def test_a_changed_hold_is_measured_from_the_same_beginning(host):
    host.run(node(**READ_ONLY))
    for second in range(1, 8):
        kind = host.run(recovery_hold="5s")[0].kind
        assert (second, kind) == (second, "unfit" if second <= 5 else "fit")


@pytest.mark.parametrize(
    "changed", [{"max_recv_queue": "9"}, {"donor_grace": "9s"}, {"available_when_readonly": "yes"}]
)
def test_a_parameter_that_does_not_concern_a_grace_does_not_end_it(host, changed):
    host.cluster.better_peer = True
    kinds = [host.run(node(**SATURATED), **(changed if second > 3 else {}))[0].kind for second in range(13)]
    assert kinds == ["fit"] * 11 + ["poor"] * 2


def test_a_parameter_that_defines_the_state_begins_its_grace_anew(host):
    host.cluster.better_peer = True
    kinds = [
        host.run(node(**SATURATED), **({"connection_limit": "90"} if second > 3 else {}))[0].kind
        for second in range(16)
    ]
    assert kinds == ["fit"] * 15 + ["poor"]


def test_a_parameter_that_allows_what_was_bad_ends_its_hold(host):
    host.run(node(**READ_ONLY))
    assert host.run(node(**READ_ONLY), available_when_readonly="yes")[0].kind == "fit"


def test_a_probe_uses_the_interval_of_the_last_recurring_monitor(host):
    host.run(interval="1000")
    host.run(interval="0")
    assert host.record().interval == 1.0


def test_a_gap_is_measured_in_intervals_of_the_monitor_and_the_time_of_a_probe(host):
    host.cluster.better_peer = True
    for _ in range(3):
        host.run(node(**DONOR), interval="1000")
    assert host.run(node(**DONOR), wait=5.5, interval="1000")[0].kind == "fit"


def test_an_answer_that_the_server_still_owes_is_passed_to_the_next_probe(host):
    host.run(Facts(cause="hung", detail="no answer", pending_thread=77))
    host.run()
    assert host.asked[-1][1] == 77
    host.run()
    assert host.asked[-1][1] is None


def test_after_a_search_that_hung_too_the_pauses_between_searches_double_up_to_a_minute(host):
    host.run(SEARCH_HUNG)
    for pause in (4, 8, 16, 32, 60, 60):
        host.run(HUNG, wait=pause)
        assert not host.asked[-1][2], pause
        host.run(SEARCH_HUNG, wait=0.5)
        assert host.asked[-1][2], pause


def test_an_answer_ends_the_pauses_between_searches(host):
    for _ in range(3):
        host.run(SEARCH_HUNG, wait=100)
    host.run(wait=1)
    host.run(SEARCH_HUNG)
    assert host.asked[-1][2]
    host.run(HUNG, wait=4.5)
    assert host.asked[-1][2]


def test_a_probe_leaves_time_for_publishing(host):
    host.run(timeout="1500", probe_timeout="5s")
    assert 0.5 < host.asked[-1][0] < 1.0
    host.run(timeout="10000", probe_timeout="2s")
    assert host.asked[-1][0] == 2.0
    host.run(timeout="10000", probe_timeout="20s")
    assert host.call.deadline.remaining() - 1 <= host.asked[-1][0] <= 9.0


def test_why_is_told_with_the_time_of_the_change_once(host):
    host.run(node(**READ_ONLY))
    assert host.cluster.why == ("unfit", True, host.record().since, "read-only: read_only=ON, must be OFF")
    host.cluster.why = None
    host.run(node(**READ_ONLY))
    assert host.cluster.why is None
    for _ in range(4):
        host.run()
    assert host.cluster.why == ("fit", False, host.record().since, "synced: wsrep_local_state=4 (Synced)")


def test_a_fall_is_kept_when_the_node_is_good_again(host):
    host.run(node(**READ_ONLY))
    assert host.cluster.kept == 0
    for _ in range(14):
        host.run()
    assert (host.cluster.attributes, host.cluster.kept) == (("1000", "synced"), 1)


def test_people_are_told_another_reason_of_the_same_verdict(host):
    host.run(Facts(cause=Cause.CANNOT_OBSERVE, detail="/etc/login.cnf: No such file or directory"))
    host.run(Facts(cause=Cause.CANNOT_OBSERVE, detail="/etc/login.cnf does not belong to root"))
    assert host.cluster.why[3].startswith("unknown: /etc/login.cnf does not belong to root; the last verdict")
    assert host.cluster.published == 2, "only the reason is new"


def test_a_reason_of_several_lines_leaves_the_memory_as_it_is(host):
    host.run(Facts(cause=Cause.DOWN, detail="a\nb=\udcff\nend"))
    assert host.record().memory.state == "down"


def test_people_are_told_that_a_node_is_good_again_and_when_it_serves(host, monkeypatch):
    monkeypatch.setattr(cycle.time, "time", lambda: 1700000000 + host.now)
    host.run(Facts(maintenance="disks"))
    since, bad_at = host.record().since, 1700000000 + host.now
    host.run()
    told = f"maintenance: still unfit, now synced, back in service at @{bad_at + 3:.0f}"
    assert host.cluster.why == ("unfit", False, since, told)


def test_a_run_is_told_with_the_moment_at_which_it_began(host, monkeypatch):
    monkeypatch.setattr(cycle.time, "time", lambda: 1700000000 + host.now)
    host.cluster.better_peer = True
    began = 1700000000 + host.now + 1
    for _ in range(13):
        host.run(node(**SATURATED))
    assert host.cluster.attributes == ("10", "saturated")
    assert host.cluster.why[3].endswith(f" since @{began:.0f}")


def test_what_changes_from_second_to_second_is_told_once(host):
    for seconds in range(9):
        host.run(Facts(cause=Cause.DOWN, detail=f"no write completed for {seconds * 0.7:.1f}s"))
        told = host.cluster.why
        host.cluster.why = None
    assert told is None


def test_a_reason_that_alternates_is_told_once_a_second(host):
    told = 0
    for number in range(50):
        host.cluster.why = None
        host.run(Facts(cause=Cause.DOWN, detail="refused" if number % 2 else "no socket"), wait=0.2)
        told += host.cluster.why is not None
    assert told <= 11


def test_a_changed_parameter_neither_logs_anew_nor_changes_since_when(host, monkeypatch):
    since = host.record().since
    monkeypatch.setattr(cycle.time, "time", lambda: since + 60.0)
    host.run(donor_grace="5s")
    assert host.record(donor_grace="5s").since == since
    assert host.cluster.why[2] == since
    assert host.call.report.lines == []


def test_the_score_falls_once_however_often_a_bad_node_becomes_bad_in_another_way(host):
    told = []
    for facts in (node(), node(**READ_ONLY), Facts(cause=Cause.DOWN), node(**READ_ONLY)):
        host.run(facts)
        told.append(host.cluster.why[:2])
    assert told == [("fit", False), ("unfit", True), ("unfit", False), ("unfit", False)]


def test_a_poor_node_that_becomes_unfit_falls_once_more(host):
    host.cluster.better_peer = True
    for _ in range(2):
        host.run(node(**DESYNCED))
    assert (host.cluster.score, host.cluster.why[:2]) == ("10", ("poor", True))
    host.run(node(**READ_ONLY))
    assert (host.cluster.score, host.cluster.why[:2]) == ("-INFINITY", ("unfit", True))


def test_a_bad_node_that_was_never_told_falls(host):
    host.cluster.result = attributes.FAILED
    host.run(node(**READ_ONLY))
    host.cluster.result = attributes.PUBLISHED
    host.run(Facts(cause=Cause.DOWN))
    assert host.cluster.why[:2] == ("unfit", True)


def test_a_verdict_that_pacemaker_was_not_told_is_not_explained_to_people(host):
    host.cluster.why = None
    host.cluster.result = attributes.FAILED
    host.run(node(**READ_ONLY))
    assert host.cluster.why is None


def test_a_verdict_stands_when_nothing_can_be_remembered_but_a_start_fails(host):
    (file,) = os.listdir(host.directory)
    (host.directory / (file + ".new")).mkdir()
    assert host.run(node(**READ_ONLY))[0].kind == "unfit"
    assert [message.partition(":")[0] for level, message in host.call.report.lines if level == "error"] == [
        "cannot write the state file"
    ]
    (host.directory / file).unlink()
    with pytest.raises(IsADirectoryError):
        host.run(node(**READ_ONLY), fresh=True)


def test_an_error_in_place_of_a_probe_asks_nothing(host):
    asked = len(host.asked)
    verdict, _ = host.run(error=KeyError("x"))
    assert len(host.asked) == asked
    assert (verdict.state, verdict.score) == ("unknown", 1000)
    assert host.cluster.attributes == ("1000", "unknown")


def test_a_guard_that_cannot_see_warns_although_its_verdict_is_good(host):
    host.run(Facts(cause=Cause.DENIED, detail="error 1045: Access denied"))
    assert [level for level, _ in host.call.report.lines] == ["warning"]


def test_a_change_is_logged_once(host):
    lines = []
    for facts in (node(), node(**READ_ONLY), node(**READ_ONLY), node(), node(), node(), node(), node()):
        host.run(facts)
        lines += host.call.report.lines
    assert lines == [
        ("warning", "read-only: read_only=ON, must be OFF (unfit, score -INFINITY)"),
        ("info", "synced: wsrep_local_state=4 (Synced) (fit, score 1000)"),
    ]


def test_a_poor_node_keeps_the_address_while_it_has_no_better_place_and_asks_seldom(host):
    host.cluster.better_peer, host.cluster.has_place = True, False
    for _ in range(40):
        assert host.run(node(**SATURATED))[0].kind == "fit"
    assert "no better node known" in host.call.report.lines[-1][1] if host.call.report.lines else True
    assert 5 < host.cluster.places_asked < 15
    host.cluster.has_place = True
    for _ in range(4):
        verdict, _ = host.run(node(**SATURATED))
    assert verdict.kind == "poor"
    asked = host.cluster.places_asked
    host.run(node(**SATURATED))
    assert host.cluster.places_asked == asked, "once per verdict"


def test_a_saturation_that_follows_the_address_says_so_once_and_stays(host):
    host.cluster.better_peer, host.cluster.saturated_at = True, time.time() - 60
    lines = []
    for _ in range(900):
        assert host.run(node(**SATURATED))[0].kind == "fit"
        lines += host.call.report.lines
    assert sum("ignored: it follows the address" in line for _, line in lines) == 1
    host.run()
    host.cluster.saturated_at = time.time() - 3600
    host.now += 700
    kinds = [host.run(node(**SATURATED))[0].kind for _ in range(14)]
    assert kinds[-1] == "poor", "it is as before when the last one is long ago"


def test_a_saturation_that_follows_with_short_breaks_stays_for_as_long_as_they_are_short(host):
    host.cluster.better_peer, host.cluster.saturated_at = True, time.time()
    for _ in range(4):
        for _ in range(300):
            assert host.run(node(**SATURATED))[0].kind == "fit"
        # The other node's fall was ten minutes earlier by now, and one application leaves for a moment.
        host.cluster.saturated_at = time.time() - 3600
        host.run()


def test_a_saturation_long_after_the_last_moves_the_address(host):
    host.cluster.better_peer, host.cluster.saturated_at = True, time.time() - 700
    kinds = [host.run(node(**SATURATED))[0].kind for _ in range(14)]
    assert kinds[-1] == "poor"


def test_a_clock_that_is_ahead_does_not_make_every_saturation_one_that_follows(host):
    host.cluster.better_peer, host.cluster.saturated_at = True, time.time() + 86400
    kinds = [host.run(node(**SATURATED))[0].kind for _ in range(14)]
    assert kinds[-1] == "poor"


def test_a_desync_is_not_a_saturation_that_follows(host):
    host.cluster.better_peer, host.cluster.saturated_at = True, time.time()
    assert [host.run(node(**DESYNCED))[0].kind for _ in range(3)][-1] == "poor"
