"""What to do about what status shows: what stands above the rest comes first, and advice follows from the cause; pure."""

from __future__ import annotations

from dataclasses import dataclass

from galera_sync_guard.cli.cib.crm_mon import FailedAction
from galera_sync_guard.cli.obstacles import Obstacle
from galera_sync_guard.cli.pages import ALL_DOWN, NO_PRIMARY, chapter
from galera_sync_guard.cluster.moments import BACK
from galera_sync_guard.decision.states import STATES

ADVICE = {state.name: state.advice for state in STATES}

# States in which a server belongs to no Primary component.
OUTSIDE = ("down", "initialized", "non-primary")
# States that do not say whether it does.
BLIND = ("maintenance", "stalled", "hung", "unknown")
# What status shows of a machine on which nothing can be seen to run.
AWAY = ("offline", "unclean")

# What status shows where no guard runs, and where its start has failed.
STOPPED = "stopped"
FAILED = "failed"

LOGIN = "make the login work: galera-sync-guard check on that node says how"
# The beginning of the reason of `unknown` -> what to do about it; {} is the word after that.
UNKNOWN = (
    ("parameter ", "correct it: pcs resource update {guard} {}=VALUE, or without a value for the default"),
    ("os_user ", "adduser --system --no-create-home --home /nonexistent {}"),
    ("defaults_file ", "put a copy of another node's {} there, as root with mode 600"),
    ("the driver PyMySQL is missing", "apt-get install python3-pymysql"),
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
    """One thing to do: where, in words, why, what, and whether it is done on the nodes that `where` names."""

    where: str
    why: str
    what: str
    is_done_there: bool = False


# node -> (its state, its reason)
States = dict[str, tuple[str, str | None]]


def advise(
    guard: str,
    parameter_error: str | None,
    states: States,
    obstacles: list[Obstacle],
    failures: list[FailedAction] | None = None,
) -> list[Advice]:
    """Return what to do about a guard's parameter, what Pacemaker forbids or has failed in, and nodes in these states."""
    judged = {node: as_judged(state, reason) for node, (state, reason) in states.items()}
    # In mode=fail a guard fails because of its server, which comes first.
    late = [
        each
        for each in obstacles
        if each.resource == guard and each.node and judged.get(each.node) != states.get(each.node)
    ]
    given = [Advice(each.where, each.what, each.to_do) for each in obstacles if each not in late]
    if parameter_error:
        given.append(Advice(guard, parameter_error, for_unknown(guard, parameter_error)))
    standing = standstill(judged)
    outside = [node for node, (state, _) in judged.items() if standing and state in OUTSIDE]
    for node, (state, reason) in judged.items():
        what = for_state(guard, state, reason)
        if state == STOPPED and not any(each.keeps_away(guard, node) for each in obstacles):
            what = f"pcs resource cleanup {guard}"
        if what and node not in outside and not (parameter_error and state == "unknown"):
            given.append(Advice(node, state, what, is_done_there=True))
    given += [standing] if standing else []
    given += [Advice(each.where, each.what, each.to_do) for each in late]
    for each in failures or ():
        name = each.operation.rsplit("_", 2)[0]
        if not any(obstacle.keeps_away(name, each.node) for obstacle in obstacles):
            why = "an action has failed there (failed actions)"
            given.append(Advice(f"{name} on {each.node}", why, f"end its cause, then pcs resource cleanup {name}"))
    return _grouped(given)


def as_judged(state: str, reason: str | None) -> tuple[str, str | None]:
    """Return the state that a guard gave for its own failure, as in mode=fail, in place of `failed`."""
    name, _, rest = (reason or "").partition(": ")
    return (name, rest) if state == FAILED and name in ADVICE else (state, reason)


def standstill(states: States) -> Advice | None:
    """Return where to read on when no guard sees a server that serves and one is known not to, None otherwise."""
    outside = {node: state for node, (state, _) in states.items() if state in OUTSIDE}
    if not outside or not is_without_primary([state for state, _ in states.values()]):
        return None
    hidden = where_hidden(states)
    if hidden:
        why = f"no guard sees a server that serves: look first whether MariaDB runs on {' and '.join(hidden)}"
        return Advice(", ".join(outside), why, chapter(ALL_DOWN))
    if set(outside.values()) == {"non-primary"}:
        return Advice(", ".join(outside), "MariaDB runs, but belongs to no Primary component", chapter(NO_PRIMARY))
    why = "no guard sees a server that serves"
    if "non-primary" not in outside.values():
        why += ": do not start one before you know which is the newest"
    return Advice(", ".join(outside), why, chapter(ALL_DOWN))


def where_hidden(states: States) -> list[str]:
    """Return the nodes on which a server may serve although no guard sees it, as in maintenance or standby."""
    return [node for node, (state, _) in states.items() if state not in OUTSIDE and state not in AWAY]


def _grouped(given: list[Advice]) -> list[Advice]:
    """Return the advice with one entry for all nodes that need the same."""
    places: dict[tuple[str, str, bool], list[str]] = {}
    for each in given:
        places.setdefault((each.why, each.what, each.is_done_there), []).append(each.where)
    return [Advice(", ".join(where), why, what, is_there) for (why, what, is_there), where in places.items()]


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
    if state == "maintenance" and "pxc_maint_mode" in (reason or ""):
        return "when the work is done: SET GLOBAL pxc_maint_mode=DISABLED"
    return ADVICE.get(state, "")


def for_unknown(guard: str, reason: str) -> str:
    """Return what to do when the guard cannot determine the state, empty when it is about its login."""
    for beginning, what in UNKNOWN:
        if reason.startswith(beginning):
            word = reason.removeprefix(beginning).partition(" ")[0].rstrip(":")
            return what.replace("{guard}", guard).replace("{}", word)
    return ""
