"""The report as text: docs/dev/matrix.md and the table of timers in docs/setup.md."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from laboratory import recipe
from measurements.faults import figures
from measurements.faults.figures import FIGURES, NEVER, median, misses
from measurements.faults.plan import CAUSES, COLUMNS, FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from measurements.faults.figures import Measured, Report, Run
    from measurements.faults.plan import Figure

RESULTS = Path(__file__).parent / "results.json"
TABLE = recipe.ROOT / "docs" / "dev" / "matrix.md"
HEAD = """\
<!-- Written by `make report`: do not edit. -->
# The matrix: faults on three real nodes

{about}

{columns}
- *VIP elsewhere*: the address is on another node. *Nowhere*: no node had it.
- *Writes back*, *reads back*: the first answer that a new connection got. While Galera blocks commits, waiting writers may
  use up the connections.
- *Undisturbed*: the VIP stayed and the clients went on. *Never*: not before the fault was healed.
- The limit of a figure stands behind it. A figure above its limit is bold.

`make report` writes the time lines to build/matrix.html. `make matrix` tests more faults than these. It asserts for each
fault:

- No acknowledged write is missing on any node.
- No two nodes take writes in turn.
- The cluster is normal again without a cleanup.

"""
PLACE = re.compile(r"(<!-- timers -->\n).*?(<!-- end -->)", re.DOTALL)
TIMERS = [fault for fault in FAULTS if "timers" in FAULTS[fault].limits]


def seconds(value: float) -> str:
    """Return a time as people read it."""
    return "never" if value == NEVER else f"{value:.2f}"


def cell(runs: Sequence[Run], figure: Figure) -> str:
    """Return the median of a figure as text."""
    value = median(runs, figure)
    if figure in ("moves", "lost"):
        return f"{value:g}"
    if figure in ("writers", "readers") and value == 0:
        return "undisturbed"
    return seconds(value)


def about(report: Report) -> str:
    """Return when and on what the report was measured."""
    low, middle, high = figures.load(report["runs"])
    counts = sorted({len(runs) for faults in report["runs"].values() for runs in faults.values()})
    runs = " to ".join(map(str, dict.fromkeys([counts[0], counts[-1]])))
    packages = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return (
        f"{report['date']}, Debian {report['suite']}: {packages}. Medians of {runs} runs, in seconds since the fault."
        f" Three nodes share {report['processors']} processors with the rest of the machine. Load average before a run:"
        f" {low:.1f} to {high:.1f}, median {middle:.1f}. {report['note']}"
    ).strip()


def complaints(measured: Measured) -> list[str]:
    """Return for each median above its limit a sentence, and its cause."""
    return [
        f"{FAULTS[fault].title}, {COLUMNS[column].title}: {FIGURES[figure]}"
        f" {seconds(median(measured[column][fault], figure))} s, should be {limit:g} s at most. "
        + CAUSES.get((fault, column, figure), "The cause is not known.")
        for (fault, column, figure), limit in misses(measured).items()
    ]


def matrix(report: Report) -> str:
    """Return the text of docs/dev/matrix.md."""
    lines = [
        HEAD.format(
            about=about(report), columns="".join(f"- *{column.title}*: {column.text}.\n" for column in COLUMNS.values())
        )
    ]
    lines += [_row(["fault", "", "runs", *FIGURES.values()]), _row(["---"] * (3 + len(FIGURES)))]
    measured, missed = report["runs"], misses(report["runs"])
    for fault, plan in FAULTS.items():
        for column in COLUMNS:
            if runs := measured[column].get(fault):
                lines.append(
                    _row(
                        [
                            plan.title,
                            COLUMNS[column].title,
                            str(len(runs)),
                            *(
                                _limited(
                                    cell(runs, figure),
                                    plan.limits.get(column, {}).get(figure),
                                    (fault, column, figure) in missed,
                                )
                                for figure in FIGURES
                            ),
                        ]
                    )
                )
    lines += ["\n## Above their limits\n\n", *(f"- {each}\n" for each in complaints(measured))] if missed else []
    return "".join(lines)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"


def _limited(text: str, limit: float | None, missed: bool) -> str:
    if limit is None:
        return text
    return f"**{text}** (<= {limit:g})" if missed else f"{text} (<= {limit:g})"


def timers(report: Report) -> str:
    """Return the table of what the recommended timers change."""

    def both(column: str, fault: str) -> str:
        runs = report["runs"][column][fault]
        return f"{cell(runs, 'vip')} s, {cell(runs, 'writers')} s"

    return (
        _row(["fault on the VIP's node", "defaults: address elsewhere, writes back", "recommended"])
        + _row(["---"] * 3)
        + "".join(_row([FAULTS[fault].title, both("watching", fault), both("timers", fault)]) for fault in TIMERS)
    )


def setup(report: Report, text: str) -> str:
    """Return docs/setup.md with the present figures in their place."""
    return PLACE.sub(lambda place: place[1] + timers(report) + place[2], text)


def write(report: Report) -> None:
    """Write the matrix, and the timers of docs/setup.md."""
    TABLE.write_text(matrix(report), encoding="utf-8")
    recipe.SETUP.write_text(setup(report, recipe.SETUP.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write(json.loads(RESULTS.read_text(encoding="utf-8")))
