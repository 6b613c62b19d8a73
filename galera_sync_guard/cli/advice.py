"""What to do about what status shows: what stands above the rest comes first, and advice follows from the cause; pure."""

from __future__ import annotations

from dataclasses import dataclass

from galera_sync_guard.cli.obstacles import Obstacle
from galera_sync_guard.cli.pages import ALL_DOWN, NO_PRIMARY, chapter
from galera_sync_guard.cluster.moments import BACK
from galera_sync_guard.decision.states import STATES

ADVICE = {state.name: state.advice for state in STATES}

# States in which a server belongs to no Primary component.
OUTSIDE = ("down", "initialized", "non-primary")
# States that do not say whether it does.
BLIND = ("maintenance", "stalled", "hung", "unknown")

# What status shows where no guard runs, and where its start has failed.
STOPPED = "stopped"
FAILED = "failed"

ON_THAT_NODE = "on that node: "
LOGIN = "make the login work: galera-sync-guard check on that node says how"
# The beginning of the reason of `unknown` -> what to do about it; {} is the word after that.
UNKNOWN = (
    ("parameter ", "correct it: pcs resource update {guard} {}=VALUE, or without a value for the default"),
    ("os_user ", ON_THAT_NODE + "adduser --system --no-create-home --home /nonexistent {}"),
    ("defaults_file ", "put a copy of another node's {} there, as root with mode 600"),
    ("the driver PyMySQL is missing", ON_THAT_NODE + "apt-get install python3-pymysql"),
    ("could not ask within", "the machine is too busy: look at its load (top, iostat), or raise probe_timeout"),
    ("internal error", "report it with the lines of journalctl -t 'galera_sync_guard({guard})'"),
    ("error 3159", "the server demands TLS: set ssl_ca, or use its socket: pcs resource update {guard} host="),
    ("error 2013", "look why the server ends connections: journalctl -u mariadb"),
    ("the server closed", "look why the server ends connections: journalctl -u mariadb"),
    ("the server offers no TLS", "configure TLS in the server, or take ssl_ca out of defaults_file"),
    ("cannot begin to connect", "correct the files of ssl_ca, ssl_cert and ssl_key in defaults_file"),
    ("protocol error", "look what listens there in place of MariaDB (ss -lntp, ss -lxp)"),
    ("the server's answer", "look what listens there in place of MariaDB (ss -lntp, ss -lxp)"),
    ("the server sends too much", "look what listens there in place of MariaDB (ss -lntp, ss -lxp)"),
)


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to do: where, in words, why, and what."""

    where: str
    why: str
    what: str


def advise(
    guard: str, parameter_error: str | None, states: dict[str, tuple[str, str | None]], obstacles: list[Obstacle]
) -> list[Advice]:
    """Return what to do about a guard's parameter, what Pacemaker forbids, and nodes in these states for these reasons."""
    given = [Advice(each.where, each.what, each.to_do) for each in obstacles]
    if parameter_error:
        given.append(Advice(guard, parameter_error, for_unknown(guard, parameter_error)))
    outside = {node: state for node, (state, _) in states.items() if state in OUTSIDE}
    if outside and is_without_primary([state for state, _ in states.values()]):
        heading = NO_PRIMARY if "non-primary" in outside.values() else ALL_DOWN
        why = "no guard sees a server that serves: do not start one before you know which is the newest"
        given.append(Advice(", ".join(outside), why, chapter(heading)))
    else:
        outside = {}
    for node, (state, reason) in states.items():
        what = for_state(guard, state, reason)
        if state == STOPPED and not any(each.keeps_away(guard, node) for each in obstacles):
            what = f"pcs resource cleanup {guard}"
        if what and node not in outside and not (parameter_error and state == "unknown"):
            given.append(Advice(node, state, what))
    return _grouped(given)


def _grouped(given: list[Advice]) -> list[Advice]:
    """Return the advice with one entry for all nodes that need the same."""
    places: dict[tuple[str, str], list[str]] = {}
    for each in given:
        places.setdefault((each.why, each.what), []).append(each.where)
    return [Advice(", ".join(where), why, what) for (why, what), where in places.items()]


def is_without_primary(states: list[str]) -> bool:
    """Return whether no node may belong to a Primary component, as far as the guards see."""
    return all(state in OUTSIDE or state in BLIND or state not in ADVICE for state in states)


def for_state(guard: str, state: str, reason: str | None) -> str:
    """Return what to do about a node in a state for a reason, empty for nothing."""
    if state == "unknown":
        return for_unknown(guard, (reason or "").removeprefix("unknown: ")) or LOGIN
    if state == FAILED:
        return for_unknown(guard, reason or "")
    if BACK in (reason or ""):
        return ""
    return ADVICE.get(state, "")


def for_unknown(guard: str, reason: str) -> str:
    """Return what to do when the guard cannot determine the state, empty when it is about its login."""
    for beginning, what in UNKNOWN:
        if reason.startswith(beginning):
            word = reason.removeprefix(beginning).partition(" ")[0].rstrip(":")
            return what.replace("{guard}", guard).replace("{}", word)
    return ""
