"""This machine as the command sees it: its tools, files and rights; knows neither Pacemaker nor MariaDB."""

import os
import subprocess

from galera_sync_guard.cli.exit_codes import CommandError
from galera_sync_guard.cluster.attributes import SEARCH_PATH

# How long one tool may take, in seconds: a cluster daemon that hangs must not hang the command.
PATIENCE = 15.0


class Host:
    """Runs tools with a fixed environment and language, and has the user's `stdin` for answers.

    `root` stands in front of every path that is read, for tests.
    """

    def __init__(self, environ, stdin, root=""):
        self.environ = {**environ, "LC_ALL": "C.UTF-8", "PATH": environ.get("PATH", "") + os.pathsep + SEARCH_PATH}
        self.stdin = stdin
        self.root = root

    def run(self, *command, text=None, patience=PATIENCE, **variables):
        """Run a tool and return its CompletedProcess, whatever its exit code; CommandError when it is missing or hangs."""
        try:
            return subprocess.run(
                command,
                env={**self.environ, **variables},
                input=text,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL if text is None else None,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                check=False,
                timeout=patience,
            )
        except FileNotFoundError:
            raise CommandError(f"{command[0]} is not installed on this node{PACKAGES.get(command[0], '')}") from None
        except subprocess.TimeoutExpired:
            raise CommandError(f"{command[0]} did not answer within {patience:g} s") from None
        except OSError as error:
            raise CommandError(f"{command[0]}: {error.strerror}") from None

    def read(self, path):
        """Return a file's text, None when it does not exist or may not be read."""
        try:
            with open(self.root + path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return None

    def exists(self, path):
        """Return whether there is such a file."""
        return os.path.exists(self.root + path)

    @property
    def is_root(self):
        """Whether this process may do everything on this machine."""
        return os.geteuid() == 0


PACKAGES = dict.fromkeys(
    ("cibadmin", "crm_diff", "crm_mon", "crm_node", "crm_verify", "attrd_updater"), " (package pacemaker-cli-utils)"
)
