"""Reads the maintenance file, by which an administrator takes this node out of service."""

from __future__ import annotations

import os

# More bytes than the first line of the file needs.
SIZE = 200


def maintenance_reason(path: str) -> str | None:
    """Return the first line of the maintenance file, "" when it cannot be read, None when there is no such file.

    That no file can be opened, since this machine has too many open, is not a file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return "" if os.path.lexists(path) else None
    try:
        return os.read(descriptor, SIZE).decode("utf-8", "replace").partition("\n")[0].strip()
    except OSError:
        return ""
    finally:
        os.close(descriptor)
