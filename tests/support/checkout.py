"""The files of this checkout that belong to the project."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# The version of the package that an upgrade begins with: before the checkout's, whatever that is.
OLD = "0.0.1"


def tracked_files() -> list[str]:
    """Return the names of the files that git knows and that are there, whoever owns the checkout."""
    names = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    return [name for name in names.split("\0") if (ROOT / name).is_file()]
