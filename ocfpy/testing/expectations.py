"""What all checks share: how a check fails, and the steps between which it looks."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocfpy.testing.tested import Result, TestedAgent

SUCCESS, UNIMPLEMENTED, NOT_INSTALLED, NOT_RUNNING, RUNNING_PROMOTED = 0, 3, 5, 7, 8
RUNNING = (SUCCESS, RUNNING_PROMOTED)
# How long what an action leaves behind may take to end, in seconds.
SETTLE = 5.0


class CheckFailed(AssertionError):
    """The agent does not keep a promise; the text says which action did what."""


def require(is_true: bool, message: str) -> None:
    """Raise CheckFailed unless something is true."""
    if not is_true:
        raise CheckFailed(message)


def expect(result: Result, *codes: int, moment: str = "") -> None:
    """Raise CheckFailed unless an action has ended with one of the codes."""
    when = f"{moment}: " if moment else ""
    require(result.code in codes, f"{when}{result}, must end with {' or '.join(map(str, codes))}")


def start(agent: TestedAgent) -> None:
    """Start the resource."""
    expect(agent.run("start"), SUCCESS)


def stop(agent: TestedAgent, moment: str = "") -> None:
    """Stop the resource, which then must not run and have no process."""
    expect(agent.run("stop"), SUCCESS, moment=moment)
    expect(agent.run("monitor"), NOT_RUNNING, moment=moment)
    expect_no_process(agent, moment or "after stop")


def prepare(agent: TestedAgent, action: str) -> None:
    """Bring the resource to where an action has something to do."""
    agent.run("stop")
    if action != "start":
        start(agent)


def expect_no_process(agent: TestedAgent, moment: str) -> None:
    """Raise CheckFailed if the agent has left a process behind that does not end soon."""
    end = time.monotonic() + SETTLE
    while (left := agent.processes()) and time.monotonic() < end:
        time.sleep(0.05)
    require(not left, f"{moment} a process is left: {'; '.join(left.values())}")
