"""Decides what a finding means for the virtual IP: a pure function of finding, limits, memory and time.

Bad news that is certain acts at once. Bad news that may pass waits for its grace. A poor node acts only if a peer is
better. Good news after bad waits for recovery_hold. When the guard cannot see, the last verdict stays.
"""

from galera_sync_guard.decision.states import BAD, FIT, POOR, SCORES, UNKNOWN
from ocfpy.parameters import format_seconds

# A peer counts as better when it has been synced for longer than this, in seconds and in intervals: longer than what is
# common to all nodes begins or ends at different times. What passes does so, not to the second; what somebody has
# ordered is on all nodes as soon as their guards have sampled once more and told.
PEER_HOLD = 2.0
PEER_HOLD_INTERVALS = 1.5
PEER_HOLD_ORDERED = 0.4
PEER_HOLD_ORDERED_INTERVALS = 1.25
# A sample waits within itself for what is left of that, in seconds, if it is no more, and until it is surely over.
WORTH_WAITING = 0.7
A_MOMENT = 0.01
# A grace needs this many bad samples, and restarts when samples are further apart than this many intervals and the time
# that a probe may take.
MIN_SAMPLES = 2
MAX_GAP = 3

# What is known of the other nodes: of none that it is better, of one that it calls itself synced, or that it was asked, has
# looked since and is. The last counts like the longest time, for what somebody has ordered.
NO_PEER, SYNCED_PEER, ANSWERING_PEER = range(3)


class Verdict:
    """What is true (`state`), what follows (`kind`, `score`), and one line that says why."""

    __slots__ = ("kind", "reason", "score", "state")

    def __init__(self, kind, score, state, reason):
        self.kind = kind
        self.score = score
        self.state = state
        self.reason = reason


class Memory:
    """What judge carries from one sample to the next; times are seconds on the boot clock.

    `kind`, `score` and `state` are the verdict in force, `bad_at` the last time that a sample confirmed it as bad.
    `run_*` describe the present run of one state that may pass: since when, last sample, how many, and whether its
    patience is over. `peer_since`: since when a better peer has been seen. `blind_since`: since when the guard
    cannot see.
    """

    FIELDS = {
        "kind": str,
        "score": int,
        "state": str,
        "bad_at": float,
        "run_state": str,
        "run_since": float,
        "run_at": float,
        "run_samples": int,
        "run_over": int,
        "peer_since": float,
        "blind_since": float,
    }
    __slots__ = tuple(FIELDS)

    def __init__(self, **values):
        for name in self.FIELDS:
            setattr(self, name, values.get(name))


def judge(finding, policy, memory, peer, now, interval):
    """Return the Verdict on a Finding and the next Memory.

    `memory` is that of the sample before, None when there is none: then the first verdict acts at once.
    `peer` is NO_PEER, SYNCED_PEER or ANSWERING_PEER, and matters only for a poor node. `now` is the boot clock, `interval`
    the time between samples, both in seconds.
    """
    if finding.kind == UNKNOWN:
        return _keep_last_verdict(finding, policy, memory, now)
    after = Memory()
    kind, reason = finding.kind, finding.reason
    if finding.grace is not None or finding.kind == POOR:
        kind, reason = _be_patient(finding, policy, memory, after, peer, now, interval)
    score = SCORES[kind] - finding.penalty
    if memory and policy.mode == "score" and memory.kind in BAD and score > memory.score:
        if not _lasted(memory.bad_at, now, policy.recovery_hold):
            after.kind, after.score, after.state, after.bad_at = memory.kind, memory.score, memory.state, memory.bad_at
            return Verdict(
                memory.kind,
                memory.score,
                memory.state,
                f"{memory.state}: still {memory.kind}, now {finding.state}, believed after recovery_hold={format_seconds(policy.recovery_hold)}",
            ), after
    after.kind, after.score, after.state = kind, score, finding.state
    after.bad_at = now if kind in BAD else None
    return Verdict(kind, score, finding.state, f"{finding.state}: {reason}"), after


def worth_waiting(finding, memory, now, interval):
    """Return the seconds after which a sample should ask the peers again, 0 when it need not.

    `memory` is what judge made of the sample. Without that wait a node would act an interval later than it may.
    """
    if not _lacks_a_better_peer(finding, memory) or memory.peer_since in (None, now):
        return 0
    rest = memory.peer_since + _peer_hold(finding, interval) - now
    return rest + A_MOMENT if 0 < rest <= WORTH_WAITING else 0


def worth_asking(finding, memory):
    """Return whether the peers should be asked what they are: at the first sample of what somebody has ordered."""
    return _lacks_a_better_peer(finding, memory) and finding.grace is None and memory.run_samples == 1


def _lacks_a_better_peer(finding, memory):
    return finding.kind == POOR and memory.kind == FIT and bool(memory.run_over)


def _keep_last_verdict(finding, policy, memory, now):
    after = Memory(kind=UNKNOWN, score=SCORES[UNKNOWN], state=finding.state, blind_since=now)
    reason = f"{finding.state}: {finding.reason}"
    if memory:
        after.blind_since = now if memory.blind_since is None else memory.blind_since
        after.bad_at = memory.bad_at
        if not _lasted(after.blind_since, now, policy.unknown_grace):
            after.kind, after.score = memory.kind, memory.score
            reason += (
                f"; the last verdict ({memory.kind}) holds for unknown_grace={format_seconds(policy.unknown_grace)}"
            )
    return Verdict(after.kind, after.score, finding.state, reason), after


def _be_patient(finding, policy, memory, after, peer, now, interval):
    """Continue or begin the run of a state that may pass or is poor; return the kind it has by now, and the reason."""
    continues = (
        memory
        and memory.run_state == finding.state
        and memory.run_at is not None
        and now - memory.run_at <= MAX_GAP * interval + policy.probe_timeout
    )
    after.run_state, after.run_at = finding.state, now
    after.run_since = memory.run_since if continues else now
    after.run_samples = memory.run_samples + 1 if continues else 1
    # A node whose verdict is bad already gets no new patience for bad news of another kind.
    after.run_over = int(
        bool(
            not memory
            or finding.grace is None
            or memory.kind in BAD
            or (continues and memory.run_over)
            or (after.run_samples >= MIN_SAMPLES and _lasted(after.run_since, now, finding.grace))
        )
    )
    if peer:
        after.peer_since = memory.peer_since if continues and memory.peer_since is not None else now
    answers = peer == ANSWERING_PEER and finding.grace is None
    if answers:
        after.peer_since = now - _peer_hold(finding, interval) - A_MOMENT
    reason = f"{finding.reason} for {format_seconds(now - after.run_since)}"
    if not after.run_over:
        return FIT, f"{reason}, counts after {finding.grace_name}={format_seconds(finding.grace)}"
    if finding.kind == POOR and not _lasted(after.peer_since, now, _peer_hold(finding, interval)):
        return FIT, f"{reason}, but no other node is known to be better"
    return finding.kind, reason + (", and another node answers that it is synced" if answers else "")


def _peer_hold(finding, interval):
    if finding.grace is None:
        return PEER_HOLD_ORDERED + PEER_HOLD_ORDERED_INTERVALS * interval
    return max(PEER_HOLD, PEER_HOLD_INTERVALS * interval)


def _lasted(since, now, limit):
    return since is not None and now - since > limit
