"""Run one action of an agent and turn whatever happens into an exit code: the only place that catches everything."""

from ocfpy import codes
from ocfpy.codes import Failure, describe
from ocfpy.deadline import TimeIsUp
from ocfpy.invocation import Invocation
from ocfpy.report import Report


def run(agent, argv, environ, stdout, stderr):
    """Run the action that `argv` names and return its exit code; never raises and never exits.

    The default result is failure: a handler that returns anything but one of `ocfpy.codes`, or raises what
    none of its action's `rescues` turns into a code, ends as OCF_ERR_GENERIC with the place as exit reason and the
    traceback in syslog. Arguments after the action are ignored (OCF 1.1).
    """
    name = argv[1] if len(argv) > 1 else None
    if name in DESCRIPTIONS:
        stdout.write(DESCRIPTIONS[name](agent))
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


def action_names(agent):
    """Return the names of all actions that the agent answers to, in the order of the metadata."""
    return [action.name for action in agent.actions] + list(DESCRIPTIONS)


def _run_action(action, invocation):
    code, error = attempt(invocation, _perform, action, invocation)
    for rescue in action.rescues:
        if error is None:
            break
        code, error = attempt(invocation, rescue, invocation, error)
    if error is None:
        return code
    invocation.report.exit_reason(describe(error))
    return error.code if isinstance(error, Failure) else codes.OCF_ERR_GENERIC


def _perform(action, invocation):
    if action.validates:
        invocation.validate()
    return action.handler(invocation)


def attempt(invocation, call, *arguments):
    """Return (the exit code that a call returned, None), or (None, the error in its place); traces what was no Failure."""
    try:
        result = call(*arguments)
    except Failure as failure:
        return None, failure
    except Exception as error:
        import traceback

        invocation.report.trace(traceback.format_exc())
        return None, error
    if type(result) is int and result in codes.NAMES:
        return result, None
    return None, TypeError(f"{call.__name__} of {invocation.action} gave {result!r}, which is no exit code")


def _metadata(agent):
    from ocfpy.metadata import metadata

    return metadata(agent)


def _usage(agent):
    return f"usage: {agent.name} {{{'|'.join(action_names(agent))}}}\n"


# Actions that need no environment, no files and no rights: they only describe the agent.
DESCRIPTIONS = {"meta-data": _metadata, "usage": _usage}
