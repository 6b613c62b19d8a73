"""Measures the memory of a watcher whose server has faults: `python3 -B -m measurements.memory --minutes 30`."""

from __future__ import annotations

import argparse
import compileall
import os
import tempfile
import time
from pathlib import Path

from laboratory.ground import command
from tests.support.galera import READ_ONLY, SATURATED
from tests.support.guard import Guard, copy_of_tree
from tests.support.server import Server

# Every so often, in seconds, the server has one trouble, for a tenth of that time; then a line is due.
EVERY = 60
TROUBLES = ("lost connection", "read_only", "saturated", "down")


def trouble(name: str, server: Server, socket: str, seconds: float) -> Server:
    """Bring one fault of the server at this socket about, for so long, and end it; return the server that runs then."""
    changes: dict[str, str] = {"read_only": READ_ONLY, "saturated": SATURATED}.get(name, {})
    before = {variable: server.values[variable] for variable in changes}
    server.values.update(changes)
    if name == "lost connection":
        server.hang_up()
    elif name == "down":
        connections = server.connections
        server.stop()
        os.unlink(socket)
    time.sleep(seconds)
    if name == "down":
        server = Server(socket).__enter__()
        server.connections = connections
    server.values.update(before)
    return server


def held(pid: int) -> tuple[int, int, float]:
    """Return the resident memory of a process in kB, how many files it has open, and its CPU time in seconds."""
    proc = Path("/proc") / str(pid)
    status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
    fields = (proc / "stat").read_text().rpartition(")")[2].split()
    return (
        int(status["VmRSS"].split()[0]),
        len(os.listdir(proc / "fd")),
        (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
    )


def main() -> None:
    """Print one line a minute."""
    parser = argparse.ArgumentParser(prog="python3 -m measurements.memory", description=__doc__)
    parser.add_argument("--minutes", type=int, default=30)
    minutes = parser.parse_args().minutes
    print(
        f"{time.strftime('%Y-%m-%d %H:%M')}: a watcher at watch_interval=200ms, stall_timeout=5s, {minutes} minutes\n"
    )
    print("minute  RSS kB  files  CPU s  connections  trouble in that minute", flush=True)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        executable = copy_of_tree(directory / "tree")
        compileall.compile_dir(directory / "tree", quiet=2)
        guard = Guard(
            directory, executable=executable, watch_interval="200ms", stall_timeout="5s", stall_directory=name
        )
        server = Server(guard.parameters["socket"]).__enter__()
        guard.started()
        (pid,) = map(int, command("pgrep", "-f", f"{executable} watch").split())
        began = time.monotonic()
        for minute in range(minutes + 1):
            what = TROUBLES[minute % len(TROUBLES)] if minute else "none"
            if minute:
                server = trouble(what, server, guard.parameters["socket"], EVERY / 10)
                time.sleep(max(0, began + minute * EVERY - time.monotonic()))
            resident, files, cpu = held(pid)
            print(f"{minute:6}  {resident:6}  {files:5}  {cpu:5.1f}  {server.connections:11}  {what}", flush=True)
        guard.stop()
        server.stop()


if __name__ == "__main__":
    main()
