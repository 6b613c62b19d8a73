"""What keeps the virtual IP off this node although its server may be good, and what a stopped server has left on it."""

from __future__ import annotations

from galera_sync_guard.cli import obstacles
from galera_sync_guard.cli.advice import STOPPED, States
from galera_sync_guard.cli.cib import tools
from galera_sync_guard.cli.cib.lookup import NodeGuard
from galera_sync_guard.cli.exit_codes import CommandError
from galera_sync_guard.cli.host import Host
from galera_sync_guard.cli.obstacles import Obstacle
from galera_sync_guard.cli.pages import ALL_DOWN, ALL_STOPPED, NO_PRIMARY, WAITING

NO_PACEMAKER = Obstacle(None, None, "Pacemaker does not run on this node", "systemctl start pacemaker")
DATADIR = "/var/lib/mysql/"


def obstacles_here(host: Host, guard: NodeGuard) -> list[Obstacle]:
    """Return what Pacemaker forbids on this node, empty when it cannot be asked."""
    configuration = guard.configuration
    if configuration is None:
        return []
    resource = configuration.resource(guard.name)
    if guard.node is None:
        return [NO_PACEMAKER]
    try:
        status = tools.cluster_status(host)
    except CommandError:
        return []
    found = obstacles.find(configuration, status, resource) if resource else []
    return [each for each in found if each.node in (None, guard.node)]


def keeps_away(found: list[Obstacle], guard: NodeGuard) -> Obstacle | None:
    """Return the first obstacle that keeps the virtual IP off this node, None without one."""
    names = [guard.name, *(vip.id for vip in guard.virtual_ips)]
    return next((each for each in found if any(each.keeps_away(name, guard.node) for name in names)), None)


def states(host: Host, guard: NodeGuard, state: str) -> States:
    """Return the state of every node as far as this one knows it; of this one it is `state`."""
    try:
        known = dict(tools.cluster_status(host).nodes)
    except CommandError:
        known = {}
    known |= {node: STOPPED for node, each in known.items() if each == "online"}
    known |= tools.attribute(host, f"{guard.attribute}-state")
    known[guard.node or ""] = state
    return {node: (each, None) for node, each in known.items()}


def standstill(host: Host, state: str, hidden: list[str]) -> tuple[str, str]:
    """Return (the chapter that fits, what it goes by) when no server serves: what this node itself shows.

    Where servers may be `hidden` on other nodes, those are to be looked at first.
    """
    unit = _unit(host)
    grastate = dict(line.partition(":")[::2] for line in (host.read(DATADIR + "grastate.dat") or "").splitlines())
    shown = [f"unit {unit}"]
    shown += [f"{name} {grastate[name].strip()}" for name in ("seqno", "safe_to_bootstrap") if name in grastate]
    if host.exists(DATADIR + "gvwstate.dat"):
        shown.append("gvwstate.dat exists")
    chapters = {"active": NO_PRIMARY, "activating": WAITING, "inactive": ALL_STOPPED, "failed": ALL_STOPPED}
    chapter = NO_PRIMARY if state == "non-primary" else chapters.get(unit, ALL_DOWN)
    return ALL_DOWN if hidden else chapter, ", ".join(shown)


def _unit(host: Host) -> str:
    try:
        return host.run("systemctl", "is-active", "mariadb").stdout.strip() or "unknown"
    except CommandError:
        return "unknown"
