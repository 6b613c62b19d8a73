"""How the demonstration reads: headings, commands, timed lines and a table; it knows nothing of what happens."""

from __future__ import annotations

import os
import shutil
import textwrap
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

WIDEST = 100
COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}
SPEAKERS = {
    "fault": "red",
    "guard": "yellow",
    "address": "cyan",
    "client": "blue",
    "heal": "green",
    "normal": "green",
    "writes": "green",
}
INDENT = "  "
GAP = "  "


class Narrator:
    """Writes to a stream, a line at a time and at once; colours only on a terminal. Any thread may call it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._coloured = stream.isatty() and "NO_COLOR" not in os.environ
        self._width = min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
        self._lock = threading.Lock()
        self._zero = time.monotonic()

    def heading(self, text: str) -> None:
        """Begin a new part."""
        self._write("", self._paint(text, "bold"), "")

    def since(self, zero: float) -> None:
        """Count the seconds of timed lines from this moment of the monotonic clock."""
        self._zero = zero

    def step(self, text: str) -> None:
        """Tell what is being done now."""
        self._timed(time.monotonic(), text)

    def event(self, speaker: str, text: str, at: float | None = None) -> None:
        """Tell what happened, at a moment of the monotonic clock (default: now)."""
        self._timed(time.monotonic() if at is None else at, text, speaker)

    def command(self, prompt: str, text: str) -> None:
        """Show a shell command; one that is too long goes on in the next line as the shell has it."""
        lines = textwrap.wrap(
            text, self._width - len(INDENT + prompt) - 3, break_long_words=False, break_on_hyphens=False
        )
        first = INDENT + self._paint(prompt, "dim") + " "
        following = " " * len(INDENT + prompt + "   ")
        self._write(
            *(
                start + line + end
                for start, line, end in zip(
                    [first, *[following] * (len(lines) - 1)], lines, [*[" \\"] * (len(lines) - 1), ""], strict=True
                )
            )
        )

    def output(self, text: str) -> None:
        """Show what a command printed."""
        self._write(*(INDENT + line for line in text.splitlines()))

    def paragraph(self, text: str, colour: str | None = None) -> None:
        """Write some sentences."""
        self._write(
            "",
            *(
                INDENT + self._paint(line, colour)
                for line in textwrap.wrap(
                    text, self._width - len(INDENT), break_long_words=False, break_on_hyphens=False
                )
            ),
        )

    def table(self, titles: list[str], rows: list[tuple[list[str], str]]) -> None:
        """Write a table; a row is (its cells, a line of text below them). Numbers stand on the right."""
        cells = [titles, *(row for row, _ in rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        right = [any(row[n][:1].isdigit() for row, _ in rows) for n in range(len(titles))]

        def line(row: list[str]) -> str:
            return GAP.join(
                cell.rjust(width) if numeric else cell.ljust(width)
                for cell, width, numeric in zip(row, widths, right, strict=True)
            ).rstrip()

        self._write(INDENT + self._paint(line(titles), "bold"))
        below = INDENT + " " * (widths[0] + len(GAP))
        for row, text in rows:
            self._write(
                INDENT + line(row),
                *(
                    below + self._paint(part, "dim")
                    for part in textwrap.wrap(
                        text, self._width - len(below), break_long_words=False, break_on_hyphens=False
                    )
                ),
            )

    def _timed(self, at: float, text: str, speaker: str = "") -> None:
        stamp = f"{max(0.0, at - self._zero):7.2f} s  "
        label = f"{speaker:9}" if speaker else ""
        margin = " " * len(stamp + label)
        first, *others = textwrap.wrap(text, self._width - len(margin), break_long_words=False, break_on_hyphens=False)
        self._write(
            self._paint(stamp, "dim") + self._paint(label, SPEAKERS.get(speaker)) + first,
            *(margin + line for line in others),
        )

    def _paint(self, text: str, colour: str | None) -> str:
        return f"\033[{COLOURS[colour]}m{text}\033[0m" if self._coloured and colour and text else text

    def _write(self, *lines: str) -> None:
        with self._lock:
            try:
                print(*lines, sep="\n", file=self._stream, flush=True)
            except BrokenPipeError:  # the reader is gone; what runs ends in silence
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
