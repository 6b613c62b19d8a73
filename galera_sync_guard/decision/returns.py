"""When people and Pacemaker are told that a node is synced again: a state may come and go with every sample."""

from __future__ import annotations

# A state that keeps the node's score, such as saturated at the limit of the connections, makes Pacemaker calculate with
# each change. So the end of one that came back within this time, in seconds, is told only when it has lasted.
COMES_BACK_WITHIN = 10.0

# How long it has to last then, in seconds: each time twice as long, from the first to the longest.
FIRST_PAUSE = 0.3
LONGEST_PAUSE = 5.0


class Returns:
    """Decides when it is told that a node is synced again. Times are seconds on the boot clock."""

    def __init__(self) -> None:
        self._since: float | None = None  # when the node was found synced again
        self._told_at: float | None = None
        self._pause = 0.0

    def must_last(self, is_synced: bool, is_news: bool, now: float) -> bool:
        """Return whether the node must be synced for longer before that is told."""
        if not is_synced:
            self._since = None
            return False
        if self._since is None:
            self._since = now
            if self._told_at is None or now - self._told_at > self._pause + COMES_BACK_WITHIN:
                self._pause = 0.0
        if not is_news:
            return False
        if now - self._since < self._pause:
            return True
        self._told_at = now
        self._pause = min(2 * self._pause or FIRST_PAUSE, LONGEST_PAUSE)
        return False
