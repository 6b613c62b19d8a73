"""The rehearsal: every fault on every node that can hold a virtual IP, what Pacemaker would do, and whether it is right."""

from __future__ import annotations

import copy
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from galera_sync_guard.cli.cib.model import Configuration, Resource, attribute_of
from galera_sync_guard.cli.cib.values import is_true
from galera_sync_guard.cli.exit_codes import CommandError
from galera_sync_guard.cli.host import Host
from galera_sync_guard.cli.rehearsal import names, stage
from galera_sync_guard.cli.rehearsal.faults import (
    FAULTS,
    GUARD_RETURNS,
    MOVES,
    NOWHERE,
    RECOVERS,
    STARTS,
    STAYS,
    Fault,
    Scene,
)
from galera_sync_guard.cli.rehearsal.scheduler import SIMULATE_TIMEOUT, Plan, Scheduler


@dataclass(frozen=True, slots=True)
class Result:
    """What becomes of one virtual IP after one fault while one node holds it."""

    vip: str
    fault: str
    title: str
    holder: str | None  # None for the first start
    goes_to: list[str]
    starts: int
    stopped: list[str]  # other resources that are stopped on the way
    expected: str
    is_right: bool
    scores: dict[str, str]  # by which Pacemaker placed it, when it is not right


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """All results of one guard."""

    guard: str
    holders: list[str]  # the nodes that may hold its virtual IPs
    never: dict[str, list[str]]  # virtual IP -> nodes that run the guard and may never hold it
    results: list[Result]

    def holders_of(self, vip: str) -> list[str]:
        """Return the nodes that can hold one virtual IP."""
        return list(dict.fromkeys(each.holder for each in self.results if each.vip == vip and each.holder))

    @property
    def wrong(self) -> list[Result]:
        """Those that differ from what should happen."""
        return [result for result in self.results if not result.is_right]


# What a person is told to wait for.
REHEARSAL = f"Pacemaker's scheduler, which plays every fault on every node, at most {SIMULATE_TIMEOUT:g} s for each"


def rehearse_all(host: Host, configuration: Configuration) -> list[Rehearsal]:
    """Return a rehearsal of each guard."""
    return [rehearse(host, configuration, guard) for guard in configuration.guards]


def rehearse(host: Host, configuration: Configuration, guard: Resource) -> Rehearsal:
    """Return what Pacemaker would do with each virtual IP of a guard; CommandError when the scheduler gives no answer."""
    if len(stage.nodes(configuration)) < 2:
        raise CommandError("the configuration names fewer than two nodes: there is nowhere to move")
    with (
        tempfile.TemporaryDirectory(prefix="galera-sync-guard-") as directory,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        is_fatal = is_true(configuration.properties.get("start-failure-is-fatal", "true"))
        scheduler = Scheduler(host, directory, is_fatal)
        prepared = Configuration(scheduler.prepared(_of_interest(configuration, guard)))
        found = prepared.resource(guard.id)
        assert found is not None, f"{guard.id} is gone"
        return _Director(scheduler, pool, prepared, found).rehearsal()


def _of_interest(configuration: Configuration, guard: Resource) -> Element:
    ours = [guard, *configuration.virtual_ips(guard)]
    resets = [configuration.client_reset(vip) for vip in ours[1:]]
    return stage.pruned(configuration.cib, {name for each in (*ours, *filter(None, resets)) for name in each.names})


@dataclass(frozen=True, slots=True)
class _Director:
    """Stages every scene of one guard, and lets the scheduler play every fault in it."""

    scheduler: Scheduler
    pool: ThreadPoolExecutor
    configuration: Configuration
    guard: Resource

    def rehearsal(self) -> Rehearsal:
        results: list[Result] = []
        never: dict[str, list[str]] = {}
        holders: list[str] = []
        for vip in self.configuration.virtual_ips(self.guard):
            scenes, never[vip.id] = self._scenes(vip)
            holders += [scene.holder for scene in scenes if scene.holder not in holders]
            tasks = [(scene, fault) for fault in FAULTS for scene in scenes]
            results.append(self._first_start(vip))
            results += [each for each in self.pool.map(lambda task: self._result(*task), tasks) if each]
        return Rehearsal(self.guard.id, holders, never, results)

    def _scenes(self, vip: Resource) -> tuple[list[Scene], list[str]]:
        """Return a scene for each node that may hold a virtual IP, and the nodes that run a guard and may not."""
        gone = stage.unavailable(self.configuration)
        nodes = [node for node in stage.nodes(self.configuration) if node not in gone]
        scenes = [scene for scene in self.pool.map(lambda node: self._scene(vip, node), nodes) if scene]
        allowed = list(self.pool.map(self._is_allowed, scenes))
        never = [scene.holder for scene, is_allowed in zip(scenes, allowed, strict=True) if not is_allowed]
        may = [scene for scene, is_allowed in zip(scenes, allowed, strict=True) if is_allowed]
        return [replace(scene, others=[node for node in scene.others if node not in never]) for scene in may], never

    def _scene(self, vip: Resource, holder: str) -> Scene | None:
        """Return the cluster with a virtual IP on a node, None when the guard does not run there."""
        relaxed = stage.relaxed(self.configuration.cib, vip, self.guard, holder)
        plan, staged = self.scheduler.run_on(stage.empty(relaxed, attribute_of(self.guard)))
        runs_on = plan.status.where(self.guard.id)
        if plan.status.where(vip.id) != [holder] or holder not in runs_on:
            return None
        cib = stage.with_status(self.configuration.cib, staged)
        stage.drop_scores_without_guard(cib, self.guard, runs_on)
        gone = stage.unavailable(self.configuration)
        # In a ring, so that each node is another one's next.
        place = runs_on.index(holder)
        others = [node for node in (*runs_on[place + 1 :], *runs_on[:place]) if node not in gone]
        return Scene(self.configuration, cib, self.guard, vip, holder, others)

    def _is_allowed(self, scene: Scene) -> bool:
        """Return whether a virtual IP may be on its node when there is no other."""
        cib = copy.deepcopy(scene.cib)
        for node in scene.others:
            stage.set_standby(cib, node)
        plan = self.scheduler.run(cib)
        return plan.status.where(scene.vip.id) == [scene.holder]

    def _first_start(self, vip: Resource) -> Result:
        """Return what becomes of a virtual IP when the whole cluster starts."""
        plan = self.scheduler.run(stage.empty(self.configuration.cib, attribute_of(self.guard)))
        where = plan.status.where(vip.id)
        is_right = len(where) == 1 and where[0] in plan.status.where(self.guard.id)
        title = "the cluster starts"
        return Result(vip.id, names.START, title, None, where, plan.count(vip.id, "start"), [], STARTS, is_right, {})

    def _result(self, scene: Scene, fault: Fault) -> Result | None:
        situation = fault.make(scene)
        if situation is None:
            return None
        cib, event = situation
        plan = self.scheduler.run(cib, event)
        is_right = _is_right(fault.expected, scene, plan)
        return Result(
            scene.vip.id,
            fault.name,
            fault.title,
            scene.holder,
            plan.status.where(scene.vip.id),
            plan.count(scene.vip.id, "start"),
            _stopped(scene, plan),
            fault.expected,
            is_right,
            {} if is_right else self.scheduler.scores(cib, scene.vip.id),
        )


def _stopped(scene: Scene, plan: Plan) -> list[str]:
    """Return the resources besides the guard's own that are stopped on the way."""
    reset = scene.configuration.client_reset(scene.vip)
    own = {scene.vip.id, scene.guard.id, *([reset.id] if reset else ())}
    return sorted({action.resource for action in plan.actions if action.operation == "stop"} - own)


def _is_right(expected: str, scene: Scene, plan: Plan) -> bool:
    where = plan.status.where(scene.vip.id)
    starts, stops = plan.count(scene.vip.id, "start"), plan.count(scene.vip.id, "stop")
    if expected == STAYS:
        return where == [scene.holder] and starts == stops == 0
    if expected == MOVES:
        return len(where) == 1 and where[0] in scene.others and starts == 1
    if expected == RECOVERS:
        return len(where) == 1 and starts >= 1
    if expected == GUARD_RETURNS:
        return scene.holder in plan.status.where(scene.guard.id)
    assert expected == NOWHERE, expected
    return where == []
