"""This machine as the command sees it: its tools, files and rights; knows neither Pacemaker nor MariaDB."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

from galera_sync_guard.cli.exit_codes import CommandError
from ocfpy.process import SEARCH_PATH

# The time limit of one tool, in seconds: a cluster daemon that hangs must not hang the command.
TOOL_TIMEOUT = 15.0

# After how many seconds a person is told what this waits for.
PATIENCE = 1.0

# Which package has a tool that may be missing.
PACKAGES = dict.fromkeys(
    ("attrd_updater", "cibadmin", "crm_diff", "crm_mon", "crm_node", "crm_simulate", "crm_verify"),
    " (package pacemaker-cli-utils)",
)


class Host:
    """Runs tools with a fixed environment and language, and has the user's `stdin` for answers.

    `root` stands in front of every path that is read, for tests. A person at the terminal `stderr` is told what this
    waits for.
    """

    def __init__(self, environ: Mapping[str, str], stdin: TextIO, root: str = "", stderr: TextIO | None = None) -> None:
        self.environ = {**environ, "LC_ALL": "C.UTF-8", "PATH": environ.get("PATH", "") + os.pathsep + SEARCH_PATH}
        self.stdin = stdin
        self.root = root
        self._terminal = stderr if stderr and stderr.isatty() else None
        self._is_waiting = False

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Tell a person what this waits for, once it has taken longer than anybody waits without a word.

        Of a wait within a wait nothing is told.
        """
        if self._terminal is None or self._is_waiting:
            yield
            return
        self._is_waiting = True
        timer = threading.Timer(PATIENCE, self._tell, [what])
        timer.daemon = True
        # A signal that ends a wait must reach this thread, and not the timer's.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        timer.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        try:
            yield
        finally:
            timer.cancel()
            self._is_waiting = False

    def _tell(self, what: str) -> None:
        assert self._terminal
        self._terminal.write(f"waiting for {what}\n")
        self._terminal.flush()

    def run(
        self, *command: str, text: str | None = None, timeout: float = TOOL_TIMEOUT, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a tool and return its result, whatever its exit code; CommandError when it is missing or hangs."""
        try:
            with self.waiting(f"{command[0]}, at most {timeout:g} s"):
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
