"""Judges a configuration of the generator by crm_simulate alone: no module of the command has a say in it.

It starts the cluster, lets one node have the address, and plays what can happen to it.
"""

from __future__ import annotations

import copy
import datetime
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

GUARD, VIP, RESET = "galera-guard", "VirtualIP", "vip-client-reset"
FIT, UNKNOWN, POOR, UNFIT = "1000", "950", "10", "-INFINITY"
MUCH_LATER = f"--set-datetime={datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"
MOST_TRANSITIONS = 6

# What must become of an address.
STAYS = "stays"
MOVES = "moves to another node, once"
NOWHERE = "is on no node"
RESTORED = "is started again"
GUARDED = "its old node has a guard again"


class Cluster:
    """A cluster that only crm_simulate knows; each copy goes its own way."""

    def __init__(self, cib: Element) -> None:
        self.cib = copy.deepcopy(cib)
        self.nodes = [node.get("uname", "") for node in self.cib.iterfind("configuration/nodes/node")]
        self.is_fail = self.cib.find(".//nvpair[@name='mode'][@value='score']") is None
        fatal = self.cib.find(".//nvpair[@name='start-failure-is-fatal']")
        self.is_start_fatal = fatal is None or fatal.get("value") == "true"
        self.options: list[str] = []  # what fails from now on, and the time
        self.done: list[tuple[str, str]] = []
        self.resources: Element | None = None

    def copy(self) -> Cluster:
        """Return a cluster that is in the same state."""
        other = Cluster(self.cib)
        other.resources = self.resources
        return other

    def inject(self, *options: str) -> None:
        """Let something have happened."""
        self._simulate("--save-input", *options)

    def settle(self) -> Cluster:
        """Let Pacemaker act until it has nothing to do; `done` has the starts and stops."""
        for _ in range(MOST_TRANSITIONS):
            root = self._simulate("--save-output", *self.options)
            acted = [
                (each.get("op", ""), each.get("resource", "").split(":")[0])
                for each in root.iterfind("transition/rsc_action")
                if each.get("op") in ("start", "stop")
            ]
            self.done += acted
            self.resources = root.find("revised_cluster_status/resources")
            if not acted:
                break
            self._ban_where_a_start_failed()
        return self

    def where(self, resource: str) -> list[str]:
        """Return the nodes on which Pacemaker sees a resource."""
        assert self.resources is not None, "nothing was simulated"
        shown = [each for each in self.resources.iter("resource") if each.get("id", "").split(":")[0] == resource]
        return sorted({node.get("name", "") for each in shown for node in each.iterfind("node")})

    def set(self, node: str, name: str, value: str | None) -> None:
        """Set a transient attribute of a node, or delete it with None."""
        state = self.cib.find(f"status/node_state[@uname='{node}']")
        assert state is not None, node
        for path, tag in (("", "transient_attributes"), ("transient_attributes", "instance_attributes")):
            holder = state.find(path or ".")
            assert holder is not None, path
            if holder.find(tag) is None:
                ElementTree.SubElement(holder, tag, id=f"{node}-{tag}")
        attributes = state.find("transient_attributes/instance_attributes")
        assert attributes is not None, node
        for pair in attributes.findall(f"nvpair[@name='{name}']"):
            attributes.remove(pair)
        if value is not None:
            ElementTree.SubElement(attributes, "nvpair", id=f"{node}-{name}", name=name, value=value)

    def say(self, score: str, *nodes: str) -> None:
        """Let the guards on nodes come to a verdict."""
        for node in nodes:
            self.set(node, GUARD, score)
            if self.is_fail and score in (POOR, UNFIT):
                self.fail_monitor(GUARD, node)
            if self.is_fail and score == UNFIT:
                self.options.append(f"--op-fail={GUARD}_start_0@{node}=1")

    def fail_monitor(self, resource: str, node: str, code: int = 1) -> None:
        """Let the recurring monitor of a resource fail, where Pacemaker has it run."""
        history = self.cib.iterfind(f"status/node_state[@uname='{node}']//lrm_resource[@id='{resource}']/lrm_rsc_op")
        recurring = {each.get("interval") for each in history if each.get("operation") == "monitor"} - {"0"}
        for interval in recurring:
            self.inject(f"--op-inject={resource}_monitor_{interval}@{node}={code}")

    def _ban_where_a_start_failed(self) -> None:
        """Do what Pacemaker's controller does and the crm_simulate of Pacemaker 2.1.5 does not."""
        for pair in self.cib.iterfind("status//transient_attributes//nvpair") if self.is_start_fatal else ():
            if pair.get("name", "").startswith("fail-count-") and pair.get("name", "").endswith("#start_0"):
                pair.set("value", "INFINITY")

    def _simulate(self, save: str, *options: str) -> Element:
        with tempfile.TemporaryDirectory(prefix="judge-") as directory:
            path, saved = Path(directory, "cib.xml"), Path(directory, "saved.xml")
            path.write_bytes(ElementTree.tostring(self.cib))
            command = ["crm_simulate", "--simulate", "--output-as=xml", f"--xml-file={path}", f"{save}={saved}"]
            done = subprocess.run([*command, *options], capture_output=True, check=False)
            self.cib = ElementTree.parse(saved).getroot()
        return ElementTree.fromstring(done.stdout)


def judge(cib: Element, number: int) -> str:
    """Return the first thing that goes wrong with an address while a node has it, "" when nothing does.

    The number chooses the node, where that one may have it.
    """
    started = _started(cib)
    for vip in [VIP, *("vip2" for _ in cib.iterfind(".//primitive[@id='vip2']"))]:
        where = started.where(vip)
        if len(where) != 1 or where[0] not in started.where(GUARD):
            return f"{vip}, start: {where}"
        holder = started.nodes[number % len(started.nodes)]
        alone = _alone(started, holder)
        if alone.where(vip) != [holder]:
            holder = where[0]
            alone = _alone(started, holder)
        held = _all_back(alone, holder)
        if held.where(vip) != [holder]:
            return f"{vip}, the other nodes come back: from {holder} to {held.where(vip)}"
        for what, expected, play in PLAYS + ([] if started.is_fail else IN_MODE_SCORE):
            went = _play(held, vip, holder, expected, play)
            if went:
                return f"{vip} on {holder}, {what}: {went}"
    return ""


def _started(cib: Element) -> Cluster:
    """Return a cluster whose nodes are up and whose guards have found them fit."""
    cluster = Cluster(cib)
    cluster.inject("--quorum=1", *(f"--node-up={node}" for node in cluster.nodes))
    cluster.settle()
    cluster.cib.set("validate-with", "none")  # it has passed; a validation takes most of a simulation's time
    return _with_scores(cluster)


def _with_scores(cluster: Cluster) -> Cluster:
    for node in cluster.nodes:
        cluster.set(node, GUARD, FIT if node in cluster.where(GUARD) else None)
    return cluster.settle()


def _alone(started: Cluster, holder: str) -> Cluster:
    """Return the cluster with all other nodes in standby."""
    cluster = started.copy()
    for node in cluster.nodes:
        if node != holder:
            cluster.set(node, "standby", "on")
    return cluster.settle()


def _all_back(alone: Cluster, holder: str) -> Cluster:
    cluster = alone.copy()
    for node in cluster.nodes:
        cluster.set(node, "standby", None)
    return _with_scores(cluster.settle())


@dataclass(frozen=True)
class Stage:
    """A cluster in which a node has an address, and the other nodes that run a guard."""

    cluster: Cluster
    vip: str
    holder: str
    others: list[str]

    @property
    def all(self) -> list[str]:
        """All nodes that run a guard."""
        return [self.holder, *self.others]


Play = Callable[[Stage], None]


def _play(held: Cluster, vip: str, holder: str, expected: str, play: Play) -> str:
    """Return where an address goes when it is not what is expected, else ""."""
    others = [node for node in held.where(GUARD) if node != holder]
    stage = Stage(held.copy(), vip, holder, others)
    play(stage)
    cluster = stage.cluster.settle()
    where, steps = cluster.where(vip), [operation for operation, resource in cluster.done if resource == vip]
    is_right = {
        STAYS: where == [holder] and not steps,
        MOVES: len(where) == 1 and where[0] in others and steps.count("start") == 1,
        NOWHERE: not where,
        RESTORED: len(where) == 1 and "start" in steps,
        GUARDED: holder in cluster.where(GUARD),
    }[expected]
    return "" if is_right else f"{where} after {steps or 'no step'}"


def _no_scores(stage: Stage, nodes: list[str]) -> None:
    for node in nodes:
        stage.cluster.set(node, GUARD, None)


def _monitor_and_stop_fail(stage: Stage) -> None:
    stage.cluster.fail_monitor(GUARD, stage.holder)
    stage.cluster.options.append(f"--op-fail={GUARD}_stop_0@{stage.holder}=1")


def _reset_fails(stage: Stage) -> None:
    stage.cluster.fail_monitor(RESET, stage.holder)
    stage.cluster.options.append(f"--op-fail={RESET}_start_0@{stage.holder}=1")


def _unfit_and_reset_stop_fails(stage: Stage) -> None:
    stage.cluster.say(UNFIT, stage.holder)
    stage.cluster.options.append(f"--op-fail={RESET}_stop_0@{stage.holder}=1")


def _unfit_and_fit_again(stage: Stage) -> None:
    stage.cluster.say(UNFIT, stage.holder)
    stage.cluster.settle()
    stage.cluster.options[:] = [MUCH_LATER]
    stage.cluster.say(FIT, stage.holder)


def _monitor_fails_and_a_day_passes(stage: Stage) -> None:
    stage.cluster.fail_monitor(GUARD, stage.holder)
    stage.cluster.settle()
    stage.cluster.options.append(MUCH_LATER)


def _cut_off(stage: Stage) -> None:
    gone = [node for node in stage.cluster.nodes if node != stage.holder]
    stage.cluster.inject("--quorum=0", *(f"--node-fail={node}" for node in gone))


# (what happens, what must become of the address, how to play it)
PLAYS: list[tuple[str, str, Play]] = [
    ("unfit and fit again", MOVES, _unfit_and_fit_again),
    ("monitor fails", MOVES, lambda stage: stage.cluster.fail_monitor(GUARD, stage.holder)),
    ("poor", MOVES, lambda stage: stage.cluster.say(POOR, stage.holder)),
    ("address lost", RESTORED, lambda stage: stage.cluster.fail_monitor(stage.vip, stage.holder, 7)),
    ("a day after the monitor failed", GUARDED, _monitor_fails_and_a_day_passes),
    ("monitor and stop fail", MOVES, _monitor_and_stop_fail),
    ("unfit and vip_client_reset's stop fails", MOVES, _unfit_and_reset_stop_fails),
    ("vip_client_reset fails", STAYS, _reset_fails),
    ("unknown", STAYS, lambda stage: stage.cluster.say(UNKNOWN, stage.holder)),
    ("node lost", MOVES, lambda stage: stage.cluster.inject(f"--node-fail={stage.holder}")),
    ("standby", MOVES, lambda stage: stage.cluster.set(stage.holder, "standby", "on")),
    ("cut off", NOWHERE, _cut_off),
    ("all unknown", STAYS, lambda stage: stage.cluster.say(UNKNOWN, *stage.all)),
    ("all unfit", NOWHERE, lambda stage: stage.cluster.say(UNFIT, *stage.all)),
    ("another unfit", STAYS, lambda stage: stage.cluster.say(UNFIT, *stage.others[:1])),
    ("another lost", STAYS, lambda stage: stage.cluster.inject(*(f"--node-fail={node}" for node in stage.others[:1]))),
]
IN_MODE_SCORE: list[tuple[str, str, Play]] = [
    ("no score", MOVES, lambda stage: _no_scores(stage, [stage.holder])),
    ("all poor", STAYS, lambda stage: stage.cluster.say(POOR, *stage.all)),
    ("no score anywhere", NOWHERE, lambda stage: _no_scores(stage, stage.all)),
]
