"""The exit codes that all subcommands share, and the one-line answer of a subcommand that cannot do its work."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the command exits with."""

    OK = 0
    PROBLEM = 1
    USAGE = 2
    NO_ANSWER = 3
    # After an interrupt by the user, as a shell reports it.
    INTERRUPTED = 130


# The man page prints this.
MEANINGS = {
    ExitCode.OK: "all is well, or done",
    ExitCode.PROBLEM: "the command found a problem: the node is poor or unfit, the virtual IP is not up, check found an"
    " error or a risk, setup refuses, or the virtual IP did not come up",
    ExitCode.USAGE: "the command line is wrong",
    ExitCode.NO_ANSWER: "the command could not look or act: no cluster, no rights, a wrong login, a missing tool, an"
    " internal error",
    ExitCode.INTERRUPTED: "interrupted; status --watch ends with 0 then",
}


class CommandError(Exception):
    """Ends the command with one line for the user and an exit code."""

    def __init__(self, line: str, code: ExitCode = ExitCode.NO_ANSWER) -> None:
        super().__init__(line)
        self.code = code
