"""Every fault of a rehearsal: what happens, and what must become of the virtual IP; pure."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from galera_sync_guard.cli.cib.model import Configuration, Resource, attribute_of
from galera_sync_guard.cli.cib.values import seconds
from galera_sync_guard.cli.rehearsal import names, stage
from galera_sync_guard.cli.rehearsal.scheduler import NOTHING, Event
from galera_sync_guard.decision.states import POOR, SCORES, UNFIT, UNKNOWN, exit_code, score_text
from ocfpy.codes import OCF_ERR_GENERIC, OCF_NOT_RUNNING

# What must become of the virtual IP.
STAYS = "stays"  # on its node, without a restart
MOVES = "moves"  # to another node, in one move
NOWHERE = "nowhere"  # on no node
STARTS = "starts"  # on one node, from nothing
RECOVERS = "recovers"  # on one node, after a start
GUARD_RETURNS = "guard returns"  # the guard runs again on the node where it failed

SHOULD = {
    STAYS: "must stay",
    MOVES: "must move",
    NOWHERE: "must be on no node",
    STARTS: "must be on one node",
    RECOVERS: "must be restored",
    GUARD_RETURNS: "may return there",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """A healthy cluster in which one node holds a virtual IP."""

    configuration: Configuration
    cib: Element
    guard: Resource
    vip: Resource
    holder: str
    others: list[str]  # the other nodes that run a guard

    @property
    def mode(self) -> str:
        """The guard's mode."""
        return self.guard.parameters.get("mode", "fail")

    @property
    def everywhere(self) -> list[str]:
        """All nodes that run a guard."""
        return [self.holder, *self.others]


Situation = tuple[Element, Event]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that happens, and what must become of the virtual IP; `make` returns None where it cannot happen."""

    name: str
    title: str
    expected: str
    make: Callable[[Scene], Situation | None]


def _verdict(kind: str, where: Callable[[Scene], list[str]]) -> Callable[[Scene], Situation]:
    """Return what makes a situation: the guards on these nodes come to that kind of verdict."""
    return lambda scene: judged(scene, kind, where(scene))


def judged(scene: Scene, kind: str, nodes: list[str]) -> Situation:
    """Return the situation in which the guards on these nodes come to that kind of verdict."""
    cib = copy.deepcopy(scene.cib)
    injected: list[str] = []
    failing: list[str] = []
    for node in nodes:
        if scene.guard.monitors() or seconds(scene.guard.parameters.get("watch_interval")):
            stage.set_attribute(cib, node, attribute_of(scene.guard), score_text(SCORES[kind]))
        if exit_code("monitor", scene.mode, kind):
            injected += _failed_monitors(scene.guard, node)
        if exit_code("start", scene.mode, kind):
            failing.append(f"{scene.guard.id}_start_0@{node}=1")
    return cib, Event(tuple(injected), tuple(failing))


def _no_score(scene: Scene) -> Situation | None:
    if scene.mode != "score":
        return None
    cib = copy.deepcopy(scene.cib)
    stage.set_attribute(cib, scene.holder, attribute_of(scene.guard), None)
    return cib, NOTHING


def _all_poor(scene: Scene) -> Situation | None:
    """Return all nodes with the score of a poor one; in mode=fail no guard fails, since no other node is synced."""
    return judged(scene, POOR, scene.everywhere) if scene.mode == "score" else None


def _all_no_score(scene: Scene) -> Situation | None:
    if scene.mode != "score":
        return None
    cib = copy.deepcopy(scene.cib)
    for node in scene.everywhere:
        stage.set_attribute(cib, node, attribute_of(scene.guard), None)
    return cib, NOTHING


def _monitor_fails(scene: Scene) -> Situation:
    return scene.cib, Event(tuple(_failed_monitors(scene.guard, scene.holder)))


def _stop_fails(scene: Scene) -> Situation:
    event = Event(tuple(_failed_monitors(scene.guard, scene.holder)), (f"{scene.guard.id}_stop_0@{scene.holder}=1",))
    return scene.cib, event


def _failure_expires(scene: Scene) -> Situation | None:
    """Return a failure of the guard that is a day old: its failure-timeout has passed, if it has one."""
    injected = _failed_monitors(scene.guard, scene.holder)
    tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    return (scene.cib, Event(tuple(injected), later=tomorrow.isoformat(timespec="seconds"))) if injected else None


def _address_lost(scene: Scene) -> Situation:
    return scene.cib, Event(tuple(_failed_monitors(scene.vip, scene.holder, OCF_NOT_RUNNING)))


def _reset_monitor_fails(scene: Scene) -> Situation | None:
    reset = scene.configuration.client_reset(scene.vip)
    if reset is None:
        return None
    injected = tuple(_failed_monitors(reset, scene.holder))
    return scene.cib, Event(injected, (f"{reset.id}_start_0@{scene.holder}=1",) if injected else ())


def _reset_stop_fails(scene: Scene) -> Situation | None:
    reset = scene.configuration.client_reset(scene.vip)
    if reset is None:
        return None
    cib, event = judged(scene, UNFIT, [scene.holder])
    return cib, Event(event.injected, (*event.failing, f"{reset.id}_stop_0@{scene.holder}=1"))


def _standby(scene: Scene) -> Situation:
    cib = copy.deepcopy(scene.cib)
    stage.set_standby(cib, scene.holder)
    return cib, NOTHING


def _cut_off(scene: Scene) -> Situation:
    cib = copy.deepcopy(scene.cib)
    stage.set_alone(cib, scene.holder)
    return cib, NOTHING


def _other_fails(scene: Scene) -> Situation | None:
    if not scene.others:
        return None
    return scene.cib, Event(tuple(_failed_monitors(scene.guard, scene.others[0])))


def _other_lost(scene: Scene) -> Situation | None:
    return (scene.cib, Event(lost=scene.others[0])) if scene.others else None


def _other_returns(scene: Scene) -> Situation | None:
    if not scene.others:
        return None
    cib = copy.deepcopy(scene.cib)
    state = stage.state_of(cib, scene.others[0])
    for child in list(state):
        state.remove(child)
    return cib, NOTHING


def _failed_monitors(resource: Resource, node: str, code: int = OCF_ERR_GENERIC) -> list[str]:
    """Return the failure of a recurring monitor; none when Pacemaker would see none."""
    intervals = [seconds(op.get("interval")) or 0.0 for op in resource.monitors()]
    return [f"{resource.id}_monitor_{round(min(intervals) * 1000)}@{node}={code}"] if intervals else []


def _holder(scene: Scene) -> list[str]:
    return [scene.holder]


def _all(scene: Scene) -> list[str]:
    return scene.everywhere


def _another(scene: Scene) -> list[str]:
    return scene.others[:1]


FAULTS = (
    Fault(names.CALM, "nothing", STAYS, lambda scene: (scene.cib, NOTHING)),
    Fault(names.UNKNOWN, "its guard says unknown", STAYS, _verdict(UNKNOWN, _holder)),
    Fault(names.POOR, "its guard says poor", MOVES, _verdict(POOR, _holder)),
    Fault(names.UNFIT, "its guard says unfit", MOVES, _verdict(UNFIT, _holder)),
    Fault(names.NO_SCORE, "its score is gone", MOVES, _no_score),
    Fault(names.MONITOR_FAILS, "its guard's monitor fails", MOVES, _monitor_fails),
    Fault(names.STOP_FAILS, "its guard's monitor and stop fail", MOVES, _stop_fails),
    Fault(names.FAILURE_EXPIRES, "a day after its guard failed", GUARD_RETURNS, _failure_expires),
    Fault(names.ADDRESS_LOST, "the address vanishes", RECOVERS, _address_lost),
    Fault(names.RESET_MONITOR_FAILS, "vip_client_reset fails, and its restart too", STAYS, _reset_monitor_fails),
    Fault(names.RESET_STOP_FAILS, "unfit, and vip_client_reset's stop fails", MOVES, _reset_stop_fails),
    Fault(names.NODE_LOST, "the node is lost", MOVES, lambda scene: (scene.cib, Event(lost=scene.holder))),
    Fault(names.STANDBY, "the node is put in standby", MOVES, _standby),
    Fault(names.CUT_OFF, "the node is cut off from all others", NOWHERE, _cut_off),
    Fault(names.ALL_UNKNOWN, "all guards say unknown", STAYS, _verdict(UNKNOWN, _all)),
    Fault(names.ALL_POOR, "all guards say poor", STAYS, _all_poor),
    Fault(names.ALL_UNFIT, "all guards say unfit", NOWHERE, _verdict(UNFIT, _all)),
    Fault(names.ALL_NO_SCORE, "all scores are gone", NOWHERE, _all_no_score),
    Fault(names.OTHER_UNFIT, "another node's guard says unfit", STAYS, _verdict(UNFIT, _another)),
    Fault(names.OTHER_GUARD_FAILS, "another node's guard fails", STAYS, _other_fails),
    Fault(names.OTHER_LOST, "another node is lost", STAYS, _other_lost),
    Fault(names.OTHER_RETURNS, "another node comes back", STAYS, _other_returns),
)
