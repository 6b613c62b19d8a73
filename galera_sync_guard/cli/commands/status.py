"""status: the whole cluster on one screen, from Pacemaker's XML; asks no database."""

import time

from galera_sync_guard.cli.cib import tools
from galera_sync_guard.cli.cib.crm_mon import ClusterStatus, history
from galera_sync_guard.cli.cib.model import Configuration
from galera_sync_guard.cli.exit_codes import CommandError, ExitCode
from galera_sync_guard.cli.screen import COLOUR_OF_KIND, Cell
from galera_sync_guard.decision.states import BAD, SCORES, STATES, UNKNOWN, score_text

# A node is shown as good as its score; a lagging one is still fit.
KIND_OF_SCORE = {score_text(score): kind for kind, score in SCORES.items()}
WHEN = {state.name: state.when for state in STATES}

# A stop and a start are one move when they are no further apart than this, in seconds: the history has whole seconds.
ONE_MOVE = 60
# What a guard said at most this long before and after a move was the reason for it, in seconds.
BEFORE_A_MOVE = 120
AFTER_A_MOVE = 2


def status(host, arguments, screen):
    """Show the cluster once, or again and again until interrupted; return 0 when every virtual IP is well."""
    if not arguments.watch:
        return _show(read(host), arguments, screen)
    while True:
        began = time.monotonic()
        try:
            seen = read(host)
        except CommandError as error:
            seen = None
            said = str(error)
        if arguments.json:
            screen.json(seen or {"trouble": said}, on_one_line=True)
        else:
            screen.clear()
            if seen:
                _show(seen, arguments, screen)
            else:
                screen.line(Cell(said, "bad"))
        screen.flush()
        time.sleep(max(0.1, arguments.watch - (time.monotonic() - began)))


def read(host):
    """Return what status shows, as plain data; CommandError when the cluster cannot be asked."""
    cib = tools.cib(host)
    picture = ClusterStatus(tools.picture(host))
    configuration = Configuration(cib)
    guards = [_guard(host, configuration, picture, cib, guard) for guard in configuration.guards]
    return {
        "cluster": configuration.properties.get("cluster-name"),
        "nodes": picture.nodes,
        "quorum": picture.has_quorum,
        "dc": picture.dc,
        "maintenance_mode": picture.options.get("maintenance-mode") == "true",
        "guards": guards,
        "failures": picture.failures,
    }


def _guard(host, configuration, picture, cib, guard):
    attribute = guard.parameters.get("attribute", guard.id)
    said = {"score": tools.attribute(host, attribute)}
    said.update((name, tools.attribute(host, f"{attribute}-{name}")) for name in ("state", "good", "bad", *BAD))
    vips = configuration.virtual_ips(guard)
    return {
        "resource": guard.id,
        "mode": guard.parameters.get("mode", "fail"),
        "attribute": attribute,
        "started_on": picture.where(guard.id),
        "nodes": {node: _node(node, state, said, picture, guard) for node, state in picture.nodes.items()},
        "virtual_ips": [_vip(vip, picture, cib, said) for vip in vips],
    }


def _node(node, online, said, picture, guard):
    state, score = said["state"].get(node), said["score"].get(node)
    told = _bad_news(said, node) if _is_bad(score) else _news(said["good"].get(node))
    since, reason = told if state else (None, None)
    if not state and online == "online":
        failure = next(
            (
                failure
                for failure in picture.failures
                if failure["node"] == node and failure["operation"].startswith(guard.id + "_")
            ),
            None,
        )
        since, reason = _bad_news(said, node)
        if failure:
            state, reason = "failed", failure["reason"] or reason
        else:
            state = "started" if node in picture.where(guard.id) else "stopped"
            since = reason = None
    return {
        "online": online,
        "state": state or online,
        "score": score,
        "kind": _kind(score),
        "since": since,
        "reason": reason or WHEN.get(state),
    }


def _vip(vip, picture, cib, said):
    nodes = picture.where(vip.id)
    steps = history(cib, vip.id)
    arrived = [step.when for step in steps if step.operation == "start" and step.node in nodes]
    return {
        "resource": vip.id,
        "address": vip.parameters.get("ip"),
        "nodes": nodes,
        "since": max(arrived, default=None),
        "troubles": picture.troubles(vip.id),
        "moves": _moves(steps, said),
    }


def _moves(steps, said):
    """Return the moves that Pacemaker's history still shows, the newest first, each with why if a guard told."""
    moves = []
    for step in reversed(steps):
        if step.operation == "start":
            left = next(
                (
                    other
                    for other in reversed(steps)
                    if other.operation == "stop" and other.node != step.node and 0 <= step.when - other.when <= ONE_MOVE
                ),
                None,
            )
            moves.append(
                {
                    "when": step.when,
                    "from": left.node if left else None,
                    "to": step.node,
                    "why": _why(left, said) if left else None,
                }
            )
    left_for_nowhere = [step for step in steps[-1:] if step.operation == "stop"]
    moves[:0] = [
        {"when": step.when, "from": step.node, "to": None, "why": _why(step, said)} for step in left_for_nowhere
    ]
    return moves


def _why(left, said):
    falls = (_news(said[kind].get(left.node)) for kind in BAD)
    _, reason = max(
        ((since, reason) for since, reason in falls if since and -AFTER_A_MOVE <= left.when - since <= BEFORE_A_MOVE),
        default=(None, None),
    )
    return reason


def _bad_news(said, node):
    return max((_news(said[name].get(node)) for name in ("bad", *BAD)), key=lambda news: news[0] or 0)


def _news(text):
    """Return (time, reason) of what a guard told people, (None, None) if it told nothing."""
    when, _, reason = ((text or "") + "  ").split(" ", 2)
    return (int(when), reason.strip()) if when.isdigit() else (None, None)


def _is_bad(score):
    return score in (score_text(SCORES[kind]) for kind in BAD)


def _kind(score):
    if score is None:
        return None
    return KIND_OF_SCORE.get(score, "fit" if score.isdigit() and int(score) > SCORES[UNKNOWN] else None)


def exit_code(seen):
    """Return 0 when every virtual IP is on exactly one node that is neither poor nor unfit, else 1."""
    vips = [(guard, vip) for guard in seen["guards"] for vip in guard["virtual_ips"]]
    well = [
        len(vip["nodes"]) == 1
        and not vip["troubles"]
        and guard["nodes"].get(vip["nodes"][0], {}).get("kind") in ("fit", "unknown")
        for guard, vip in vips
    ]
    return ExitCode.OK if well and all(well) else ExitCode.PROBLEM


def _show(seen, arguments, screen):
    if arguments.json:
        screen.json(seen)
        return exit_code(seen)
    online = [node for node, state in seen["nodes"].items() if state == "online"]
    screen.line(
        Cell(seen["cluster"] or "cluster", "strong"),
        f": {len(online)} of {len(seen['nodes'])} nodes online, ",
        "quorum" if seen["quorum"] else Cell("no quorum", "bad"),
        f", {seen['dc']} coordinates" if seen["dc"] else Cell(", no coordinator", "bad"),
    )
    if seen["maintenance_mode"]:
        screen.line(Cell("maintenance-mode is on: Pacemaker moves nothing", "warn"))
    if not seen["guards"]:
        screen.line(Cell("there is no guard", "bad"), ": galera-sync-guard setup --vip ADDRESS/PREFIX makes one")
    for guard in seen["guards"]:
        _show_guard(guard, screen)
    if seen["failures"]:
        screen.line()
        screen.line("failed actions")
        screen.table(
            [
                (
                    failure["when"],
                    failure["node"],
                    failure["operation"],
                    f"{failure['exit_code']}",
                    failure["reason"],
                )
                for failure in seen["failures"]
            ],
            indent=2,
        )
    return exit_code(seen)


def _show_guard(guard, screen):
    for vip in guard["virtual_ips"]:
        where = (
            Cell("on " + " and ".join(vip["nodes"]), "good" if len(vip["nodes"]) == 1 else "bad")
            if vip["nodes"]
            else Cell("on no node", "bad")
        )
        screen.line(
            Cell(vip["address"] or "?", "strong"),
            f" ({vip['resource']}) is ",
            where,
            f" since {_clock(vip['since'])}" if vip["since"] and vip["nodes"] else "",
            Cell(", " + ", ".join(vip["troubles"]), "bad") if vip["troubles"] else "",
        )
    if not guard["virtual_ips"]:
        screen.line(Cell(f"there is no virtual IP for {guard['resource']}", "bad"))
    screen.line()
    holders = {node for vip in guard["virtual_ips"] for node in vip["nodes"]}
    rows = [[Cell(text, "dim") for text in ("", "node", "state", "score", "since", "reason")]]
    for name, node in guard["nodes"].items():
        rows.append(
            [
                "*" if name in holders else " ",
                name,
                Cell(node["state"], COLOUR_OF_KIND.get(node["kind"], "bad")),
                node["score"] or "-",
                _clock(node["since"]) if node["since"] else "-",
                _short(node),
            ]
        )
    screen.table(rows)
    moves = [move for vip in guard["virtual_ips"] for move in vip["moves"]]
    if moves:
        screen.line()
        screen.line("last moves (Pacemaker keeps the last of each node)")
        screen.table(
            [
                (
                    _clock(move["when"]),
                    f"{move['from'] or 'nowhere'} -> {move['to'] or 'nowhere'}",
                    move["why"] or "",
                )
                for move in moves
            ],
            indent=2,
        )


def _short(node):
    """Return the reason without the state's word, which has a column of its own."""
    return (node["reason"] or "").removeprefix(node["state"] + ": ")


def _clock(when):
    """Return a time of today as a time, any other with its date."""
    local = time.localtime(when)
    today = time.localtime()
    return time.strftime("%H:%M:%S" if local[:3] == today[:3] else "%Y-%m-%d %H:%M:%S", local)
