"""Runs the agent as Pacemaker runs it: a real process, an OCF environment, nothing inherited."""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.attrd import Attrd
from tests.support.reasons import undeclared

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKOUT = Path(__file__).resolve().parents[2]
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
PREFIX = "ocf-exit-reason:"
# The directory of the PyMySQL that the agent shall use in place of Debian's: make drivers.
DRIVER = os.environ.get("DRIVER")


class Result:
    """What one action left: exit code, outputs and duration in seconds."""

    def __init__(self, code: int, stdout: str, stderr: str, seconds: float) -> None:
        self.code = code
        self.stdout = stdout
        self.stderr = stderr
        self.seconds = seconds

    @property
    def reasons(self) -> list[str]:
        """The exit reasons that Pacemaker would show, one per line that begins with the prefix."""
        return [line[len(PREFIX) :] for line in self.stderr.splitlines() if line.startswith(PREFIX)]

    @property
    def reason(self) -> str:
        """The only exit reason; an action has exactly one."""
        (reason,) = self.reasons
        return reason

    def __repr__(self) -> str:
        return f"<code {self.code} in {self.seconds:.2f} s\nstdout: {self.stdout}\nstderr: {self.stderr}>"


class Guard:
    """One resource: its name, its parameters, and where it keeps what it remembers.

    `parameters` are the OCF_RESKEY_ ones. `environment` holds what else the agent sees. `executable` is the agent in
    the checkout, or in a copy of it. `before` goes in front of the command line, such as a private mount namespace.
    """

    def __init__(
        self,
        directory: str | Path,
        name: str = "guard",
        executable: Path = CHECKOUT / "agents/galera_sync_guard",
        **parameters: str,
    ) -> None:
        self.directory = Path(directory)
        self.name = name
        self.executable = executable
        self.before: tuple[str, ...] = ()
        self.parameters = {
            "mode": "score",
            "socket": str(self.directory / "mysqld.sock"),
            "maintenance_file": str(self.directory / "maintenance"),
            **parameters,
        }
        self.attrd = Attrd(self.directory / "bin")
        self.environment = {
            "PATH": f"{self.attrd.directory}:{SYSTEM_PATH}",
            "HA_RSCTMP": str(self.directory / "rsctmp"),
        }

    def copy(self, **changes: object) -> Guard:
        """Return another resource on the same node with parameters of its own; `changes` are attributes."""
        other = copy.copy(self)
        vars(other).update({"parameters": dict(self.parameters)} | changes)
        return other

    def environ(self, **meta: object) -> dict[str, str]:
        """Return the whole environment of one action; `meta` are the OCF_RESKEY_CRM_meta_ variables."""
        return {
            **self.environment,
            "OCF_ROOT": "/usr/lib/ocf",
            "OCF_RESOURCE_INSTANCE": self.name,
            **{"OCF_RESKEY_" + name: value for name, value in self.parameters.items()},
            **{"OCF_RESKEY_CRM_meta_" + name: str(value) for name, value in meta.items()},
        }

    def run(
        self,
        action: str,
        *arguments: str,
        environ: dict[str, str] | None = None,
        interval: float | None = None,
        timeout: float = 10,
        **options: Any,
    ) -> Result:
        """Run one action to its end; `interval` and `timeout` are the operation's, in seconds."""
        if environ is None:
            meta = {"timeout": round(timeout * 1000)}
            if interval is not None:
                meta["interval"] = round(interval * 1000)
            environ = self.environ(**meta)
        began = time.monotonic()
        done = subprocess.run(
            [*self.before, str(self.executable), action, *arguments],
            env=environ,
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
            **options,
        )
        assert undeclared(done.stderr) == [], "docs/reasons.md shows no such reason"
        return Result(done.returncode, done.stdout, done.stderr, time.monotonic() - began)

    def start(self, **options: Any) -> Result:
        return self.run("start", **options)

    def stop(self, **options: Any) -> Result:
        return self.run("stop", **options)

    def monitor(self, interval: float = 1, **options: Any) -> Result:
        """Run a recurring monitor."""
        return self.run("monitor", interval=interval, **options)

    def probe(self, **options: Any) -> Result:
        """Run a monitor that does not recur."""
        return self.run("monitor", interval=0, **options)

    def started(self) -> Guard:
        """Start, demand that it worked, and forget which attributes that published; return this guard."""
        result = self.start(timeout=60)
        assert result.code == 0, result
        self.attrd.forget_calls()
        return self

    def monitor_until(self, condition: Callable[[Result], object], within: float) -> Result:
        """Run monitor after monitor until `condition(result)` holds, and return that result."""
        end = time.monotonic() + within
        while True:
            result = self.monitor()
            if condition(result):
                return result
            assert time.monotonic() < end, f"not within {within} s: {result!r}"

    @property
    def resource(self) -> str:
        """The name without the number of the clone's instance."""
        return self.name.partition(":")[0]

    @property
    def state_file(self) -> Path:
        """The file with all that the guard remembers; it exists while the guard is started."""
        return Path(self.environment["HA_RSCTMP"]) / (f"galera_sync_guard-{self.resource}")

    def remembered(self) -> dict[str, str]:
        """Return what the state file says, by name."""
        return dict(line.split("=", 1) for line in self.state_file.read_text().splitlines() if "=" in line)

    def pretend(self, **fields: object) -> None:
        """Change fields of the state file, as if they had been remembered, for times that a test cannot wait for."""
        text = self.state_file.read_text()
        for name, value in fields.items():
            text, count = re.subn(f"(?m)^{name}=.*$", f"{name}={value}", text)
            assert count == 1, f"the state file has no {name}:\n{text}"
        self.state_file.write_text(text)

    def let_pass(self, seconds: float) -> None:
        """Let whatever goes on now have gone on for so much longer, as if monitors had run all that time."""
        since = {
            name: float(value) - seconds
            for name, value in self.remembered().items()
            if name in ("run_since", "peer_since", "unknown_since", "bad_at")
        }
        self.pretend(**since)

    @property
    def published(self) -> tuple[str | None, str | None]:
        """What the cluster knows of this node: (score, state), None for what was never set or was deleted."""
        return self.attrd.value(self.resource), self.attrd.value(self.resource + "-state")


def copy_of_tree(directory: str | Path) -> Path:
    """Copy what an installed agent consists of, and the DRIVER; return the copy's executable."""
    directory = Path(directory)
    if DRIVER:
        shutil.copytree(Path(DRIVER) / "pymysql", directory / "pymysql")
    for name in ("agents", "ocfpy", "galera_sync_guard", "vip_client_reset"):
        shutil.copytree(CHECKOUT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "setup.cfg", directory)
    # A file mode from the checkout, whatever umask cloned it.
    os.chmod(directory / "agents/galera_sync_guard", 0o755)
    return directory / "agents/galera_sync_guard"


def in_mount_namespace(script: str, *arguments: object) -> tuple[str, ...]:
    """Return the beginning of a command that runs in a private mount namespace, after the shell lines of `script`.

    `arguments` are $1, $2... in the script; the host's mounts stay as they are.
    """
    count = len(arguments)
    return ("unshare", "--mount", "sh", "-ec", f'{script}\nshift {count}\nexec "$@"', "sh", *map(str, arguments))
