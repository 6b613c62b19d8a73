"""The files of this checkout that belong to the project."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def tracked_files():
    """Return the names of the files that git knows and that are there, whoever owns the checkout."""
    names = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    return [name for name in names.split("\0") if (ROOT / name).is_file()]
