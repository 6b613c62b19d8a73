"""The report as one HTML page that needs nothing else: the summary, a time line of each fault, the figures."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from laboratory import recipe
from measurements.faults import charts, table
from measurements.faults.figures import FIGURES, misses
from measurements.faults.plan import COLUMNS, FAULTS, KEEPALIVED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from measurements.faults.figures import Measured, Report, Run
    from measurements.faults.plan import Figure

PAGE = recipe.ROOT / "build" / "matrix.html"
PICTURE = recipe.ROOT / "docs" / "elsewhere.svg"
TEXT = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>galera-sync-guard: faults on three real nodes, {date}</title>
<style>
body {{ font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #222 }}
body {{ max-width: 64rem; margin: 2rem auto; padding: 0 1rem }}
h1 {{ font-size: 1.6rem }} h2 {{ font-size: 1.2rem; margin-top: 2.5rem }}
table {{ border-collapse: collapse; font-size: 0.9rem }}
td, th {{ padding: 0.15rem 0.7rem; border-bottom: 1px solid #ddd; text-align: right }}
td:first-child, th:first-child {{ text-align: left }}
svg {{ width: 100%; height: auto }}
.above {{ color: #b00020; font-weight: bold }}
.limit {{ color: #777 }}
i {{ font-style: normal; padding: 0 0.4rem; border-radius: 0.2rem }}
</style>
<h1>What the guard changes: faults on three real nodes, {date}</h1>
<p>{about}</p>
<ul>
{columns}</ul>
{summary}
<p>Bars are medians; a pale bar that says <b>never</b> did not come about before the fault was healed. Diamonds:
keepalived with a check script and advert_int 1, one run by hand in a laboratory of the same kind (seconds: {keepalived}).
Without a guard the VIP moves only when the machine itself is gone.</p>
{misses}
<h2 id="read">How to read the time lines</h2>
<p>Each shows the run in the middle of its column. The VIP's lane says which node had the address, in halves while two
had it. Readers and writers open a new connection through the VIP every 40 ms and every 20 ms:
<i style="background:{served}">served</i>, <i style="background:{failed}">none got an answer</i>. The lane of the guards
has the scores and states that they published, the lane of Pacemaker what it ordered for the address. Dotted: the fault
is healed, the picture ends. While Galera blocks commits after a crash, the writers that wait use up the 40 connections
that the laboratory's servers allow: readers fail again, and the guard says saturated.</p>
{faults}
</html>
"""
FAULT = """\
<h2 id="{name}">{title}</h2>
<p>{text}.</p>
{chart}
<table>
<tr><th></th><th>runs</th>{heads}</tr>
{rows}</table>
"""


def write(report: Report) -> None:
    """Write the page, and the picture of the README."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(report), encoding="utf-8")
    PICTURE.write_text(charts.elsewhere(report["runs"]), encoding="utf-8")


def page(report: Report) -> str:
    """Return the whole page."""
    measured = report["runs"]
    listed = "".join(f"<li>{escape(each)}</li>\n" for each in table.complaints(measured))
    return TEXT.format(
        date=report["date"],
        about=escape(table.about(report)),
        summary=charts.summary(measured),
        columns="".join(f"<li><b>{column.title}</b>: {escape(column.text)}</li>\n" for column in COLUMNS.values()),
        keepalived=", ".join(f"{FAULTS[fault].title} {table.seconds(value)}" for fault, value in KEEPALIVED.items()),
        misses=f"<h2>Above their limits</h2>\n<ul>\n{listed}</ul>" if listed else "<p>No median is above its limit.",
        served=charts.SERVED,
        failed=charts.FAILED,
        faults="".join(_fault(measured, name) for name in FAULTS),
    )


def _fault(measured: Measured, name: str) -> str:
    fault, missed = FAULTS[name], misses(measured)
    rows = "".join(
        f"<tr><td>{COLUMNS[column].title}</td><td>{len(measured[column][name])}</td>"
        + "".join(
            _cell(
                measured[column][name],
                figure,
                fault.limits.get(column, {}).get(figure),
                (name, column, figure) in missed,
            )
            for figure in FIGURES
        )
        + "</tr>\n"
        for column in COLUMNS
        if name in measured[column]
    )
    return FAULT.format(
        name=name,
        title=fault.title,
        text=escape(fault.text),
        rows=rows,
        chart=charts.time_lines(measured, name),
        heads="".join(f"<th>{title}</th>" for title in FIGURES.values()),
    )


def _cell(runs: Sequence[Run], figure: Figure, limit: float | None, above: bool) -> str:
    text = table.cell(runs, figure)
    shown = f'<span class="above">{text}</span>' if above else text
    return f"<td>{shown}{f' <span class=limit>&le; {limit:g}</span>' if limit is not None else ''}</td>"
