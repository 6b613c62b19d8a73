"""What an agent says: the exit reason that Pacemaker shows, and syslog lines in the form of Pacemaker's own agents."""

from __future__ import annotations

import syslog

from ocfpy.deadline import Deadline, TimeIsUp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

# How long syslog may take, in seconds: the socket of a reader that hangs (a journal on stalled storage) stays full.
SYSLOG_TIMEOUT = 0.3


class Report:
    """Where one call's messages go. Messages are one line each, whatever they are made from."""

    def __init__(self, agent_name: str, environ: Mapping[str, str], stderr: TextIO) -> None:
        self._ident = f"{agent_name}({environ.get('OCF_RESOURCE_INSTANCE', 'default')})"
        self._facility = _FACILITIES.get(environ.get("HA_LOGFACILITY", "daemon"), syslog.LOG_DAEMON)
        self._prefix = environ.get("OCF_EXIT_REASON_PREFIX", "ocf-exit-reason:")
        self._stderr = stderr
        self._syslog_listens = True

    def exit_reason(self, reason: str) -> None:
        """Give the reason for this call's exit code: Pacemaker shows it beside a failed action."""
        self._stderr.write(f"{self._prefix}{one_line(reason)}\n")

    def error(self, message: str) -> None:
        """Log what an administrator must look at; also on stderr, where Pacemaker's own log picks it up."""
        self._log(syslog.LOG_ERR, "ERROR", message)

    def warning(self, message: str) -> None:
        """Log what is wrong but handled; also on stderr."""
        self._log(syslog.LOG_WARNING, "WARNING", message)

    def info(self, message: str) -> None:
        """Log a normal event; also on stderr."""
        self._log(syslog.LOG_INFO, "INFO", message)

    def trace(self, text: str) -> None:
        """Log the lines of a traceback, to syslog only: never to a user."""
        for line in text.splitlines():
            self._syslog(syslog.LOG_ERR, "ERROR: " + line)

    def _log(self, priority: int, word: str, message: str) -> None:
        line = f"{word}: {one_line(message)}"
        self._syslog(priority, line)
        self._stderr.write(f"{self._ident}: {line}\n")

    def _syslog(self, priority: int, line: str) -> None:
        if not self._syslog_listens:
            return
        try:
            with Deadline(SYSLOG_TIMEOUT).limit(SYSLOG_TIMEOUT):
                syslog.openlog(self._ident, syslog.LOG_PID, self._facility)
                syslog.syslog(priority, _printable(line))
        except TimeIsUp:
            self._syslog_listens = False


_FACILITIES: dict[str, int] = {
    name[4:].lower(): getattr(syslog, name)
    for name in (
        "LOG_DAEMON",
        "LOG_USER",
        "LOG_SYSLOG",
        "LOG_AUTH",
        "LOG_CRON",
        "LOG_KERN",
        "LOG_LPR",
        "LOG_MAIL",
        "LOG_NEWS",
        "LOG_UUCP",
        *(f"LOG_LOCAL{number}" for number in range(8)),
    )
}


def one_line(text: object) -> str:
    """Return a text as one line that any terminal and any C program can take."""
    return _printable(" ".join(str(text).split()))


def _printable(text: str) -> str:
    """Replace what syslog refuses (NUL, bytes that are no UTF-8) and what a terminal would obey."""
    return "".join(character if character.isprintable() else "?" for character in text)
