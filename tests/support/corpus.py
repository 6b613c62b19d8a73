"""The corpus: configurations, and what Pacemaker's scheduler on this machine does with each and what the command says.

`python3 -B -m tests.support.corpus NAME...` prints that of each as one line of JSON.
"""

import copy
import json
import os
import sys
import tempfile
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from galera_sync_guard.agent import AGENT
from galera_sync_guard.cli import cluster_view
from galera_sync_guard.cli.cib import change
from galera_sync_guard.cli.cib.model import Configuration, attribute_of
from galera_sync_guard.cli.cib.recipe import Recipe
from galera_sync_guard.cli.findings.all import find_all
from galera_sync_guard.cli.findings.finding import NOTE, Finding
from galera_sync_guard.cli.findings.rehearsed import weigh
from galera_sync_guard.cli.findings.snapshot import Snapshot
from galera_sync_guard.cli.host import Host
from galera_sync_guard.cli.rehearsal import stage
from galera_sync_guard.cli.rehearsal.rehearse import Rehearsal, rehearse
from galera_sync_guard.cli.rehearsal.scheduler import Scheduler
from ocfpy.codes import ParameterError
from tests.support import configurations
from tests.support.mistakes import MISTAKES

# What is wrong in one way, each third; the rehearsal's own tests have all of them.
WRONG = {what: mistake for what, _, _, mistake in MISTAKES[::3]}
# As many again that nobody chose.
RANDOM = len(configurations.RIGHT) + len(WRONG)


def names() -> list[str]:
    """Return the names of all configurations."""
    return (
        [what for what, _ in configurations.RIGHT] + list(WRONG) + [f"random {seed}" for seed in range(1, RANDOM + 1)]
    )


def configuration(name):
    """Return the configuration of that name, and what was changed in the recipe."""
    kind, _, seed = name.rpartition(" ")
    if kind == "random":
        return configurations.random_configuration(int(seed))
    cib = configurations.recipe()
    {**dict(configurations.RIGHT), **WRONG}[name](cib)
    return cib, [name]


def check(cib: Element) -> tuple[list[Finding], list[Rehearsal]]:
    """Return (the findings of check that are no notes, the rehearsals) of a configuration."""
    whole = Configuration(cib)
    rehearsals = [rehearse(_host(), whole, guard) for guard in whole.guards]
    return findings(cib, rehearsals), rehearsals


def findings(cib: Element, rehearsals: list[Rehearsal]) -> list[Finding]:
    """Return what check finds in a configuration, without notes, when Pacemaker's scheduler did this with it."""
    found = []
    whole = Configuration(cib)
    for rehearsal in rehearsals:
        guard = whole.resource(rehearsal.guard)
        environ = {"OCF_RESKEY_" + name: value for name, value in guard.parameters.items()}
        parameters, error = AGENT.parse_leniently(environ), None
        try:
            parameters = AGENT.parse(environ)
        except ParameterError as wrong:
            error = wrong
        snapshot = Snapshot(whole, guard, parameters, error, resets_clients=True)
        found += [each for each in weigh(find_all(snapshot), rehearsal) if each.severity != NOTE]
    return found


def say(name: str) -> dict[str, Any]:
    """Return what becomes of a configuration, and what the command says of it."""
    cib, changes = configuration(name)
    found, rehearsals = check(cib)
    return {
        "changes": changes,
        "rehearse": {f"{each.guard} {vip}": table for each in rehearsals for vip, table in _tables(each).items()},
        "check": sorted({f"{each.severity} {each.name}" for each in found}),
        "status": _status(cib),
        "setup": _setup(cib),
    }


def _tables(rehearsal):
    """Return for each virtual IP where faults take it, by the node that holds it; `!` marks what is wrong."""
    rows = {}
    for each in rehearsal.results:
        where = "+".join(each.goes_to) or "nowhere"
        restarts = each.starts - (each.goes_to not in ([each.holder], []))
        cell = f"{each.holder} > {where}" if each.holder else where
        cell += f" restarts={restarts}" * bool(restarts) + f" stops={','.join(each.stopped)}" * bool(each.stopped)
        rows.setdefault((each.vip, each.fault), []).append((cell + " !" * (not each.is_right)).replace("node", ""))
    tables = {}
    for (vip, fault), cells in rows.items():
        tables.setdefault(vip, {}).setdefault("; ".join(cells), []).append(fault)
    return {vip: {cells: " ".join(faults) for cells, faults in table.items()} for vip, table in tables.items()}


def _status(cib):
    """Return what status shows when such a cluster has started."""
    guards = Configuration(cib).guards
    with tempfile.TemporaryDirectory() as directory:
        for guard in guards[:1]:
            cib = stage.empty(cib, attribute_of(guard))
        path = os.path.join(directory, "cib.xml")
        ElementTree.ElementTree(Scheduler(_host(), directory).run_on(cib)[1]).write(path)
        view = cluster_view.read(_host(CIB_file=path))
    return [f"{vip.resource} on {'+'.join(vip.nodes) or 'no node'}" for each in view.guards for vip in each.virtual_ips]


def _setup(cib):
    """Return what setup would make or refuses, and what setup --remove would take away or refuses."""
    said = {}
    for what, plan in (
        ("--apply", lambda: change.add(cib, Recipe("192.168.1.199", 32, with_client_reset=True), {})),
        ("--remove", lambda: change.remove(copy.deepcopy(cib))),
    ):
        try:
            said[what] = plan()[1] or ["nothing"]
        except change.Refusal as refusal:
            said[what] = ["refused", *refusal.args]
    return said


def _host(**variables):
    return Host({**os.environ, **variables}, sys.stdin)


if __name__ == "__main__":
    for each in sys.argv[1:]:
        print(json.dumps({each: say(each)}), flush=True)
