"""explain: looks at this node now, exactly as the monitor does, and says what follows; changes and publishes nothing."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from galera_sync_guard.cli import here
from galera_sync_guard.cli.advice import OUTSIDE, for_state, standstill, where_hidden
from galera_sync_guard.cli.cib import lookup
from galera_sync_guard.cli.cib.lookup import NodeGuard
from galera_sync_guard.cli.cib.model import VIRTUAL_IP
from galera_sync_guard.cli.exit_codes import ExitCode
from galera_sync_guard.cli.host import Host
from galera_sync_guard.cli.obstacles import Obstacle
from galera_sync_guard.cli.pages import MONITOR_USER, chapter
from galera_sync_guard.cli.screen import COLOUR_OF_KIND, Cell, Part, Screen
from galera_sync_guard.cli.server_settings import Stopwatch
from galera_sync_guard.cluster.attributes import Attributes
from galera_sync_guard.decision.classify import classify
from galera_sync_guard.decision.facts import Cause, Facts
from galera_sync_guard.decision.judge import NO_PEER, SYNCED_PEER, Verdict, judge
from galera_sync_guard.decision.states import FIT, POOR, UNFIT, UNKNOWN, exit_code, score_text
from galera_sync_guard.host.clock import boot_clock
from galera_sync_guard.host.network import link_state
from galera_sync_guard.host.state_file import Record, Store
from galera_sync_guard.parameters import as_text
from galera_sync_guard.server import probe
from ocfpy.codes import Failure, describe

Result = TypeVar("Result")

EXIT_CODES = {FIT: ExitCode.OK, POOR: ExitCode.PROBLEM, UNFIT: ExitCode.PROBLEM, UNKNOWN: ExitCode.NO_ANSWER}


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that explain found."""

    guard: NodeGuard
    facts: Facts
    verdict: Verdict
    is_remembered: bool  # whether the guard's own memory was there
    steps: dict[str, float]  # how long each step took, in seconds
    tried: frozenset[str]  # the parameters that were given on the command line

    @property
    def exit_code(self) -> ExitCode:
        """What the command exits with."""
        return EXIT_CODES[self.verdict.kind]


def look(host: Host, name: str | None = None, overrides: dict[str, str] | None = None) -> Explanation:
    """Probe and judge this node as its guard's next monitor would, with the guard's memory, and return an Explanation.

    Nothing is remembered and nothing published.
    """
    steps: dict[str, float] = {}
    guard = _timed(steps, "configuration", lookup.find, host, name, overrides)
    record = None if overrides else _record(guard)
    facts = _timed(steps, "load the driver", _prepare, guard) or _observe(host, guard, record or Record(), steps)
    condition = classify(facts, guard.parameters)
    attributes = Attributes(guard.attribute, guard.invocation.environ, guard.invocation.deadline)
    is_peer_synced = condition.kind == POOR and _timed(steps, "other nodes", attributes.peer_is_synced)
    peer = SYNCED_PEER if is_peer_synced else NO_PEER
    verdict, _ = judge(
        condition,
        guard.parameters,
        record.memory if record else None,
        peer,
        boot_clock(),
        record.interval or guard.invocation.timeout if record else guard.invocation.timeout,
    )
    return Explanation(guard, facts, verdict, record is not None, steps, frozenset(overrides or ()))


def explain(host: Host, arguments: Namespace, screen: Screen) -> ExitCode:
    """Show an Explanation and return the exit code: 0 fit, 1 poor or unfit, 3 when the guard cannot see."""
    found = look(host, arguments.resource, dict(arguments.parameters))
    advised = advise(host, found, here.obstacles_here(host, found.guard))
    if arguments.json:
        screen.json(_as_json(found, advised))
    else:
        _show(found, advised, screen)
    return found.exit_code


@dataclass(frozen=True, slots=True)
class Advised:
    """What follows from an Explanation, beside what else this node shows."""

    consequences: list[str]
    server: str  # what a server that serves nothing has left on this node, "" otherwise
    to_do: list[str]


def advise(host: Host, found: Explanation, obstacles: list[Obstacle]) -> Advised:
    """Return what follows and what to do; what Pacemaker itself forbids comes before what the guard thinks."""
    guard, verdict = found.guard, found.verdict
    first = here.keeps_away(obstacles, guard)
    lines = [f"{each.where}: {each.what}" for each in obstacles] + consequences(guard, verdict, first)
    to_do, server = [each.to_do for each in obstacles], ""
    states = here.states(host, guard, verdict.state)
    standing = standstill(states) if verdict.state in OUTSIDE else None
    if standing:
        heading, server = here.standstill(host, verdict.state, where_hidden(states))
        to_do.append(f"{standing.why}: {chapter(heading)}")
    else:
        to_do.append(_advice(found))
    return Advised(lines, server, [line for line in to_do if line])


def consequences(guard: NodeGuard, verdict: Verdict, obstacle: Obstacle | None = None) -> list[str]:
    """Return what Pacemaker gets for a verdict and what it does then, as lines; an obstacle counts first."""
    mode, kind = guard.parameters.mode, verdict.kind
    code, start = exit_code("monitor", mode, kind), exit_code("start", mode, kind)
    published = f"{guard.attribute}={score_text(verdict.score)} {guard.attribute}-state={verdict.state}"
    lines = [f"attributes {published}; monitor gives {code}, start would give {start}"]
    vip = _vip_name(guard)
    if obstacle:
        lines.append(f"{vip} is not started here and does not move, whatever the guard finds")
    elif verdict.held_until is not None:
        lines.append(
            f"{vip} may be here again in {max(0, verdict.held_until - boot_clock()):.0f} s, if the node stays good"
        )
    elif mode == "fail":
        lines.append(FAIL_MODE[code].format(vip=vip))
    else:
        lines.append(SCORE_MODE[kind].format(vip=vip))
    return lines


FAIL_MODE = {
    0: "{vip} may be here, and is not moved",
    1: "the guard has failed: with migration-threshold=1 Pacemaker moves {vip} to another node, and lets it come back"
    " after failure-timeout",
}
SCORE_MODE = {
    FIT: "{vip} may be here, and stays where it is while no other node is better by more than its stickiness",
    UNKNOWN: "{vip} stays if it is here; if it must be placed anew, a node that can be seen is preferred",
    POOR: "{vip} leaves for a node with a better score, and stays if there is none",
    UNFIT: "{vip} must not be here: it moves to another node at once",
}


def _vip_name(guard: NodeGuard) -> str:
    return " and ".join(vip.id for vip in guard.virtual_ips) or VIRTUAL_IP


def _timed(steps: dict[str, float], name: str, call: Callable[..., Result], *arguments: object) -> Result:
    began = time.monotonic()
    try:
        return call(*arguments)
    finally:
        steps[name] = time.monotonic() - began


def _record(guard: NodeGuard) -> Record | None:
    """Return what the guard's last monitor left here, None when it is not started or that cannot be read."""
    try:
        invocation = guard.invocation
        return Store(invocation.state_directory, invocation.resource, as_text(guard.parameters)).load()
    except OSError:
        return None


def _prepare(guard: NodeGuard) -> Facts | None:
    """Load the driver and check the login's files; return Facts when that already keeps the guard from seeing."""
    if guard.error:
        return Facts(cause=Cause.CANNOT_OBSERVE, detail=describe(guard.error))
    try:
        probe.check_host(guard.parameters)
    except Failure:
        pass  # the probe says so itself, unless the maintenance file counts first
    return None


def _observe(host: Host, guard: NodeGuard, record: Record, steps: dict[str, float]) -> Facts:
    parameters = guard.parameters
    stopwatch = Stopwatch(steps)
    try:
        with host.waiting(f"MariaDB, at most {parameters.probe_timeout:g} s"):
            facts = probe.probe_node(
                parameters,
                guard.invocation.deadline,
                parameters.probe_timeout,
                record.pending_thread,
                not record.pause,
                on_step=stopwatch.begin_step,
            )
    finally:
        stopwatch.finish()
    return facts.with_network(link_state(parameters.vip, parameters.nic)) if parameters.vip else facts


def _as_json(found: Explanation, advised: Advised) -> dict[str, object]:
    guard, verdict = found.guard, found.verdict
    return {
        "node": guard.node,
        "resource": guard.name,
        "mode": guard.parameters.mode,
        "attribute": guard.attribute,
        "parameters": guard.given,
        "note": guard.note,
        "started": found.is_remembered,
        "facts": found.facts.values,
        "cause": found.facts.cause,
        "cause_detail": found.facts.detail or None,
        "maintenance": found.facts.maintenance,
        "network": found.facts.network.unplugged or None if found.facts.network else None,
        "verdict": {
            "state": verdict.state,
            "kind": verdict.kind,
            "score": score_text(verdict.score),
            "reason": verdict.reason,
        },
        "consequences": advised.consequences,
        "server": advised.server or None,
        "advice": "; ".join(advised.to_do) or None,
        "seconds": {name: round(seconds, 4) for name, seconds in found.steps.items()},
    }


def _advice(found: Explanation) -> str:
    facts, guard = found.facts, found.guard
    if facts.cause == Cause.DENIED and "1698" in facts.detail:
        return f"run this as root, or create the database user: {MONITOR_USER}"
    if guard.error and guard.error.parameter in found.tried:
        return f"give another value of {guard.error.parameter}"
    if found.verdict.held_until is not None:
        return "wait: until then pcs resource move refuses this node"
    return for_state(guard.name, found.verdict.state, facts.detail or found.verdict.reason.partition(": ")[2])


def _show(found: Explanation, advised: Advised, screen: Screen) -> None:
    guard, verdict = found.guard, found.verdict
    screen.line(Cell(verdict.kind, COLOUR_OF_KIND[verdict.kind]), ", ", verdict.reason)
    rows: list[tuple[str, Part]] = [
        ("guard", f"{guard.name}, mode={guard.parameters.mode}{f' on {guard.node}' if guard.node else ''}")
    ]
    if guard.given:
        rows.append(("parameters", " ".join(f"{name}={value}" for name, value in sorted(guard.given.items()))))
    if guard.note:
        rows.append(("note", Cell(guard.note, "warn")))
    if not found.is_remembered:
        rows.append(("memory", "none: judged without grace periods"))
    width = max(map(len, found.facts.values), default=0)
    rows += [
        ("facts" if not n else "", f"{name:{width}}  {value}")
        for n, (name, value) in enumerate(sorted(found.facts.values.items()))
    ]
    if found.facts.cause:
        rows.append(("facts", f"none: {found.facts.detail}"))
    if advised.server:
        rows.append(("MariaDB", advised.server))
    rows += [("Pacemaker" if not n else "", line) for n, line in enumerate(advised.consequences)]
    if found.facts.network:
        rows.append(("network", found.facts.network.unplugged or "the link is up"))
    rows += [("what to do" if not n else "", line) for n, line in enumerate(advised.to_do)]
    rows.append(("time", ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in found.steps.items())))
    screen.table([(Cell(name, "dim"), value) for name, value in rows], indent=2)
