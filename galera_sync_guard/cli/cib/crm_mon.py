"""The state of the cluster as crm_mon's XML has it, and the history of a resource from the CIB; pure."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from galera_sync_guard.cli.cib.values import score
from galera_sync_guard.decision.states import INFINITY

STARTED = ("Started", "Promoted", "Unpromoted", "Master", "Slave")
# A resource in this role has not left its node yet, or is not there yet.
STOPPING = "Stopping"
STARTING = "Starting"


@dataclass(frozen=True, slots=True)
class FailedAction:
    """One entry of crm_mon's failed actions."""

    node: str
    operation: str
    exit_code: int
    reason: str
    when: str


@dataclass(frozen=True, slots=True)
class Ban:
    """A location constraint that keeps a resource off a node."""

    name: str
    resource: str
    node: str


@dataclass(frozen=True, slots=True)
class Step:
    """One start or stop of a resource that succeeded."""

    when: int  # seconds since 1970
    node: str
    operation: str


class ClusterStatus:
    """Nodes, resources and failures as one node sees them."""

    def __init__(self, root: Element) -> None:
        dc = root.find("summary/current_dc")
        self.dc = dc.get("name") if dc is not None and dc.get("present") == "true" else None
        self.has_quorum = dc is not None and dc.get("with_quorum") == "true"
        options = root.find("summary/cluster_options")
        self.options = dict(options.attrib) if options is not None else {}
        self.nodes = {node.get("name", ""): _node_state(node) for node in root.iterfind("nodes/node")}
        self._instances = list(root.iterfind("resources//resource"))
        self.failures = [
            FailedAction(
                item.get("node", ""),
                item.get("op_key", item.get("id", "")),
                int(item.get("exitcode", "-1")),
                item.get("exitreason", ""),
                item.get("last-rc-change", ""),
            )
            for item in root.iterfind("failures/failure")
        ]
        self.bans = [
            Ban(item.get("id", ""), item.get("resource", ""), item.get("node", ""))
            for item in root.iterfind("bans/ban")
            if score(item.get("weight")) <= -INFINITY
        ]
        self._histories = [
            (node.get("name", ""), item)
            for node in root.iterfind("node_history/node")
            for item in node.iterfind("resource_history")
        ]

    def where(self, name: str) -> list[str]:
        """Return the nodes on which a resource is started, in order of their names."""
        return self._with_role(name, STARTED)

    def left_on(self, name: str) -> list[str]:
        """Return the nodes that a resource has not left yet: it is started, or is being stopped."""
        return self._with_role(name, (*STARTED, STOPPING))

    def arriving_on(self, name: str) -> list[str]:
        """Return the nodes on which a resource is being started."""
        return self._with_role(name, (STARTING,))

    def is_on(self, option: str) -> bool:
        """Return whether an option of the whole cluster is on."""
        return self.options.get(option) == "true"

    def is_disabled(self, name: str) -> bool:
        """Return whether the configuration says that a resource is not to run."""
        return any(instance.get("target_role") == "Stopped" for instance in self._of(name))

    def is_unmanaged(self, name: str) -> bool:
        """Return whether Pacemaker neither starts nor stops a resource, other than on a node in maintenance."""
        return any(
            instance.get("managed") == "false"
            and not any(self.nodes.get(node.get("name", "")) == "maintenance" for node in instance.iterfind("node"))
            for instance in self._of(name)
        )

    def blocked_on(self, name: str) -> list[str]:
        """Return the nodes on which Pacemaker has given a resource up and does not touch it."""
        return sorted(
            node.get("name", "")
            for instance in self._of(name)
            if instance.get("blocked") == "true"
            for node in instance.iterfind("node")
        )

    def failed_on(self, name: str) -> list[str]:
        """Return the nodes on which a resource has failed so often that Pacemaker does not start it there."""
        return sorted(
            node
            for node, item in self._histories
            if item.get("id", "").partition(":")[0] == name
            and score(item.get("fail-count")) >= score(item.get("migration-threshold"), INFINITY) > 0
        )

    def problems(self, name: str) -> list[str]:
        """Return crm_mon's words for what is wrong with a resource."""
        instances = list(self._of(name))
        words = [
            word
            for word in ("blocked", "failed", "orphaned")
            if any(instance.get(word) == "true" for instance in instances)
        ]
        return words + ["unmanaged"] * self.is_unmanaged(name)

    def _of(self, name: str) -> list[Element]:
        return [instance for instance in self._instances if instance.get("id", "").partition(":")[0] == name]

    def _with_role(self, name: str, roles: tuple[str, ...]) -> list[str]:
        return sorted(
            node.get("name", "")
            for instance in self._of(name)
            if instance.get("role") in roles
            for node in instance.iterfind("node")
        )


def history(cib: Element, name: str) -> list[Step]:
    """Return the last start or stop of a resource on each node, the oldest first: Pacemaker keeps no more."""
    steps = []
    for state in cib.iterfind("status/node_state"):
        for operation in state.iterfind(f"lrm/lrm_resources/lrm_resource[@id='{name}']/lrm_rsc_op"):
            task, when = operation.get("operation", ""), operation.get("last-rc-change", "")
            if task in ("start", "stop") and operation.get("rc-code") == "0" and when.isdigit():
                steps.append(Step(int(when), state.get("uname", ""), task))
    return sorted(steps, key=lambda step: (step.when, step.operation == "start"))


def known_since(cib: Element, name: str, nodes: list[str]) -> dict[str, float]:
    """Return since when the history of a resource is complete on each node, infinity where there is none.

    A node that joins is asked first whether the resource runs there, and loses what was known of it.
    """
    known = dict.fromkeys(nodes, float("inf"))
    for state in cib.iterfind("status/node_state"):
        operations = state.findall(f"lrm/lrm_resources/lrm_resource[@id='{name}']/lrm_rsc_op")
        times = [int(each.get("last-rc-change", "")) for each in operations if each.get("last-rc-change", "").isdigit()]
        if times:
            known[state.get("uname", "")] = min(times)
    return known


def _node_state(node: Element) -> str:
    if node.get("online") != "true":
        return "unclean" if node.get("unclean") == "true" else "offline"
    return next((flag for flag in ("pending", "standby", "maintenance") if node.get(flag) == "true"), "online")
