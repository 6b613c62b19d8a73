"""The recipes of README and docs/setup.md, read from these files: what people copy is what is tested."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from laboratory import pacemaker, rootfs
from laboratory.machine import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable

    from laboratory.machine import Machine

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
SETUP = ROOT / "docs" / "setup.md"
OPERATIONS = ROOT / "docs" / "operations.md"
EXAMPLE_ADDRESS = "192.168.1.199"
# MariaDB's: small enough to be used up by a client, large enough for the probes.
OPTIONS = {"max_connections": "40"}
# With these the guard looks at the storage too.
STORAGE = ("stall_timeout=2s", "stall_directory=/var/lib/mysql")
RESET_NAME = "vip-client-reset"


def commands(mode: str) -> list[str]:
    """Return the pcs commands that create the resources for a mode, with the laboratory's address."""
    return [line.replace(EXAMPLE_ADDRESS, pacemaker.VIP) for line in printed_commands(mode)]


def printed_commands(mode: str) -> list[str]:
    """Return the first block of pcs commands in docs/setup.md's section for a mode, as printed."""
    section = SETUP.read_text(encoding="utf-8").partition(f"\n## mode={mode}")[2]
    (block, *_) = re.findall(r"^(?:    pcs .+\n)+", section, re.M)
    return [line.strip() for line in block.splitlines()]


def quick_start() -> str:
    """Return the README's one command that makes all resources, with the laboratory's address."""
    (line,) = re.findall(r"^    (galera-sync-guard setup --vip .+ --apply)\b", README.read_text(encoding="utf-8"), re.M)
    return str(line).replace(EXAMPLE_ADDRESS, pacemaker.VIP)


def procedure(heading: str, page: Path = OPERATIONS) -> list[str]:
    """Return the blocks of commands in a page's section with this heading, in their order."""
    section = page.read_text(encoding="utf-8").partition(f"# {heading}\n")[2].partition("\n#")[0]
    blocks = re.findall(r"^((?:    .*\n|\n(?=    ))+)", section, re.M)
    return ["".join(line[4:] + "\n" for line in block.strip("\n").splitlines()) for block in blocks]


def timers() -> tuple[dict[str, str], dict[str, str]]:
    """Return the recommended timers: options of corosync.conf's totem section, and of Galera's provider."""
    text = SETUP.read_text(encoding="utf-8").partition("## Recommended timers")[2]
    (totem,) = re.findall(r"    totem \{\n((?: {8}.+\n)+) {4}\}", text)
    (provider,) = re.findall(r'wsrep_provider_options = "(.+)"', text)
    return (
        dict(re.findall(r"(\w+): (.+)", totem)),
        dict(re.findall(r"([\w.]+)=([^;]+)", provider)),
    )


def polling(lines: list[str]) -> list[str]:
    """Return these commands with a guard whose monitors look at the server themselves."""
    return [line.replace(" watch_interval=200ms", "") for line in lines]


def forgetting(lines: list[str]) -> list[str]:
    """Return these commands with failures that expire after 8 s: in mode=fail nothing heals sooner."""
    return [line.replace("failure-timeout=30s", "failure-timeout=8s") for line in lines]


def with_parameters(lines: list[str], *more: str) -> list[str]:
    """Return these commands with more parameters of the guard."""
    return [line.replace("mode=score", " ".join(["mode=score", *more])) for line in lines]


def apply(node: Machine, lines: Iterable[str]) -> None:
    """Carry the commands out as one change of the cluster's configuration, and wait until it has taken effect."""
    pacemaker.apply(node, [line.split()[1:] for line in lines])


def change(node: Machine, lines: Iterable[str]) -> None:
    """Make the resources and constraints of these commands the only ones of the cluster, as one change.

    What pcs makes of the commands is cached. The change has not yet taken effect when this returns.
    """
    lines = list(lines)
    with rootfs.cached(f"recipe-{rootfs.fingerprint(*map(str, node.layers), *lines)}") as (entry, work):
        if work:
            node.shell("cibadmin --empty >/tmp/recipe.xml")
            for line in lines:
                pacemaker.pcs(node, "-f", "/tmp/recipe.xml", *line.split()[1:])
            (work / "cib.xml").write_text(node.read("/tmp/recipe.xml"), encoding="utf-8")
    if pacemaker.replace(node, ElementTree.fromstring("<cib><configuration/></cib>")):
        wait_until(lambda: (seen := pacemaker.status(node)) and not seen.resources, 60, "all resources are gone")
    pacemaker.replace(node, ElementTree.parse(entry / "cib.xml").getroot())
