"""The checks of a resource's life: it starts, is promoted and stops, and its monitor tells the truth."""

from __future__ import annotations

import os
import select
import subprocess
import time

from ocfpy.testing.descriptions import metadata
from ocfpy.testing.expectations import (
    NOT_INSTALLED,
    NOT_RUNNING,
    RUNNING,
    RUNNING_PROMOTED,
    SETTLE,
    SUCCESS,
    UNIMPLEMENTED,
    CheckFailed,
    expect,
    expect_no_process,
    require,
    start,
    stop,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocfpy.testing.tested import TestedAgent

SIDE_BY_SIDE = 10
# Values that no parameter wants.
NONSENSE = ("nonsense \x7f", "-1", "/nonexistent/a b")
# What Pacemaker announces when a clone has started.
NOTICE = {"CRM_meta_notify_type": "post", "CRM_meta_notify_operation": "start"}


def starts_and_stops(agent: TestedAgent) -> None:
    """start and stop succeed when there is nothing to do, since Pacemaker repeats them; monitor tells the truth."""
    stop(agent)
    for _ in range(2):
        for _ in range(2):
            start(agent)
            for interval in (10, 0):
                expect(agent.run("monitor", interval=interval), *RUNNING)
        for _ in range(2):
            stop(agent)


def promotes_and_demotes(agent: TestedAgent) -> None:
    """promote and demote succeed when there is nothing to do, since Pacemaker repeats them; monitor tells the role."""
    names = {action.get("name", "") for action in metadata(agent).iter("action")} & {"promote", "demote"}
    if not names:
        return
    require(len(names) == 2, f"meta-data has {' '.join(names)} alone: a promotable clone needs promote and demote")
    start(agent)
    for action, code in [("demote", SUCCESS), ("promote", RUNNING_PROMOTED)] * 2 + [("demote", SUCCESS)]:
        for _ in range(2):
            expect(agent.run(action), SUCCESS)
            expect(agent.run("monitor", interval=10), code, moment=f"after {action}")
    stop(agent)


def takes_notices(agent: TestedAgent) -> None:
    """Pacemaker ignores the result of notify, so a failed one is a change that this instance has missed."""
    start(agent)
    expect(agent.run("notify", {**agent.parameters, **NOTICE}), SUCCESS, UNIMPLEMENTED)


def probes_without_a_trace(agent: TestedAgent) -> None:
    """Pacemaker probes every resource on every node: a probe must neither start nor change anything."""
    agent.run("stop")
    before = agent.state()
    expect(agent.run("monitor"), NOT_RUNNING)
    after = agent.state()
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    require(not changed, f"a probe has made, changed or deleted {', '.join(changed)}")
    expect_no_process(agent, "after a probe")
    # For agents in shell: the commands that they need are missing.
    without_commands = {**agent.environ("monitor"), "OCF_TESTER_FAIL_HAVE_BINARY": "1"}
    moment = "where its commands are not installed"
    expect(agent.run("monitor", environ=without_commands), NOT_RUNNING, NOT_INSTALLED, moment=moment)


def stops_whatever_the_values(agent: TestedAgent) -> None:
    """A failed stop blocks the resource or fences the node, though a wrong value has only kept it from starting."""
    expect(agent.run("stop"), SUCCESS, moment="a resource that never ran, with its own values")
    for name in [*agent.parameters, None]:
        for value in NONSENSE if name else ("",):
            given = {**agent.parameters, name: value} if name else {}
            result = agent.run("stop", given)
            what = f"with {name}={value!r}" if name else "without parameters"
            require(result.code == SUCCESS, f"a resource that never ran, {what}: {result}")


def lets_its_caller_go(agent: TestedAgent) -> None:
    """Pacemaker waits for the end of an action's output: a daemon that holds it makes start time out."""
    agent.run("stop")
    reader, writer = os.pipe()
    with open(reader, "rb"):
        process = agent.spawn("start", stdout=writer, stderr=writer, pass_fds=(writer,))
        os.close(writer)
        _wait(agent, process, "start")
        end = time.monotonic() + SETTLE
        while (left := end - time.monotonic()) > 0 and select.select([reader], [], [], left)[0]:
            if not os.read(reader, 1 << 16):
                return
        holders = "; ".join(agent.processes().values())
        raise CheckFailed(f"after start its output is still held open, perhaps by: {holders}")


def monitors_side_by_side(agent: TestedAgent) -> None:
    """Monitors of several depths, and of crm_resource, run at the same time."""
    start(agent)
    processes = [agent.spawn("monitor", interval=10) for _ in range(SIDE_BY_SIDE)]
    codes = [_wait(agent, process, "monitor") for process in processes]
    require(set(codes) <= set(RUNNING), f"{SIDE_BY_SIDE} monitors at the same time end with {codes}")


def gives_one_reason(agent: TestedAgent) -> None:
    """Pacemaker shows the last exit reason beside a failed action: without one, an administrator reads logs."""
    wrong = [(f"{name}={value!r}", {name: value}) for name in agent.parameters for value in NONSENSE]
    for what, change in [*wrong, ("no parameters", dict.fromkeys(agent.parameters, ""))]:
        given = {**agent.parameters, **change}
        result = agent.run("start", given)
        if result.code not in (SUCCESS, None):
            require(len(result.reasons) == 1, f"{what}: {len(result.reasons)} exit reasons; {result}")
        agent.run("stop", given)


def keeps_its_secrets(agent: TestedAgent) -> None:
    """What an action prints goes into logs that many may read."""
    for action in ("start", "monitor", "validate-all", "stop", "monitor"):
        agent.run(action)
    for name in agent.parameters:
        agent.run("start", {**agent.parameters, name: NONSENSE[0]})
    for secret in agent.secrets:
        require(not any(secret in output for output in agent.outputs), "an output has the value of a secret")


def _wait(agent: TestedAgent, process: subprocess.Popen[bytes], action: str) -> int:
    try:
        return process.wait(agent.timeout)
    except subprocess.TimeoutExpired:
        agent.kill(process)
        raise CheckFailed(f"{action} did not end within {agent.timeout:g}s") from None
