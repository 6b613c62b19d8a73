"""What a person reads: aligned columns, colours on a terminal only, and JSON for programs."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TextIO

COLOURS = {"good": "32", "bad": "31", "warn": "33", "dim": "2", "strong": "1"}
# The narrowest last column that is wrapped and not left to the terminal.
NARROWEST = 20
# How far a cell that stands below its row is indented.
BELOW = 8
# A verdict's kind -> its colour.
COLOUR_OF_KIND = {"fit": "good", "unknown": "warn", "poor": "warn", "unfit": "bad"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A text with a colour; its width is the text's."""

    text: str
    colour: str | None = None


Part = str | Cell


class Screen:
    """Writes to a stream; colours only where the stream is a terminal and NO_COLOR is not set.

    Lines are as wide as the terminal or COLUMNS says, and as long as they are where neither says anything.
    """

    def __init__(self, stream: TextIO, environ: Mapping[str, str]) -> None:
        self._stream = stream
        self.is_terminal = stream.isatty()
        self.width = _width(stream, environ)
        self.coloured = self.is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"

    def line(self, *parts: Part) -> None:
        """Write one line of texts and Cells."""
        self._stream.write("".join(map(self._shown, parts)).rstrip() + "\n")

    def table(self, rows: Sequence[Sequence[Part]], indent: int = 0) -> None:
        """Write rows of texts and Cells, every column as wide as its widest cell.

        A last cell that is too wide goes on below itself, or below its row when there is no room beside the others.
        """
        cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
        widths = [
            max(len(row[n].text) for row in cells if n < len(row)) for n in range(max(map(len, cells), default=0))
        ]
        begin = indent + sum(width + 2 for width in widths[:-1])
        for row in cells:
            for line in self._wrapped(row, begin) if len(row) == len(widths) else [row]:
                shown = [
                    self._shown(cell) + " " * (width - len(cell.text))
                    for cell, width in zip(line, widths, strict=False)
                ]
                self._stream.write(" " * indent + "  ".join(shown).rstrip() + "\n")

    def _wrapped(self, row: list[Cell], begin: int) -> list[list[Cell]]:
        """Return the rows that a row becomes when its last cell is too wide for what is left behind column `begin`."""
        last, room = row[-1], (self.width or 0) - begin
        if not self.width or len(last.text) <= room:
            return [row]
        if room < NARROWEST and begin > BELOW:
            texts = textwrap.wrap(last.text, max(NARROWEST, self.width - BELOW))
            return [row[:-1], *([Cell(" " * BELOW + text, last.colour)] for text in texts)]
        # A command stays whole; a path that is too long is not cut within a word.
        is_too_long = max(map(len, last.text.split())) > room
        texts = textwrap.wrap(last.text, room, break_on_hyphens=is_too_long)
        first, *others = [Cell(text, last.colour) for text in texts]
        return [[*row[:-1], first], *([*(Cell("") for _ in row[:-1]), each] for each in others)]

    def json(self, value: object, on_one_line: bool = False) -> None:
        """Write one value, which may have dataclasses in it, as JSON; a stream of values has each on a line of its own."""
        self._stream.write(
            json.dumps(value, indent=None if on_one_line else 2, ensure_ascii=False, default=asdict) + "\n"
        )

    def clear(self) -> None:
        """Empty a terminal's window; on anything else divide what follows by an empty line."""
        self._stream.write("\033[H\033[2J" if self.is_terminal else "\n")

    def flush(self) -> None:
        """Write out what is buffered."""
        self._stream.flush()

    def _shown(self, part: Part) -> str:
        if not isinstance(part, Cell):
            return _printable(part)
        text = _printable(part.text)
        return f"\033[{COLOURS[part.colour]}m{text}\033[0m" if part.colour and self.coloured else text


def _width(stream: TextIO, environ: Mapping[str, str]) -> int | None:
    if environ.get("COLUMNS", "").isdigit():
        return int(environ["COLUMNS"])
    try:
        return os.get_terminal_size(stream.fileno()).columns if stream.isatty() else None
    except (OSError, ValueError):
        return None


def _printable(text: str) -> str:
    """Replace control characters: some texts come from a server or from other nodes."""
    return "".join(character if character.isprintable() or character == "\n" else "?" for character in text)
