"""What status shows, as records: the guards, each node's state and reason, the virtual IPs and their moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from galera_sync_guard.agent import AGENT
from galera_sync_guard.cli import components, obstacles
from galera_sync_guard.cli.advice import Advice, advise
from galera_sync_guard.cli.cib import tools
from galera_sync_guard.cli.cib.crm_mon import ClusterStatus, FailedAction, Step, history, known_since
from galera_sync_guard.cli.cib.model import Configuration, Resource, attribute_of
from galera_sync_guard.cli.clock import in_words
from galera_sync_guard.cli.exit_codes import CommandError
from galera_sync_guard.cli.host import Host
from galera_sync_guard.cli.obstacles import Obstacle
from galera_sync_guard.cli.pages import TWO_CLUSTERS, chapter
from galera_sync_guard.cluster.attributes import FALLS, SEPARATOR
from galera_sync_guard.decision.states import BAD, SCORES, STATES, UNKNOWN, UNKNOWN_AFTER_BAD, score_text
from ocfpy.codes import ParameterError

# A node is shown as good as its score; a lagging one is still fit.
KIND_OF_SCORE = {score_text(score): kind for kind, score in SCORES.items()} | {score_text(UNKNOWN_AFTER_BAD): UNKNOWN}
WHEN = {state.name: state.when for state in STATES}

# A stop and a start are one move when they are no further apart than this, in seconds: the history has whole seconds.
ONE_MOVE = 60
# Why an address leaves a node that has not stopped it.
NODE_LOST = "the node was lost"
# What a guard published at most this long before and after a move was the reason for it, in seconds.
BEFORE_A_MOVE = 120
AFTER_A_MOVE = 2

# name of a published attribute -> node -> value
Published = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node as its guard and Pacemaker describe it."""

    online: str
    state: str
    score: str | None
    kind: str | None
    since: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Move:
    """One move of a virtual IP; None stands for no node and for a reason that is not known.

    `is_from_unknown`: the node that it left has rebooted or is away, and with it Pacemaker's history of that node.
    """

    when: int
    from_node: str | None
    to_node: str | None
    why: str | None
    is_from_unknown: bool = False


@dataclass(frozen=True, slots=True)
class VirtualIpView:
    """One virtual IP."""

    resource: str
    address: str | None
    nodes: list[str]
    since: int | None
    leaving: list[str]  # the nodes on which it is being stopped
    arriving: list[str]  # the nodes on which it is being started
    problems: list[str]
    moves: list[Move]  # those that Pacemaker's history still shows, the newest first


@dataclass(frozen=True, slots=True)
class GuardView:
    """One guard and what it guards."""

    resource: str
    mode: str
    attribute: str
    parameter_error: str | None  # a parameter's value that is not allowed
    several_clusters: str | None  # what shows that the nodes do not serve as one Galera cluster
    started_on: list[str]
    nodes: dict[str, NodeView]
    virtual_ips: list[VirtualIpView]
    to_do: list[Advice]  # what stands above the rest comes first
    unasked: str | None  # why it is not known what the guards say


@dataclass(frozen=True, slots=True)
class ClusterView:
    """The whole cluster."""

    cluster: str | None
    nodes: dict[str, str]
    quorum: bool
    dc: str | None
    maintenance_mode: bool
    guards: list[GuardView]
    failures: list[FailedAction]


def several_clusters(host: Host, attribute: str) -> str:
    """Return what shows that the nodes do not serve as one Galera cluster, after a second look; empty when they may."""
    return components.several(components.settled(host, attribute))


def read(host: Host, several: Callable[[Host, str], str] = several_clusters) -> ClusterView:
    """Return what status shows; CommandError when the cluster does not answer.

    `several` tells of several Galera clusters behind the guards that publish under a name.
    """
    cib = tools.cib(host)
    status = tools.cluster_status(host)
    configuration = Configuration(cib)
    return ClusterView(
        configuration.properties.get("cluster-name"),
        status.nodes,
        status.has_quorum,
        status.dc,
        status.options.get("maintenance-mode") == "true",
        [guard_view(host, configuration, status, guard, several) for guard in configuration.guards],
        status.failures,
    )


def guard_view(
    host: Host,
    configuration: Configuration,
    status: ClusterStatus,
    guard: Resource,
    several: Callable[[Host, str], str],
) -> GuardView:
    """Return what status shows of a guard and what it guards."""
    attribute = attribute_of(guard)
    published, unasked = _published(host, attribute)
    nodes = {node: _node(node, published, status, guard) for node in status.nodes}
    vips = [_virtual_ip(vip, status, configuration.cib, published) for vip in configuration.virtual_ips(guard)]
    forbidden = obstacles.find(configuration, status, guard)
    states = {name: (node.state, node.reason) for name, node in nodes.items()}
    apart = "" if unasked else several(host, attribute)
    to_do = advise(guard.id, _parameter_error(guard), states, forbidden, status.failures)
    if apart:
        to_do.insert(0, Advice(guard.id, apart, chapter(TWO_CLUSTERS)))
    return GuardView(
        guard.id,
        guard.parameters.get("mode", "fail"),
        attribute,
        _parameter_error(guard),
        apart or None,
        status.where(guard.id),
        nodes,
        vips,
        to_do if unasked else [*to_do, *_unexplained(vips, nodes, forbidden)],
        unasked,
    )


def _published(host: Host, attribute: str) -> tuple[Published, str | None]:
    """Return (what the guards have published, why that is not all of it): a daemon that hangs is asked only once."""
    names = {"score": attribute}
    names.update((name, f"{attribute}-{name}") for name in ("state", "good", "bad", FALLS, *BAD))
    published: Published = {name: {} for name in names}
    for name, full_name in names.items():
        try:
            published[name] = tools.attribute(host, full_name, is_needed=True)
        except CommandError as error:
            return published, str(error)
    return published, None


def _unexplained(vips: list[VirtualIpView], nodes: dict[str, NodeView], forbidden: list[Obstacle]) -> list[Advice]:
    """Return what to do about a virtual IP that a fit node could have and has not, where nothing forbids it."""
    given = []
    for vip in vips:
        holders = {name: nodes[name] for name in vip.nodes if name in nodes}
        fit = [
            name
            for name, node in nodes.items()
            if node.kind == "fit" and not any(each.keeps_away(vip.resource, name) for each in forbidden)
        ]
        is_well_placed = any(node.kind not in BAD for node in holders.values())
        if fit and not (is_well_placed or vip.leaving or vip.arriving):
            where = "; ".join(f"on {name}, which is {node.state}" for name, node in holders.items()) or "on no node"
            why = f"{where}, although {' and '.join(fit)} could have it"
            given.append(Advice(vip.resource, why, "galera-sync-guard check, if it stays so for some seconds"))
    return given


def _parameter_error(guard: Resource) -> str | None:
    try:
        AGENT.parse({"OCF_RESKEY_" + name: value for name, value in guard.parameters.items()})
    except ParameterError as error:
        return error.reason
    return None


def _node(node: str, published: Published, status: ClusterStatus, guard: Resource) -> NodeView:
    online, state, score = status.nodes[node], published["state"].get(node), published["score"].get(node)
    since: int | None = None
    reason: str | None = None
    if state:
        since, reason = (
            _latest_bad_reason(published, node) if _is_bad(score) else _parse_reason(published["good"].get(node))
        )
    elif online == "online":
        failure = _failure(status, node, guard)
        if failure:
            since, reason = _latest_bad_reason(published, node)
            state, reason = "failed", failure.reason or reason
        else:
            state = "started" if node in status.where(guard.id) else "stopped"
    state = state or online
    return NodeView(online, state, score, _kind(score), since, reason or WHEN.get(state))


def _failure(status: ClusterStatus, node: str, guard: Resource) -> FailedAction | None:
    return next(
        (each for each in status.failures if each.node == node and each.operation.startswith(guard.id + "_")), None
    )


def _virtual_ip(vip: Resource, status: ClusterStatus, cib: Element, published: Published) -> VirtualIpView:
    nodes, steps = status.where(vip.id), history(cib, vip.id)
    arrived = [step.when for step in steps if step.operation == "start" and step.node in nodes]
    return VirtualIpView(
        vip.id,
        vip.address,
        nodes,
        max(arrived, default=None),
        [node for node in status.left_on(vip.id) if node not in nodes],
        status.arriving_on(vip.id),
        status.problems(vip.id),
        _moves(steps, published, known_since(cib, vip.id, list(status.nodes)), nodes),
    )


def _moves(steps: list[Step], published: Published, known: dict[str, float], holders: list[str]) -> list[Move]:
    """Return the moves that the history shows; `known` is since when it has all of each node."""
    moves = []
    for number, step in reversed(list(enumerate(steps))):
        if step.operation != "start":
            continue
        left = _left_before(
            step, [each for each in steps[:number] if each.operation == "stop" or each.node not in holders]
        )
        is_lost = left is None and any(since > step.when for node, since in known.items() if node != step.node)
        why = _why(left, published) if left and left.operation == "stop" else NODE_LOST if left else None
        moves.append(Move(step.when, left.node if left else None, step.node, why, is_lost))
    for step in steps[-1:]:
        if step.operation == "stop":
            moves.insert(0, Move(step.when, step.node, None, _why(step, published)))
    return moves


def _left_before(start: Step, earlier: list[Step]) -> Step | None:
    """Return the stop on another node that made one move with a start, or the start on a node that was lost since."""
    last = earlier[-1] if earlier else None
    if last is None or last.node == start.node:
        return None
    return last if last.operation == "start" or start.when - last.when <= ONE_MOVE else None


def _why(left: Step, published: Published) -> str | None:
    told = [published[kind].get(left.node) for kind in BAD]
    falls = map(_parse_reason, [*told, *published[FALLS].get(left.node, "").split(SEPARATOR)])
    near = [
        (since, reason or "")
        for since, reason in falls
        if since and -AFTER_A_MOVE <= left.when - since <= BEFORE_A_MOVE
    ]
    return max(near)[1] if near else None


def _latest_bad_reason(published: Published, node: str) -> tuple[int | None, str | None]:
    reasons = (_parse_reason(published[name].get(node)) for name in ("bad", *BAD))
    return max(reasons, key=lambda reason: reason[0] or 0)


def _parse_reason(text: str | None) -> tuple[int | None, str | None]:
    """Return (time, reason) of a published reason, (None, None) when there is none."""
    when, _, reason = ((text or "") + "  ").split(" ", 2)
    return (int(when), in_words(reason.strip())) if when.isdigit() else (None, None)


def _is_bad(score: str | None) -> bool:
    return score in [score_text(SCORES[kind]) for kind in BAD]


def _kind(score: str | None) -> str | None:
    if score is None:
        return None
    return KIND_OF_SCORE.get(score, "fit" if score.isdigit() and int(score) > SCORES[UNKNOWN] else None)
