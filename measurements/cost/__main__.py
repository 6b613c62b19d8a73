"""Measures every contender on one real Galera node, prints the table and keeps the figures: `make bench`."""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from laboratory import rootfs
from laboratory.laboratory import Laboratory
from laboratory.mariadb import sql
from measurements.cost import report
from measurements.cost.contenders import ACCOUNT, CONTENDERS, OPTION_FILE, REFUSING_SOCKET

if TYPE_CHECKING:
    from laboratory.machine import Machine

HERE = Path(__file__).parent
MEASURE = HERE / "guest" / "measure.py"
# The endless loops beside a load, and the share of the rounds that it gets: a busy round takes several times as long.
LOADS = {"idle": (0, 1), "busy": (4, 1 / 3)}


def set_up(node: Machine) -> None:
    """Make what the contenders need beside the node itself."""
    node.run(["useradd", "--system", ACCOUNT])
    sql(
        node,
        f"CREATE USER {ACCOUNT}@localhost IDENTIFIED VIA unix_socket OR mysql_native_password"
        f" USING PASSWORD('{ACCOUNT}'); GRANT SELECT ON app.* TO {ACCOUNT}@localhost",
    )
    node.write(OPTION_FILE, f"[client]\nuser = {ACCOUNT}\npassword = {ACCOUNT}\n", 0o600)
    node.run(["python3", "-c", f"import socket; socket.socket(socket.AF_UNIX).bind('{REFUSING_SOCKET}')"])


def measure(node: Machine, rounds: int) -> dict[str, object]:
    """Return what guest/measure.py found in the machine."""
    node.write("/usr/local/lib/measure.py", MEASURE.read_text())
    plan = {
        "contenders": [contender.plan() for contender in CONTENDERS],
        "loads": {name: (loops, math.ceil(rounds * share)) for name, (loops, share) in LOADS.items()},
    }
    with node.spawn(["python3", "/usr/local/lib/measure.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        output, _ = process.communicate(json.dumps(plan))
    if process.returncode:
        raise RuntimeError("the measurement failed")
    found: dict[str, object] = json.loads(output)
    return found


def versions(node: Machine) -> dict[str, str]:
    """Return the versions of what takes part."""
    packages = ("galera-sync-guard", "python3", "python3-pymysql", "mariadb-server", "resource-agents", "pacemaker")
    shown = node.run(["dpkg-query", "--show", "--showformat=${Package} ${Version}\n", *packages]).stdout
    return dict(line.split() for line in shown.splitlines())


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("deb", type=Path, help="our package")
    parser.add_argument("--rounds", type=int, default=30, help="rounds of the idle machine (default: %(default)s)")
    parser.add_argument("--note", default="", help="what a reader of the figures should know of this run")
    args = parser.parse_args()
    load = os.getloadavg()[0]
    with Laboratory(say=lambda text: print(text, file=sys.stderr)) as laboratory:
        laboratory.up(nodes=1, deb=args.deb)
        node = laboratory.nodes[0]
        set_up(node)
        result = {
            "suite": rootfs.SUITE,
            "date": datetime.date.today().isoformat(),
            "rounds": args.rounds,
            "processors": os.cpu_count(),
            "load_before": round(load, 1),
            "note": args.note,
            "versions": versions(node),
            "contenders": report.summary(measure(node, args.rounds), CONTENDERS),
        }
    report.RESULTS.mkdir(exist_ok=True)
    (report.RESULTS / f"{rootfs.SUITE}.json").write_text(json.dumps(result, indent=1) + "\n")
    report.chart(result, report.RESULTS / f"{rootfs.SUITE}.svg")
    print(report.table(result))
    print(report.last_line(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
