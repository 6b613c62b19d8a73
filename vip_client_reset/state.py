"""What a started resource remembers between two actions, in one file of the state directory."""

from __future__ import annotations

import contextlib
import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocfpy import Invocation
    from vip_client_reset.parameters import ResetParameters


class State:
    """One state; the times are on the monotonic clock."""

    def __init__(self, started: float = 0.0, stored: float = 0.0, digest: int = 0) -> None:
        self.started = started  # when the resource started
        self.stored = stored  # when the peers last got the list of clients
        self.digest = digest  # of that list


class StateFile:
    """The file of one resource: a resource is started while the file exists."""

    def __init__(self, invocation: Invocation[ResetParameters]) -> None:
        self._path = os.path.join(invocation.state_directory, f"vip_client_reset-{invocation.resource}")

    def save(self, state: State) -> None:
        """Write the state; the resource counts as started from now on, with an empty file if there is no space for more."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, f"{state.started} {state.stored} {state.digest}".encode())
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
        finally:
            os.close(descriptor)

    def load(self) -> State | None:
        """Return the state of a started resource, None when it is not started; half a file counts as a state, too."""
        try:
            with open(self._path, encoding="ascii", errors="replace") as file:
                started, stored, digest = file.read().split()
                return State(float(started), float(stored), int(digest))
        except FileNotFoundError:
            return None
        except ValueError:
            return State()

    def delete(self) -> None:
        """Count the resource as stopped."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
