"""What judge carries from one sample to the next; data only."""

from __future__ import annotations


class Memory:
    """The verdict in force, and the run of bad samples that led to it. Times are seconds on the boot clock.

    A run is a series of samples in one state that may pass or is poor.
    """

    kind: str = ""  # of the verdict in force
    score: int = 0  # of the verdict in force
    state: str = ""  # of the verdict in force
    bad_at: float | None = None  # when a sample last confirmed the verdict in force as bad
    run_state: str | None = None  # the state of the present run, None without one
    run_since: float | None = None  # when the run began
    run_samples: int = 0  # how many samples it has
    last_sample_at: float | None = None  # when its last sample was taken
    grace_expired: bool = False  # whether the run counts by now, if a better peer is not needed
    peer_since: float | None = None  # since when a better peer has been seen during the run
    unknown_since: float | None = None  # since when the guard cannot determine the state
