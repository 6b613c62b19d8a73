"""Measures what is not measured yet, a laboratory for all runs of a column, and writes the report: `make report`."""

from __future__ import annotations

import argparse
import datetime
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from laboratory import recipe, rootfs
from laboratory.laboratory import Laboratory
from laboratory.scene import wait_normal
from measurements.faults import figures, page, run, table
from measurements.faults.plan import COLUMNS, FAULTS, cells

if TYPE_CHECKING:
    from laboratory.machine import Machine
    from measurements.faults.figures import Measured, Report
    from measurements.faults.plan import Column

KEPT = Path(__file__).parent.parent.parent / "build" / "measures"
PACKAGES = ("galera-sync-guard", "mariadb-server", "galera-4", "pacemaker", "corosync", "resource-agents")
# So often a run may end in an error and is repeated, in all.
REPEATS = 5


def kept(fault: str, column: str, number: int) -> Path:
    """Return the file that keeps a run."""
    return KEPT / f"{column}-{fault}-{number}.json"


def measure(runs: int, deb: Path) -> None:
    """Carry out the runs that are not kept yet, column by column; each is kept at once."""
    repeats = REPEATS
    while todo := [
        (column, number, fault)
        for number in range(1, runs + 1)
        for fault, column in cells()
        if not kept(fault, column, number).exists()
    ]:
        name = todo[0][0]
        try:
            with _laboratory(COLUMNS[name], deb) as laboratory:
                for column, number, fault in todo:
                    if column == name:
                        measured = figures.rounded(run.run(laboratory, fault, FAULTS[fault], COLUMNS[column].guarded))
                        _keep(kept(fault, column, number), measured)
                        print(column, number, fault, {each: measured[each] for each in figures.FIGURES}, flush=True)
        except (AssertionError, TimeoutError, RuntimeError) as error:
            print(f"once more: {error}", flush=True)
            repeats -= 1
            if not repeats:
                raise


def _laboratory(column: Column, deb: Path) -> Laboratory:
    totem, provider_options = recipe.timers() if column.timers else (None, None)
    laboratory = Laboratory()
    laboratory.up(deb=deb, mariadb_options=recipe.OPTIONS, totem=totem, provider_options=provider_options)
    try:
        recipe.apply(laboratory.nodes[0], column.commands())
        wait_normal(laboratory, guarded=column.guarded)
        _keep(KEPT / "about", _about(laboratory.nodes[0]))
    except BaseException:
        laboratory.down()
        raise
    return laboratory


def _about(node: Machine) -> dict[str, object]:
    shown = node.run(["dpkg-query", "--show", "--showformat=${Package} ${Version}\n", *PACKAGES]).stdout
    return {
        "date": datetime.date.today().isoformat(),
        "suite": rootfs.SUITE,
        "processors": os.cpu_count(),
        "versions": dict(line.split() for line in shown.splitlines()),
    }


def _keep(path: Path, measured: object) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps(measured), encoding="utf-8")
    new.rename(path)


def report(note: str) -> Report:
    """Return all that is kept, with what it was measured on."""
    runs: Measured = {column: {} for column in COLUMNS}
    for fault, column in cells():
        files = sorted(KEPT.glob(f"{column}-{fault}-*.json"))
        runs[column][fault] = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    about = json.loads((KEPT / "about").read_text(encoding="utf-8"))
    whole: Report = about | {"note": note, "runs": runs}
    return whole


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="make report", description=__doc__)
    parser.add_argument("deb", type=Path, help="the package")
    parser.add_argument("--runs", type=int, default=5, help="runs of each fault in each column (default: %(default)s)")
    parser.add_argument("--note", default="", help="what a reader of the figures should know of this run")
    args = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    measure(args.runs, args.deb)
    whole = report(args.note)
    table.RESULTS.write_text(json.dumps(whole, separators=(",", ":")) + "\n", encoding="utf-8")
    page.write(whole)
    table.write(whole)


if __name__ == "__main__":
    main()
