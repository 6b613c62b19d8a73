"""Keeps what must outlive one call in one small file; the only module that touches it."""

from __future__ import annotations

import errno
import os

from galera_sync_guard import __version__
from galera_sync_guard.decision.memory import Memory
from galera_sync_guard.host.clock import boot_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

END = "end"

# What the first word of an annotation makes of a text.
CONVERTERS: dict[str, Callable[[str], object]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": {"True": True, "False": False}.__getitem__,
}


class Record:
    """All that a call leaves to the next. `*_at` are seconds on the boot clock."""

    published_score: int | None = None  # what Pacemaker was told last, None when that is not known
    published_state: str | None = None
    published_at: float | None = None
    published_by: int | None = None  # Cycle's publication_epoch at that time
    interval: float | None = None  # of the last recurring monitor, in seconds
    pending_thread: int | None = None  # the server's id of a thread of ours that has not been answered
    searched_at: float | None = None  # when the search for that thread got no answer either
    pause: float | None = None  # for how many seconds after that not to search again
    reported: str | None = None  # state and kind of the last log line
    since: int | None = None  # when that was logged, in seconds since 1970
    told: str | None = None  # what people were told last, without what changes from second to second
    told_at: float | None = None
    settings: str | None = None  # what was published last of the settings that `check` compares
    settings_at: float | None = None
    save_error_at: float | None = None  # when it was logged that this cannot be saved

    def __init__(self) -> None:
        self.memory: Memory | None = None  # what judge carries from one sample to the next
        self.is_same_version = True  # whether this code has left it
        self.changed: frozenset[str] = frozenset()  # the parameters that had another value then


class Store:
    """The state file of one guard on this host; its existence tells that the guard was started here and not stopped.

    Its first line carries boot id and code version, its last line says that it is complete: a record of another boot, or
    one that is truncated, does not count. `values` are the declared parameters' values as text, by name.
    The file is read once, however often it is asked for.
    """

    def __init__(self, directory: str, resource: str, values: Mapping[str, str]) -> None:
        self._path = os.path.join(directory, f"galera_sync_guard-{resource}")
        self._values = values
        self._boot = boot_id()
        self._has_read = False
        self._text: str | None = None

    def is_started(self) -> bool:
        """Return whether this guard was started on this node since it booted."""
        text = self._read()
        return text is not None and not (_is_complete(text) and not text.startswith(self._boot + " "))

    def load(self) -> Record | None:
        """Return the Record that the last call left, None when there is no memory that still holds."""
        return self.parse(self._read() or "")

    def parse(self, text: str) -> Record | None:
        """Return the Record that a text of `text_of` means, None when it does not hold."""
        boot, _, version = text.partition("\n")[0].partition(" ")
        if boot != self._boot or not _is_complete(text):
            return None
        fields = dict(line.partition("=")[::2] for line in text.splitlines()[1:])
        record = Record()
        try:
            _fill(record, fields)
            if "kind" in fields:
                record.memory = Memory()
                _fill(record.memory, fields)
        except (KeyError, ValueError):
            return None
        record.is_same_version = version == __version__
        record.changed = frozenset(
            name for name, value in self._values.items() if fields.get("parameter." + name, value) != value
        )
        return record

    def save(self, record: Record) -> None:
        """Replace the file by a Record, unless it already says the same; a kill leaves the old or the new one.

        A file system without space keeps the old file's place, which the new text takes in one write; without an old
        file an empty one remains: the guard is started, and remembers nothing. OSError when nothing can be saved.
        """
        text = self.text_of(record)
        if text == self._text:
            return
        self._text, self._has_read = None, False
        try:
            self._replace(text.encode())
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self._overwrite(text.encode())
        self._text, self._has_read = text, True

    def text_of(self, record: Record) -> str:
        """Return a Record as text."""
        lines = [f"{self._boot} {__version__}"]
        lines += [f"parameter.{name}={value}" for name, value in self._values.items()]
        for part in (record, record.memory):
            names = type(part).__annotations__ if part else ()
            lines += [f"{name}={value}" for name in names if (value := getattr(part, name)) is not None]
        return "\n".join((*lines, END, ""))

    def is_reliable(self) -> bool:
        """Return whether the file tells what the last call knew: not if it is empty, or cannot be replaced."""
        return self._read() != "" and os.access(os.path.dirname(self._path), os.W_OK)

    def delete(self) -> None:
        """Forget everything: from now on this guard is not started."""
        self._text, self._has_read = None, True
        for path in (self._path + ".new", self._path):
            try:
                os.unlink(path)
            except FileNotFoundError:
                continue

    def _replace(self, content: bytes) -> None:
        temporary = f"{self._path}.new"
        try:
            _write(temporary, content, os.O_TRUNC)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT) and os.path.exists(temporary):
                os.unlink(temporary)
            raise
        os.replace(temporary, self._path)

    def _overwrite(self, content: bytes) -> None:
        try:
            size = os.stat(self._path).st_size
        except FileNotFoundError:
            size = 0
        _write(self._path, content.ljust(size, b"\n"), 0)

    def _read(self) -> str | None:
        if not self._has_read:
            self._has_read = True
            try:
                with open(self._path, encoding="utf-8", errors="replace") as file:
                    self._text = file.read()
            except FileNotFoundError:
                self._text = None
            except OSError:
                self._text = ""  # It exists, so the guard is started; its content does not count.
        return self._text


def _is_complete(text: str) -> bool:
    return text.endswith("\n") and text.rstrip("\n").endswith("\n" + END)


def _write(path: str, content: bytes, flag: int) -> None:
    """Write the content of a file at once: a kill leaves all of it or none of it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | flag, 0o600)
    try:
        if os.write(descriptor, content) != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
    finally:
        os.close(descriptor)


def _fill(part: Record | Memory, fields: Mapping[str, str]) -> None:
    """Set the fields of a record from their texts; KeyError or ValueError for a text that is not a value of its type."""
    for name, annotation in type(part).__annotations__.items():
        if name in fields:
            setattr(part, name, CONVERTERS[annotation.partition(" ")[0]](fields[name]))
