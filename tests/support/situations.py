"""Situations of a cluster: the CIB of a real one, changed to what it would be, and what guards told."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from galera_sync_guard.cli.cib.recipe import GUARD, VIRTUAL_IP
from galera_sync_guard.cluster.moments import with_moments
from galera_sync_guard.decision.states import BAD, FIT, POOR, SCORES, STATES, UNFIT, UNKNOWN, score_text

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parents[1] / "contract" / "screens"
# When the recorded cluster was up, and when people look; seconds since 1970.
UP = 1795959937
NOW = UP + 600
NODES = ("node1", "node2", "node3")
KINDS = {state.name: state.kind for state in STATES}
REASONS = {state.name: state.reasons[0] for state in STATES if state.reasons}
# A server outside of any component has lost the others too.
PROPERTIES = ".//cluster_property_set"


class Situation:
    """A cluster with the address on node1, ten minutes after it came up."""

    def __init__(self) -> None:
        self.cib = ElementTree.parse(FOLDER / "cluster.xml").getroot()
        # What stands behind the name of each node.
        self.domain = ""
        # name of a private attribute -> node -> value
        self.told: dict[str, dict[str, str]] = {}
        for node in NODES:
            self.tell(node, "synced", UP)

    def write(self, directory: Path) -> dict[str, str]:
        """Write what the cluster's tools read; return the environment in which the command reads it."""
        public = {f"{GUARD}{suffix}": self._public(f"{GUARD}{suffix}") for suffix in ("", "-state")}
        for name, values in {**public, **self.told}.items():
            root = Element("pacemaker-result")
            for node, value in values.items():
                SubElement(root, "attribute", name=name, host=node, value=value)
            (directory / f"{name}.xml").write_text(self._named(root), encoding="utf-8")
        # At once, and last: some look while this writes.
        (directory / "cib.new").write_text(self._named(self.cib), encoding="utf-8")
        (directory / "cib.new").replace(directory / "cib.xml")
        tool = directory / "attrd_updater"
        tool.write_text(
            '#!/bin/sh\nwhile [ "$1" != --name ]; do shift; done\n'
            'file="${0%/*}/$2.xml"\n[ -e "$file" ] && exec /bin/cat "$file"\necho "<pacemaker-result/>"\n'
        )
        tool.chmod(0o755)
        return {"CIB_file": str(directory / "cib.xml"), "PATH": f"{directory}:/usr/sbin:/usr/bin", "COLUMNS": "80"}

    def _named(self, root: Element) -> str:
        return re.sub(r"\b(node[123])\b", rf"\1{self.domain}", ElementTree.tostring(root, "unicode"))

    # What a guard says of its node

    def tell(
        self, node: str, state: str, since: int = NOW - 60, reason: str = "", kind: str = "", has_fallen: bool = True
    ) -> None:
        """Let the guard of a node call it so since then."""
        kind = kind or KINDS[state]
        self._publish(node, GUARD, score_text(SCORES[kind]))
        self._publish(node, f"{GUARD}-state", state)
        name = "good" if kind not in BAD else kind if has_fallen else "bad"
        text = f"{since} 0.1.0 {state}: {with_moments(reason or REASONS[state], since, None)}"
        self.told.setdefault(f"{GUARD}-{name}", {})[node] = text

    def silence(self, node: str) -> None:
        """Let no guard run on a node: its public attributes and its resources are gone."""
        for item in self._state(node).iterfind("transient_attributes/instance_attributes"):
            for pair in [pair for pair in item if pair.get("name", "").startswith(GUARD)]:
                item.remove(pair)
        self.operate(node, GUARD, "stop", NOW - 60)

    def _public(self, name: str) -> dict[str, str]:
        return {
            node: pair.get("value", "")
            for node in NODES
            for pair in self._state(node).iter("nvpair")
            if pair.get("name") == name
        }

    def _publish(self, node: str, name: str, value: str) -> None:
        for pair in self._state(node).iter("nvpair"):
            if pair.get("name") == name:
                pair.set("value", value)

    # What Pacemaker has done

    def operate(self, node: str, resource: str, task: str, when: int) -> Element:
        """Let a resource's last operation on a node be this one; return it."""
        found = self._state(node).find(f".//lrm_resource[@id='{resource}']")
        assert found is not None
        operation = found.find("lrm_rsc_op")
        assert operation is not None
        found[:] = [operation]
        action, transition, _, graph = operation.get("transition-key", "").split(":")
        key = f"{action}:{transition}:0:{graph}"
        operation.attrib.update(
            {
                "id": f"{resource}_last_0",
                "operation_key": f"{resource}_{task}_0",
                "operation": task,
                "transition-key": key,
                "transition-magic": f"0:0;{key}",
                "rc-code": "0",
                "op-status": "0",
                "last-rc-change": str(when),
            }
        )
        return operation

    def move(self, source: str, target: str | None, when: int = NOW - 60) -> None:
        """Let the address have gone from one node to another, or nowhere."""
        self.operate(source, VIRTUAL_IP, "stop", when)
        if target:
            self.operate(target, VIRTUAL_IP, "start", when + 1)

    def lose(self, node: str) -> None:
        """Let a machine be off."""
        state = self._state(node)
        state.attrib.update({"in_ccm": "false", "crmd": "offline", "join": "down"})
        for attributes in state.findall("transient_attributes"):
            state.remove(attributes)

    def fail(self, node: str, resource: str, task: str, reason: str, count: str = "1") -> None:
        """Let an action have failed on a node, as often as the fail-count says, and have been stopped."""
        failed = copy.deepcopy(self.operate(node, resource, task, NOW - 60))
        failed.attrib.update({"id": f"{resource}_last_failure_0", "rc-code": "1", "exit-reason": reason})
        failed.set("transition-magic", f"0:1;{failed.get('transition-key')}")
        self.operate(node, resource, "stop", NOW - 59)
        found = self._state(node).find(f".//lrm_resource[@id='{resource}']")
        assert found is not None
        found.append(failed)
        (attributes,) = self._state(node).findall("transient_attributes/instance_attributes")
        name = f"fail-count-{resource}#{task}_0"
        SubElement(attributes, "nvpair", id=f"fail-{node}-{resource}", name=name, value=count)

    # What people have configured

    def set_property(self, name: str, value: str) -> None:
        found = self.cib.find(PROPERTIES)
        assert found is not None
        SubElement(found, "nvpair", id=f"property-{name}", name=name, value=value)

    def set_node(self, node: str, name: str) -> None:
        """Switch an attribute of a node on, such as standby."""
        (found,) = self.cib.findall(f".//nodes/node[@uname='{node}']")
        SubElement(
            SubElement(found, "instance_attributes", id=f"{node}-i"), "nvpair", id=f"{node}-n", name=name, value="on"
        )

    def set_meta(self, resource: str, name: str, value: str) -> None:
        (found,) = self.cib.findall(f".//primitive[@id='{resource}']/meta_attributes")
        SubElement(found, "nvpair", id=f"{resource}-meta-{name}", name=name, value=value)

    def set_parameter(self, name: str, value: str) -> None:
        (found,) = self.cib.findall(f".//primitive[@id='{GUARD}']/instance_attributes")
        SubElement(found, "nvpair", id=f"{GUARD}-parameter-{name}", name=name, value=value)

    def unset_parameter(self, name: str) -> None:
        (found,) = self.cib.findall(f".//primitive[@id='{GUARD}']/instance_attributes")
        for pair in found.findall(f"nvpair[@name='{name}']"):
            found.remove(pair)

    def ban(self, node: str, name: str, resource: str = VIRTUAL_IP) -> None:
        (found,) = self.cib.findall(".//constraints")
        SubElement(found, "rsc_location", id=name, rsc=resource, node=node, score="-INFINITY")

    def _state(self, node: str) -> Element:
        (found,) = self.cib.findall(f"status/node_state[@uname='{node}']")
        return found


SITUATIONS: dict[str, Callable[[Situation], None]] = {}


def situation(change: Callable[[Situation], None]) -> Callable[[Situation], None]:
    """Register a situation by the name of the function that brings it about."""
    SITUATIONS[change.__name__.replace("_", "-")] = change
    return change


def of_state(name: str) -> Callable[[Situation], None]:
    """Return the situation after node1, which had the address, came into a state."""

    def change(cluster: Situation) -> None:
        cluster.tell("node1", name)
        if KINDS[name] in (POOR, UNFIT):
            cluster.move("node1", "node2")

    return change


SITUATIONS.update({f"state-{name}": of_state(name) for name in KINDS})


@situation
def back_in_service_soon(cluster: Situation) -> None:
    cluster.tell("node1", "maintenance", NOW - 60)
    reason = f"still unfit, now synced, back in service at @{NOW + 2}"
    cluster.tell("node1", "maintenance", NOW - 60, reason, has_fallen=False)
    cluster.move("node1", "node2")


@situation
def all_nodes_are_donors(cluster: Situation) -> None:
    reason = f"wsrep_local_state=2 (Donor/Desynced) since @{NOW - 13}, ignored: no better node known"
    for node in NODES:
        cluster.tell(node, "donor", NOW - 12, reason, FIT)


@situation
def node_lost(cluster: Situation) -> None:
    cluster.operate("node2", VIRTUAL_IP, "start", NOW - 60)
    cluster.lose("node1")


@situation
def address_on_two_nodes(cluster: Situation) -> None:
    cluster.operate("node2", VIRTUAL_IP, "start", NOW - 60)


@situation
def moving(cluster: Situation) -> None:
    cluster.tell("node1", "read-only", NOW)
    operations = cluster.cib.find(f"status/node_state[@uname='node1']//lrm_resource[@id='{VIRTUAL_IP}']")
    assert operations is not None
    monitor = operations[1]
    pending = cluster.operate("node1", VIRTUAL_IP, "stop", NOW)
    pending.attrib.update({"rc-code": "193", "op-status": "-1", "call-id": "-1"})
    pending.set("transition-magic", f"-1:193;{pending.get('transition-key')}")
    operations.append(monitor)


@situation
def standby(cluster: Situation) -> None:
    cluster.set_node("node1", "standby")
    cluster.silence("node1")
    cluster.move("node1", "node2")


@situation
def node_maintenance(cluster: Situation) -> None:
    cluster.set_node("node2", "maintenance")


@situation
def maintenance_mode(cluster: Situation) -> None:
    cluster.set_property("maintenance-mode", "true")
    cluster.tell("node1", "down")


@situation
def stop_all_resources(cluster: Situation) -> None:
    cluster.set_property("stop-all-resources", "true")
    for node in NODES:
        cluster.silence(node)
    cluster.move("node1", None)


@situation
def ban_by_pcs(cluster: Situation) -> None:
    cluster.ban("node2", f"cli-ban-{VIRTUAL_IP}-on-node2")


@situation
def ban_by_a_constraint(cluster: Situation) -> None:
    cluster.ban("node3", "never-node3")


@situation
def address_disabled(cluster: Situation) -> None:
    cluster.set_meta(VIRTUAL_IP, "target-role", "Stopped")
    cluster.move("node1", None)


@situation
def address_unmanaged(cluster: Situation) -> None:
    cluster.set_meta(VIRTUAL_IP, "is-managed", "false")
    cluster.tell("node1", "hung")


@situation
def guard_disabled(cluster: Situation) -> None:
    cluster.set_meta(GUARD, "target-role", "Stopped")
    for node in NODES:
        cluster.silence(node)
    cluster.move("node1", None)


@situation
def address_failed(cluster: Situation) -> None:
    cluster.move("node1", "node2")
    cluster.fail("node1", VIRTUAL_IP, "start", "[findif] failed", "INFINITY")


@situation
def guard_failed(cluster: Situation) -> None:
    cluster.silence("node1")
    cluster.move("node1", "node2")
    cluster.fail("node1", GUARD, "start", "os_user galera_guard: there is no such user on this node", "INFINITY")


@situation
def parameter_not_allowed(cluster: Situation) -> None:
    cluster.set_parameter("probe_timeout", "abc")


@situation
def login_denied_everywhere(cluster: Situation) -> None:
    for node in NODES:
        cluster.tell(
            node, "unknown", NOW - 60, "error 1045: Access denied for user 'galera_guard'@'localhost'", UNKNOWN
        )


@situation
def option_file_missing(cluster: Situation) -> None:
    cluster.tell("node3", "unknown", NOW - 60, "defaults_file /etc/galera-sync-guard.cnf: No such file or directory")


@situation
def no_quorum(cluster: Situation) -> None:
    cluster.cib.set("have-quorum", "0")
    cluster.cib.set("dc-uuid", "1")
    cluster.tell("node1", "non-primary")
    cluster.silence("node1")
    cluster.move("node1", None)
    for node in ("node2", "node3"):
        cluster.lose(node)


@situation
def all_stopped(cluster: Situation) -> None:
    for node in NODES:
        cluster.tell(node, "down")
    cluster.move("node1", None)


@situation
def all_without_primary(cluster: Situation) -> None:
    for node in NODES:
        cluster.tell(node, "non-primary")
    cluster.move("node1", None)


@situation
def all_crashed_and_one_is_away(cluster: Situation) -> None:
    for node in NODES:
        cluster.tell(node, "down")
    cluster.move("node1", None)
    cluster.lose("node1")


@situation
def two_clusters(cluster: Situation) -> None:
    cluster.told[f"{GUARD}-settings"] = {
        node: f"wsrep_cluster_state_uuid=0a0b0c0d-ec11-11f1-9a2b-{0:012}; wsrep_cluster_size={size}"
        for node, size in (("node1", 2), ("node2", 2), ("node3", 1))
    }


@situation
def two_causes(cluster: Situation) -> None:
    cluster.set_node("node2", "standby")
    cluster.silence("node2")
    cluster.tell("node1", "down")
    cluster.move("node1", "node3")


@situation
def ban_of_the_guard(cluster: Situation) -> None:
    cluster.ban("node2", f"cli-ban-{GUARD}-clone-on-node2", f"{GUARD}-clone")
    cluster.silence("node2")


@situation
def maintenance_on_two_and_one_down(cluster: Situation) -> None:
    for node in ("node1", "node2"):
        cluster.tell(node, "maintenance")
    cluster.tell("node3", "down")
    cluster.move("node1", None)


@situation
def standby_on_two_and_one_down(cluster: Situation) -> None:
    for node in ("node1", "node2"):
        cluster.set_node(node, "standby")
        cluster.silence(node)
    cluster.tell("node3", "down")
    cluster.move("node1", None)


@situation
def one_without_primary_and_two_down(cluster: Situation) -> None:
    cluster.tell("node1", "non-primary")
    for node in ("node2", "node3"):
        cluster.tell(node, "down")
    cluster.move("node1", None)


def in_mode_fail(cluster: Situation, *nodes: str) -> None:
    """Let the guards of these nodes have failed, since they see no server."""
    cluster.set_parameter("mode", "fail")
    for node in nodes:
        cluster.tell(node, "down")
        cluster.silence(node)
        cluster.fail(node, GUARD, "monitor", f"down: {REASONS['down']}", "1")


@situation
def mode_fail_one_down(cluster: Situation) -> None:
    in_mode_fail(cluster, "node1")
    cluster.move("node1", "node2")


@situation
def mode_fail_all_down(cluster: Situation) -> None:
    in_mode_fail(cluster, *NODES)
    cluster.move("node1", None)


@situation
def address_nowhere_without_a_reason(cluster: Situation) -> None:
    cluster.move("node1", None)


@situation
def client_reset_failed(cluster: Situation) -> None:
    cluster.fail("node1", "vip-client-reset", "monitor", "the kernel cannot destroy sockets")


@situation
def long_names_and_a_fault_of_yesterday(cluster: Situation) -> None:
    cluster.domain = ".db.example.internal"
    cluster.tell("node1", "unknown", NOW - 86400)


@situation
def address_on_a_bad_node_without_a_reason(cluster: Situation) -> None:
    cluster.tell("node1", "read-only")
