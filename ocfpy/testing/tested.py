"""An agent under test: runs its actions as Pacemaker does, keeps what they print, and finds what they leave behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import uuid

from ocfpy.testing.stand_ins import StandIns

TYPE_CHECKING = False
if TYPE_CHECKING:
    import pwd
    from collections.abc import Iterator, Mapping
    from typing import IO

# A path that any agent can run with.
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# Every process that an agent starts inherits this variable, unless the agent gives it an environment of its own.
MARK = "OCFPY_TESTING"
# How long an action may take, in seconds, by default; then it is killed for not having ended itself.
TIMEOUT = 20.0
EXIT_REASON = "ocf-exit-reason:"


class Result:
    """How an action ended; `code` is None when it had to be killed."""

    def __init__(self, action: str, code: int | None, stdout: str, stderr: str, seconds: float) -> None:
        self.action = action
        self.code = code
        self.stdout = stdout
        self.stderr = stderr
        self.seconds = seconds

    @property
    def reasons(self) -> list[str]:
        """The exit reasons, of which Pacemaker shows the last."""
        lines = self.stderr.splitlines()
        return [line[len(EXIT_REASON) :] for line in lines if line.startswith(EXIT_REASON)]

    def __str__(self) -> str:
        ended = "did not end" if self.code is None else f"ended with {self.code}"
        said = (self.stderr or self.stdout).strip().splitlines()
        return f"{self.action} {ended} after {self.seconds:.1f}s" + (f": {said[-1]}" if said else "")


class TestedAgent:
    """One agent with parameters that are right; files go into `directory`, and no output may have a secret.

    `secrets` are names of parameters. An action that takes longer than `timeout`, in seconds, is killed.
    """

    __test__ = False  # not a test case, whatever its name says

    def __init__(
        self,
        path: str,
        parameters: Mapping[str, str],
        directory: str | os.PathLike[str],
        environ: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
        timeout: float = TIMEOUT,
    ) -> None:
        self.path = os.path.abspath(path)
        self.name = os.path.basename(path)
        self.parameters = dict(parameters)
        self.secrets = [self.parameters[name] for name in secrets]
        self.state_directory = os.path.join(directory, "run")
        self.outputs: list[str] = []
        self.timeout = timeout
        self._directory = os.fspath(directory)
        self._stand_ins: StandIns | None = None
        self._mark = uuid.uuid4().hex
        self._environ = dict(environ or {})
        os.makedirs(self.state_directory, exist_ok=True)

    def bare_environ(self) -> dict[str, str]:
        """Return the environment of a host where nothing is configured."""
        environ = {"PATH": PATH, "OCF_ROOT": "/usr/lib/ocf", **self._environ}
        if self._stand_ins:
            environ["PATH"] = f"{self._stand_ins.path}:{environ['PATH']}"
        return environ

    def stand_ins(self) -> StandIns:
        """Put stand-ins in the place of all commands of this machine, for the actions that follow."""
        self._stand_ins = StandIns(os.path.join(self._directory, "commands"))
        return self._stand_ins

    def environ(
        self,
        action: str,
        parameters: Mapping[str, str] | None = None,
        interval: float = 0.0,
        timeout: float | None = None,
    ) -> dict[str, str]:
        """Return the environment that Pacemaker would give to an action."""
        seconds = self.timeout if timeout is None else timeout
        environ = {
            **self.bare_environ(),
            MARK: self._mark,
            "OCF_RA_VERSION_MAJOR": "1",
            "OCF_RA_VERSION_MINOR": "1",
            "OCF_RESOURCE_INSTANCE": "tested",
            "OCF_RESOURCE_PROVIDER": "custom",
            "OCF_RESOURCE_TYPE": self.name,
            "HA_RSCTMP": self.state_directory,
            "HA_LOGFACILITY": "none",
            "OCF_RESKEY_CRM_meta_name": action,
            "OCF_RESKEY_CRM_meta_timeout": str(int(seconds * 1000)),
            "OCF_RESKEY_CRM_meta_interval": str(int(interval * 1000)),
        }
        given = self.parameters if parameters is None else parameters
        environ.update(("OCF_RESKEY_" + name, value) for name, value in given.items())
        return environ

    def run(
        self,
        action: str,
        parameters: Mapping[str, str] | None = None,
        interval: float = 0.0,
        timeout: float | None = None,
        environ: Mapping[str, str] | None = None,
        user: pwd.struct_passwd | None = None,
        patience: float = 0.0,
    ) -> Result:
        """Run one action to its end, or kill its process group `patience` seconds after its timeout."""
        with self.open_output() as stdout, self.open_output() as stderr:
            began = time.monotonic()
            process = self.spawn(action, parameters, interval, timeout, environ, stdout, stderr, user=user)
            try:
                code: int | None = process.wait((self.timeout if timeout is None else timeout) + patience)
            except subprocess.TimeoutExpired:
                self.kill(process)
                code = None
            seconds = time.monotonic() - began
            result = Result(action, code, _text(stdout), _text(stderr), seconds)
        self.outputs += (result.stdout, result.stderr)
        return result

    def spawn(
        self,
        action: str,
        parameters: Mapping[str, str] | None = None,
        interval: float = 0.0,
        timeout: float | None = None,
        environ: Mapping[str, str] | None = None,
        stdout: int | IO[bytes] = subprocess.DEVNULL,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
        pass_fds: tuple[int, ...] = (),
        user: pwd.struct_passwd | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start one action in a session of its own."""
        return subprocess.Popen(
            [self.path, action],
            env=self.environ(action, parameters, interval, timeout) if environ is None else dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            cwd="/",
            pass_fds=pass_fds,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
        )

    def open_output(self) -> IO[bytes]:
        """Return a new file: a pipe would keep its reader waiting for a daemon that holds it."""
        return open(os.memfd_create("output"), "w+b")

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill an action as Pacemaker does after its timeout: with its process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def processes(self) -> dict[int, str]:
        """Return the command lines of all running processes that come from this agent, by their numbers."""
        found = {}
        mark = f"{MARK}={self._mark}".encode()
        for number in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{number}/environ", "rb") as file:
                    is_ours = mark in file.read().split(b"\0")
                if is_ours:
                    with open(f"/proc/{number}/cmdline", "rb") as file:
                        command = file.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
                    if command:
                        found[int(number)] = command
            except OSError:
                continue  # it has ended
        return found

    def clean_up(self) -> None:
        """Stop the resource, with the real commands, and kill what is left of it."""
        self._stand_ins = None
        self.run("stop")
        end = time.monotonic() + TIMEOUT
        while (left := self.processes()) and time.monotonic() < end:
            for number in left:
                try:
                    os.kill(number, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.01)

    def state(self) -> dict[str, bytes]:
        """Return what the state directory holds, and the files that parameters name: path -> content."""
        found = {}
        for path in self._files():
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    found[path] = file.read()
        return found

    def _files(self) -> Iterator[str]:
        yield from (value for value in self.parameters.values() if value.startswith("/"))
        for directory, _, names in os.walk(self.state_directory):
            yield from (os.path.join(directory, name) for name in names)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")
