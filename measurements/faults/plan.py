"""What is compared, which faults are measured in which of the columns, and what each figure should be at most."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from laboratory import recipe
from laboratory.pacemaker import GUARD_NAME

# What a run measures; figures.FIGURES says how the report calls it.
Figure = Literal["vip", "nowhere", "writers", "readers", "moves", "lost"]

# The guard's defaults, in seconds: for so long it waits until a server is hung, or used up connections count.
PROBE_TIMEOUT = 2.0
SATURATION_GRACE = 10.0
# For so long a VIP is watched that should move, and one that may stay, in seconds since the fault.
PATIENCE = 30.0


@dataclass(frozen=True)
class Column:
    """One way to keep the VIP; `timers`: with the recommended timers of Corosync and Galera."""

    title: str
    text: str
    guarded: bool = True
    watching: bool = False
    timers: bool = False

    def commands(self) -> list[str]:
        """Return the pcs commands that make the resources."""
        lines = recipe.commands("score")
        if not self.watching:
            lines = recipe.polling(lines)
        return lines if self.guarded else [line for line in lines if GUARD_NAME not in line]


@dataclass(frozen=True)
class Fault:
    """A fault on the VIP's node; `stays`: how long to look at a VIP without guard, which may stay.

    `limits`: what figures should be at most, by column.
    """

    title: str
    text: str
    stays: float = 6.0
    limits: dict[str, dict[Figure, float]] = field(default_factory=dict)


COLUMNS = {
    "alone": Column("VIP alone", "IPaddr2 as in the recipe, without our guard", guarded=False),
    "polling": Column("polling", "the recipe without watch_interval: the guard probes every second"),
    "watching": Column("watching", "the recipe for mode=score", watching=True),
    "timers": Column(
        "recommended timers", "the same with the recommended timers of Corosync and Galera", watching=True, timers=True
    ),
}
NOWHERE: dict[Figure, float] = {"nowhere": 0.2}


def _limits(polling: float, watching: float | None = None) -> dict[str, dict[Figure, float]]:
    limits: dict[str, dict[Figure, float]] = {"polling": {"vip": polling, **NOWHERE}, "watching": NOWHERE}
    return limits | ({"watching": {"vip": watching, **NOWHERE}} if watching else {})


FAULTS = {
    "desync": Fault("desync", "wsrep_desync=ON, as for a backup", limits=_limits(1.5, 0.5)),
    "read-only": Fault("read_only", "read_only=ON", limits=_limits(1.5, 0.5)),
    "reject": Fault("reject", "wsrep_reject_queries=ALL", limits=_limits(1.5, 0.5)),
    "clean-stop": Fault("clean stop", "MariaDB is stopped as for an upgrade", limits=_limits(1.5)),
    "kill-9": Fault("kill -9", "MariaDB crashes", stays=9, limits=_limits(1.5, 0.5) | {"timers": {"writers": 3.5}}),
    "sigstop": Fault("SIGSTOP", "MariaDB hangs", stays=9, limits=_limits(PROBE_TIMEOUT + 1.5, PROBE_TIMEOUT + 0.5)),
    "saturate": Fault(
        "saturation",
        "ordinary users hold all of max_connections",
        stays=SATURATION_GRACE + 4,
        limits=_limits(SATURATION_GRACE + 1.5),
    ),
    "ftwrl": Fault("FTWRL", "FLUSH TABLES WITH READ LOCK, as a backup does"),
    "power-off": Fault(
        "power off", "the machine loses its power", stays=PATIENCE, limits={"timers": {"vip": 3.5, "writers": 5.0}}
    ),
    "partition": Fault(
        "partition",
        "the machine loses its network; both sides may have the address for a moment, but only one takes writes",
        stays=PATIENCE,
        limits={"timers": {"vip": 3.5, "writers": 5.0}},
    ),
}

# keepalived with a check script every second and advert_int 1, one run by hand in a laboratory of this kind: VIP
# elsewhere, in seconds.
KEEPALIVED = {
    "desync": 2.4,
    "reject": math.inf,
    "clean-stop": 2.7,
    "kill-9": 2.1,
    "sigstop": 4.9,
    "saturate": 2.8,
    "power-off": 3.6,
    "partition": 3.2,
}
# Why a median is above its limit, by fault, column and figure.
CAUSES: dict[tuple[str, str, Figure], str] = {
    (
        "desync",
        "polling",
        "vip",
    ): "The guard acts when a peer has reported synced for more than one interval. A peer that is"
    " desynced too has reported that by then, and the address stays when all are desynced.",
    (
        "saturate",
        "polling",
        "vip",
    ): "saturation_grace begins with the first sample of the full server, up to 1.1 s after the"
    " fault. It ends with the first sample after that time, again up to 1.1 s later.",
}


def cells() -> list[tuple[str, str]]:
    """Return every (fault, column) that is measured: the recommended timers only where they decide."""
    return [
        (fault, column)
        for column in COLUMNS
        for fault in FAULTS
        if not COLUMNS[column].timers or "timers" in FAULTS[fault].limits
    ]
