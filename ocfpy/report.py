"""What an agent says: the exit reason that Pacemaker shows, and syslog lines in the form of Pacemaker's own agents."""

from __future__ import annotations

import time

from ocfpy.deadline import Deadline, TimeIsUp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TextIO

# How long syslog may take, in seconds: the socket of a reader that hangs (a journal on stalled storage) stays full.
SYSLOG_TIMEOUT = 0.3
FACILITIES = (
    *("auth", "cron", "daemon", "kern", "lpr", "mail", "news", "syslog", "user", "uucp"),
    *(f"local{number}" for number in range(8)),
)
# After it was full, syslog is tried again after so many seconds. An error that repeats is logged once in this time.
SYSLOG_RETRY = 60.0
REPEAT_AFTER = 60.0
# How many errors are remembered for that.
MAX_REMEMBERED = 100
# How long a line may be: Pacemaker keeps an exit reason in the configuration of all nodes.
MOST_CHARACTERS = 2000


class Report:
    """Where the messages of one call, or of a process that lives on, go. Each is one line, whatever it is made from.

    No line contains one of the `secrets`.
    """

    def __init__(
        self, agent_name: str, environ: Mapping[str, str], stderr: TextIO, secrets: Iterable[str] = ()
    ) -> None:
        self._ident = _printable(f"{agent_name}({environ.get('OCF_RESOURCE_INSTANCE', 'default')})")
        facility = environ.get("HA_LOGFACILITY", "")
        self._facility = "LOG_" + (facility if facility in FACILITIES else "daemon").upper()
        self._prefix = environ.get("OCF_EXIT_REASON_PREFIX", "ocf-exit-reason:")
        self._debugs = environ.get("HA_debug", "0") not in ("", "0")
        self._stderr = stderr
        self._secrets = tuple(secrets)
        self._forms: list[str] | None = None
        self._silent_until = 0.0
        self._lost = 0
        self._errors: dict[str, list[float]] = {}

    def exit_reason(self, reason: str) -> None:
        """Give the reason for this call's exit code: Pacemaker shows it beside a failed action."""
        self._write(self._prefix + self._line(reason))

    def error(self, message: str) -> None:
        """Log what an administrator must look at; also on stderr, where Pacemaker's own log picks it up."""
        count = self._count_since_last(message)
        if count:
            again = f" (repeated {count} times)" if count > 1 else ""
            self._log("LOG_ERR", "ERROR", message + again)

    def warning(self, message: str) -> None:
        """Log what is wrong but handled; also on stderr."""
        self._log("LOG_WARNING", "WARNING", message)

    def info(self, message: str) -> None:
        """Log a normal event; also on stderr."""
        self._log("LOG_INFO", "INFO", message)

    def debug(self, message: str) -> None:
        """Log a detail, where the cluster's debug level is on (HA_debug)."""
        if self._debugs:
            self._log("LOG_DEBUG", "DEBUG", message)

    def trace(self, text: str) -> None:
        """Log the lines of a traceback, to syslog only: never to a user. Values do not tell two apart."""
        if self._count_since_last("\n".join(line for line in text.splitlines() if line.startswith("  "))):
            for line in self._without_secrets(text).splitlines():
                self._syslog("LOG_ERR", "ERROR: " + line)

    def _count_since_last(self, text: str) -> int:
        """Return how often an error has come since it was last logged, 0 when that is not long ago."""
        now = time.monotonic()
        known = self._errors.get(text)
        if known is None:
            if len(self._errors) >= MAX_REMEMBERED:
                self._errors.clear()
            self._errors[text] = [now, 0]
            return 1
        known[1] += 1
        if now - known[0] < REPEAT_AFTER:
            return 0
        count = int(known[1])
        known[:] = [now, 0]
        return count

    def _log(self, priority: str, word: str, message: str) -> None:
        line = f"{word}: {self._line(message)}"
        self._syslog(priority, line)
        self._write(f"{self._ident}: {line}")

    def _line(self, text: object) -> str:
        line = one_line(self._without_secrets(text))
        return line if len(line) <= MOST_CHARACTERS else line[:MOST_CHARACTERS] + " ..."

    def _without_secrets(self, text: object) -> str:
        if self._forms is None:  # here, since most monitors say nothing
            # The longest first: what is left of it, when a part is replaced, would be shown.
            self._forms = sorted((form for each in self._secrets for form in _forms(each)), key=len, reverse=True)
        shown = str(text)
        for form in self._forms:
            shown = shown.replace(form, "<secret>")
        return shown

    def _write(self, line: str) -> None:
        try:
            self._stderr.write(line + "\n")
            self._stderr.flush()
        except OSError:
            pass  # no reader, or no room: the exit code still says what happened

    def _syslog(self, priority: str, line: str) -> None:
        if time.monotonic() < self._silent_until:
            self._lost += 1
            return
        import syslog  # here, since most monitors say nothing

        try:
            with Deadline(SYSLOG_TIMEOUT).limit(SYSLOG_TIMEOUT):
                syslog.openlog(self._ident, syslog.LOG_PID, getattr(syslog, self._facility))
                if self._lost:
                    syslog.syslog(syslog.LOG_WARNING, f"WARNING: {self._lost} lines are lost: syslog took none")
                    self._lost = 0
                syslog.syslog(getattr(syslog, priority), _printable(line))
        except TimeIsUp:
            self._silent_until = time.monotonic() + SYSLOG_RETRY
            self._lost += 1


def _forms(secret: str) -> set[str]:
    """Return how a secret may appear in a message: itself, in a URL, in a repr, as bytes, in JSON."""
    from json import dumps
    from urllib.parse import quote, quote_plus

    encoded = secret.encode("utf-8", "surrogateescape")
    urls = {quote(encoded), quote(encoded, safe=""), quote_plus(encoded)}
    return {secret, *urls, *(shown(secret)[1:-1] for shown in (repr, ascii, dumps)), repr(encoded)[2:-1]}


def one_line(text: object) -> str:
    """Return a text as one line that any terminal and any C program can take."""
    return _printable(" ".join(str(text).split()))


def _printable(text: str) -> str:
    """Replace what syslog refuses (NUL, bytes that are no UTF-8) and what a terminal would obey."""
    return "".join(character if character.isprintable() else "?" for character in text)
