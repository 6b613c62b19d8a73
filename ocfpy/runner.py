"""Run one action of an agent and turn whatever happens into an exit code: the only place that catches everything."""

from __future__ import annotations

import posix  # os without its part in Python (docs/dev/cost.md)

from ocfpy import codes
from ocfpy.agent import DESCRIPTIONS
from ocfpy.codes import Failure, ParameterError, describe
from ocfpy.deadline import Deadline, TimeIsUp
from ocfpy.invocation import Invocation
from ocfpy.report import Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn, ParamSpec, TextIO, TypeVar

    from ocfpy.agent import Action, Agent
    from ocfpy.parameters import Declared

    Given = ParamSpec("Given")
    Result = TypeVar("Result")

HELP = ("--help", "-h")


def run(agent: Agent[Declared], argv: Sequence[str], environ: Mapping[str, str], stdout: TextIO, stderr: TextIO) -> int:
    """Run the action that `argv` names and return its exit code; never raises and never exits.

    The default result is failure: a handler that returns anything but one of `ocfpy.codes`, or raises what
    none of its action's `rescues` turns into a code, ends as OCF_ERR_GENERIC with the place as exit reason and the
    traceback in syslog. Arguments after the action are ignored (OCF 1.1).
    """
    name = argv[1] if len(argv) > 1 else ""
    if name in DESCRIPTIONS or name in HELP:
        return _describe_agent(agent, name, stdout)
    if name in agent.programs:
        return agent.programs[name](argv)
    report = Report(agent.name, environ, stderr, agent.secrets(environ))
    invocation = Invocation(agent, name, environ, report, argv[0] if argv else None)
    action = agent.action(name, invocation.check_level, invocation.role)
    if action is None:
        report.exit_reason(f"unknown action {name}, known are: {' '.join(agent.action_names)}")
        return codes.OCF_ERR_UNIMPLEMENTED
    return _run_action(action, invocation)


def main(agent: Agent[Declared]) -> NoReturn:
    """Run the action of this process and end it: no thread that a library has left and no output can hold it up."""
    import os
    import sys

    code = run(agent, sys.argv, os.environ, sys.stdout, sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:
        pass  # no reader, or no room: the exit code still says what happened
    os._exit(code)


def guarded(
    report: Report, call: Callable[Given, Result], *arguments: Given.args, **options: Given.kwargs
) -> Result | BaseException:
    """Return what a call returned, or the error that it raised; trace every error but a Failure.

    An exit or an interrupt is an error too: sys.exit(0) in a handler is not a success. TimeIsUp passes, and so does the
    exit of a child that the call has forked.
    """
    process = posix.getpid()
    try:
        return call(*arguments, **options)
    except Failure as failure:
        return failure
    except (Exception, SystemExit, KeyboardInterrupt, GeneratorExit) as error:
        if isinstance(error, SystemExit) and posix.getpid() != process:
            raise
        import traceback

        report.trace(traceback.format_exc())
        return error


def _run_action(action: Action[Declared], invocation: Invocation[Declared]) -> int:
    outcome = _attempt(invocation, _perform, action, invocation)
    for rescue in action.rescues:
        if not isinstance(outcome, BaseException):
            break
        outcome = _attempt(invocation, rescue, invocation, outcome)
    if not isinstance(outcome, BaseException):
        return outcome
    return _fail(action, invocation, outcome)


def _attempt(
    invocation: Invocation[Declared], call: Callable[Given, int], *arguments: Given.args, **options: Given.kwargs
) -> int | BaseException:
    """Return the exit code that a call returned, or the error that ended it; after the deadline there is little time."""
    seconds = max(invocation.deadline.remaining(), invocation.margin / 2)
    try:
        with Deadline(seconds).limit(seconds):
            return guarded(invocation.report, lambda: _exit_code(invocation.action, call(*arguments, **options)))
    except TimeIsUp as late:
        return late


def _exit_code(action: str, result: object) -> int:
    if type(result) is int and result in codes.NAMES:
        return result
    raise TypeError(f"{action} returned {result!r}, which is not an exit code")


def _perform(action: Action[Declared], invocation: Invocation[Declared]) -> int:
    if action.validates:
        given = invocation.validate().given
        for old in invocation.agent.deprecated if action.name == "start" else ():
            if old.name in given:
                invocation.report.warning(f"parameter {old.name} is deprecated: use {old.replaced_by}")
    return action.handler(invocation)


def _fail(action: Action[Declared], invocation: Invocation[Declared], error: BaseException) -> int:
    """Report an error, and return the exit code for it."""
    if isinstance(error, ParameterError) and action.name == "stop" and not action.validates:
        # A resource cannot have been started with this value. A failed stop would block it, or fence the node.
        invocation.report.warning(f"stop: nothing to stop: {error.reason}")
        return codes.OCF_SUCCESS
    if isinstance(error, TimeIsUp) and not invocation.deadline.remaining():
        reason = f"{action.name}: not done within the operation's timeout of {invocation.timeout:g}s"
    else:
        reason = describe(error)
    code = error.code if isinstance(error, Failure) else codes.OCF_ERR_GENERIC
    if type(code) is not int or code not in codes.NAMES or code == codes.OCF_SUCCESS:
        reason += f" (internal error: {code!r} is not the exit code of a failure)"
        code = codes.OCF_ERR_GENERIC
    invocation.report.exit_reason(reason)
    return code


def _describe_agent(agent: Agent[Declared], name: str, stdout: TextIO) -> int:
    if name == "meta-data":
        from ocfpy.metadata import metadata

        text = metadata(agent)
    else:
        text = f"usage: {agent.name} {{{'|'.join(agent.action_names)}}}\n"
        if name in HELP:
            text += f"\n{agent.short}.\nParameters, in the environment as OCF_RESKEY_NAME:\n"
            text += "".join(f"  {parameter.name}: {parameter.short}\n" for parameter in agent.parameters)
    try:
        # In ASCII, whatever the locale can show.
        stdout.write(text.encode("ascii", "backslashreplace").decode("ascii"))
        stdout.flush()
    except OSError:
        return codes.OCF_ERR_GENERIC  # the reader has gone, or the disk is full
    return codes.OCF_SUCCESS
