"""Turns measurements into figures per contender, and those into a table and a chart; it measures nothing."""

from __future__ import annotations

import json
import re
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measurements.cost.contenders import BARE, FIT, GALERA, IPADDR2, MYSQL, Contender

if TYPE_CHECKING:
    from collections.abc import Iterable

HERE = Path(__file__).parent
RESULTS = HERE / "results"
DOCUMENT = HERE.parent.parent / "docs" / "dev" / "cost.md"
# The document has, for every suite, a pair of comments; what stands between them is written here.
PLACE = re.compile(r"(<!-- measurements.cost (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

COLUMNS = (
    "monitor",
    "CPU/B",
    "busy",
    "CPU ms",
    "wall ms",
    "busy",
    "exec/fork",
    "syscalls",
    "connections/statements",
    "server CPU ms",
    "peak RSS MB",
)
TITLES = {
    "peers": "Others",
    "fit": "Ours, the node is fit",
    "watching": "Ours, a watcher looks at the node",
    "change": "Ours, the state is another one each time",
    "silent": "Ours, in trouble for a while",
}
COLOURS = {"peers": "#8d99ae", "fit": "#2a9d8f", "watching": "#264653", "change": "#e9c46a", "silent": "#e76f51"}


def summary(measured: dict[str, Any], contenders: Iterable[Contender]) -> dict[str, dict[str, Any]]:
    """Return the figures of each contender: medians over the rounds, CPU in B as the median of the rounds' ratios."""
    result = {}
    for contender in contenders:
        figures = {"group": contender.group, "counts": _medians(measured["counts"][contender.name])}
        for load in ("idle", "busy"):
            rounds = measured[load][contender.name]
            figures[load] = _medians(rounds) | {
                "ratio": round(
                    statistics.median(
                        mine["cpu"] / bare["cpu"] for mine, bare in zip(rounds, measured[load][BARE], strict=True)
                    ),
                    3,
                )
            }
        result[contender.name] = figures
    return result


def _medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(one[name] for one in rounds), 5) for name in rounds[0]}


def table(result: dict[str, Any]) -> str:
    """Return the figures as a Markdown table."""
    lines = [_row(COLUMNS), _row(["---"] * len(COLUMNS))]
    group = None
    for name, figures in result["contenders"].items():
        if figures["group"] != group:
            group = figures["group"]
            lines.append(_row([f"*{TITLES[group]}*"] + [""] * (len(COLUMNS) - 1)))
        idle, busy, counts = figures["idle"], figures.get("busy"), figures["counts"]
        asked = f"{counts['connections']:.0f}/{counts['statements']:.0f}" if "connections" in counts else "-"
        lines.append(
            _row(
                [
                    f"`{name}`" if group == "peers" else name,
                    f"{idle['ratio']:.2f}",
                    f"{busy['ratio']:.2f}" if busy else "-",
                    f"{idle['cpu'] * 1000:.1f}",
                    f"{idle['wall'] * 1000:.0f}",
                    f"{busy['wall'] * 1000:.0f}" if busy else "-",
                    f"{counts['execs']:.0f}/{counts['forks']:.0f}",
                    f"{counts['syscalls']:.0f}",
                    asked,
                    f"{idle['server_cpu'] * 1000:.1f}",
                    f"{counts['rss'] / 1e6:.1f}",
                ]
            )
        )
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def comparison(result: dict[str, Any]) -> dict[str, float]:
    """Return what a fit monitor costs as a share of each peer's CPU."""
    ratio = {name: figures["idle"]["ratio"] for name, figures in result["contenders"].items()}
    return {peer: ratio[FIT] / ratio[peer] for peer in (BARE, IPADDR2, GALERA, MYSQL)}


def last_line(result: dict[str, Any]) -> str:
    """Return the one figure that the whole benchmark is about."""
    return f"fit monitor: {comparison(result)[BARE]:.2f} B"


def chart(result: dict[str, Any], path: Path) -> None:
    """Write a bar chart of the CPU of every contender; the same figures give the same file."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "measurements.cost"
    from matplotlib import pyplot

    names = list(result["contenders"])[::-1]
    figures = [result["contenders"][name] for name in names]
    ratios = [figure["idle"]["ratio"] for figure in figures]
    drawing, axes = pyplot.subplots(figsize=(8, 5))
    bars = axes.barh(names, ratios, color=[COLOURS[figure["group"]] for figure in figures])
    axes.bar_label(bars, [f"{ratio:.1f}" for ratio in ratios], padding=3)
    axes.set_xlabel(f"CPU of one monitor, in B = {BARE}")
    axes.set_title(f"What a monitor costs ({result['suite']}, {result['date']})")
    axes.spines[["top", "right"]].set_visible(False)
    drawing.tight_layout()
    drawing.savefig(path, metadata={"Date": None})


def section(result: dict[str, Any]) -> str:
    """Return what the document says of one suite."""
    packages = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    shares = ", ".join(f"{share:.2f} of {peer}" for peer, share in comparison(result).items() if peer != BARE)
    return (
        f"{result['date']}, {result['rounds']} rounds, {result['processors']} processors, load before:"
        f" {result['load_before']}. {result['note']}\n\n{packages}.\n\n"
        f"{table(result)}\n**{last_line(result)}**; {shares}.\n\n"
        f"![CPU of one monitor](../../measurements/cost/results/{result['suite']}.svg)\n"
    )


def document(text: str) -> str:
    """Return the document with the present results in their places."""

    def fill(place: re.Match[str]) -> str:
        result = json.loads((RESULTS / f"{place[2]}.json").read_text())
        return place[1] + section(result) + place[3]

    return PLACE.sub(fill, text)


def main() -> int:
    """Write the tables of docs/dev/cost.md from the results."""
    DOCUMENT.write_text(document(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
