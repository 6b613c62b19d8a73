"""Records the corpus, or compares check, the rehearsal and a judge on random configurations.

`python3 -B -m measurements.rehearsals corpus` writes tests/support/corpus.json anew, on machines of both suites, and
goes on with build/corpus-SUITE.jsonl.
`python3 -B -m measurements.rehearsals random --count 1000 --seed 1` uses this machine's crm_simulate. It notes what
became of each configuration in build/random.jsonl, goes on with what is there, and writes a summary of this day.
`python3 -B -m measurements.rehearsals timing` writes how long rehearse and check take.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from galera_sync_guard.cli.findings.finding import ERROR
from galera_sync_guard.cli.rehearsal.rehearse import Rehearsal, Result
from laboratory import rootfs
from measurements.rehearsals.judge import judge
from measurements.rehearsals.timing import measure
from tests.support import corpus
from tests.support.checkout import ROOT
from tests.support.configurations import random_configuration
from tests.support.corpus_machine import RECORDED, SYSTEMS, corpus_machine, record, recorded, seen, together

if TYPE_CHECKING:
    from galera_sync_guard.cli.findings.finding import Finding

RESULTS = Path(__file__).parent / "results"
# In build/: what was seen so far.
RANDOM_NOTES = "random.jsonl"
CORPUS_NOTES = "corpus-{}.jsonl"

Said = dict[str, Any]
Played = dict[str, Any]


def record_corpus() -> None:
    """Let both suites do what they do with each configuration, those first that no record has, and write it down."""
    known = recorded() if RECORDED.exists() else {}
    names = sorted(corpus.names(), key=lambda name: name in known)
    found = {system: _noted(CORPUS_NOTES.format(suite)) for suite, system in SYSTEMS.items()}
    with contextlib.ExitStack() as stack:
        machines = {suite: stack.enter_context(corpus_machine(suite)) for suite in rootfs.SUITES}
        for name in names:
            for suite, machine in machines.items():
                if name not in found[SYSTEMS[suite]]:
                    found[SYSTEMS[suite]][name] = seen(machine, name)
                    _note(CORPUS_NOTES.format(suite), name, found[SYSTEMS[suite]][name])
            if all(name in each for each in found.values()):
                known[name] = together({system: each[name] for system, each in found.items()})
                record({each: known[each] for each in corpus.names() if each in known})


def _noted(name: str) -> dict[str, Any]:
    """Return what an earlier run has noted."""
    path = ROOT / "build" / name
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {key: value for line in lines for key, value in json.loads(line).items()}


def _note(name: str, key: str, value: Any) -> None:
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / name).open("a", encoding="utf-8") as notes:
        print(json.dumps({key: value}), file=notes)


def compare(count: int, seed: int) -> int:
    """Compare check, rehearsal and judge on so many random configurations; return on how many they do not agree."""
    noted: dict[str, Played] = _noted(RANDOM_NOTES)
    by_text = {_text(int(name)): played for name, played in noted.items()}
    for number in range(seed, seed + count):
        text = _text(number)
        if text not in by_text:
            by_text[text] = _play(number)
        if str(number) not in noted:
            noted[str(number)] = by_text[text]
            _note(RANDOM_NOTES, str(number), by_text[text])
    return summarize({number: noted[str(number)] for number in range(seed, seed + count)})


def _text(number: int) -> str:
    return ElementTree.tostring(random_configuration(number)[0], "unicode")


def _play(number: int) -> Played:
    """Return what the rehearsal finds wrong in a random configuration, by guard, and what the judge finds wrong.

    The judge tries one node. It tries the others only where the rehearsal, which tries all, finds something.
    """
    cib, _ = random_configuration(number)
    _, rehearsals = corpus.check(cib)
    judged = ""
    for turn in range(3 if any(each.wrong for each in rehearsals) else 1):
        judged = judged or judge(cib, number + turn)
    return {"wrong": {each.guard: [asdict(result) for result in each.wrong] for each in rehearsals}, "judge": judged}


def summarize(played: dict[int, Played]) -> int:
    """Write a summary of this day with check as it is now; return on how many configurations there is no agreement."""
    found: dict[int, list[Finding]] = {}
    for number, each in played.items():
        rehearsals = [
            Rehearsal(guard, [], {}, [Result(**result) for result in results])
            for guard, results in each["wrong"].items()
        ]
        found[number] = corpus.findings(random_configuration(number)[0], rehearsals)
    errors = {number for number, each in found.items() if any(finding.severity == ERROR for finding in each)}
    rehearsed = {number for number, each in played.items() if any(each["wrong"].values())}
    judged = {number for number, each in played.items() if each["judge"]}
    unexplained = {number for number, each in found.items() if any(finding.name == "rehearsal" for finding in each)}
    version = subprocess.run(["crm_simulate", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    counts = Counter(f"{finding.severity} {finding.name}" for each in found.values() for finding in each)
    disagreed = (errors ^ rehearsed) | (errors ^ judged)
    lines = [
        f"{datetime.date.today()}, {version.splitlines()[0]}: {len(played)} random configurations, {min(played)} to"
        f" {max(played)}, {len({_text(number) for number in played})} of them different",
        f"the rehearsal goes wrong: {len(rehearsed)}; the judge, which asks crm_simulate itself, finds something wrong:"
        f" {len(judged)}; check says error: {len(errors)}",
        f"check says error and the rehearsal is right: {len(errors - rehearsed)}",
        f"check says error and the judge finds nothing wrong: {len(errors - judged)}",
        f"the rehearsal goes wrong and check is silent: {len(rehearsed - errors)}",
        f"the judge finds something wrong and check is silent: {len(judged - errors)}",
        f"check finds the error and knows no cause: {len(unexplained)}",
        "",
        *(f"{count:5} {what}" for what, count in counts.most_common()),
        *(
            f"{number}: {'; '.join(random_configuration(number)[1])}: {played[number]['judge'] or 'judged as right'}"
            for number in sorted(disagreed | unexplained)
        ),
    ]
    write("random", lines)
    return len(disagreed)


def write(name: str, lines: list[str]) -> None:
    """Write and print the result of this day."""
    RESULTS.mkdir(exist_ok=True)
    text = "\n".join(lines) + "\n"
    (RESULTS / f"{name}-{datetime.date.today()}.txt").write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("corpus", "random", "timing"))
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.what == "corpus":
        record_corpus()
    elif arguments.what == "timing":
        write("timing", measure())
    else:
        sys.exit(bool(compare(arguments.count, arguments.seed)))
