"""Changes one thing at a time in the modules that decide, and lists in docs/dev/mutants.md what no test notices.

usage: python3 -m measurements.mutants MUTMUT BUILD [MODULE...]

MUTMUT is the program (version 2), BUILD a directory for copies of the project.
Exits with 1 when a change survives of which docs/dev/mutants.md does not say why.
"""

from __future__ import annotations

import datetime
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.support.checkout import ROOT, tracked_files

LIST = ROOT / "docs" / "dev" / "mutants.md"

# module -> the tests that hold it, what is quick first: the first red one ends the run of a mutant.
TESTS = {
    "decision/classify": ("unit/guard/test_classify", "unit/guard/test_states", "unit/guard/test_judge_sequences"),
    "decision/judge": (
        "unit/guard/test_states",
        "unit/guard/test_cycle",
        "unit/guard/test_judge_sequences",
        "unit/guard/test_judge_walk",
    ),
    "host/state_file": ("unit/guard/test_state_file", "unit/guard/test_cycle", "unit/guard/test_interrupted_cycle"),
    "decision/states": (
        "unit/guard/test_states",
        "unit/guard/test_classify",
        "repository/test_docs_are_generated",
        "unit/guard/test_judge_sequences",
        "unit/guard/test_judge_walk",
    ),
    "cycle": ("unit/guard/test_cycle", "unit/guard/test_interrupted_cycle"),
    "cluster/network_reports": ("unit/guard/test_network_reports",),
    "cluster/peers": ("unit/guard/test_peers", "unit/guard/test_cycle"),
    "host/reach": ("unit/guard/test_reach",),
    "watcher/control": ("unit/guard/test_control",),
    "watcher/client": ("unit/guard/test_control",),
}
# The name by which the list and the command know a module.
MODULES = {path.rpartition("/")[2]: path for path in TESTS}

HEAD = """\
<!-- Written by `make mutants`; only the reasons are typed. -->
# Mutants that survive

`make mutants` changes one operator, number, word or assignment at a time in the modules that decide, and runs their
unit tests. This page lists each change that no test notices, with the reason why it may stay. A change without a reason
fails.

| module | mutants | killed | survived | last run |
|---|---|---|---|---|
{rows}
"""
MISSING = "NO REASON YET"


def mutate(mutmut: str, build: Path, module: str) -> tuple[int, Counter[str]]:
    """Run all mutants of a module in a copy of the project; return (how many, Counter of survivors as text).

    The copy stays: mutmut does not try again what a test has killed there, unless its line has changed since.
    """
    tree = build / module
    for name in tracked_files():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tree / name)
    path = MODULES[module]
    tests = " ".join(f"tests/{name}.py" for name in TESTS[path])
    # 1 is an error of mutmut itself; the other bits say that mutants survived or hung.
    code = subprocess.run(
        [
            "nice",
            mutmut,
            "run",
            "--paths-to-mutate",
            f"galera_sync_guard/{path}.py",
            "--tests-dir",
            "tests/unit",
            "--runner",
            "/usr/bin/python3 -B -m pytest -x -q " + tests,
            "--simple-output",
            "--no-progress",
        ],
        cwd=tree,
        stdout=subprocess.DEVNULL,
        check=False,
    ).returncode
    if code & 1:
        sys.exit(f"mutmut failed on {module}")
    ids = {
        status: _ask(mutmut, tree, "result-ids", status).split()
        for status in ("killed", "survived", "timeout", "suspicious")
    }
    survivors = Counter(_change(_ask(mutmut, tree, "show", number)) for number in ids["survived"])
    return sum(map(len, ids.values())), survivors


def _ask(mutmut: str, tree: Path, *question: str) -> str:
    return subprocess.run([mutmut, *question], cwd=tree, stdout=subprocess.PIPE, text=True, check=True).stdout


def _change(diff: str) -> str:
    """Return the two lines of a diff that differ, as `old` -> `new`."""
    (old,), (new,) = (re.findall(rf"^[{sign}](?![-+]{{2}} )(.*)$", diff, re.MULTILINE) for sign in "-+")
    return f"`{old.strip()}` -> `{new.strip()}`"


def known() -> tuple[dict[str, str], dict[str, str]]:
    """Return ({module: row of the table}, {survivor: reason}) as the list has them now."""
    text = LIST.read_text(encoding="utf-8") if LIST.exists() else ""
    rows = {row.split(" | ")[0].strip("| "): row for row in re.findall(r"^\| \w+ \| \d.*$", text, re.MULTILINE)}
    return rows, dict(re.findall(r"^- (.*)\n  (.*)$", text, re.MULTILINE))


def main(mutmut: str, build: str, *modules: str) -> bool:
    for module in modules or MODULES:
        number, survivors = mutate(os.path.abspath(mutmut), Path(build).resolve(), module)
        rows, reasons = known()
        survived = sum(survivors.values())
        rows[module] = f"| {module} | {number} | {number - survived} | {survived} | {datetime.date.today()} |"
        found = [
            f"{module}: {change}" + (f" ({times} times)" if times > 1 else "") for change, times in survivors.items()
        ]
        others = {entry: reason for entry, reason in reasons.items() if not entry.startswith(module + ": ")}
        reasons = {**others, **{entry: reasons.get(entry, MISSING) for entry in found}}
        LIST.write_text(
            HEAD.format(rows="\n".join(rows[name] for name in MODULES if name in rows))
            + "".join("\n- {}\n  {}\n".format(*entry) for entry in sorted(reasons.items())),
            encoding="utf-8",
        )
        print(rows[module], flush=True)
    missing = [entry for entry, reason in reasons.items() if reason == MISSING]
    for entry in missing:
        print("survived, and docs/dev/mutants.md does not say why: " + entry)
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
