"""status: the whole cluster on one screen, from Pacemaker's XML; asks no database."""

from __future__ import annotations

from argparse import Namespace

from galera_sync_guard.cli import cluster_view
from galera_sync_guard.cli.clock import clock, clock_of
from galera_sync_guard.cli.cluster_view import ClusterView, GuardView, Move, NodeView, VirtualIpView
from galera_sync_guard.cli.exit_codes import CommandError, ExitCode
from galera_sync_guard.cli.host import Host
from galera_sync_guard.cli.screen import COLOUR_OF_KIND, Cell, Part, Screen
from galera_sync_guard.cli.watch import Watch

# Not so a node in standby or in maintenance.
NOT_ONLINE = ("offline", "unclean", "pending")


def status(host: Host, arguments: Namespace, screen: Screen) -> ExitCode:
    """Show the cluster once, or again and again until interrupted; return 0 when every virtual IP is well."""
    if arguments.watch:
        watch = Watch(host, arguments.watch)
        while True:
            _show_again(watch, arguments, screen)
            watch.wait()
    view = cluster_view.read(host)
    if arguments.json:
        screen.json(view)
    else:
        show(view, screen)
    return exit_code(view)


def exit_code(view: ClusterView) -> ExitCode:
    """Return 0 when every virtual IP is on exactly one node that is neither poor nor unfit, else 1.

    Also 1 when a guard has a parameter that is not allowed: it cannot see until that is changed. Also 1 when the nodes
    serve as several Galera clusters: clients then lose at a move what they have written before.
    """
    if any(guard.parameter_error or guard.several_clusters for guard in view.guards):
        return ExitCode.PROBLEM
    well = [_is_well(guard, vip) for guard in view.guards for vip in guard.virtual_ips]
    return ExitCode.OK if well and all(well) else ExitCode.PROBLEM


def _is_well(guard: GuardView, vip: VirtualIpView) -> bool:
    if len(vip.nodes) != 1 or vip.problems:
        return False
    holder = guard.nodes.get(vip.nodes[0])
    return holder is not None and holder.kind in ("fit", "unknown")


def _show_again(watch: Watch, arguments: Namespace, screen: Screen) -> None:
    """Show the cluster in place of the last screen, or why it does not answer."""
    try:
        view = watch.look()
    except CommandError as error:
        if arguments.json:
            screen.json({"error": str(error)}, on_one_line=True)
        else:
            screen.clear()
            screen.line(Cell(str(error), "bad"))
    else:
        if arguments.json:
            screen.json(view, on_one_line=True)
        else:
            screen.clear()
            show(view, screen, watch.began)
    screen.flush()


def show(view: ClusterView, screen: Screen, watched_since: int | None = None) -> None:
    """Show the cluster to a person; `watched_since`: since when all moves are known, in seconds since 1970."""
    online = [node for node, state in view.nodes.items() if state not in NOT_ONLINE]
    screen.line(
        Cell(view.cluster or "cluster", "strong"),
        f": {len(online)} of {len(view.nodes)} nodes online, ",
        "quorum" if view.quorum else Cell("no quorum", "bad"),
        f", DC: {view.dc}" if view.dc else Cell(", no DC", "bad"),
    )
    if not view.guards:
        screen.line(Cell("there is no guard", "bad"), ": galera-sync-guard setup --vip ADDRESS/PREFIX makes one")
    for guard in view.guards:
        _show_guard(guard, screen, watched_since)
    if view.failures:
        screen.line()
        screen.line("failed actions")
        screen.table(
            [
                (clock_of(each.when), each.node, each.operation, f"{each.exit_code}", each.reason)
                for each in view.failures
            ],
            indent=2,
        )


def _show_guard(guard: GuardView, screen: Screen, watched_since: int | None) -> None:
    for vip in guard.virtual_ips:
        _show_virtual_ip(vip, screen)
    if not guard.virtual_ips:
        screen.line(Cell(f"there is no virtual IP for {guard.resource}", "bad"))
    screen.line()
    holders = {node for vip in guard.virtual_ips for node in vip.nodes}
    titles = [Cell(text, "dim") for text in ("", "node", "state", "score", "since", "reason")]
    screen.table([titles, *(_row(name, node, name in holders) for name, node in guard.nodes.items())])
    if guard.unasked:
        screen.line()
        screen.line(Cell(f"what the guards say is not known: {guard.unasked}", "bad"))
    if guard.to_do:
        screen.line()
        screen.line("what to do")
        for each in guard.to_do:
            screen.table([(f"{'on ' if each.is_done_there else ''}{each.where}: {each.why}",)], indent=2)
            screen.table([(Cell(each.what, "strong"),)], indent=6)
    moves = [move for vip in guard.virtual_ips for move in vip.moves]
    if moves:
        screen.line()
        known = f"all since {clock(watched_since)}; before, the last" if watched_since else "Pacemaker keeps the last"
        screen.line(f"last moves ({known} of each node)")
        screen.table([_move_row(move) for move in moves], indent=2)


def _show_virtual_ip(vip: VirtualIpView, screen: Screen) -> None:
    where = Cell("on no node", "bad")
    if vip.leaving:
        where = Cell("being stopped on " + " and ".join(vip.leaving), "warn")
    elif vip.arriving:
        where = Cell("being started on " + " and ".join(vip.arriving), "warn")
    elif vip.nodes:
        where = Cell("on " + " and ".join(vip.nodes), "good" if len(vip.nodes) == 1 else "bad")
    screen.line(
        Cell(vip.address or "?", "strong"),
        f" ({vip.resource}) is ",
        where,
        f" since {clock(vip.since)}" if vip.since and vip.nodes else "",
        Cell(", " + ", ".join(vip.problems), "bad") if vip.problems else "",
    )


def _row(name: str, node: NodeView, is_holder: bool) -> list[Part]:
    return [
        "*" if is_holder else " ",
        name,
        Cell(node.state, COLOUR_OF_KIND.get(node.kind or "", "bad")),
        node.score or "-",
        clock(node.since) if node.since else "-",
        # The state has a column of its own.
        (node.reason or "").removeprefix(node.state + ": "),
    ]


def _move_row(move: Move) -> list[Part]:
    return [
        clock(move.when),
        f"{'?' if move.is_from_unknown else move.from_node or 'nowhere'} -> {move.to_node or 'nowhere'}",
        move.why or "",
    ]
