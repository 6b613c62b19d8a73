"""rehearse: what Pacemaker would do with the virtual IP for each fault, beside what it should do; changes nothing."""

from __future__ import annotations

from argparse import Namespace
from xml.etree.ElementTree import Element

from galera_sync_guard.cli.cib import tools
from galera_sync_guard.cli.cib.model import Configuration
from galera_sync_guard.cli.exit_codes import CommandError, ExitCode
from galera_sync_guard.cli.host import Host
from galera_sync_guard.cli.rehearsal.faults import SHOULD
from galera_sync_guard.cli.rehearsal.rehearse import REHEARSAL, Rehearsal, Result, rehearse_all
from galera_sync_guard.cli.screen import Cell, Part, Screen


def rehearse(host: Host, arguments: Namespace, screen: Screen) -> ExitCode:
    """Show what Pacemaker would do; return 0 when all of it is right, 1 when something is not."""
    configuration = Configuration(_cib(host, arguments.cib))
    if not configuration.guards:
        raise CommandError("the cluster has no guard: galera-sync-guard setup makes one", ExitCode.PROBLEM)
    with host.waiting(REHEARSAL):
        rehearsals = rehearse_all(host, configuration)
    if arguments.json:
        screen.json({"rehearsals": rehearsals})
    else:
        for rehearsal in rehearsals:
            _show(rehearsal, screen)
    return ExitCode.PROBLEM if any(each.wrong for each in rehearsals) else ExitCode.OK


def _cib(host: Host, path: str | None) -> Element:
    if path is None:
        return tools.cib_or_what_is_left(host)[0]
    text = host.read(path)
    if text is None:
        raise CommandError(f"{path} cannot be read", ExitCode.USAGE)
    return tools.parsed(text, path)


def _show(rehearsal: Rehearsal, screen: Screen) -> None:
    if not rehearsal.holders:
        screen.line(Cell(f"no node can run {rehearsal.guard} and its virtual IP", "bad"))
    for vip in dict.fromkeys(result.vip for result in rehearsal.results):
        results = [result for result in rehearsal.results if result.vip == vip]
        screen.line(Cell(vip, "strong"), f", guarded by {rehearsal.guard}: where it goes, by the node that holds it")
        titles = ["what happens", *rehearsal.holders_of(vip), "what must become of it"]
        rows: list[list[Part]] = [[Cell(text, "dim") for text in titles]]
        rows += [
            _row(rehearsal, [result for result in results if result.fault == fault])
            for fault in dict.fromkeys(result.fault for result in results if result.holder)
        ]
        screen.table(rows, indent=2)
        for result in results:
            if result.holder is None:
                screen.line("  when ", result.title, ": ", _cell(result))
        screen.line()
    wrong, count = len(rehearsal.wrong), len(rehearsal.results)
    screen.line(Cell(f"{wrong} of {count} are wrong", "bad") if wrong else Cell(f"all {count} are right", "good"))


def _row(rehearsal: Rehearsal, results: list[Result]) -> list[Part]:
    by_holder = {result.holder: result for result in results}
    holders = rehearsal.holders_of(results[0].vip)
    cells: list[Part] = [_cell(by_holder[holder]) if holder in by_holder else "" for holder in holders]
    return [results[0].title, *cells, f"it {SHOULD[results[0].expected]}"]


def _cell(result: Result) -> Cell:
    """Return where a virtual IP goes, in red when it should not."""
    where = " and ".join(result.goes_to) or "nowhere"
    is_same = result.goes_to == [result.holder]
    text = "stays" if is_same else where
    restarts = result.starts - (not is_same and bool(result.goes_to))
    if restarts > 0:
        text += f", {restarts} restart{'s' * (restarts > 1)}"
    if result.stopped:
        text += f", stops {', '.join(result.stopped)}"
    return Cell(text, "good") if result.is_right else Cell(f"{text} (wrong)", "bad")
