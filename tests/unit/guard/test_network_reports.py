"""What watchers tell each other of the network: when, and what it means."""

from galera_sync_guard.cluster.network_reports import (
    ADDRESS_MAX_AGE,
    MAX_REPORTS,
    REPORT_INTERVAL,
    REPORT_MAX_AGE,
    NetworkReports,
)


def report_of(address, reaches=True):
    reports = NetworkReports()
    reports.set_own(address, reaches)
    return reports.take_due(0.0)


def test_a_report_is_due_at_once_at_a_change_and_now_and_then():
    reports = NetworkReports()
    assert reports.take_due(100.0) is None
    assert reports.seconds_until_due(9.0, 100.0) == 9.0
    reports.set_own("10.0.0.1", False)
    assert reports.seconds_until_due(9.0, 100.0) == 0
    first = reports.take_due(100.0)
    assert first
    assert reports.take_due(100.0) is None
    reports.set_own("10.0.0.1", False)
    assert reports.seconds_until_due(9.0, 101.0) == REPORT_INTERVAL - 1
    assert reports.take_due(100.0 + REPORT_INTERVAL) == first
    reports.set_own("10.0.0.1", True)
    assert reports.take_due(100.1 + REPORT_INTERVAL) not in (None, first)


def test_the_own_report_comes_back_and_says_nothing():
    reports = NetworkReports()
    reports.set_own("10.0.0.1", True)
    reports.receive(reports.take_due(0.0), 0.0)
    assert reports.addresses() == ()
    assert not reports.others_reach(0.0)


def test_others_are_known_by_their_addresses_and_by_what_they_reach():
    reports = NetworkReports()
    reports.receive(report_of("10.0.0.3", reaches=False), 0.0)
    assert not reports.others_reach(0.0)
    reports.receive(report_of("10.0.0.2"), 0.0)
    assert reports.addresses() == ("10.0.0.2", "10.0.0.3")
    assert reports.others_reach(REPORT_MAX_AGE - 0.1)
    assert not reports.others_reach(REPORT_MAX_AGE)
    reports.receive(report_of("10.0.0.2"), REPORT_MAX_AGE)
    assert reports.others_reach(REPORT_MAX_AGE)
    reports.receive(report_of("10.0.0.2", reaches=False), REPORT_MAX_AGE)
    assert not reports.others_reach(REPORT_MAX_AGE)


def test_a_node_without_an_address_can_reach_and_be_asked_nothing():
    reports = NetworkReports()
    reports.receive(report_of(""), 0.0)
    assert reports.addresses() == ()
    assert reports.others_reach(0.0)


def test_no_sender_can_fill_the_memory():
    reports = NetworkReports()
    for number in range(2 * MAX_REPORTS):
        reports.receive(b"10.0.0.%d 1" % number, 0.0)
    reports.receive(b"\xff" * 100, 0.0)
    assert len(reports.addresses()) == MAX_REPORTS


def test_the_own_report_of_a_moment_ago_says_nothing_either():
    reports = NetworkReports()
    reports.set_own("10.0.0.1", True)
    sent = reports.take_due(0.0)
    reports.set_own("10.0.0.1", False)
    reports.receive(sent, 0.1)
    assert reports.addresses() == ()
    assert not reports.others_reach(0.1)


def test_addresses_that_no_node_has_any_more_leave_their_places_to_others():
    reports = NetworkReports()
    for number in range(MAX_REPORTS):
        reports.receive(b"10.0.0.%d 1" % number, 0.0)
    reports.receive(report_of("10.0.1.1"), ADDRESS_MAX_AGE + 1)
    assert reports.addresses() == ("10.0.1.1",)


def test_an_address_heard_of_lately_stays_however_long_the_machine_runs():
    reports = NetworkReports()
    for second, address in ((10 * ADDRESS_MAX_AGE, "10.0.0.2"), (10 * ADDRESS_MAX_AGE + 1, "10.0.0.3")):
        reports.receive(report_of(address), second)
    assert reports.addresses() == ("10.0.0.2", "10.0.0.3")
