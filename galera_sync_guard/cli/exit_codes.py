"""The exit codes that all subcommands share, and the one-line answer of a subcommand that cannot do its work."""

GOOD = 0
BAD = 1
USAGE = 2
UNKNOWN = 3
# After an interrupt by the user, as a shell reports it.
INTERRUPTED = 130

# Keep in step with the man page, which prints this.
MEANINGS = {
    GOOD: "all is well, or done",
    BAD: "looked, and something is wrong: the node is poor or unfit, the virtual IP is not up, check found an error or"
    " a risk, setup refuses or the virtual IP did not come up",
    USAGE: "the command line is wrong",
    UNKNOWN: "could not look or act: no cluster, no rights, a wrong login, a tool missing, an internal error",
    INTERRUPTED: "interrupted; status --watch ends with 0 then",
}


class Trouble(Exception):
    """End the command with one line for the user and an exit code."""

    def __init__(self, line, code=UNKNOWN):
        super().__init__(line)
        self.code = code
