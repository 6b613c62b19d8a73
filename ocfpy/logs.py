"""A bridge from the module `logging`: what a library logs becomes lines of the agent's report."""

from __future__ import annotations

import logging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocfpy.report import Report


class ReportHandler(logging.Handler):
    """Hands log records to a report, by level: `logging.getLogger().addHandler(ReportHandler(invocation.report))`."""

    def __init__(self, report: Report, level: int = logging.INFO) -> None:
        super().__init__(level)
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one record over."""
        try:
            message = self.format(record)
        except (TypeError, ValueError, KeyError):  # arguments that do not fit the text
            message = str(record.msg)
        if record.levelno >= logging.ERROR:
            self._report.error(message)
        elif record.levelno >= logging.WARNING:
            self._report.warning(message)
        elif record.levelno >= logging.INFO:
            self._report.info(message)
        else:
            self._report.debug(message)
