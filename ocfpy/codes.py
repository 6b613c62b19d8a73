"""The exit codes of the OCF resource agent API 1.1, as plain ints, and the exceptions that carry one."""

from __future__ import annotations

OCF_SUCCESS = 0
OCF_ERR_GENERIC = 1
OCF_ERR_ARGS = 2
OCF_ERR_UNIMPLEMENTED = 3
OCF_ERR_PERM = 4
OCF_ERR_INSTALLED = 5
OCF_ERR_CONFIGURED = 6
OCF_NOT_RUNNING = 7
OCF_RUNNING_PROMOTED = 8
OCF_FAILED_PROMOTED = 9
OCF_DEGRADED = 190
OCF_DEGRADED_PROMOTED = 191

NAMES = {code: name for name, code in list(globals().items()) if name.startswith("OCF_")}


class DeclarationError(Exception):
    """A declaration is wrong: the author of the agent must change it."""


class Failure(Exception):
    """End the action with an exit code and a one-line reason.

    `code` is one of `ocfpy.codes`; what Pacemaker does with it is the cluster consequence: 1 and 7 recover the
    resource, 2, 4 and 5 ban it from this node, 6 stops it on every node.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class ParameterError(Failure):
    """A parameter's value is not allowed: the parameter, its value (None when it is missing) and what is allowed."""

    def __init__(self, parameter: str, value: object, allowed: str, code: int = OCF_ERR_CONFIGURED) -> None:
        wrong = "" if value is None else f": {_shown(value)} is not allowed,"
        super().__init__(code, f"parameter {parameter}{wrong} must be {allowed}")
        self.parameter = parameter
        self.value = value
        self.allowed = allowed


def _shown(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


def describe(error: BaseException) -> str:
    """Return the one line that tells a user what happened: a Failure's reason, else what broke and where."""
    if isinstance(error, Failure):
        return error.reason
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    place = f" ({frame.tb_frame.f_code.co_filename.rpartition('/')[2]}:{frame.tb_lineno})" if frame else ""
    return f"internal error: {type(error).__name__}: {error}{place}"
