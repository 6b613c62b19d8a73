"""What pyflakes finds in every Python file of the repository: imports that nobody uses, names that nobody defines."""

import subprocess
import sys

from tests.support.checkout import ROOT, tracked_files


def python_files():
    return [name for name in tracked_files() if is_python(ROOT / name)]


def is_python(path):
    with path.open("rb") as file:
        return path.suffix == ".py" or file.readline().startswith(b"#!/usr/bin/python3")


def test_there_is_source_to_look_at():
    assert {"agents/galera_sync_guard", "tools/docs", "galera_sync_guard/decision/judge.py"} <= set(python_files())


def test_pyflakes_finds_nothing():
    done = subprocess.run([sys.executable, "-m", "pyflakes", *python_files()], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout + done.stderr == ""
