"""Times rehearse and check on configurations in files, so that no cluster and no database has a part in it."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from tests.support.checkout import ROOT
from tests.support.configurations import DUMMY, recipe

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

RUNS = 5
# What a version of this project before the rehearsal took for check.
BEFORE = "cd209a7"
COMMAND = "bin/galera-sync-guard"


def large() -> Element:
    """Return the recipe in a cluster of nine nodes with 200 resources of others."""
    cib = recipe()
    nodes, resources = cib.find(".//nodes"), cib.find(".//resources")
    assert nodes is not None
    assert resources is not None
    for number in range(4, 10):
        ElementTree.SubElement(nodes, "node", id=str(number), uname=f"node{number}")
    resources.extend(ElementTree.fromstring(DUMMY.format(f"other{number}")) for number in range(200))
    return cib


def measure() -> list[str]:
    """Return what it was measured on, and a line for each command and configuration."""
    version = subprocess.run(["crm_simulate", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    lines = [f"{version.splitlines()[0]}, {os.cpu_count()} processors; the median of {RUNS} runs"]
    with tempfile.TemporaryDirectory(prefix="timing-") as directory:
        old = Path(directory, BEFORE)
        old.mkdir()
        archive = subprocess.run(["git", "-C", ROOT, "archive", BEFORE], stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(["tar", "--extract", f"--directory={old}"], input=archive, check=True)
        for what, cib in (("3 nodes", recipe()), ("9 nodes and 200 other resources", large())):
            path = Path(directory, "cib.xml")
            ElementTree.ElementTree(cib).write(path)
            lines.append(f"rehearse, {what}: {_seconds(ROOT, path, 'rehearse', '--cib', str(path))}")
            lines.append(f"check, {what}: {_seconds(ROOT, path, 'check')}")
            lines.append(f"check of {BEFORE}, {what}: {_seconds(old, path, 'check')}")
    return lines


def _seconds(root: Path, cib: Path, *words: str) -> str:
    times = []
    for _ in range(RUNS):
        began = time.monotonic()
        command = ["/usr/bin/python3", str(root / COMMAND), *words]
        done = subprocess.run(command, env={**os.environ, "CIB_file": str(cib)}, capture_output=True, check=False)
        times.append(time.monotonic() - began)
        # 1: something is wrong; 3: a part could not be read.
        assert done.returncode in (0, 1, 3), done.stderr
    return f"{statistics.median(times):.2f} s, longest {max(times):.2f} s"
