"""What status --watch adds to single looks: a look as soon as a virtual IP moves, and all moves since it began."""

from __future__ import annotations

import time
from dataclasses import replace

from galera_sync_guard.cli import cluster_view, components
from galera_sync_guard.cli.cib.model import ADDRESS_AGENTS
from galera_sync_guard.cli.cluster_view import ClusterView, GuardView, Move, VirtualIpView
from galera_sync_guard.cli.exit_codes import CommandError
from galera_sync_guard.cli.host import Host

# How often it asks whether a virtual IP was stopped or started, in seconds. Pacemaker keeps the last operation of each
# node, so only two moves within this time could hide one another; each takes about as long.
POLL = 0.4
KEPT_MOVES = 20

_TYPES = " or ".join(f"@type='{agent.rpartition(':')[2]}'" for agent in ADDRESS_AGENTS)
OPERATIONS = f"//lrm_resource[{_TYPES}]/lrm_rsc_op"


class Watch:
    """Looks at the cluster again and again."""

    def __init__(self, host: Host, seconds: float) -> None:
        self.began = int(time.time())
        self._host = host
        self._seconds = seconds
        self._operations: tuple[int, str] | None = None
        self._looked_at = 0.0
        self._moves: dict[str, list[Move]] = {}
        self._apart_since: dict[str, float] = {}  # the attribute of guards that tell of several clusters -> since when

    def look(self) -> ClusterView:
        """Return what status shows, with the moves that earlier looks have seen; CommandError without an answer."""
        self._looked_at = time.monotonic()
        self._operations = self._asked()
        view = cluster_view.read(self._host, self._several_clusters)
        return replace(view, guards=[self._with_moves(guard) for guard in view.guards])

    def wait(self) -> None:
        """Wait until it is time for another look, or until a virtual IP was stopped or started."""
        end = self._looked_at + self._seconds
        step = min(POLL, self._seconds)
        time.sleep(step)
        while time.monotonic() < end and self._asked() == self._operations:
            time.sleep(step)

    def _asked(self) -> tuple[int, str] | None:
        try:
            done = self._host.run("cibadmin", "--query", "--xpath", OPERATIONS)
        except CommandError:
            return None
        return done.returncode, done.stdout

    def _several_clusters(self, host: Host, attribute: str) -> str:
        """Return what shows that there are several Galera clusters, once it has been so for long enough."""
        shown = components.several(components.settings(host, attribute))
        if not shown:
            self._apart_since.pop(attribute, None)
            return ""
        since = self._apart_since.setdefault(attribute, time.monotonic())
        return shown if time.monotonic() - since >= components.SETTLE else ""

    def _with_moves(self, guard: GuardView) -> GuardView:
        return replace(guard, virtual_ips=[self._with_all_moves(vip) for vip in guard.virtual_ips])

    def _with_all_moves(self, vip: VirtualIpView) -> VirtualIpView:
        moves = together(vip.moves, self._moves.get(vip.resource, []))
        self._moves[vip.resource] = moves
        return replace(vip, moves=moves)


def together(now: list[Move], before: list[Move]) -> list[Move]:
    """Return the moves of this look and of those before, the newest first, each as the look that knew most of it."""
    known: dict[tuple[int, str | None], Move] = {(move.when, move.to_node): move for move in before if move.to_node}
    for move in now:
        old = known.get((move.when, move.to_node))
        if old is None or (move.from_node and (move.why or not old.why)):
            known[move.when, move.to_node] = move
    return sorted(known.values(), key=lambda move: -move.when)[:KEPT_MOVES]
