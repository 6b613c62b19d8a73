"""The checks: each is a promise of an agent to its cluster, with the reason why the cluster needs it."""

from __future__ import annotations

import os
import select
import subprocess
import time
from xml.etree import ElementTree

from ocfpy.testing.tested import TIMEOUT, TestedAgent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from ocfpy.testing.tested import Result

    Check: TypeAlias = Callable[[TestedAgent], None]

SUCCESS, UNIMPLEMENTED, NOT_RUNNING, RUNNING_PROMOTED = 0, 3, 7, 8
# How often an action is killed, at moments spread over the time that it takes.
KILLS = 8
SIDE_BY_SIDE = 10
# How long what an action leaves behind may take to end, in seconds.
SETTLE = 5.0
# Values that no parameter wants.
NONSENSE = ("nonsense \x7f", "-1", "/nonexistent/a b")
DTD = "/usr/share/resource-agents/ra-api-1.dtd"
SCHEMA = "/usr/share/pcs/data/ocf-1.1.rng"


class CheckFailed(AssertionError):
    """The agent does not keep a promise; the text says which action did what."""


def run_check(check: Check, agent: TestedAgent) -> None:
    """Run one check and leave nothing behind; raise CheckFailed."""
    try:
        check(agent)
    finally:
        agent.clean_up()


def describes_itself(agent: TestedAgent) -> None:
    """Tools ask for the metadata on hosts where nothing is configured: it needs no parameter and no state."""
    result = agent.run("meta-data", environ=agent.bare_environ())
    _expect(result, SUCCESS)
    try:
        root = ElementTree.fromstring(result.stdout)
    except ElementTree.ParseError as error:
        raise CheckFailed(f"meta-data is not XML: {error}") from None
    _require(root.get("name") == agent.name, f"meta-data names the agent {root.get('name')}, its file is {agent.name}")
    actions = {action.get("name"): action for action in root.iter("action")}
    for name in ("start", "stop", "monitor", "meta-data"):
        _require(name in actions, f"meta-data lacks the action {name}")
        _require(bool(actions[name].get("timeout")), f"meta-data lacks the timeout of {name}")
    for parameter in root.iter("parameter"):
        for text in ("shortdesc", "longdesc"):
            _require(bool(parameter.findtext(text)), f"meta-data lacks the {text} of {parameter.get('name')}")
    names = {parameter.get("name") for parameter in root.iter("parameter")}
    unknown = sorted(set(agent.parameters) - {str(name) for name in names})
    _require(not unknown, f"meta-data does not know the parameter {', '.join(unknown)}")


def has_valid_metadata(agent: TestedAgent) -> None:
    """crmsh, pcs and crm_resource read the metadata by the schema of OCF 1.1, ocf-tester by the DTD of OCF 1.0."""
    text = agent.run("meta-data").stdout
    for path, option in ((DTD, "--dtdvalid"), (SCHEMA, "--relaxng")):
        if not os.path.exists(path):
            continue
        done = subprocess.run(
            ["xmllint", "--nonet", "--noout", "--path", os.path.dirname(DTD), "--valid" if path == DTD else option]
            + ([] if path == DTD else [path])
            + ["-"],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        _require(done.returncode == 0, f"meta-data is not valid for {path}: {done.stderr.strip().splitlines()[:1]}")


def refuses_unknown_actions(agent: TestedAgent) -> None:
    """Pacemaker takes 3 for "this agent does not do that"; another code is a failure of the resource."""
    _expect(agent.run("no-such-action"), UNIMPLEMENTED)


def starts_and_stops(agent: TestedAgent) -> None:
    """start and stop succeed when there is nothing to do, since Pacemaker repeats them; monitor tells the truth."""
    _expect(agent.run("stop"), SUCCESS)
    _expect(agent.run("monitor"), NOT_RUNNING)
    for _ in range(2):
        _start(agent)
    _expect(agent.run("monitor", interval=10), SUCCESS, RUNNING_PROMOTED)
    for _ in range(2):
        _expect(agent.run("stop"), SUCCESS)
    _expect(agent.run("monitor"), NOT_RUNNING)
    _expect_no_process(agent)


def probes_without_a_trace(agent: TestedAgent) -> None:
    """Pacemaker probes every resource on every node: a probe must neither start nor change anything."""
    agent.run("stop")
    before = agent.state()
    _expect(agent.run("monitor"), NOT_RUNNING)
    changed = sorted(path for path in before.keys() ^ agent.state().keys())
    _require(not changed, f"a probe has made or deleted {', '.join(changed)}")
    _expect_no_process(agent)


def stops_whatever_the_values(agent: TestedAgent) -> None:
    """A failed stop blocks the resource or fences the node, though a wrong value has only kept it from starting."""
    for name in [*agent.parameters, None]:
        for value in NONSENSE if name else ("",):
            given = {**agent.parameters, name: value} if name else {}
            result = agent.run("stop", given)
            what = f"with {name}={value!r}" if name else "without parameters"
            _require(result.code == SUCCESS, f"a resource that never ran, {what}: {result}")


def survives_kills(agent: TestedAgent) -> None:
    """Pacemaker kills an action that is too late at any moment: the next stop must find and end what there is."""
    for action in ("start", "monitor", "stop"):
        seconds = _duration(agent, action)
        for number in range(KILLS):
            agent.run("stop")
            if action != "start":
                _start(agent)
            process = agent.spawn(action)
            time.sleep(seconds * number / KILLS)
            agent.kill(process)
            moment = f"after {action} was killed at {number / KILLS:.0%} of its time"
            if action == "monitor":
                result = agent.run("monitor", interval=10)
                _require(result.code in (SUCCESS, RUNNING_PROMOTED), f"{moment}: {result}")
            for name, code in (("stop", SUCCESS), ("monitor", NOT_RUNNING)):
                result = agent.run(name)
                _require(result.code == code, f"{moment}: {result}, must end with {code}")
            _expect_no_process(agent, moment)


def lets_its_caller_go(agent: TestedAgent) -> None:
    """Pacemaker waits for the end of an action's output: a daemon that holds it makes start time out."""
    agent.run("stop")
    reader, writer = os.pipe()
    with open(reader, "rb"):
        process = agent.spawn("start", stdout=writer, stderr=writer, pass_fds=(writer,))
        os.close(writer)
        _wait(process, "start")
        end = time.monotonic() + SETTLE
        while (left := end - time.monotonic()) > 0 and select.select([reader], [], [], left)[0]:
            if not os.read(reader, 1 << 16):
                return
        holders = "; ".join(agent.processes().values())
        raise CheckFailed(f"after start its output is still held open, perhaps by: {holders}")


def monitors_side_by_side(agent: TestedAgent) -> None:
    """Monitors of several depths, and of crm_resource, run at the same time."""
    _start(agent)
    processes = [agent.spawn("monitor", interval=10) for _ in range(SIDE_BY_SIDE)]
    codes = [_wait(process, "monitor") for process in processes]
    _require(set(codes) <= {SUCCESS, RUNNING_PROMOTED}, f"{SIDE_BY_SIDE} monitors at the same time end with {codes}")


def gives_one_reason(agent: TestedAgent) -> None:
    """Pacemaker shows the last exit reason beside a failed action: without one, an administrator reads logs."""
    for name in agent.parameters:
        for value in NONSENSE:
            result = agent.run("start", {**agent.parameters, name: value})
            if result.code not in (SUCCESS, None):
                _require(len(result.reasons) == 1, f"{name}={value!r}: {len(result.reasons)} exit reasons; {result}")
            agent.run("stop", {**agent.parameters, name: value})


def keeps_its_secrets(agent: TestedAgent) -> None:
    """What an action prints goes into logs that many may read."""
    for action in ("start", "monitor", "validate-all", "stop", "monitor"):
        agent.run(action)
    for name in agent.parameters:
        agent.run("start", {**agent.parameters, name: NONSENSE[0]})
    for secret in agent.secrets:
        _require(not any(secret in output for output in agent.outputs), "an output has the value of a secret")


CHECKS: tuple[Check, ...] = (
    describes_itself,
    has_valid_metadata,
    refuses_unknown_actions,
    starts_and_stops,
    probes_without_a_trace,
    stops_whatever_the_values,
    survives_kills,
    lets_its_caller_go,
    monitors_side_by_side,
    gives_one_reason,
    keeps_its_secrets,
)


def _require(is_true: bool, message: str) -> None:
    if not is_true:
        raise CheckFailed(message)


def _expect(result: Result, *codes: int) -> None:
    _require(result.code in codes, f"{result}, must end with {' or '.join(map(str, codes))}")


def _start(agent: TestedAgent) -> None:
    _expect(agent.run("start"), SUCCESS)


def _wait(process: subprocess.Popen[bytes], action: str) -> int:
    try:
        return process.wait(TIMEOUT)
    except subprocess.TimeoutExpired:
        raise CheckFailed(f"{action} did not end within {TIMEOUT:g}s") from None


def _duration(agent: TestedAgent, action: str) -> float:
    agent.run("stop")
    if action != "start":
        _start(agent)
    return agent.run(action).seconds


def _expect_no_process(agent: TestedAgent, moment: str = "after stop") -> None:
    end = time.monotonic() + SETTLE
    while (left := agent.processes()) and time.monotonic() < end:
        time.sleep(0.05)
    _require(not left, f"{moment} a process is left: {'; '.join(left.values())}")
