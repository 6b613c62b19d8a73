"""The parts of a CIB that matter for a guard and its virtual IP; pure, and reads nothing itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from galera_sync_guard.cli.cib.resolve import (
    configuration_section,
    inherited,
    operations_of,
    pairs,
    tags_by_id,
    with_new_names,
    without_references,
)
from galera_sync_guard.cli.cib.values import is_same_address, is_true, score, seconds
from galera_sync_guard.decision.states import INFINITY

GUARD_AGENT = "ocf:custom:galera_sync_guard"
RESET_AGENT = "ocf:custom:vip_client_reset"
ADDRESS_AGENTS = ("ocf:heartbeat:IPaddr2", "ocf:heartbeat:IPaddr")

# The names that the recipe uses, and the guard's without a cluster.
GUARD = "galera-guard"
VIRTUAL_IP = "VirtualIP"


@dataclass(frozen=True, slots=True)
class Resource:
    """One primitive, with all that it has from its template."""

    element: Element
    clone: Element | None
    group: Element | None
    agent: str
    template: str | None
    parameters: dict[str, str]
    meta: dict[str, str]  # its own, without those of its clone or group and without defaults
    operations: list[dict[str, str]]
    tags: frozenset[str] = field(default_factory=frozenset)

    @property
    def id(self) -> str:
        """Its own id."""
        return self.element.get("id", "")

    @property
    def outermost(self) -> str:
        """The id that constraints must name: that of the clone or group that contains it, or its own."""
        return next(outer.get("id", "") for outer in (self.clone, self.group, self.element) if outer is not None)

    @property
    def names(self) -> set[str]:
        """All ids by which a constraint can refer to it."""
        holders = {outer.get("id", "") for outer in (self.clone, self.group, self.element) if outer is not None}
        return holders | self.tags | ({self.template} if self.template else set())

    @property
    def address(self) -> str | None:
        """The IP address that it manages or serves."""
        return self.parameters.get("ip")

    def operation(self, name: str) -> dict[str, str]:
        """Return the attributes of its operation of that name, empty when there is none."""
        return next((op for op in self.operations if op.get("name") == name), {})

    def monitors(self) -> list[dict[str, str]]:
        """Return the recurring monitors that Pacemaker carries out while it is started."""
        return [
            op
            for op in self.operations
            if op.get("name") == "monitor"
            and seconds(op.get("interval"))
            and is_true(op.get("enabled", "true"))
            and op.get("role", "Started") != "Stopped"
        ]


@dataclass(frozen=True, slots=True)
class Rule:
    """One expression on a node attribute in a rule of a location constraint."""

    constraint: Element
    rule: Element
    operation: str

    @property
    def score(self) -> int:
        """The score that the rule gives to nodes for which it holds."""
        return score(self.rule.get("score"))


class Configuration:
    """A CIB's configuration section."""

    def __init__(self, cib: Element) -> None:
        self.cib = cib
        self.section = without_references(configuration_section(cib))
        self.constraints = list(self.section.find("constraints") or ())
        self.properties = with_new_names(pairs(self.section.find("crm_config"), "cluster_property_set"))
        self.resource_defaults = pairs(self.section.find("rsc_defaults"), "meta_attributes")
        self.operation_defaults = pairs(self.section.find("op_defaults"), "meta_attributes")
        self.node_names = [node.get("uname", "") for node in self.section.iterfind("nodes/node")]
        self._tags = tags_by_id(self.section)
        self.resources = list(self._resources(self.section.find("resources")))

    def resource(self, name: str) -> Resource | None:
        """Return the primitive of that id, None when there is none."""
        return next((resource for resource in self.resources if resource.id == name), None)

    @property
    def guards(self) -> list[Resource]:
        """All resources that are guards."""
        return [resource for resource in self.resources if resource.agent == GUARD_AGENT]

    @property
    def addresses(self) -> list[Resource]:
        """All resources whose agent is that of a virtual IP."""
        return [resource for resource in self.resources if resource.agent in ADDRESS_AGENTS]

    @property
    def has_fencing(self) -> bool:
        """Whether fencing is enabled."""
        return is_true(self.properties.get("stonith-enabled", "true"))

    @property
    def lacks_fence_device(self) -> bool:
        """Whether fencing is enabled and there is nothing to fence with: Pacemaker starts nothing then."""
        devices = any(resource.agent.startswith("stonith:") for resource in self.resources)
        watchdog = self.properties.get("stonith-watchdog-timeout", "")
        # A negative value means twice SBD_WATCHDOG_TIMEOUT.
        return self.has_fencing and not devices and not watchdog.startswith("-") and not seconds(watchdog)

    @property
    def quorum_policy(self) -> str:
        """What Pacemaker does without quorum."""
        return self.properties.get("no-quorum-policy", "stop")

    def virtual_ips(self, guard: Resource) -> list[Resource]:
        """Return what a guard guards: each resource that a rule places by its score, each address tied to it; else all.

        All means all addresses that are tied to no other guard.
        """
        bound = [resource for resource in self.resources if self._is_guarded(resource, guard)]
        others = [guard_ for guard_ in self.guards if guard_.id != guard.id]
        return bound or [vip for vip in self.addresses if not any(self._is_guarded(vip, other) for other in others)]

    def _is_guarded(self, resource: Resource, guard: Resource) -> bool:
        is_address = resource.agent in ADDRESS_AGENTS
        if any(True for _ in self.rules(resource, attribute_of(guard))):
            return is_address or (resource.agent not in (GUARD_AGENT, RESET_AGENT) and not self._has_address(resource))
        return is_address and (self.colocation(resource, guard) is not None or bool(self.orders(resource, guard)))

    def _has_address(self, resource: Resource) -> bool:
        """Return whether the group of a resource has an address for which the group's rules are."""
        return resource.group is not None and any(each.group is resource.group for each in self.addresses)

    def colocation(self, dependent: Resource, other: Resource) -> Element | None:
        """Return the constraint that keeps a resource with another, None when there is none."""
        return next(
            (
                item
                for item in self.constraints
                if item.tag == "rsc_colocation" and _ties(item, "rsc", "with-rsc", dependent, other)
            ),
            None,
        )

    def colocation_score(self, dependent: Resource, other: Resource) -> int:
        """Return the score by which a resource is kept with another, 0 when nothing does."""
        if dependent.group is not None and dependent.group is other.group:
            return INFINITY
        item = self.colocation(dependent, other)
        if item is None:
            return 0
        sets = item.findall("resource_set")
        return score((sets[0].get("score") if sets else None) or item.get("score"), INFINITY)

    def orders(self, later: Resource, first: Resource) -> list[Element]:
        """Return the constraints that let a resource start after another."""
        return [
            item for item in self.constraints if item.tag == "rsc_order" and _ties(item, "then", "first", later, first)
        ]

    def follows(self, later: Resource, first: Resource) -> bool:
        """Return whether a resource starts after another, by an order or by its place in their group."""
        if later.group is not None and later.group is first.group:
            members = [member.get("id") for member in later.group.iterfind("primitive")]
            return members.index(later.id) > members.index(first.id)
        return bool(self.orders(later, first))

    def rules(self, resource: Resource, attribute: str) -> Iterator[Rule]:
        """Yield each expression on that attribute in the rules of a resource."""
        for item in self.constraints:
            if item.tag == "rsc_location" and places(item, resource):
                for rule in item.iter("rule"):
                    for expression in rule.iterfind("expression"):
                        if attribute in (expression.get("attribute"), rule.get("score-attribute")):
                            yield Rule(item, rule, expression.get("operation", ""))

    def has_score_rule(self, vip: Resource, attribute: str) -> bool:
        """Return whether a rule lets a virtual IP follow the score."""
        rules = self.rules(vip, attribute)
        return any(each.rule.get("score-attribute") == attribute and each.operation == "defined" for each in rules)

    def has_not_defined_rule(self, vip: Resource, attribute: str) -> bool:
        """Return whether a rule keeps a virtual IP from nodes without a score."""
        rules = self.rules(vip, attribute)
        return any(each.score <= -INFINITY and each.operation == "not_defined" for each in rules)

    def client_reset(self, vip: Resource) -> Resource | None:
        """Return the vip_client_reset of a virtual IP, None when there is none."""
        agents = (resource for resource in self.resources if resource.agent == RESET_AGENT)
        return next((agent for agent in agents if is_same_address(agent.address, vip.address)), None)

    def meta(self, resource: Resource, name: str) -> str | None:
        """Return a meta attribute that holds for a resource: its own, its clone's or group's, or the default; or None."""
        for holder in (
            resource.meta,
            *(pairs(outer, "meta_attributes") for outer in (resource.clone, resource.group) if outer is not None),
            self.resource_defaults,
        ):
            if name in holder:
                return holder[name]
        return None

    def stickiness(self, resource: Resource) -> int:
        """Return the score that holds a resource on its node: in a group, that of all members together."""
        members = [resource.id]
        if resource.group is not None:
            members = [member.get("id", "") for member in resource.group.iterfind("primitive")]
        found = [each for each in map(self.resource, members) if each]
        return min(INFINITY, sum(score(self.meta(each, "resource-stickiness")) for each in found))

    def _resources(
        self, holder: Element | None, clone: Element | None = None, group: Element | None = None
    ) -> Iterator[Resource]:
        for child in holder if holder is not None else ():
            if child.tag == "primitive":
                yield self._resource(child, clone, group)
            elif child.tag in ("clone", "master"):
                yield from self._resources(child, clone=child)
            elif child.tag == "group":
                yield from self._resources(child, clone, group=child)

    def _resource(self, element: Element, clone: Element | None, group: Element | None) -> Resource:
        name = element.get("template")
        template = self.section.find(f"resources/template[@id='{name}']") if name else None
        sources = [element] if template is None else [element, template]
        kind = sources[-1]
        return Resource(
            element,
            clone,
            group,
            ":".join(filter(None, (kind.get("class"), kind.get("provider"), kind.get("type")))),
            name,
            inherited("instance_attributes", sources),
            inherited("meta_attributes", sources),
            operations_of(sources),
            frozenset(self._tags.get(element.get("id", ""), ())),
        )


def attribute_of(guard: Resource) -> str:
    """Return the node attribute that carries a guard's score."""
    return guard.parameters.get("attribute") or guard.id


def places(item: Element, resource: Resource) -> bool:
    """Return whether a location constraint is about a resource."""
    pattern = item.get("rsc-pattern")
    if pattern is not None:
        try:
            return any(re.search(pattern, name) for name in resource.names)
        except re.error:
            return False
    return item.get("rsc") in resource.names or bool(_members(item) & resource.names)


def _members(item: Element) -> set[str]:
    return {reference.get("id", "") for reference in item.iterfind("resource_set/resource_ref")}


def _ties(item: Element, one: str, other: str, resource: Resource, target: Resource) -> bool:
    """Return whether a constraint ties the two, written plainly or as resource sets."""
    if item.get(one) in resource.names and item.get(other) in target.names:
        return True
    members = _members(item)
    return bool(members & resource.names and members & target.names)
