"""Plans one change of a CIB: what setup would add, what --remove would take away, and what forbids it; pure."""

from __future__ import annotations

import copy
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from galera_sync_guard.cli.cib.model import (
    ADDRESS_AGENTS,
    GUARD,
    GUARD_AGENT,
    RESET_AGENT,
    VIRTUAL_IP,
    Configuration,
    Resource,
)
from galera_sync_guard.cli.cib.recipe import CLIENT_RESET, CLONE, MADE_BY_SETUP, Primitive, Recipe
from galera_sync_guard.cli.cib.values import is_same, is_same_address, seconds

PROPERTIES = "cib-bootstrap-options"


class Refusal(Exception):
    """The change would touch what setup did not make: says what, one line each."""

    def __init__(self, *lines: str) -> None:
        super().__init__("; ".join(lines))


def add(cib: Element, recipe: Recipe, properties: dict[str, str]) -> tuple[Element, list[str]]:
    """Return (new CIB, what was added, as lines); the same CIB and no lines when there is nothing to do.

    Raises Refusal for a resource that is in the way. What exists and is as in the recipe is left alone.
    """
    configuration = Configuration(cib)
    _refuse_others(configuration, recipe)
    new, added = copy.deepcopy(cib), []
    for name, element in recipe.resources().items():
        if configuration.resource(name) is None:
            _part(new, "resources").append(element)
            added.append(_label(element))
    completed = Configuration(new)
    for constraint in recipe.constraints():
        if not constraint.is_present(completed):
            named = _with_free_id(constraint.element, new)
            _part(new, "constraints").append(named)
            added.append(_label(named))
    for name, value in properties.items():
        if configuration.properties.get(name) != value:
            _set_property(_part(new, "crm_config"), name, value)
            added.append(f"property {name}={value}")
    return _next(cib, new) if added else cib, added


def remove(cib: Element) -> tuple[Element, list[str]]:
    """Return (new CIB, what was removed, as lines): the resources that setup made and all that binds them.

    A resource without the mark of setup stays, whatever its name. Raises Refusal when a resource of setup's is by now
    in a group or clone of others, or when constraints bind it to others.
    """
    configuration = Configuration(cib)
    named = filter(None, map(configuration.resource, (CLIENT_RESET, VIRTUAL_IP, GUARD)))
    ours = [resource for resource in named if resource.element.get("description") == MADE_BY_SETUP]
    names = set().union(*(resource.names for resource in ours)) if ours else set()
    refusals = [text for resource in ours for text in _foreign(resource)]
    taken = []
    for item in configuration.constraints:
        bound = _bound(item)
        if bound & names:
            taken.append(item)
            if bound - names:
                refusals.append(f"constraint {item.get('id')} binds {', '.join(sorted(bound - names))} too")
    new = copy.deepcopy(cib)
    for part, ids in (
        ("constraints", {item.get("id") for item in taken}),
        ("resources", {resource.outermost for resource in ours}),
    ):
        for element in list(_part(new, part)):
            if element.get("id") in ids:
                _part(new, part).remove(element)
    refusals += _dangling(new, cib)
    if refusals:
        raise Refusal(*refusals)
    removed = [_label(item) for item in taken]
    removed += [resource.outermost for resource in ours]
    return _next(cib, new) if removed else cib, removed


def wanted_properties(cib: Element) -> dict[str, str]:
    """Return the properties without which the recipe does not work, or works badly, with the value that it needs."""
    configuration = Configuration(cib)
    wanted = {}
    if configuration.lacks_fence_device:
        wanted["stonith-enabled"] = "false"
    if configuration.quorum_policy in ("ignore", "freeze"):
        wanted["no-quorum-policy"] = "stop"
    return wanted


def _part(cib: Element, name: str) -> Element:
    found = cib.find(f"configuration/{name}")
    assert found is not None, f"a CIB without {name}"
    return found


def _refuse_others(configuration: Configuration, recipe: Recipe) -> None:
    refusals: list[str] = []
    for wanted in (recipe.guard, recipe.vip, recipe.client_reset):
        found = configuration.resource(wanted.name) if wanted else None
        if found and wanted:
            refusals += _differences(found, wanted)
    for guard in configuration.guards:
        if guard.id != GUARD:
            refusals.append(f"there is another guard, {guard.id}")
    for vip in configuration.addresses:
        if vip.id != VIRTUAL_IP and is_same_address(vip.address, recipe.vip.parameters["ip"]):
            refusals.append(f"{vip.id} has the address {vip.address} already")
    for element in configuration.section.iterfind("resources//*"):
        if element.get("id") in recipe.resources() and element.tag != "primitive":
            refusals.append(f"{element.get('id')} is a {element.tag}")
    if refusals:
        raise Refusal(*refusals)


def _differences(found: Resource, wanted: Primitive) -> list[str]:
    """Return how a resource of that name is not the recipe's."""
    if found.agent != wanted.agent:
        return [f"{found.id} is {found.agent}, not {wanted.agent}"]
    different = []
    for what, is_there, should in (
        ("parameter", found.parameters, wanted.parameters),
        ("meta attribute", found.meta, wanted.meta),
    ):
        different += [
            f"{found.id} has the {what} {name}={is_there.get(name, '(none)')}, and setup would "
            + (f"give it {should[name]}" if name in should else "not set it")
            for name in sorted(is_there.keys() | should.keys())
            if not is_same(is_there.get(name), should.get(name))
        ]
    monitors = [
        (seconds(op.get("interval")), seconds(op.get("timeout")))
        for op in found.operations
        if op.get("name") == "monitor"
    ]
    if monitors != [(seconds(wanted.monitor["interval"]), seconds(wanted.monitor.get("timeout")))]:
        different.append(f"{found.id} has another monitor than setup would give it")
    on_fail = found.operation("stop").get("on-fail")
    if wanted.stop and on_fail != wanted.stop["on-fail"]:
        different.append(
            f"{found.id}'s stop has on-fail={on_fail or '(none)'}, and setup would give it {wanted.stop['on-fail']}"
        )
    if found.group is not None:
        different.append(f"{found.id} is in the group {found.group.get('id')}")
    if (found.clone is None) == (found.id == GUARD):
        different.append(f"{found.id} is {'not cloned' if found.clone is None else 'cloned'}")
    return different


def _dangling(new: Element, cib: Element) -> list[str]:
    """Return what refers to an element of the old CIB that the new one has not: the cluster would refuse that."""
    left = {element.get("id") for element in new.iter()}
    gone = {element.get("id") for element in cib.iter()} - left
    return [
        f"{element.tag if element.get('id') else f'a {element.tag} of'} {element.get('id') or holder.get('id')}"
        f" refers to {element.get(name)}"
        for holder in new.iter()
        for element in holder
        for name in ("id-ref", "reference")
        if element.get(name) in gone - {None}
    ]


def _foreign(resource: Resource) -> list[str]:
    agents = {GUARD: (GUARD_AGENT,), VIRTUAL_IP: ADDRESS_AGENTS, CLIENT_RESET: (RESET_AGENT,)}[resource.id]
    if resource.agent not in agents:
        return [f"{resource.id} is {resource.agent}, which setup did not make"]
    if resource.group is not None:
        return [f"{resource.id} is in the group {resource.group.get('id')}, which setup did not make"]
    if resource.id == GUARD and resource.outermost not in (CLONE, GUARD):
        return [f"{resource.id} is in the clone {resource.outermost}, which setup did not make"]
    return []


def _with_free_id(element: Element, new: Element) -> Element:
    """Return a constraint with an id that no other element has, as pcs finds one."""
    taken = {item.get("id") for item in new.iter()}
    name, number = element.get("id", ""), 1
    while name in taken:
        name, number = f"{element.get('id')}-{number}", number + 1
    return ElementTree.fromstring(
        ElementTree.tostring(element, "unicode").replace(f'id="{element.get("id")}', f'id="{name}')
    )


def _set_property(crm_config: Element, name: str, value: str) -> None:
    options = crm_config.find("cluster_property_set")
    if options is None:
        options = ElementTree.SubElement(crm_config, "cluster_property_set", id=PROPERTIES)
    pair = next((item for item in options if item.get("name") == name), None)
    if pair is None:
        pair = ElementTree.SubElement(options, "nvpair", id=f"{options.get('id')}-{name}", name=name)
    pair.set("value", value)


def _bound(item: Element) -> set[str]:
    """Return the ids of all resources that a constraint names."""
    named = {item.get(name) for name in ("rsc", "with-rsc", "first", "then")}
    named |= {reference.get("id") for reference in item.iter("resource_ref")}
    return {name for name in named if name}


def _label(element: Element) -> str:
    return f"{element.tag.removeprefix('rsc_')} {element.get('id')}"


def _next(cib: Element, new: Element) -> Element:
    """Give the new CIB the version after the old one's: Pacemaker takes the difference for exactly that one."""
    new.set("epoch", str(int(cib.get("epoch", "0")) + 1))
    new.set("num_updates", "0")
    return new


def without_status(cib: Element) -> Element:
    """Return a copy whose status is empty: what runs at the moment is not an error of the configuration."""
    plain = copy.deepcopy(cib)
    for status in plain.iterfind("status"):
        status.clear()
    return plain
