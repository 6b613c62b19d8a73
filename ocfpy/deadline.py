"""One deadline for a whole action, and shorter limits inside it, by an alarm that interrupts any blocking call."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from types import CodeType, FrameType
    from typing import Self, TypeVar

    Function = TypeVar("Function", bound=Callable[..., object])
else:
    import _signal as signal  # without the enumerations of the module signal: half of what Python itself costs


class TimeIsUp(BaseException):
    """A time limit ran out.

    Not an Exception and no OSError: a library that retries or swallows those (PyMySQL does) must not swallow this.
    """


_uninterrupted: set[CodeType] = set()


def uninterrupted(function: Function) -> Function:
    """Let no time limit end a function halfway; the alarm rings again when it has returned."""
    _uninterrupted.add(function.__code__)
    return function


class Deadline:
    """The moment by which an action must have ended, on the monotonic clock.

    The cluster consequence of missing it: Pacemaker kills the action's process group and counts a failure, so a
    deadline lies inside the operation's timeout.
    """

    def __init__(self, seconds: float) -> None:
        self.restart(seconds)

    def restart(self, seconds: float) -> None:
        """Begin anew, for a process that repeats its work."""
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds that are left, 0 when none are."""
        return max(0.0, self._end - time.monotonic())

    def limit(self, seconds: float) -> _Limit:
        """Return a context manager that raises TimeIsUp after `seconds`, or at the deadline if that is nearer."""
        return _Limit(min(seconds, self.remaining()))


class _Limit:
    # The timer repeats, since a bare `except:` in a library can swallow the first TimeIsUp.
    REPEAT = 0.1

    def __init__(self, seconds: float) -> None:
        self._seconds = max(seconds, 0.001)

    @uninterrupted
    def __enter__(self) -> Self:
        self._entered = time.monotonic()
        self._handler = signal.signal(signal.SIGALRM, _ring)
        self._outer, _ = signal.setitimer(signal.ITIMER_REAL, self._seconds, self.REPEAT)
        return self

    @uninterrupted
    def __exit__(self, *exception: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._handler)
        if self._outer:
            left = self._outer - (time.monotonic() - self._entered)
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.001), self.REPEAT)


def _ring(signum: int, frame: FrameType | None) -> None:
    if frame is None or frame.f_code not in _uninterrupted:
        raise TimeIsUp()
