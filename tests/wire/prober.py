"""A process that probes a server each time that it reads a line, and says what it found; its memory is a probe's."""

from __future__ import annotations

import json
import sys
import time

sys.path.append("/usr/lib/python3/dist-packages")  # -S, as the agent runs

from galera_sync_guard.agent import AGENT
from galera_sync_guard.decision.classify import classify
from galera_sync_guard.server.connection import ServerConnection
from galera_sync_guard.server.probe import probe_node
from ocfpy.deadline import Deadline


def most_memory() -> float:
    """Return the most memory that this process has had, in MB; getrusage would count the program before exec too."""
    with open("/proc/self/status", encoding="ascii") as file:
        return int(dict(line.split(":", 1) for line in file)["VmHWM"].split()[0]) / 1024


def main(socket: str, seconds: str) -> None:
    """Probe the server at the socket, each time over another connection, within so many seconds."""
    parameters = AGENT.parse({"OCF_RESKEY_socket": socket, "OCF_RESKEY_maintenance_file": "/dev/null/none"})
    for _ in sys.stdin:
        connection = ServerConnection()
        began = time.monotonic()
        facts = probe_node(parameters, Deadline(60), float(seconds), connection=connection)
        took = time.monotonic() - began
        connection.close()
        condition = classify(facts, parameters)
        found = {
            "kind": condition.kind,
            "reason": f"{condition.state}: {condition.reason}",
            "seconds": took,
            "memory": most_memory(),
        }
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
