"""This machine as the command sees it: its tools, files and rights; knows neither Pacemaker nor MariaDB."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from typing import TextIO

from galera_sync_guard.cli.exit_codes import CommandError
from ocfpy.process import SEARCH_PATH

# The time limit of one tool, in seconds: a cluster daemon that hangs must not hang the command.
TOOL_TIMEOUT = 15.0

# Which package has a tool that may be missing.
PACKAGES = dict.fromkeys(
    ("attrd_updater", "cibadmin", "crm_diff", "crm_mon", "crm_node", "crm_simulate", "crm_verify"),
    " (package pacemaker-cli-utils)",
)


class Host:
    """Runs tools with a fixed environment and language, and has the user's `stdin` for answers.

    `root` stands in front of every path that is read, for tests.
    """

    def __init__(self, environ: Mapping[str, str], stdin: TextIO, root: str = "") -> None:
        self.environ = {**environ, "LC_ALL": "C.UTF-8", "PATH": environ.get("PATH", "") + os.pathsep + SEARCH_PATH}
        self.stdin = stdin
        self.root = root

    def run(
        self, *command: str, text: str | None = None, timeout: float = TOOL_TIMEOUT, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a tool and return its result, whatever its exit code; CommandError when it is missing or hangs."""
        try:
            return subprocess.run(
                command,
                env={**self.environ, **variables},
                input=text,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL if text is None else None,
                capture_output=True,
                check=False,
                timeout=timeout,
            )
        except FileNotFoundError:
            raise CommandError(f"{command[0]} is not installed on this node{PACKAGES.get(command[0], '')}") from None
        except subprocess.TimeoutExpired:
            raise CommandError(f"{command[0]} did not answer within {timeout:g} s") from None
        except OSError as error:
            raise CommandError(f"{command[0]}: {error.strerror}") from None

    def read(self, path: str) -> str | None:
        """Return a file's text, None when it does not exist or may not be read."""
        try:
            with open(self.root + path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return None

    def exists(self, path: str) -> bool:
        """Return whether there is such a file."""
        return os.path.exists(self.root + path)

    @property
    def is_root(self) -> bool:
        """Whether this process may do everything on this machine."""
        return os.geteuid() == 0
