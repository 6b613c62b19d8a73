"""Measures commands inside a laboratory machine, in rounds of random order; a plan on stdin, the results on stdout.

Ratios come from rounds, since the load of a machine changes within seconds: every contender runs once a round, and its
CPU time is divided by that of the bare interpreter in the same round.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypedDict

import pymysql

if TYPE_CHECKING:
    import resource
    from collections.abc import Callable, Iterator

    from pymysql.connections import Connection


SOCKET = "/run/mysqld/mysqld.sock"
SETTLE = 0.02  # seconds that the server gets to end the thread of the connection before
EXIT_DELAY = 0.02  # seconds for which strace holds every process at its end, so that its peak can be read
COUNTING_ROUNDS = 3
Figures = dict[str, float]
COMPLAINTS = "/run/complaints"  # what a contender writes to stderr


class Contender(TypedDict):
    """A command to measure, as contenders.py describes it."""

    name: str
    command: list[str]
    environment: dict[str, str]
    setup: list[list[str]]
    situation: str
    code: int
    settled: bool


class Server:
    """The Galera node of this machine: one connection that stays open, and its process."""

    def __init__(self) -> None:
        self.pid = int(Path("/run/mysqld/mysqld.pid").read_text())
        self._connection = self.connect()
        self._changed = False

    @staticmethod
    def connect() -> Connection:
        return pymysql.connect(unix_socket=SOCKET, user="root", autocommit=True)

    def query(self, statement: str) -> tuple[tuple[Any, ...], ...]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    def status(self, name: str) -> int:
        return int(self.query(f"SHOW GLOBAL STATUS LIKE '{name}'")[0][1])

    def cpu(self) -> float:
        """Return the CPU seconds of the process, ended threads included (CPUCLOCK_SCHED of another process)."""
        return time.clock_gettime(((~self.pid) << 3) | 2)

    # Situations: what holds while a contender runs.

    @contextlib.contextmanager
    def as_it_is(self) -> Iterator[None]:
        yield

    @contextlib.contextmanager
    def other_than_before(self) -> Iterator[None]:
        """Be read-only every second time: the guard finds another state than in its last run."""
        self._changed = not self._changed
        self.query(f"SET GLOBAL read_only={self._changed:d}")
        try:
            yield
        finally:
            self.query("SET GLOBAL read_only=0")

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Hold all connections, root's own too."""
        ((most,),) = self.query("SELECT @@global.max_connections")
        before = self.status("Threads_connected")
        self.query("SET GLOBAL max_connections=10")
        crowd = []
        try:
            with contextlib.suppress(pymysql.OperationalError):
                while True:
                    crowd.append(self.connect())
            yield
        finally:
            for connection in crowd:
                connection.close()
            while self.status("Threads_connected") > before:
                time.sleep(SETTLE)
            self.query(f"SET GLOBAL max_connections={most}")

    @contextlib.contextmanager
    def hung(self) -> Iterator[None]:
        """Stop the server's process."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)
            self.query("DO 1")


def run(contender: Contender) -> tuple[int, float, resource.struct_rusage]:
    """Run a contender's command once and return its exit code, wall seconds and rusage of the process tree."""
    began = time.monotonic()
    pid = spawn(contender["command"], contender)
    _, status, usage = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), time.monotonic() - began, usage


def spawn(command: list[str], contender: Contender) -> int:
    """Start a command in a process group of its own, its stdout dropped; the caller is its parent, and reaps it."""
    null = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, COMPLAINTS, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    ]
    return os.posix_spawnp(command[0], command, os.environ | contender["environment"], file_actions=null, setpgroup=0)


def settle(contender: Contender) -> None:
    """Run it unmeasured: ours publishes every ten seconds, and a round can take longer."""
    if contender["settled"]:
        run(contender)


def measured(contender: Contender, server: Server) -> Figures:
    """Return one measurement of time."""
    with getattr(server, contender["situation"])():
        settle(contender)
        time.sleep(SETTLE)
        server_began = server.cpu()
        code, wall, usage = run(contender)
        time.sleep(SETTLE)
        server_cpu = server.cpu() - server_began
    check(contender, code)
    return {"cpu": usage.ru_utime + usage.ru_stime, "wall": wall, "server_cpu": server_cpu}


def counted(contender: Contender, server: Server) -> Figures:
    """Return one measurement of what can be counted: calls of the system, the server's status, peak memory."""
    with tempfile.NamedTemporaryFile("r") as summary:
        # Detached (-D), so that the traced command keeps this process as its parent.
        tracing = [
            "strace",
            "-DD",
            "-f",
            "-c",
            "-o",
            summary.name,
            "-qq",
            f"--inject=exit_group:delay_enter={EXIT_DELAY * 1e6:.0f}",
            "--",
            *contender["command"],
        ]
        with getattr(server, contender["situation"])():
            settle(contender)
            stopped = contender["situation"] == "hung"
            before = (0, 0) if stopped else status(server)
            pid = spawn(tracing, contender)
            memory = peak_memory(pid)
            _, code = os.waitpid(pid, 0)
            time.sleep(SETTLE)
            after = (0, 0) if stopped else status(server)
        check(contender, os.waitstatus_to_exitcode(code))
        calls = parse_summary(wait_for_text(summary))
    result: Figures = {
        "syscalls": sum(calls.values()),
        "execs": calls.get("execve", 0),
        "forks": sum(calls.get(name, 0) for name in ("fork", "vfork", "clone", "clone3")),
        "rss": memory,
    }
    if not stopped:
        # The question itself is one of the server's statements.
        result |= {"connections": after[0] - before[0], "statements": after[1] - before[1] - 1}
    return result


def status(server: Server) -> tuple[int, int]:
    rows = dict(server.query("SHOW GLOBAL STATUS WHERE Variable_name IN ('Connections', 'Questions')"))
    return int(rows["Connections"]), int(rows["Questions"])


def peak_memory(group: int) -> int:
    """Return the peak resident set, in bytes, of the largest process of a process group; waits until its leader ends.

    wait4's ru_maxrss is of no use: a child's begins with the peak of the process that started it.
    """
    peak = 0
    while not os.waitid(os.P_PID, group, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, IndexError):
                _, _, its_group = (process / "stat").read_text().rpartition(")")[2].split()[:3]
                if int(its_group) == group and (process / "comm").read_text() != "strace\n":
                    found = re.search(r"^VmHWM:\s*(\d+) kB", (process / "status").read_text(), re.MULTILINE)
                    if found:
                        peak = max(peak, int(found[1]) * 1024)
    return peak


def wait_for_text(file: IO[str]) -> str:
    """Return strace's summary, which a detached strace writes after its command has ended."""
    limit = time.monotonic() + 5
    while time.monotonic() < limit:
        file.seek(0)
        text = file.read()
        if text.rstrip().endswith("total"):
            return text
        time.sleep(SETTLE)
    raise TimeoutError("no summary of strace")


def parse_summary(text: str) -> dict[str, int]:
    """Return how often each call of the system succeeded or failed; of execve only what succeeded."""
    calls: dict[str, int] = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 5 and fields[-1] != "total" and fields[3].isdigit():
            failed = int(fields[4]) if len(fields) == 6 else 0
            calls[fields[-1]] = int(fields[3]) - (failed if fields[-1] == "execve" else 0)
    return calls


def check(contender: Contender, code: int) -> None:
    """Raise RuntimeError unless the contender did its work: a monitor may succeed without (ours, half installed)."""
    complaints = Path(COMPLAINTS).read_text(errors="replace")
    if code != contender["code"] or "ocf-exit-reason:" in complaints:
        raise RuntimeError(f"{contender['name']}: exit code {code}, expected {contender['code']}: {complaints}")


def prepare(contenders: list[Contender], server: Server) -> None:
    """Start what must run before it can be monitored, in the situation in which it will be."""
    for contender in contenders:
        for command in contender["setup"]:
            with getattr(server, contender["situation"])():
                done = subprocess.run(
                    command,
                    env=os.environ | contender["environment"],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    check=False,
                )
            if done.returncode:
                raise RuntimeError(f"{contender['name']}: {done.stderr}")


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    """Keep processors busy with this many endless loops."""
    running = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(loops)]
    try:
        yield
    finally:
        for loop in running:
            loop.kill()
            loop.wait()


def rounds(
    number: int,
    contenders: list[Contender],
    server: Server,
    measure: Callable[[Contender, Server], Figures],
    title: str,
) -> dict[str, list[Figures]]:
    """Measure every contender once per round, in random order; return the measurements by contender."""
    results: dict[str, list[Figures]] = {contender["name"]: [] for contender in contenders}
    for done in range(number):
        print(f"\r{title}: round {done + 1} of {number} ", end="", file=sys.stderr, flush=True)
        for contender in random.sample(contenders, len(contenders)):
            results[contender["name"]].append(measure(contender, server))
    print(file=sys.stderr)
    return results


def main() -> None:
    plan = json.load(sys.stdin)
    contenders: list[Contender] = plan["contenders"]
    Path("/run/resource-agents").mkdir(exist_ok=True)
    server = Server()
    prepare(contenders, server)
    rounds(1, contenders, server, measured, "warming up")
    results = {"counts": rounds(COUNTING_ROUNDS, contenders, server, counted, "counting")}
    for name, (loops, number) in plan["loads"].items():
        with busy(loops):
            results[name] = rounds(number, contenders, server, measured, name)
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
