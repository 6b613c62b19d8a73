"""A slow network between the machines of a laboratory, for kernels without tc's netem too."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

from laboratory.ground import BRIDGE, GUEST, command
from laboratory.machine import Machine, end

if TYPE_CHECKING:
    from collections.abc import Iterator

    from laboratory.laboratory import Laboratory


@contextlib.contextmanager
def delayed(laboratory: Laboratory, milliseconds: int) -> Iterator[None]:
    """Hold back every packet that leaves a node or the client; machines must stay on during that time.

    A packet or two is lost when it begins and ends.
    """
    ground = laboratory._ground
    assert ground is not None
    entrance = ["nsenter", "-t", str(ground.pid), "--net", "--pid"]
    holders: list[tuple[Machine, subprocess.Popen[str]]] = []
    try:
        for machine in laboratory.machines:
            command("nsenter", "-t", str(machine.pid), "--net", "python3", GUEST / "offload.py")
            holder = subprocess.Popen(
                [*entrance, "python3", GUEST / "delay.py", machine.name, BRIDGE, str(milliseconds)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            holders.append((machine, holder))
            assert holder.stdout is not None
            holder.stdout.readline()
        yield
    finally:
        for machine, holder in holders:
            machine.plug()
            end(holder)
            command(*entrance, "ip", "link", "del", f"{machine.name}-in")
