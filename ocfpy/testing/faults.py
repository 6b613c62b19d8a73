"""The checks of what an agent does when it is killed, and when a command that it calls hangs."""

from __future__ import annotations

import time

from ocfpy.testing.expectations import RUNNING, expect, prepare, require, stop
from ocfpy.testing.stand_ins import INTERPRETERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess

    from ocfpy.testing.tested import TestedAgent

ACTIONS = ("start", "monitor", "stop")
# How often an action is killed, at moments spread over the time that it takes, and at calls spread over all its calls.
KILLS = 8
MOST_CALLS = 20
# The timeout of an action with a command that hangs, in seconds, or more if the action takes longer anyway.
HANG_TIMEOUT = 3.0


def survives_kills(agent: TestedAgent) -> None:
    """Pacemaker kills an action that is too late at any moment: the next stop must find and end what there is."""
    for action in ACTIONS:
        prepare(agent, action)
        seconds = agent.run(action).seconds
        for number in range(KILLS):
            prepare(agent, action)
            process = agent.spawn(action, interval=10)
            time.sleep(seconds * number / KILLS)
            _kill(agent, process, action, f"at {number / KILLS:.0%} of its time")


def survives_kills_at_commands(agent: TestedAgent) -> None:
    """What an agent does step by step, it does by commands: killed at each of them, it must be stopped again."""
    commands = agent.stand_ins()
    for action in ACTIONS:
        prepare(agent, action)
        commands.let_hang()
        agent.run(action, interval=10)
        calls = commands.calls()
        for number in range(0, len(calls), len(calls) // MOST_CALLS + 1):
            prepare(agent, action)
            commands.let_hang(call=number + 1)
            process = agent.spawn(action, interval=10)
            end = time.monotonic() + agent.timeout
            while not commands.has_hung() and process.poll() is None and time.monotonic() < end:
                time.sleep(0.005)
            commands.let_hang()
            _kill(agent, process, action, f"at its call {number + 1}, of {calls[number]}")


def ends_in_time(agent: TestedAgent) -> None:
    """An action that Pacemaker must kill gives no reason, and a stop that it kills blocks the resource or fences."""
    commands = agent.stand_ins()
    for action in ACTIONS:
        prepare(agent, action)
        commands.let_hang()
        seconds = agent.run(action, interval=10).seconds
        for name in sorted(set(commands.calls()) - INTERPRETERS):
            prepare(agent, action)
            commands.let_hang(name)
            timeout = max(HANG_TIMEOUT, 2 * seconds + 1)
            # A busy machine may need longer than the timeout. What waits for the command never ends.
            result = agent.run(action, interval=10, timeout=timeout, patience=timeout)
            commands.let_hang()
            require(result.code is not None, f"while {name} hangs, {result}")
            stop(agent, f"after {action} while {name} hung")


def _kill(agent: TestedAgent, process: subprocess.Popen[bytes], action: str, when: str) -> None:
    agent.kill(process)
    moment = f"after {action} was killed {when}"
    if action == "monitor":
        expect(agent.run("monitor", interval=10), *RUNNING, moment=moment)
    stop(agent, moment)
