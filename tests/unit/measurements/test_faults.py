"""The report's arithmetic is right, and docs/ says what it measured last."""

import calendar
import json
import time

import pytest

from laboratory import recipe
from measurements.faults import figures, run, table
from measurements.faults.figures import NEVER
from measurements.faults.plan import CAUSES, FAULTS, cells

LOG = """\
Jan 02 03:04:04.900 node1 attrd notice: Setting galera-guard-state[node1]: a -> synced | from node1
Jan 02 03:04:05.120 node2 attrd notice: Setting galera-guard[node1]: 1000 -> -INFINITY | from node1
Jan 02 03:04:05.100 node1 attrd notice: Setting galera-guard[node1]: 1000 -> -INFINITY | from node1
Jan 02 03:04:05.200 node1 attrd notice: Setting galera-guard-state[node1]: synced -> read-only | from node1
Jan 02 03:04:05.500 node3 controld notice: Initiating stop operation VirtualIP_stop_0 on node1 | action 16
Jan 02 03:04:05.600 node3 controld notice: Initiating start operation VirtualIP_start_0 locally on node2
Jan 02 03:04:05.700 node3 controld notice: Initiating monitor operation VirtualIP_monitor_5000 on node2
a line without a time that says Setting galera-guard[node1]: 1000 -> 10
"""


def runs(*arrivals, **others):
    """Runs in which the VIP arrived after so many seconds."""
    return [{"vip": vip, "writers": vip, "load": 1.0} | others for vip in arrivals]


@pytest.fixture(scope="module")
def report():
    """The report as it was measured last."""
    return json.loads(table.RESULTS.read_text(encoding="utf-8"))


def test_a_run_in_which_nothing_came_about_counts_as_never():
    assert figures.median(runs(1.0, None, 2.0), "vip") == 2.0
    assert figures.median(runs(1.0, None, None), "vip") == NEVER


def test_the_typical_run_is_the_one_in_the_middle():
    assert figures.typical(runs(3.0, 1.0, None, 2.0, 9.0))["vip"] == 3.0
    assert figures.typical(runs(None, 1.0))["vip"] == 1.0


@pytest.mark.parametrize(("vip", "missed"), [(1.5, []), (1.51, ["vip"]), (None, ["vip"])])
def test_a_median_above_its_limit_is_a_miss(vip, missed):
    measured = {"polling": {"desync": runs(vip, nowhere=0.1)}}
    assert [figure for _, _, figure in figures.misses(measured)] == missed


def test_who_held_the_address_is_told_span_by_span():
    events = [(-1.0, "node1", True), (3.0, "node2", True), (3.5, "node1", False)]
    assert figures.held(events, until=9.0) == [("node1", -1.0, 3.5), ("node2", 3.0, 9.0)]


def test_the_log_tells_once_what_all_nodes_write(monkeypatch):
    monkeypatch.setattr(run.time, "gmtime", lambda: time.struct_time((2026, 1, 2, 0, 0, 0, 4, 2, 0)))
    start = calendar.timegm((2026, 1, 2, 3, 4, 5))
    assert run.told(LOG.splitlines(), start, start + 5) == [
        (pytest.approx(0.1), "score", "node1 -INFINITY"),
        (pytest.approx(0.2), "state", "node1 read-only"),
        (pytest.approx(0.5), "pacemaker", "stop node1"),
        (pytest.approx(0.6), "pacemaker", "start node2"),
    ]


def test_a_time_and_what_did_not_happen_read_differently():
    assert table.cell(runs(1.0), "vip") == "1.00"
    assert table.cell(runs(None), "vip") == "never"
    assert table.cell(runs(0.0), "writers") == "undisturbed"


def test_every_cell_has_runs_and_no_write_is_lost(report):
    for fault, column in cells():
        assert report["runs"][column][fault], f"{fault}, {column}"
        assert figures.median(report["runs"][column][fault], "lost") == 0


def test_every_miss_has_its_cause_and_every_cause_its_miss(report):
    assert set(figures.misses(report["runs"])) == set(CAUSES)


def test_documents_have_the_figures_of_the_results(report):
    setup = recipe.SETUP.read_text(encoding="utf-8")
    assert table.TABLE.read_text(encoding="utf-8") == table.matrix(report), "run: make docs"
    assert table.setup(report, setup) == setup, "run: make docs"


def test_limits_are_of_figures_that_are_measured():
    for fault, plan in FAULTS.items():
        assert {(fault, column) for column in plan.limits} <= set(cells())
        assert all(set(limits) <= set(figures.FIGURES) for limits in plan.limits.values())
