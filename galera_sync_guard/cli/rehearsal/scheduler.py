"""Runs Pacemaker's scheduler on a CIB and reads its plan; the only module of the command that knows crm_simulate."""

from __future__ import annotations

import copy
import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from galera_sync_guard.cli.cib import tools
from galera_sync_guard.cli.cib.crm_mon import ClusterStatus
from galera_sync_guard.cli.exit_codes import CommandError
from galera_sync_guard.cli.host import Host

# An event takes two or three transitions until nothing is left to do; more than this would be a loop.
MOST_TRANSITIONS = 5
SIMULATE_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Event:
    """What happens to the cluster, as crm_simulate takes it."""

    injected: tuple[str, ...] = ()  # results of operations that Pacemaker sees first
    failing: tuple[str, ...] = ()  # operations that fail when they are carried out
    lost: str | None = None  # a node that fails
    later: str | None = None  # a moment at which Pacemaker looks again, when nothing was left to do


NOTHING = Event()


@dataclass(frozen=True, slots=True)
class Action:
    """One start or stop that Pacemaker carried out."""

    resource: str  # without the number of a clone's instance
    operation: str
    node: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What Pacemaker did until nothing was left to do, and the cluster after it."""

    actions: list[Action]
    status: ClusterStatus

    def count(self, resource: str, operation: str) -> int:
        """Return how often an operation of a resource was carried out."""
        return sum(action.resource == resource and action.operation == operation for action in self.actions)


@dataclass(frozen=True, slots=True)
class Scheduler:
    """Lets crm_simulate work on files in one directory."""

    host: Host
    directory: str
    start_failure_is_fatal: bool = True
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def prepared(self, cib: Element) -> Element:
        """Return a CIB as the scheduler reads it, validated once and not again: that takes most of its time.

        The scheduler of a newer Pacemaker changes the configuration to its own schema. Where it does not accept a CIB
        without a schema, the CIB keeps the one that it has.
        """
        path = self._write(cib)
        self._simulate(path, ())
        validated = tools.parsed(self._read(path), "crm_simulate's output")
        unchecked = copy.deepcopy(validated)
        unchecked.set("validate-with", "none")
        try:
            self._simulate(self._write(unchecked), ())
        except CommandError:
            return validated
        return unchecked

    def run(self, cib: Element, event: Event = NOTHING) -> Plan:
        """Return what Pacemaker would do until nothing is left to do."""
        return self._run(self._write(cib), event)

    def run_on(self, cib: Element) -> tuple[Plan, Element]:
        """Return what Pacemaker would do until nothing is left to do, and the CIB after it."""
        path = self._write(cib)
        plan = self._run(path, NOTHING)
        return plan, tools.parsed(self._read(path), "crm_simulate's output")

    def _run(self, path: str, event: Event) -> Plan:
        before = [f"--op-inject={operation}" for operation in event.injected]
        before += [f"--node-fail={event.lost}"] if event.lost else []
        if before:
            self._modify(path, before)
        always = [f"--op-fail={operation}" for operation in event.failing]
        actions, after = self._settle(path, always)
        if event.later:
            more, after = self._settle(path, [*always, f"--set-datetime={event.later}"])
            actions += more
        return Plan(actions, ClusterStatus(after))

    def scores(self, cib: Element, resource: str) -> dict[str, str]:
        """Return the scores by which Pacemaker places a resource, by node."""
        root = self._simulate(self._write(cib), ["--show-scores"])
        return {
            item.get("node", ""): item.get("score", "")
            for item in root.iter("node_weight")
            if item.get("id") == resource and item.get("function", "").endswith(("_assign", "_color", "_allocate"))
        }

    def _modify(self, path: str, options: Sequence[str]) -> None:
        """Change the CIB in the file as these options say, and carry nothing out.

        A step of its own, since the XML of Pacemaker 3.0.0 has no plan after a modification (tried).
        """
        command = ("crm_simulate", "--simulate", "--output-as=xml", f"--xml-file={path}", f"--save-input={path}")
        self.host.run(*command, *options, timeout=SIMULATE_TIMEOUT)

    def _settle(self, path: str, options: list[str]) -> tuple[list[Action], Element]:
        """Carry out transitions until nothing is left to do; return the actions and the cluster's status after them."""
        actions: list[Action] = []
        for _ in range(MOST_TRANSITIONS):
            root = self._simulate(path, options)
            done = _actions(root)
            actions += done
            if not done:
                break
            if self.start_failure_is_fatal and any("_start_0@" in option for option in options):
                self._ban_failed_starts(path)
        after = root.find("revised_cluster_status")
        return actions, root if after is None else after

    def _ban_failed_starts(self, path: str) -> None:
        """Let a start that failed ban its resource from the node, as Pacemaker's controller does (seen on 2.1.5).

        The crm_simulate of Pacemaker 3.0.0 does that itself, the one of 2.1.5 counts one failure.
        """
        cib = tools.parsed(self._read(path), "crm_simulate's output")
        for pair in cib.iterfind("status//transient_attributes//nvpair"):
            if pair.get("name", "").startswith("fail-count-") and pair.get("name", "").endswith("#start_0"):
                pair.set("value", "INFINITY")
        ElementTree.ElementTree(cib).write(path, encoding="utf-8")

    def _simulate(self, path: str, options: Sequence[str]) -> Element:
        """Carry out one transition, and leave the CIB after it in the file."""
        command = ("crm_simulate", "--simulate", "--output-as=xml", f"--xml-file={path}", f"--save-output={path}")
        done = self.host.run(*command, *options, timeout=SIMULATE_TIMEOUT)
        if done.returncode and "<revised_cluster_status>" not in done.stdout:
            lines = [line for line in (done.stderr.strip() or "no reason given").splitlines() if "rror" in line]
            raise CommandError(f"crm_simulate: {(lines or [done.stderr.strip()])[0]}")
        # With another exit code the plan has a step that waits for itself, as with a resource that is not managed.
        return tools.parsed(done.stdout, "crm_simulate")

    def _write(self, cib: Element) -> str:
        path = os.path.join(self.directory, f"{next(self._numbers)}.xml")
        ElementTree.ElementTree(cib).write(path, encoding="utf-8")
        return path

    def _read(self, path: str) -> str:
        with open(path, encoding="utf-8") as file:
            return file.read()


def _actions(root: Element) -> list[Action]:
    return [
        Action(item.get("resource", "").partition(":")[0], item.get("op", ""), item.get("node", ""))
        for item in root.iterfind("transition/rsc_action")
        if item.get("op") in ("start", "stop", "promote", "demote")
    ]
