"""The environment of the commands that this agent runs."""

import os

SEARCH_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def environment(invocation):
    """Return what a command of the system gets: nothing of the action's environment but where to look for it."""
    return {"PATH": invocation.environ.get("PATH", "") + os.pathsep + SEARCH_PATH}
