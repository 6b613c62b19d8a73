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
    follows_address: bool = False  # whether the run is a saturation that came with the virtual IP: it never acts
    followed_at: float | None = None  # when a sample last saw a saturation that came with the virtual IP
    peer_since: float | None = None  # since when a better peer has been seen during the run
    unknown_since: float | None = None  # since when the guard cannot determine the state


# The parameters that say which server is asked: what was known of another server counts for nothing.
SERVER = frozenset(("socket", "host", "port"))

# parameter -> the states that it defines.
DEFINES = {
    "maintenance_file": "maintenance",
    "available_when_readonly": "read-only",
    "available_when_donor": "donor",
    "connection_limit": "saturated",
    "max_recv_queue": "lagging",
    "min_cluster_size": "small-cluster",
    "stall_timeout": "stalled",
    "stall_directory": "stalled",
}


def without_changed(memory: Memory | None, changed: frozenset[str]) -> Memory | None:
    """Return what is left of a memory after these parameters have changed; every other run and hold goes on.

    A grace or hold that has another length is measured from the same beginning.
    """
    if memory is None or changed & SERVER:
        return None
    defined = {DEFINES[name] for name in changed if name in DEFINES}
    if memory.state in defined and memory.bad_at is not None:
        memory.bad_at = LONG_AGO
    if memory.run_state in defined and memory.bad_at is None:
        memory.run_state = memory.run_since = memory.last_sample_at = memory.peer_since = None
        memory.run_samples, memory.grace_expired, memory.follows_address = 0, False, False
    return memory


# On the boot clock: every hold since then is over.
LONG_AGO = float("-inf")
