"""What Pacemaker itself forbids, whatever the guards think: each with the command that ends it; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from galera_sync_guard.cli.cib.crm_mon import Ban, ClusterStatus
from galera_sync_guard.cli.cib.model import Configuration, Resource, attribute_of
from galera_sync_guard.cli.pages import NO_QUORUM, chapter

# A constraint that pcs resource ban or move has made.
MADE_BY_PCS = "cli-"

OF_NODE = {
    "standby": ("in standby: Pacemaker runs nothing there", "pcs node unstandby {node}"),
    "maintenance": ("in maintenance of Pacemaker, which moves nothing there", "pcs node unmaintenance {node}"),
    "pending": ("joining the cluster", "wait a minute"),
    "offline": (
        "not in the cluster",
        "look at power and network, then systemctl start pacemaker on {node}",
    ),
    "unclean": (
        "lost, and nothing has confirmed that it is off",
        "switch it off, then pcs stonith confirm {node}",
    ),
}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that Pacemaker does not do; `node` and `resource` are None where it concerns all of them."""

    node: str | None
    resource: str | None
    what: str
    to_do: str

    @property
    def where(self) -> str:
        """What it concerns, in words."""
        return " on ".join(filter(None, (self.resource, self.node))) or "cluster"

    @property
    def is_property(self) -> bool:
        """Whether it is a property of the whole cluster."""
        return self.to_do.startswith("pcs property")

    def keeps_away(self, resource: str, node: str | None) -> bool:
        """Return whether it keeps a resource off a node, or where it is."""
        return self.resource in (None, resource) and self.node in (None, node)


def find(configuration: Configuration, status: ClusterStatus, guard: Resource) -> list[Obstacle]:
    """Return all obstacles for a guard and what it guards, those of the whole cluster first."""
    resources = [guard, *configuration.virtual_ips(guard)]
    bans = [ban for ban in status.bans if ban.name not in _own_rules(configuration, attribute_of(guard))]
    return [
        *_of_cluster(status),
        *_twice(status, [each.id for each in resources[1:]]),
        *_of_nodes(status),
        *_of_resources(status, resources, bans),
    ]


def _twice(status: ClusterStatus, addresses: list[str]) -> Iterator[Obstacle]:
    for name in addresses:
        nodes = status.where(name)
        if len(nodes) > 1:
            what = f"on {' and '.join(nodes)}: a partition, or a machine on which it could not be stopped"
            yield Obstacle(None, name, what, "repair the network, and switch off a machine that does not react")


def _own_rules(configuration: Configuration, attribute: str) -> set[str]:
    """Return the rules that keep an address off a node for what the guard says of it."""
    return {
        rule.get("id", "")
        for rule in configuration.cib.iter("rule")
        if any(expression.get("attribute") == attribute for expression in rule.iter("expression"))
    }


def _of_cluster(status: ClusterStatus) -> Iterator[Obstacle]:
    if status.dc is None:
        yield Obstacle(None, None, "no DC: the nodes elect the one that decides", "wait half a minute")
    elif not status.has_quorum and status.options.get("no-quorum-policy") != "ignore":
        yield Obstacle(None, None, "no quorum: Pacemaker starts nothing", chapter(NO_QUORUM))
    if status.is_on("maintenance-mode"):
        to_do = "pcs property set maintenance-mode=false"
        yield Obstacle(None, None, "maintenance-mode is on: Pacemaker moves nothing", to_do)
    if status.is_on("stop-all-resources"):
        to_do = "pcs property set stop-all-resources=false"
        yield Obstacle(None, None, "stop-all-resources is on: Pacemaker starts nothing", to_do)


def _of_nodes(status: ClusterStatus) -> Iterator[Obstacle]:
    for node, state in status.nodes.items():
        if state in OF_NODE:
            what, to_do = OF_NODE[state]
            yield Obstacle(node, None, what, to_do.format(node=node))


def _of_resources(status: ClusterStatus, resources: list[Resource], bans: list[Ban]) -> Iterator[Obstacle]:
    for resource in resources:
        name = resource.id
        if status.is_disabled(name):
            yield Obstacle(None, name, "disabled (target-role=Stopped)", f"pcs resource enable {name}")
        if status.is_unmanaged(name) and not status.is_on("maintenance-mode"):
            yield Obstacle(
                None, name, "unmanaged: Pacemaker neither starts, stops nor moves it", f"pcs resource manage {name}"
            )
        for node in status.blocked_on(name):
            what = "blocked after a failed action: Pacemaker leaves it as it is"
            yield Obstacle(node, name, what, f"end its cause (failed actions), then pcs resource cleanup {name}")
        for node in status.failed_on(name):
            what = "failed there too often: Pacemaker does not start it there"
            yield Obstacle(node, name, what, f"end its cause (failed actions), then pcs resource cleanup {name}")
        for ban in bans:
            if ban.resource in resource.names:
                made_by_pcs = ban.name.startswith(MADE_BY_PCS)
                to_do = f"pcs resource clear {ban.resource}" if made_by_pcs else f"pcs constraint delete {ban.name}"
                yield Obstacle(ban.node, name, f"banned by the constraint {ban.name}", to_do)
