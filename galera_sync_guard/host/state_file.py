"""Keeps what must outlive one call in one small file, written atomically; the only module that touches it."""

import os
import time
import zlib

from galera_sync_guard import __version__
from galera_sync_guard.decision.memory import Memory

BOOT_ID = "/proc/sys/kernel/random/boot_id"


def boot_clock():
    """Return the seconds since this machine booted: no change of the date touches it, and suspended time counts."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Record:
    """All that a call leaves to the next: judge's memory, what was published and what the server still owes us.

    `published_*` say which score and state Pacemaker was told, when, and by which executor (parent pid): a restarted
    Pacemaker has lost them. `interval` is that of the last recurring monitor in seconds. `pending_thread` is the
    server's id of a thread of ours without an answer; if the search for it hung too, `searched_at` is when and
    `pause` how long not to search again. `reported` is the state of the last log line, and `since` its time (seconds
    since 1970).
    `turned_at`, `verdict`, `reason` and `told` are with what the last turn of a guard that watches ended: when, with which
    kind of verdict and why, and whether Pacemaker knows it. What a turn under way leaves is no news for a monitor.
    """

    FIELDS = {
        "published_score": int,
        "published_state": str,
        "published_at": float,
        "published_by": int,
        "interval": float,
        "pending_thread": int,
        "searched_at": float,
        "pause": float,
        "reported": str,
        "since": int,
        "turned_at": float,
        "verdict": str,
        "reason": str,
        "told": int,
    }
    __slots__ = ("memory", "is_current", "version", *FIELDS)

    def __init__(self, memory=None, **values):
        self.memory = memory
        self.is_current = True
        self.version = __version__
        for name in self.FIELDS:
            setattr(self, name, values.get(name))


class Store:
    """The file of one guard. That it exists means: this guard was started here and not stopped.

    Its first line carries boot id, code version and a hash of the parameters, its last line says that it is complete: a
    record of another boot, other code or other parameters, or one that is truncated, is no memory.
    """

    def __init__(self, invocation):
        self._path = os.path.join(invocation.state_directory, f"galera_sync_guard-{invocation.resource}")
        self._key = _boot_id(), __version__, f"{zlib.crc32(repr(invocation.given).encode()):08x}"
        self._text = None

    def is_started(self):
        """Return whether this guard was started on this node since it booted."""
        text = self._read()
        return text is not None and not (text.endswith(END) and not text.startswith(self._key[0] + " "))

    def load(self, of_any_version=False):
        """Return the Record that the last call left, None when there is no memory that still holds.

        One that was made under other parameters has `is_current` false: it is a memory only for a guard that cannot
        see, and keeps the last verdict. `of_any_version` takes what other code has left too, for who only reports it.
        """
        text = self._text = self._read()
        boot, version, parameters = (*(text or "").partition("\n")[0].split(" "), "", "", "")[:3]
        if boot != self._key[0] or not (of_any_version or version == __version__) or not text.endswith(END):
            return None
        fields = dict(line.partition("=")[::2] for line in text.splitlines()[1:-1])
        try:
            record = Record(**_typed(fields, Record.FIELDS))
            record.memory = _memory(fields) if "kind" in fields else None
            record.is_current = parameters == self._key[2]
            record.version = version
        except (KeyError, ValueError):
            return None
        return record

    def save(self, record):
        """Replace the file by a Record, unless it already says the same; a kill leaves the old or the new one."""
        lines = [" ".join(self._key)]
        for part, names in ((record, Record.FIELDS), (record.memory, Memory.__annotations__)):
            lines += [f"{name}={getattr(part, name)}" for name in names if part and getattr(part, name) is not None]
        text = "\n".join(lines) + "\n" + END
        if text == self._text:
            return
        temporary = f"{self._path}.new"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, self._path)
        self._text = text

    def delete(self):
        """Forget everything: from now on this guard is not started."""
        for path in (self._path + ".new", self._path):
            try:
                os.unlink(path)
            except FileNotFoundError:
                continue

    def _read(self):
        try:
            with open(self._path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError:
            # It exists, so the guard is started; what it says is no memory.
            return ""


END = "end\n"


def _typed(fields, types):
    return {name: convert(fields[name]) for name, convert in types.items() if name in fields}


# What the first word of an annotation makes of a text.
CONVERTERS = {"str": str, "int": int, "float": float, "bool": {"True": True, "False": False}.__getitem__}


def _memory(fields):
    memory = Memory()
    for name, annotation in Memory.__annotations__.items():
        if name in fields:
            setattr(memory, name, CONVERTERS[annotation.partition(" ")[0]](fields[name]))
    return memory


def _boot_id():
    with open(BOOT_ID, encoding="utf-8") as file:
        return file.read().strip()
