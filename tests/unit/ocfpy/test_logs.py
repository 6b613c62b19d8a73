"""What a library logs by the module `logging` becomes lines of the agent's report."""

import logging
import sys
import syslog

import pytest

from ocfpy import Report
from ocfpy.logs import ReportHandler


@pytest.mark.parametrize(
    ("level", "line"),
    [
        (logging.CRITICAL, "ERROR: tried 3 times"),
        (logging.ERROR, "ERROR: tried 3 times"),
        (logging.WARNING, "WARNING: tried 3 times"),
        (logging.INFO, "INFO: tried 3 times"),
        (logging.DEBUG, "DEBUG: tried 3 times"),
    ],
)
def test_a_level_keeps_its_meaning(monkeypatch, capsys, level, line):
    monkeypatch.setattr(syslog, "syslog", lambda priority, line: None)

    report = Report("example", {"HA_debug": "1"}, sys.stderr)
    handler = ReportHandler(report, logging.DEBUG)
    handler.handle(logging.LogRecord("library", level, "file", 1, "tried %d times", (3,), None))
    for text in ("tried %d times", "tried %(number)d times"):
        handler.handle(logging.LogRecord("library", level, "file", 1, text, ({"times": 3},), None))
    assert capsys.readouterr().err.splitlines()[0] == f"example(default): {line}"


@pytest.mark.parametrize(("debug", "lines"), [("0", 0), ("", 0), ("1", 1)])
def test_details_are_logged_where_the_cluster_s_debug_level_is_on(monkeypatch, capsys, debug, lines):

    monkeypatch.setattr(syslog, "syslog", lambda priority, line: None)
    Report("example", {"HA_debug": debug}, sys.stderr).debug("detail")
    assert len(capsys.readouterr().err.splitlines()) == lines
