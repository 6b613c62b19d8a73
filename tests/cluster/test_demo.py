"""The demonstration as a process: what it prints, how it ends, and that nothing of it stays."""

import ctypes
import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from laboratory import recipe, rootfs
from laboratory.ground import RUN, birth, children
from laboratory.machine import wait_until
from measurements import demo
from measurements.narrator import Narrator
from tests.support.checkout import ROOT

DEMO = [sys.executable, "-B", "-m", "measurements.demo"]
PR_SET_CHILD_SUBREAPER = 36
ESCAPE = "\033"


def traces():
    """Return what a demonstration could leave on the host besides processes.

    A root filesystem that another process builds at this moment has mounts of its own.
    """
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    ours = (line for line in mounts if "galera-sync-guard" in line or "nsfs" in line)
    return {*(line for line in ours if f"{rootfs.CACHE}/." not in line), *os.listdir("/sys/class/net")}


def ownerless_groups():
    """Return the control groups of laboratories whose keeper, after which they are named, is gone."""
    groups = [
        group for place in ("", "unified/") for group in Path("/sys/fs/cgroup").glob(f"{place}galera-sync-guard-*")
    ]
    return [group for group in groups if not birth(int(group.name.rpartition("-")[2]))]


@pytest.fixture
def start(tmp_path):
    """Start the demonstration; at the end of the test nothing of it may be left."""
    begun = []

    def start(**environment):
        process = subprocess.Popen(
            DEMO,
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(tmp_path)} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        return process

    # Orphans of the demonstration become children of this process: no process of it can hide.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    before, known = traces(), children(os.getpid())
    yield start
    for process in begun:
        process.kill()
        process.wait()
        wait_until(lambda: not orphans(known), 2, "no process of the demonstration is left")
        assert list(RUN.glob(f"{process.pid:x}-*")) == []
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0)
    assert traces() == before
    assert ownerless_groups() == []
    assert os.listdir(tmp_path) == []


def orphans(known):
    """Return the children of this process that are alive and not known; the dead are reaped."""
    found = [pid for pid in children(os.getpid()) if pid not in known]
    for pid in found:
        os.waitpid(pid, os.WNOHANG)
    return [pid for pid in found if birth(pid)]


def test_demonstration_moves_the_vip_three_times_and_loses_no_write(start):
    process = start()
    told, complaints = process.communicate(timeout=360)
    assert (process.returncode, complaints) == (0, ""), told
    assert ESCAPE not in told
    assert f"node1# {recipe.quick_start()}\n" in told
    for fault in demo.FAULTS:
        assert fault.strike in told
    summary = told.partition("Summary\n")[2]
    rows = re.findall(r"^  (desync|kill -9|clean stop) +(node\d) -> (node\d) .* (\d+) +(\d+)$", summary, re.MULTILINE)
    assert [row[0] for row in rows] == [fault.name for fault in demo.FAULTS]
    for _, source, target, written, lost in rows:
        assert source != target
        assert int(written) > 0
        assert int(lost) == 0
    assert "evs.suspect_timeout (5 s)" in summary


@pytest.mark.matrix
def test_interrupted_demonstration_ends_within_seconds(start):
    process = start()
    assert any(" fault " in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=10)
    assert process.returncode == 128 + signal.SIGINT
    assert "ended by SIGINT" in complaints


def test_missing_tool_is_named_in_one_line(start):
    process = start(PATH="/nonexistent")
    told, complaints = process.communicate(timeout=10)
    assert (process.returncode, told) == (1, "")
    assert complaints == "demo: unshare is missing: apt-get install util-linux\n"


def test_missing_privilege_is_named(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(RuntimeError, match="needs root"):
        demo.require()


@pytest.mark.parametrize(
    ("terminal", "environment", "coloured"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (False, {}, False),
    ],
    ids=["terminal", "no-color", "pipe"],
)
def test_colours_only_on_a_terminal(monkeypatch, terminal, environment, coloured):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    Narrator(stream).event("guard", "synced")
    assert (ESCAPE in stream.getvalue()) == coloured


def test_no_line_is_longer_than_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    stream = io.StringIO()
    narrator = Narrator(stream)
    for line in recipe.commands("score"):
        narrator.command("node1#", line)
    narrator.event("client", "word " * 40)
    narrator.paragraph("word " * 40)
    assert max(map(len, stream.getvalue().splitlines())) <= 80
