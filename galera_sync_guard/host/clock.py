"""The clock and the identity of this boot of the machine."""

from __future__ import annotations

import time

BOOT_ID = "/proc/sys/kernel/random/boot_id"


def boot_clock() -> float:
    """Return the seconds since this machine booted: no change of the date touches it, and suspended time counts."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Return the text by which the kernel tells this boot from every other."""
    with open(BOOT_ID, encoding="utf-8") as file:
        return file.read().strip()
