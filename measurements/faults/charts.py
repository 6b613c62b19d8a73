"""Draws the report's pictures as SVG; the same figures give the same picture."""

from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING

import matplotlib
from matplotlib import pyplot
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from measurements.faults.figures import NEVER, held, median, typical
from measurements.faults.plan import COLUMNS, FAULTS, KEEPALIVED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from measurements.faults.figures import Measured, Run
    from measurements.faults.plan import Figure

matplotlib.use("svg")
matplotlib.rcParams.update(
    {
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)
COLOURS = {"alone": "#8d99ae", "polling": "#2a9d8f", "watching": "#264653", "timers": "#e9a23b"}
HOLDERS = ("#4c78a8", "#59a14f", "#b07aa1")
SERVED, FAILED = "#d8e8d4", "#d1495b"
LANES = ("guards", "Pacemaker", "readers", "writers", "VIP")
WIDTH = 10
# The last second that the README's picture shows.
END = 12
# What a time line shows of the time before the fault, in seconds.
BEFORE = 0.3
# What a node that has left the cluster says, by Pacemaker's word.
UNSET = "(unset)"
# Moments nearer to each other than this part of the time line share their words.
NEAR = 0.16


def summary(measured: Measured) -> str:
    """Return the picture on top: when the VIP is elsewhere and when writes are back, for every fault and column."""
    drawing, panels = pyplot.subplots(
        1, 2, figsize=(WIDTH, 0.3 + 0.52 * len(FAULTS)), sharey=True, layout="constrained"
    )
    shown_figures: dict[Figure, str] = {"vip": "VIP on another node", "writers": "writes acknowledged again"}
    for axes, (figure, title) in zip(panels, shown_figures.items(), strict=True):
        _bars(axes, measured, figure)
        axes.set_title(title, loc="left")
        axes.set_xlabel("seconds after the fault")
        axes.spines["left"].set_visible(False)
        axes.tick_params(left=False)
    panels[0].set_yticks(range(len(FAULTS)), [fault.title for fault in FAULTS.values()])
    panels[0].invert_yaxis()
    shown = [Patch(color=COLOURS[name], label=column.title) for name, column in COLUMNS.items()]
    shown.append(
        Line2D([], [], color="#c1121f", marker="D", markersize=4, linestyle="", label="keepalived (see below)")
    )
    drawing.legend(handles=shown, loc="upper center", ncols=len(shown), frameon=False, bbox_to_anchor=(0.5, 1.05))
    return _svg(drawing, "summary")


def elsewhere(measured: Measured) -> str:
    """Return the picture of the README: when the address is elsewhere, with the guard, with keepalived and alone."""
    drawing, axes = pyplot.subplots(figsize=(8, 4.6), layout="constrained")
    bars = {
        "the address alone": ("#c9ced6", {fault: median(runs, "vip") for fault, runs in measured["alone"].items()}),
        "keepalived with a check script (one run each)": ("#8d99ae", KEEPALIVED),
        "galera-sync-guard": ("#2a9d8f", {fault: median(runs, "vip") for fault, runs in measured["watching"].items()}),
        "the same with the recommended timers": (
            "#264653",
            {fault: median(measured["timers"][fault], "vip") for fault in ("power-off", "partition")},
        ),
    }
    for row, fault in enumerate(FAULTS):
        present = [(colour, values[fault]) for colour, values in bars.values() if fault in values]
        height = 0.84 / len(present)
        for place, (colour, value) in enumerate(present):
            y, never = row - 0.42 + (place + 0.5) * height, value == NEVER
            axes.barh(y, END if never else value, height * 0.9, color=colour, alpha=0.4 if never else 1)
            axes.text(
                END - 0.1 if never else value + 0.08,
                y,
                "never" if never else f"{value:.1f}",
                fontsize=6.5,
                va="center",
                ha="right" if never else "left",
            )
    axes.set_yticks(range(len(FAULTS)), [fault.title for fault in FAULTS.values()])
    axes.invert_yaxis()
    axes.set_xlim(0, END)
    axes.set_xlabel("seconds from the fault until the address is on another node")
    shown = [Patch(color=colour, label=label) for label, (colour, _) in bars.items()]
    drawing.legend(handles=shown, loc="upper center", ncols=2, frameon=False, bbox_to_anchor=(0.5, 1.12))
    return _svg(drawing, "elsewhere")


def _bars(axes: Axes, measured: Measured, figure: Figure) -> None:
    medians = {
        (fault, column): median(measured[column][fault], figure)
        for fault in FAULTS
        for column in COLUMNS
        if fault in measured[column]
    }
    end = 1.12 * max(value for value in medians.values() if value != NEVER)
    for row, fault in enumerate(FAULTS):
        present = [column for column in COLUMNS if (fault, column) in medians]
        height = 0.84 / len(present)
        for place, column in enumerate(present):
            value, y = medians[fault, column], row - 0.42 + (place + 0.5) * height
            never = value == NEVER
            axes.barh(y, end if never else value, height * 0.9, color=COLOURS[column], alpha=0.3 if never else 1)
            text = "never" if never else "undisturbed" if figure == "writers" and value == 0 else f"{value:.1f}"
            axes.text(
                end * 0.99 if never else value + end * 0.01,
                y,
                text,
                fontsize=6.5,
                va="center",
                ha="right" if never else "left",
            )
        if figure == "vip" and KEEPALIVED.get(fault, NEVER) != NEVER:
            axes.plot(KEEPALIVED[fault], row, "D", color="#c1121f", markersize=4)
    axes.set_xlim(0, end)


def time_lines(measured: Measured, fault: str) -> str:
    """Return the picture of one fault: below each other a run of each column, the one in the middle of its runs."""
    runs = {column: typical(measured[column][fault]) for column in COLUMNS if fault in measured[column]}
    end = max(4, 1 + max(run[figure] or 0 for run in runs.values() for figure in ("vip", "writers")))
    drawing, panels = pyplot.subplots(
        len(runs), 1, figsize=(WIDTH, 1.35 * len(runs) + 0.5), sharex=True, layout="constrained"
    )
    for axes, (column, run) in zip(panels, runs.items(), strict=True):
        _lanes(axes, run, end)
        axes.set_title(COLUMNS[column].title, loc="left", fontsize=9, fontweight="bold", color=COLOURS[column])
    panels[-1].set_xlabel("seconds after the fault")
    return _svg(drawing, fault)


def _lanes(axes: Axes, run: Run, end: float) -> None:
    until = min(run["healed"], end)
    colours = dict(zip(dict.fromkeys(run["path"] + [event[1] for event in run["address"]]), HOLDERS, strict=False))
    spans = held(run["address"], until)
    for node, since, till in spans:
        axes.barh(4, till - since, 0.7, since, color=colours[node])
        if till - max(since, -BEFORE) > 0.06 * end:
            axes.text(max(since, -BEFORE) + 0.008 * end, 4, node, color="white", va="center", fontsize=7)
    for (first, _, till), (_, since, _) in itertools.pairwise(spans):
        if till > since:  # both have it: the lower half of the lane is the first one's
            axes.barh(3.65, till - since, 0.35, since, align="edge", color=colours[first])
    for lane, gaps in ((3, run["writes"]), (2, run["reads"])):
        axes.barh(lane, until + BEFORE, 0.7, -BEFORE, color=SERVED)
        for since, till in gaps:
            if since < until:
                axes.barh(lane, min(till, until) - since, 0.7, since, color=FAILED)
    _words(axes, 1, [(when, text) for when, who, text in run["told"] if who == "pacemaker"], end)
    _words(
        axes,
        0,
        [
            (when, text.replace(" ", " scores ") if who == "score" else text)
            for when, who, text in run["told"]
            if who != "pacemaker" and UNSET not in text
        ],
        end,
    )
    axes.axvline(0, color="black", linewidth=0.8)
    if until < end:
        axes.axvline(until, color="#999999", linewidth=0.8, linestyle=":")
        axes.text(until + end * 0.005, 2, "healed", fontsize=6.5, color="#777777", va="center")
    axes.set_yticks(range(len(LANES)), LANES, fontsize=7.5)
    axes.set_ylim(-0.6, 4.5)
    axes.set_xlim(-BEFORE, end)
    axes.tick_params(left=False)


def _words(axes: Axes, lane: int, told: Iterable[tuple[float, str]], end: float) -> None:
    """Mark moments, with their words behind the last of those that are near to each other."""
    shown: list[list[tuple[float, str]]] = []
    for when, text in told:
        if when <= end:
            axes.plot(when, lane, "|", color="black", markersize=8)
            if shown and when - shown[-1][-1][0] < NEAR * end:
                shown[-1].append((when, text))
            else:
                shown.append([(when, text)])
    for near in shown:
        late = near[-1][0] > 0.75 * end
        axes.text(
            near[0][0] - 0.006 * end if late else near[-1][0] + 0.006 * end,
            lane,
            ", ".join(text for _, text in near),
            fontsize=6.5,
            va="center",
            ha="right" if late else "left",
        )


def _svg(drawing: Drawing, salt: str) -> str:
    matplotlib.rcParams["svg.hashsalt"] = salt
    text = io.StringIO()
    drawing.savefig(text, format="svg", metadata={"Date": None}, bbox_inches="tight")
    pyplot.close(drawing)
    return text.getvalue()[text.getvalue().index("<svg") :]
