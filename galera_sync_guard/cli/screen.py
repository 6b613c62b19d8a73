"""What a person reads: aligned columns, colours on a terminal only, and JSON for programs."""

import json

COLOURS = {"good": "32", "bad": "31", "warn": "33", "dim": "2", "strong": "1"}
# A verdict's kind -> its colour.
COLOUR_OF_KIND = {"fit": "good", "unknown": "warn", "poor": "warn", "unfit": "bad"}


class Cell:
    """A text with a colour; its width is the text's."""

    def __init__(self, text, colour=None):
        self.text = str(text)
        self.colour = colour


class Screen:
    """Writes to a stream; colours only where the stream is a terminal and NO_COLOR is not set."""

    def __init__(self, stream, environ):
        self._stream = stream
        self.is_terminal = stream.isatty()
        self.coloured = self.is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"

    def line(self, *parts):
        """Write one line of texts and Cells."""
        self._stream.write("".join(map(self._shown, parts)).rstrip() + "\n")

    def table(self, rows, indent=0):
        """Write rows of texts and Cells, every column as wide as its widest cell."""
        rows = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
        widths = [max(len(row[n].text) for row in rows if n < len(row)) for n in range(max(map(len, rows), default=0))]
        for row in rows:
            cells = [self._shown(cell) + " " * (width - len(cell.text)) for cell, width in zip(row, widths)]
            self._stream.write(" " * indent + "  ".join(cells).rstrip() + "\n")

    def json(self, value, on_one_line=False):
        """Write one value as JSON, for a stream of them each on a line of its own."""
        self._stream.write(json.dumps(value, indent=None if on_one_line else 2, ensure_ascii=False) + "\n")

    def clear(self):
        """Empty a terminal's window; on anything else divide what follows by an empty line."""
        self._stream.write("\033[H\033[2J" if self.is_terminal else "\n")

    def flush(self):
        self._stream.flush()

    def _shown(self, part):
        if not isinstance(part, Cell):
            return _printable(str(part))
        text = _printable(part.text)
        return f"\033[{COLOURS[part.colour]}m{text}\033[0m" if part.colour and self.coloured else text


def _printable(text):
    """Replace what a terminal would obey: some of it comes from a server or from other nodes."""
    return "".join(character if character.isprintable() or character == "\n" else "?" for character in text)
