"""Records the corpus, or compares check with the rehearsal on random configurations.

`python3 -B -m measurements.rehearsals corpus` writes tests/support/corpus.json anew, on machines of both suites.
`python3 -B -m measurements.rehearsals random --count 1000 --seed 1` uses this machine's crm_simulate. It notes each
configuration in build/random.jsonl, goes on with what is there, and writes a summary of this day.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from laboratory import rootfs
from tests.support import corpus
from tests.support.checkout import ROOT
from tests.support.corpus_machine import SYSTEMS, corpus_machine, record, seen

RESULTS = Path(__file__).parent / "results"
NOTES = ROOT / "build" / "random.jsonl"

Said = dict[str, Any]


def record_corpus() -> None:
    """Let both suites do what they do with each configuration, and write it down."""
    found: dict[str, dict[str, Said]] = {}
    for suite in rootfs.SUITES:
        with corpus_machine(suite) as machine:
            found[SYSTEMS[suite]] = {name: seen(machine, name) for name in corpus.names()}
    record(found)


def compare(count: int, seed: int) -> int:
    """Rehearse so many random configurations from this seed on; return how many check and rehearsal disagree about."""
    NOTES.parent.mkdir(exist_ok=True)
    said: dict[str, Said] = {}
    for line in NOTES.read_text(encoding="utf-8").splitlines() if NOTES.exists() else ():
        said.update(json.loads(line))
    names = [f"random {number}" for number in range(seed, seed + count)]
    with NOTES.open("a", encoding="utf-8") as notes:
        for name in names:
            if name not in said:
                said[name] = corpus.say(name)
                print(json.dumps({name: said[name]}), file=notes, flush=True)
    lines, disagreements = summary({name: said[name] for name in names})
    RESULTS.mkdir(exist_ok=True)
    text = "\n".join(lines) + "\n"
    (RESULTS / f"random-{datetime.date.today()}.txt").write_text(text, encoding="utf-8")
    print(text, end="")
    return disagreements


def summary(said: dict[str, Said]) -> tuple[list[str], int]:
    """Return the lines of a summary, and on how many configurations check and rehearsal disagree."""
    wrong = {name for name, each in said.items() if _goes_wrong(each)}
    errors = {name for name, each in said.items() if _errors(each)}
    unexplained = {name for name in errors if "rehearsal" in _errors(said[name])}
    version = subprocess.run(["crm_simulate", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    lines = [
        f"{datetime.date.today()}, {version.splitlines()[0]}: {len(said)} configurations, {next(iter(said))} to"
        f" {list(said)[-1]}",
        f"the rehearsal goes wrong: {len(wrong)}; check says error: {len(errors)}",
        f"check says error and the rehearsal is right: {len(errors - wrong)}",
        f"the rehearsal goes wrong and check is silent: {len(wrong - errors)}",
        f"check finds the error and knows no cause: {len(unexplained)}",
        "",
    ]
    found = Counter(each for said_of_one in said.values() for each in said_of_one["check"])
    lines += [f"{number:5} {what}" for what, number in found.most_common()]
    lines += [f"{name}: {'; '.join(said[name]['changes'])}" for name in sorted((wrong ^ errors) | unexplained)]
    return lines, len(wrong ^ errors)


def _goes_wrong(said: Said) -> bool:
    return any("!" in cells for table in said["rehearse"].values() for cells in table)


def _errors(said: Said) -> set[str]:
    return {each.removeprefix("error ") for each in said["check"] if each.startswith("error ")}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("corpus", "random"))
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.what == "corpus":
        record_corpus()
    else:
        sys.exit(bool(compare(arguments.count, arguments.seed)))
