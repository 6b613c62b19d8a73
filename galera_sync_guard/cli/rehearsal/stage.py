"""Makes the CIB of a healthy cluster in which one node holds a virtual IP, from a configuration alone; pure.

The real configuration may keep a virtual IP from a node, or keep Pacemaker from starting anything. So the history of a
healthy cluster comes from a relaxed copy of it, and is then put into the real one.
"""

from __future__ import annotations

import copy
from xml.etree.ElementTree import Element, SubElement

from galera_sync_guard.cli.cib.model import Configuration, Resource, attribute_of, places
from galera_sync_guard.cli.cib.values import is_true
from galera_sync_guard.decision.states import FIT, SCORES

RELAXED = {
    "maintenance-mode": "false",
    "stop-all-resources": "false",
    "stonith-enabled": "false",
    "no-quorum-policy": "ignore",
}
RENAMED = {"stonith-enabled": "fencing-enabled"}
# Meta attributes that keep Pacemaker from managing or starting a resource.
RESTRAINTS = ("is-managed", "maintenance", "target-role", "requires")
# Where the id of an element stands.
REFERENCES = ("id", "id-ref", "rsc", "with-rsc", "first", "then", "template")
UNAVAILABLE = ("standby", "maintenance")


def nodes(configuration: Configuration) -> list[str]:
    """Return the cluster's own nodes, without remote ones."""
    found = configuration.section.iterfind("nodes/node")
    return [node.get("uname", "") for node in found if node.get("type", "member") in ("member", "normal")]


def unavailable(configuration: Configuration) -> dict[str, str]:
    """Return the nodes that an administrator has taken out, with the attribute that says so."""
    found = {}
    for node in configuration.section.iterfind("nodes/node"):
        for pair in node.iterfind("instance_attributes/nvpair"):
            if pair.get("name") in UNAVAILABLE and is_true(pair.get("value")):
                found[node.get("uname", "")] = pair.get("name", "")
    return found


def empty(cib: Element, attribute: str) -> Element:
    """Return a CIB whose nodes are all up, have the score of a fit node, and run nothing yet."""
    staged = copy.deepcopy(cib)
    for status in staged.findall("status"):
        staged.remove(status)
    staged.set("have-quorum", "1")
    status = SubElement(staged, "status")
    for node in staged.iterfind("configuration/nodes/node"):
        if node.get("type", "member") in ("member", "normal"):
            status.append(node_state(node.get("id", ""), node.get("uname", "")))
            set_attribute(staged, node.get("uname", ""), attribute, str(SCORES[FIT]))
    first = status.find("node_state")
    if first is not None:
        staged.set("dc-uuid", first.get("id", ""))
    return staged


def pruned(cib: Element, ours: set[str]) -> Element:
    """Return a copy of a CIB without the resources that nothing ties to ours, and without its status.

    A resource that no constraint, tag or reference ties to another has no say in where that one goes. Fence devices
    and connections to remote nodes remain, and everything where nodes have a capacity.
    """
    copied = copy.deepcopy(cib)
    for status in copied.findall("status"):
        copied.remove(status)
    properties = Configuration(cib).properties
    if "stonith-watchdog-timeout" in properties and "have-watchdog" not in properties:
        # Pacemaker sets it where a watchdog is; a configuration in a file may lack it.
        _set_property(_section(copied), "have-watchdog", "true")
    if properties.get("placement-strategy", "default") != "default":
        return copied
    parts = [
        (holder, each)
        for path in ("resources", "constraints", "tags")
        for holder in copied.iterfind(f"configuration/{path}")
        for each in holder
    ]
    kept = ours | {name for _, each in parts if _is_for_all(each) for name in _ids(each)}
    left = [(holder, each, _ids(each)) for holder, each in parts if not _is_for_all(each)]
    while tied := [entry for entry in left if entry[2] & kept]:
        kept.update(*(ids for _, _, ids in tied))
        left = [entry for entry in left if entry not in tied]
    for holder, each, _ in left:
        holder.remove(each)
    return copied


def relaxed(cib: Element, vip: Resource, guard: Resource, holder: str) -> Element:
    """Return a copy of a CIB in which nothing but the guard's own place keeps a virtual IP from a node."""
    copied = copy.deepcopy(cib)
    section = _section(copied)
    for name, value in RELAXED.items():
        _set_property(section, name, value)
    for kind in ("meta_attributes", "instance_attributes"):
        for path in ("resources", "rsc_defaults", "nodes"):
            _drop_restraints(section, f"{path}//{kind}", (vip, guard))
    constraints = section.find("constraints")
    assert constraints is not None, "a CIB without constraints"
    for item in list(constraints):
        if item.tag == "rsc_location" and places(item, vip):
            constraints.remove(item)
    for node in nodes(Configuration(copied)):
        score = "INFINITY" if node == holder else "-INFINITY"
        SubElement(constraints, "rsc_location", id=f"stage-{node}", rsc=vip.outermost, node=node, score=score)
    return copied


def with_status(cib: Element, staged: Element) -> Element:
    """Return a copy of a CIB with the status of another."""
    copied = copy.deepcopy(cib)
    for status in copied.findall("status"):
        copied.remove(status)
    for name in ("have-quorum", "dc-uuid"):
        copied.set(name, staged.get(name, ""))
    copied.extend(copy.deepcopy(status) for status in staged.iterfind("status"))
    return copied


def node_state(identifier: str, name: str) -> Element:
    """Return the status of a node that is up and runs nothing."""
    states = {"in_ccm": "true", "crmd": "online", "join": "member", "expected": "member"}
    return Element("node_state", {"id": identifier, "uname": name, "crm-debug-origin": "rehearsal", **states})


def state_of(cib: Element, node: str) -> Element:
    """Return a node's part of the status."""
    found = cib.find(f"status/node_state[@uname='{node}']")
    assert found is not None, f"no status of {node}"
    return found


def set_attribute(cib: Element, node: str, name: str, value: str | None) -> None:
    """Give a node a transient attribute, or take it away with None."""
    state = state_of(cib, node)
    identifier = state.get("id", "")
    transient = state.find("transient_attributes")
    if transient is None:
        transient = SubElement(state, "transient_attributes", id=identifier)
    attributes = transient.find("instance_attributes")
    if attributes is None:
        attributes = SubElement(transient, "instance_attributes", id=f"status-{identifier}")
    for pair in attributes.findall(f"nvpair[@name='{name}']"):
        attributes.remove(pair)
    if value is not None:
        SubElement(attributes, "nvpair", id=f"status-{identifier}-{name}", name=name, value=value)


def set_standby(cib: Element, node: str) -> None:
    """Put a node in standby."""
    element = cib.find(f"configuration/nodes/node[@uname='{node}']")
    assert element is not None, f"no node {node}"
    attributes = SubElement(element, "instance_attributes", id=f"stage-{node}")
    SubElement(attributes, "nvpair", id=f"stage-{node}-standby", name="standby", value="on")


def set_alone(cib: Element, node: str) -> None:
    """Let a node see no other one, and have no quorum."""
    cib.set("have-quorum", "0")
    for state in cib.iterfind("status/node_state"):
        if state.get("uname") != node:
            state.attrib.update({"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "down"})
            for child in list(state):
                state.remove(child)


def drop_scores_without_guard(cib: Element, guard: Resource, runs_on: list[str]) -> None:
    """Take the score from nodes on which no guard publishes one."""
    for state in cib.iterfind("status/node_state"):
        if state.get("uname", "") not in runs_on:
            set_attribute(cib, state.get("uname", ""), attribute_of(guard), None)


def _section(cib: Element) -> Element:
    found = cib.find("configuration")
    assert found is not None, "a CIB without a configuration"
    return found


def _is_for_all(part: Element) -> bool:
    """Return whether a resource or constraint may have a say about any resource."""
    is_service = any(each.get("class") == "stonith" or each.get("type") == "remote" for each in part.iter())
    return is_service or "rsc-pattern" in part.attrib


def _ids(element: Element) -> set[str]:
    """Return all ids in an element: its own and those of others to which it refers."""
    return {each.get(name, "") for each in element.iter() for name in REFERENCES} - {""}


def _set_property(section: Element, name: str, value: str) -> None:
    for pair in section.findall("crm_config//nvpair"):
        if pair.get("name") in (name, RENAMED.get(name)):
            pair.set("value", value)
    crm_config = section.find("crm_config")
    if crm_config is not None and section.find(f"crm_config//nvpair[@name='{name}']") is None:
        extra = SubElement(crm_config, "cluster_property_set", id=f"stage-{name}")
        SubElement(extra, "nvpair", id=f"stage-{name}-value", name=name, value=value)


def _drop_restraints(section: Element, path: str, resources: tuple[Resource, Resource]) -> None:
    """Remove what keeps Pacemaker from managing resources; of others a `target-role` remains."""
    ours = set().union(*(resource.names for resource in resources))
    parents = {child: parent for parent in section.iter() for child in parent}
    for attributes in section.findall(path):
        holder = parents[attributes]
        for pair in list(attributes):
            name = pair.get("name")
            is_role_of_others = name == "target-role" and holder.get("id") not in ours
            if name in (*RESTRAINTS, *UNAVAILABLE) and not is_role_of_others:
                attributes.remove(pair)
