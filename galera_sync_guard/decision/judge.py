"""Decides what a condition means for the virtual IP: a pure function of condition, limits, memory and time.

Bad news that is certain acts at once. Bad news that may pass waits for its grace. A poor node acts only if a peer is
better. Good news after bad waits for recovery_hold. While the guard cannot determine the state, the last verdict holds.
"""

from __future__ import annotations

from galera_sync_guard.decision.memory import Memory
from galera_sync_guard.decision.states import BAD, FIT, POOR, SCORES, UNKNOWN, UNKNOWN_AFTER_BAD
from ocfpy.parameters import format_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from galera_sync_guard.decision.classify import Condition
    from galera_sync_guard.parameters import GuardParameters

# A peer counts as better when it has been synced for longer than this, in seconds and in intervals: longer than the time
# by which one fault reaches the nodes one after another.
PEER_HOLD = 2.0
PEER_HOLD_INTERVALS = 1.5
# The same for a desync, which is ordered: on all nodes it is seen as soon as each guard has sampled once more.
PEER_HOLD_DESYNCED = 0.4
PEER_HOLD_DESYNCED_INTERVALS = 1.25
# A sample waits within itself for the rest of that time, in seconds, if it is not more than this...
MAX_PEER_RECHECK_WAIT = 0.7
# ... and this much longer, so that the time is surely over.
CLOCK_SLACK = 0.01
# A grace needs this many bad samples, and restarts when samples are further apart than this many intervals and the time
# that a probe may take.
MIN_SAMPLES = 2
MAX_GAP = 3

# What is known of the other nodes: that none is better,
NO_PEER = 0
# that one calls itself synced,
SYNCED_PEER = 1
# or that one was asked, has looked since, and is synced. After a desync that counts like the longest time.
ANSWERING_PEER = 2
# Or that the saturation came with the virtual IP, and would go with it.
ADDRESS_FOLLOWED = -1
# A saturation has come with the virtual IP when it began so soon after a guard acted on one, or after one that came with it
# has ended here, in seconds.
FOLLOWS_WITHIN = 600.0


class Verdict:
    """The state of the node, what follows from it, and one line that says why."""

    __slots__ = ("held_until", "kind", "reason", "score", "state")

    def __init__(self, kind: str, score: int, state: str, reason: str, held_until: float | None = None) -> None:
        self.kind = kind
        self.score = score
        self.state = state
        self.reason = reason
        self.held_until = held_until  # on the boot clock, when the node is good by now and this verdict is of before


def judge(
    condition: Condition, policy: GuardParameters, memory: Memory | None, peer: int, now: float, interval: float
) -> tuple[Verdict, Memory]:
    """Return the Verdict on a Condition and the next Memory.

    `memory` is that of the sample before, None when there is none: then the first verdict acts at once.
    `peer` is NO_PEER, SYNCED_PEER or ANSWERING_PEER, and matters only for a poor node. `now` is the boot clock,
    `interval` the time between samples, both in seconds.
    """
    if condition.kind == UNKNOWN:
        return _hold_last_verdict(condition, policy, memory, now)
    after = Memory()
    after.followed_at = memory.followed_at if memory else None
    kind, reason = condition.kind, condition.reason
    if condition.grace is not None or condition.kind == POOR:
        kind, reason = _apply_grace(condition, policy, memory, after, peer, now, interval)
    score = SCORES[kind] - (condition.penalty if kind == FIT else 0)
    rises = memory is not None and memory.kind in BAD and score > memory.score
    if memory and rises and policy.mode == "score" and not _lasted(memory.bad_at, now, policy.recovery_hold):
        after.kind, after.score, after.state, after.bad_at = memory.kind, memory.score, memory.state, memory.bad_at
        hold = format_seconds(policy.recovery_hold)
        reason = f"{memory.state}: still {memory.kind}, now {condition.state}, believed after recovery_hold={hold}"
        held_until = (now if memory.bad_at is None else memory.bad_at) + policy.recovery_hold
        return Verdict(memory.kind, memory.score, memory.state, reason, held_until), after
    after.kind, after.score, after.state = kind, score, condition.state
    after.bad_at = now if kind in BAD else None
    return Verdict(kind, score, condition.state, f"{condition.state}: {reason}"), after


def seconds_until_peer_recheck(condition: Condition, memory: Memory, now: float, interval: float) -> float:
    """Return the seconds after which a sample should look at the peers again, 0 when it need not.

    `memory` is what judge made of the sample. Without that wait a node would act an interval later than it may.
    """
    if not _is_waiting_for_peer(condition, memory) or memory.peer_since is None or memory.peer_since == now:
        return 0
    rest = memory.peer_since + _peer_hold(condition, interval) - now
    return rest + CLOCK_SLACK if 0 < rest <= MAX_PEER_RECHECK_WAIT else 0


def should_query_peers(condition: Condition, memory: Memory) -> bool:
    """Return whether the peers should be asked for their state, since one that answers is enough.

    After a desync only its first sample asks; a network that has failed goes on asking for a node that it has not.
    """
    is_first = memory.run_samples == 1
    return (
        condition.answer_suffices
        and _is_waiting_for_peer(condition, memory)
        and (is_first or condition.grace is not None)
    )


def grace_ends_at(condition: Condition, memory: Memory) -> float | None:
    """Return when a condition counts that does not count yet, None when there is nothing to wait for."""
    if condition.grace is None or memory.grace_expired or memory.run_since is None:
        return None
    return memory.run_since + condition.grace.seconds + CLOCK_SLACK


def _is_waiting_for_peer(condition: Condition, memory: Memory) -> bool:
    return condition.kind == POOR and memory.kind == FIT and memory.grace_expired and not memory.follows_address


def _hold_last_verdict(
    condition: Condition, policy: GuardParameters, memory: Memory | None, now: float
) -> tuple[Verdict, Memory]:
    after = Memory()
    after.kind, after.score, after.state, after.unknown_since = UNKNOWN, SCORES[UNKNOWN], condition.state, now
    reason = f"{condition.state}: {condition.reason}"
    if memory:
        since = now if memory.unknown_since is None else memory.unknown_since
        after.unknown_since = since
        after.bad_at, after.followed_at = memory.bad_at, memory.followed_at
        if memory.kind in BAD or memory.score == UNKNOWN_AFTER_BAD:
            after.score = UNKNOWN_AFTER_BAD
        if not _lasted(since, now, policy.unknown_grace):
            after.kind, after.score = memory.kind, memory.score
            hold = format_seconds(policy.unknown_grace)
            reason += f"; the last verdict ({memory.kind}) holds for unknown_grace={hold}"
    return Verdict(after.kind, after.score, condition.state, reason), after


def _apply_grace(
    condition: Condition,
    policy: GuardParameters,
    memory: Memory | None,
    after: Memory,
    peer: int,
    now: float,
    interval: float,
) -> tuple[str, str]:
    """Continue or begin the run of a state that may pass or is poor; return the kind it has by now, and the reason."""
    run = _present_run(condition, policy, memory, now, interval)
    since = run.run_since if run and run.run_since is not None else now
    after.run_state, after.last_sample_at, after.run_since = condition.state, now, since
    after.run_samples = run.run_samples + 1 if run else 1
    # A node whose verdict is bad already gets no new grace for bad news of another kind.
    after.grace_expired = (
        memory is None
        or condition.grace is None
        or memory.kind in BAD
        or (run is not None and run.grace_expired)
        or (after.run_samples >= MIN_SAMPLES and _lasted(since, now, condition.grace.seconds))
    )
    after.follows_address = peer == ADDRESS_FOLLOWED or (run is not None and run.follows_address)
    if after.follows_address:
        after.followed_at = now
        return FIT, f"{condition.reason} for {format_seconds(round(now - since, 1))}, ignored: it follows the address"
    if peer:
        after.peer_since = run.peer_since if run and run.peer_since is not None else now
    answers = peer == ANSWERING_PEER and condition.answer_suffices and after.grace_expired
    if answers:
        after.peer_since = now - _peer_hold(condition, interval) - CLOCK_SLACK
    reason = f"{condition.reason} for {format_seconds(round(now - since, 1))}"
    if condition.grace and not after.grace_expired:
        return FIT, f"{reason}, ignored until {condition.grace.name}={format_seconds(condition.grace.seconds)}"
    # What has made a poor node act needs no new hold after a gap or in another state: it would ask the address back.
    was_bad = peer != NO_PEER and memory is not None and memory.kind in BAD
    if condition.kind == POOR and not was_bad and not _lasted(after.peer_since, now, _peer_hold(condition, interval)):
        return FIT, f"{reason}, ignored: no better node known"
    return condition.kind, reason + (", and another node answers that it is synced" if answers else "")


def _present_run(
    condition: Condition, policy: GuardParameters, memory: Memory | None, now: float, interval: float
) -> Memory | None:
    """Return the memory if its run goes on with this condition, else None."""
    if memory is None or memory.run_state != condition.state or memory.last_sample_at is None:
        return None
    return memory if now - memory.last_sample_at <= MAX_GAP * interval + policy.probe_timeout else None


def _peer_hold(condition: Condition, interval: float) -> float:
    if condition.grace is None:
        return PEER_HOLD_DESYNCED + PEER_HOLD_DESYNCED_INTERVALS * interval
    return max(PEER_HOLD, PEER_HOLD_INTERVALS * interval)


def _lasted(since: float | None, now: float, limit: float) -> bool:
    return since is not None and now - since > limit
