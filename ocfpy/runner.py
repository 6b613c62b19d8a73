"""Run one action of an agent and turn whatever happens into an exit code: the only place that catches everything."""

from __future__ import annotations

from ocfpy import codes
from ocfpy.codes import Failure, describe
from ocfpy.deadline import TimeIsUp
from ocfpy.invocation import Invocation
from ocfpy.report import Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import ParamSpec, TextIO, TypeVar

    from ocfpy.agent import Action, Agent
    from ocfpy.parameters import Declared

    Given = ParamSpec("Given")
    Result = TypeVar("Result")

# Actions that need no environment, no files and no rights: they only describe the agent.
DESCRIPTIONS = ("meta-data", "usage")


def run(agent: Agent[Declared], argv: Sequence[str], environ: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Run the action that `argv` names and return its exit code; never raises and never exits.

    The default result is failure: a handler that returns anything but one of `ocfpy.codes`, or raises what
    none of its action's `rescues` turns into a code, ends as OCF_ERR_GENERIC with the place as exit reason and the
    traceback in syslog. Arguments after the action are ignored (OCF 1.1).
    """
    name = argv[1] if len(argv) > 1 else ""
    if name in DESCRIPTIONS:
        stdout.write(_metadata(agent) if name == "meta-data" else _usage(agent))
        return codes.OCF_SUCCESS
    if name in agent.programs:
        return agent.programs[name](argv)
    report = Report(agent.name, environ, stderr)
    action = agent.action(name)
    if action is None:
        report.exit_reason(f"unknown action {name}, known are: {' '.join(action_names(agent))}")
        return codes.OCF_ERR_UNIMPLEMENTED
    invocation = Invocation(agent, name, environ, report, argv[0])
    try:
        with invocation.deadline.limit(invocation.deadline.remaining()):
            return _run_action(action, invocation)
    except TimeIsUp:
        report.exit_reason(f"{name}: not done within the operation's timeout of {invocation.timeout:g}s")
        return codes.OCF_ERR_GENERIC


def action_names(agent: Agent[Declared]) -> list[str]:
    """Return the names of all actions that the agent answers to, in the order of the metadata."""
    return [action.name for action in agent.actions] + [*DESCRIPTIONS]


def guarded(
    report: Report, call: Callable[Given, Result], *arguments: Given.args, **options: Given.kwargs
) -> Result | Exception:
    """Return what a call returned, or the error that it raised; trace every error but a Failure."""
    try:
        return call(*arguments, **options)
    except Failure as failure:
        return failure
    except Exception as error:
        import traceback

        report.trace(traceback.format_exc())
        return error


def _run_action(action: Action[Declared], invocation: Invocation[Declared]) -> int:
    report, name = invocation.report, action.name
    outcome = guarded(report, _exit_code, name, _perform, action, invocation)
    for rescue in action.rescues:
        if not isinstance(outcome, Exception):
            break
        outcome = guarded(report, _exit_code, name, rescue, invocation, outcome)
    if not isinstance(outcome, Exception):
        return outcome
    report.exit_reason(describe(outcome))
    return outcome.code if isinstance(outcome, Failure) else codes.OCF_ERR_GENERIC


def _perform(action: Action[Declared], invocation: Invocation[Declared]) -> int:
    if action.validates:
        invocation.parameters  # noqa: B018  # raises for a value that is not allowed
    return action.handler(invocation)


def _exit_code(action: str, call: Callable[Given, object], *arguments: Given.args, **options: Given.kwargs) -> int:
    result = call(*arguments, **options)
    if type(result) is int and result in codes.NAMES:
        return result
    raise TypeError(f"{action} returned {result!r}, which is not an exit code")


def _metadata(agent: Agent[Declared]) -> str:
    from ocfpy.metadata import metadata

    return metadata(agent)


def _usage(agent: Agent[Declared]) -> str:
    return f"usage: {agent.name} {{{'|'.join(action_names(agent))}}}\n"
