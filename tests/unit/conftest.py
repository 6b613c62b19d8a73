"""Fixtures of the unit tier."""

import os
import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def run_directory():
    """An empty directory in memory, as /run is: renames on a disk would cost most of the tier's time."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as directory:
        yield Path(directory)
