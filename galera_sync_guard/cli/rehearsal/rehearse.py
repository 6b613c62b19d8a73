"""The rehearsal: every fault on every node that can hold a virtual IP, what Pacemaker would do, and whether it is right."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from galera_sync_guard.cli.cib.model import Configuration, Resource, attribute_of
from galera_sync_guard.cli.host import Host
from galera_sync_guard.cli.rehearsal import stage
from galera_sync_guard.cli.rehearsal.faults import FAULTS, MOVES, NOWHERE, STARTS, STAYS, Fault, Scene
from galera_sync_guard.cli.rehearsal.scheduler import Plan, Scheduler


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


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """All results of one guard."""

    guard: str
    holders: list[str]  # the nodes that can hold its virtual IPs
    results: list[Result]

    def holders_of(self, vip: str) -> list[str]:
        """Return the nodes that can hold one virtual IP."""
        return list(dict.fromkeys(each.holder for each in self.results if each.vip == vip and each.holder))

    @property
    def wrong(self) -> list[Result]:
        """Those that differ from what should happen."""
        return [result for result in self.results if not result.is_right]


def rehearse_all(host: Host, configuration: Configuration) -> list[Rehearsal]:
    """Return a rehearsal of each guard."""
    return [rehearse(host, configuration, guard) for guard in configuration.guards]


def rehearse(host: Host, configuration: Configuration, guard: Resource) -> Rehearsal:
    """Return what Pacemaker would do with each virtual IP of a guard; CommandError when the scheduler gives no answer."""
    vips = configuration.virtual_ips(guard)
    gone = stage.unavailable(configuration)
    places = [(vip, node) for vip in vips for node in stage.nodes(configuration) if node not in gone]
    with (
        tempfile.TemporaryDirectory(prefix="galera-sync-guard-") as directory,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        has_watchdog = configuration.properties.get("stonith-watchdog-timeout") is not None
        scheduler = Scheduler(host, directory, has_watchdog)
        scenes = pool.map(lambda place: _scene(scheduler, configuration, guard, *place), places)
        found = [scene for scene in scenes if scene]
        tasks = [(scene, fault) for fault in FAULTS for scene in found]
        results = list(pool.map(lambda vip: _first_start(scheduler, configuration, guard, vip), vips))
        results += [result for result in pool.map(lambda task: _result(scheduler, *task), tasks) if result]
    return Rehearsal(guard.id, list(dict.fromkeys(scene.holder for scene in found)), results)


def _scene(
    scheduler: Scheduler, configuration: Configuration, guard: Resource, vip: Resource, holder: str
) -> Scene | None:
    """Return the cluster with a virtual IP on a node, None when the guard cannot run there."""
    attribute = attribute_of(guard)
    plan, staged = scheduler.run(stage.empty(stage.relaxed(configuration.cib, vip, guard, holder), attribute))
    runs_on = plan.status.where(guard.id)
    if plan.status.where(vip.id) != [holder] or holder not in runs_on:
        return None
    cib = stage.with_status(configuration.cib, staged)
    stage.drop_scores_without_guard(cib, guard, runs_on)
    gone = stage.unavailable(configuration)
    others = [node for node in runs_on if node != holder and node not in gone]
    place = runs_on.index(holder)
    return Scene(configuration, cib, guard, vip, holder, sorted(others, key=lambda node: runs_on.index(node) < place))


def _first_start(scheduler: Scheduler, configuration: Configuration, guard: Resource, vip: Resource) -> Result:
    """Return what becomes of a virtual IP when the whole cluster starts."""
    plan, _ = scheduler.run(stage.empty(configuration.cib, attribute_of(guard)))
    where = plan.status.where(vip.id)
    is_right = len(where) == 1 and where[0] in plan.status.where(guard.id)
    return Result(vip.id, "start", "the cluster starts", None, where, plan.count(vip.id, "start"), [], STARTS, is_right)


def _result(scheduler: Scheduler, scene: Scene, fault: Fault) -> Result | None:
    situation = fault.make(scene)
    if situation is None:
        return None
    plan, _ = scheduler.run(*situation)
    where = plan.status.where(scene.vip.id)
    starts = plan.count(scene.vip.id, "start")
    own = {scene.vip.id, scene.guard.id}
    reset = scene.configuration.client_reset(scene.vip)
    own |= {reset.id} if reset else set()
    stopped = sorted({action.resource for action in plan.actions if action.operation == "stop"} - own)
    is_right = _is_right(fault.expected, scene, where, plan)
    return Result(scene.vip.id, fault.name, fault.title, scene.holder, where, starts, stopped, fault.expected, is_right)


def _is_right(expected: str, scene: Scene, where: list[str], plan: Plan) -> bool:
    starts, stops = plan.count(scene.vip.id, "start"), plan.count(scene.vip.id, "stop")
    if expected == STAYS:
        return where == [scene.holder] and starts == stops == 0
    if expected == MOVES:
        return len(where) == 1 and where[0] in scene.others and starts == 1
    assert expected == NOWHERE, expected
    return where == []
