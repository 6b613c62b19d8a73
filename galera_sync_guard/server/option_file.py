"""Reads the [client] section of an option file as MariaDB's own programs do (my_print_defaults is the reference)."""

from __future__ import annotations

import os
import stat

from ocfpy import codes
from ocfpy.codes import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# What MariaDB takes for white space: latin1's.
SPACE = b" \t\n\v\f\r\xa0"

ESCAPES = {
    b"n": b"\n",
    b"t": b"\t",
    b"r": b"\r",
    b"b": b"\b",
    b"s": b" ",
    b'"': b'"',
    b"'": b"'",
    b"\\": b"\\",
}

# More bytes than any option file has, and files that include files.
MAX_SIZE = 64 * 1024
MAX_DEPTH = 10


def read_client_section(path: str) -> dict[str, bytes]:
    """Return the options of [client], the last of each name, "" for one without a value; `-` in a name becomes `_`.

    Raises Failure for a file that is missing, is not an option file, or that others than root can read or write.
    """
    found: dict[str, bytes] = {}
    has_section = False
    for group, name, value in _entries(path, 0):
        if group.lower() == b"client":
            has_section = True
            if name:
                found[name.decode("utf-8", "replace").replace("-", "_")] = value
    if not has_section:
        raise Failure(codes.OCF_ERR_ARGS, f"defaults_file {path} has no section [client]")
    return found


def _entries(path: str, depth: int) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield (group, name, value) of each option, and (group, "", "") where a group begins."""
    group = None
    for raw in _read(path).split(b"\n"):
        line = raw.partition(b"\0")[0].lstrip(SPACE)
        if not line or line[:1] in (b"#", b";"):
            continue
        if line[:1] == b"!":
            if depth < MAX_DEPTH:
                for included in _included(line[1:].strip(SPACE)):
                    yield from _entries(included, depth + 1)
        elif line[:1] == b"[":
            name, bracket, _ = line[1:].partition(b"]")
            if not bracket:
                raise _not_an_option_file(path)
            group = name.rstrip(SPACE)
            yield group, b"", b""
        elif group is None:
            raise _not_an_option_file(path)
        else:
            name, _, value = line[: _end_of_option(line)].partition(b"=")
            yield group, name.rstrip(SPACE), _unescaped(_unquoted(value.strip(SPACE)))


def _not_an_option_file(path: str) -> Failure:
    return Failure(codes.OCF_ERR_ARGS, f"defaults_file {path} is not an option file")


def _included(directive: bytes) -> list[str]:
    """Return the files that the directive `include FILE` or `includedir DIRECTORY` names; MariaDB ignores missing ones."""
    words = directive.split(None, 1)
    if len(words) < 2:
        return []
    keyword, path = words[0], os.fsdecode(words[1])
    if keyword == b"include":
        return [path] if os.path.exists(path) else []
    if keyword != b"includedir":
        return []
    try:
        names = sorted(os.listdir(path))
    except OSError:
        return []
    return [os.path.join(path, name) for name in names if name.endswith(".cnf")]


def _end_of_option(line: bytes) -> int:
    """Return where a comment begins: at the first # outside of quotes. A backslash counts in quotes only."""
    quote, is_escaped = b"", False
    for position in range(len(line)):
        character = line[position : position + 1]
        if character in (b"'", b'"') and not is_escaped:
            quote = character if not quote else b"" if character == quote else quote
        if character == b"#" and not quote:
            return position
        is_escaped = bool(quote) and character == b"\\" and not is_escaped
    return len(line)


def _unquoted(value: bytes) -> bytes:
    if len(value) > 1 and value[:1] in (b"'", b'"') and value[:1] == value[-1:]:
        return value[1:-1]
    return value


def _unescaped(value: bytes) -> bytes:
    """Return the value with its escapes replaced; an unknown escape, or a backslash at the end, stays."""
    if b"\\" not in value:
        return value
    result, position = b"", 0
    while position < len(value):
        pair = value[position : position + 2]
        is_escape = pair[:1] == b"\\" and len(pair) == 2
        result += ESCAPES.get(pair[1:], pair) if is_escape else pair[:1]
        position += 2 if is_escape else 1
    return result


def _read(path: str) -> bytes:
    try:
        # Never waiting for a writer, should it be a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Failure(codes.OCF_ERR_ARGS, f"defaults_file {path}: {error.strerror}") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Failure(codes.OCF_ERR_ARGS, f"defaults_file {path} is not a regular file")
        # The agent runs as root; the command may be run by others, with files of their own.
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            raise Failure(
                codes.OCF_ERR_PERM,
                f"defaults_file {path} must belong to root, and only root may read it: chown root:root and chmod 600",
            )
        if status.st_size > MAX_SIZE:
            raise _not_an_option_file(path)
        return os.read(descriptor, MAX_SIZE)
    except OSError as error:
        raise Failure(codes.OCF_ERR_ARGS, f"defaults_file {path}: {error.strerror}") from None
    finally:
        os.close(descriptor)
