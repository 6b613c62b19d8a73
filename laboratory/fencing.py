"""A power switch on the laboratory's network, which Pacemaker's fence agent asks to switch machines off and on."""

from __future__ import annotations

import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from laboratory.ground import GUEST
from laboratory.machine import end

if TYPE_CHECKING:
    from collections.abc import Iterable

    from laboratory.machine import Machine

PORT = "6000"
AGENT = "/usr/sbin/fence_lab"
# The device as pcs makes it: it lists the machines by itself.
DEVICE = "pcs stonith create power-switch fence_lab op monitor interval=30s"
PROPERTIES = {"stonith-enabled": "true"}
# A machine that was fenced comes back by itself, as one does whose cluster starts at boot.
UNITS = ("mariadb", "corosync", "pacemaker")


@dataclass(frozen=True)
class Cut:
    """A machine that the switch has cut from its power, by the host's monotonic clock."""

    time: float
    name: str


class PowerSwitch:
    """Obeys the fence agents of `nodes`; its network is that of `place`, which no fault reaches."""

    def __init__(self, place: Machine, nodes: Iterable[Machine]):
        self.cuts: list[Cut] = []
        self._nodes = {node.name: node for node in nodes}
        program = "/usr/local/lib/switch.py"
        place.write(program, (GUEST / "switch.py").read_text())
        self._process = place.spawn(
            ["python3", program, PORT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if said != "ready\n":
            raise RuntimeError(f"no power switch: {said}{self._process.stdout.read()}")
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        """Switch nothing any more."""
        end(self._process)

    def _serve(self) -> None:
        assert self._process.stdout is not None
        for request in self._process.stdout:
            action, _, name = request.strip().partition(" ")
            print(self._obey(action, self._nodes.get(name)), file=self._process.stdin, flush=True)

    def _obey(self, action: str, node: Machine | None) -> str:
        if action in ("list", "monitor"):
            return " ".join(self._nodes)
        if node is None:
            return "no such machine"
        if action == "status":
            return "on" if node.running else "off"
        if action in ("off", "reboot"):
            node.power_off()
            self.cuts.append(Cut(time.monotonic(), node.name))
        if action in ("on", "reboot") and not node.running:
            # The machine has power then; it takes its time to start.
            threading.Thread(target=node.boot, daemon=True).start()
        return "done"


def install(node: Machine) -> None:
    """Give a node the fence agent, and have its cluster start at boot."""
    node.write(AGENT, (GUEST / "fence_lab").read_text(), 0o755)
    node.run(["systemctl", "enable", "--quiet", *UNITS])
