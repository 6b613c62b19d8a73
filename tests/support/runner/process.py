"""One process of pytest that runs what it is given."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from tests.support.runner.worker import LOGS, ROOT, SOCKET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.support.runner.work import Test

# How long a process that is told to end may take to take its laboratory down, in seconds.
ENDS_WITHIN = 30


class Process:
    """A process of pytest with a connection to it.

    `test` is what it runs, since the monotonic time `since`; `following` is what it has been given to run then.
    """

    def __init__(self, kind: str, paths: Iterable[str], *options: str):
        """Start it. `paths`: where its tests are."""
        LOGS.mkdir(parents=True, exist_ok=True)
        ours, theirs = socket.socketpair()
        with theirs:
            self.log = _free(LOGS / f"{kind}.log")
            with self.log.open("w", encoding="utf-8") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-B", "-m", "pytest", "-p", "tests.support.runner.worker", *options, *paths],
                    cwd=ROOT,
                    env=os.environ | {SOCKET: str(theirs.fileno())},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,  # an interrupt comes from the runner, once
                )
        self.kind = kind
        self.test: Test | None = None
        self.following: Test | None = None
        self.since = time.monotonic()
        self.has_asked = False
        self.exit_code: int | None = None
        self._socket = ours
        self._rest = b""

    def fileno(self) -> int:
        """Return what select waits for."""
        return self._socket.fileno()

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield what the process has sent; a message {"what": "gone"} when it has ended."""
        received = self._socket.recv(1 << 20)
        if not received:
            self.exit_code = self._process.wait()
            yield {"what": "gone"}
            return
        *lines, self._rest = (self._rest + received).split(b"\n")
        for line in lines:
            yield json.loads(line)

    def give(self, test: Test | None) -> None:
        """Answer what the process has asked: its next test, None when there is none."""
        self.has_asked = True
        self.following = test
        self._socket.sendall(f"{test.id if test else ''}\n".encode())

    def begin(self) -> None:
        """Note that it runs what it has been given."""
        self.test, self.following = self.following, None
        self.since = time.monotonic()

    def end_when_overdue(self, limit: float) -> None:
        """End the process when its test has run for longer than `limit` seconds, first by an interrupt."""
        overdue = time.monotonic() - self.since - limit
        if self.test and overdue > ENDS_WITHIN:
            self._process.kill()
        elif self.test and overdue > 0:
            self.interrupt()

    def interrupt(self) -> None:
        """Tell the process to take down what it has made, and to end."""
        self._process.send_signal(signal.SIGINT)

    def end(self, deadline: float) -> None:
        """Wait until the monotonic time `deadline`, then kill the process: all that it made ends with it."""
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    @property
    def said(self) -> str:
        """Return the end of what the process has printed."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-40:])


def _free(path: Path) -> Path:
    number = 1
    while path.exists():
        number += 1
        path = path.with_name(f"{path.stem.partition('~')[0]}~{number}{path.suffix}")
    return path
