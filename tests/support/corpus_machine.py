"""The corpus on a machine of either suite, with the suite's own crm_simulate; and what was seen there, by name."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from laboratory import rootfs
from laboratory.machine import Machine
from tests.support.checkout import ROOT

Said = dict[str, Any]

RECORDED = ROOT / "tests" / "support" / "corpus.json"
PROJECT = "/root/project"
PARTS = ("galera_sync_guard", "ocfpy", "vip_client_reset", "tests")
# What the suites are called in the record.
SYSTEMS = {"bookworm": "Debian 12", "trixie": "Debian 13"}


@contextlib.contextmanager
def corpus_machine(suite: str) -> Iterator[Machine]:
    """Yield a machine of a suite that has this project's code, and no cluster."""
    with rootfs.plain_machine([rootfs.base("cluster", suite)], "corpus") as machine:
        for part in PARTS:
            machine.run(["mkdir", "-p", f"{PROJECT}/{part}"])
            machine.copy_in(ROOT / part, f"{PROJECT}/{part}")
        yield machine


def seen(machine: Machine, name: str) -> Said:
    """Return what becomes of the configuration of that name on a machine."""
    command = 'cd "$1" && exec python3 -B -m tests.support.corpus "$2"'
    done = machine.run(["sh", "-c", command, "sh", PROJECT, name], timeout=600)
    return json.loads(done.stdout)[name]


def recorded() -> dict[str, dict[str, Said]]:
    """Return what was seen, by name and system."""
    return json.loads(RECORDED.read_text(encoding="utf-8"))


def together(by_system: dict[str, Said]) -> dict[str, Said]:
    """Return what each system does with one configuration: what both do alike stands once."""
    first, *others = by_system.values()
    return {" and ".join(by_system): first} if all(other == first for other in others) else by_system


def record(by_name: dict[str, dict[str, Said]]) -> None:
    """Write what was seen, by name and system."""
    RECORDED.write_text(json.dumps(by_name, indent=1) + "\n", encoding="utf-8")
