"""One cycle of the guard: probe, judge, publish, remember, in this order; a kill at any moment of it is harmless."""

from __future__ import annotations

import time

from galera_sync_guard.cluster.attributes import FAILED, OUTSIDE, PUBLISHED
from galera_sync_guard.decision.classify import classify
from galera_sync_guard.decision.facts import Cause, Facts
from galera_sync_guard.decision.judge import ADDRESS_FOLLOWED, FOLLOWS_WITHIN, NO_PEER, grace_ends_at, judge
from galera_sync_guard.decision.memory import without_changed
from galera_sync_guard.decision.states import BAD, POOR, SCORES, UNKNOWN, score_text
from galera_sync_guard.host.clock import boot_clock
from galera_sync_guard.host.state_file import Record
from galera_sync_guard.server import probe
from ocfpy.codes import describe
from ocfpy.report import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from galera_sync_guard.cluster.attributes import Attributes
    from galera_sync_guard.decision.classify import Condition
    from galera_sync_guard.decision.judge import Verdict
    from galera_sync_guard.decision.memory import Memory
    from galera_sync_guard.decision.returns import Returns
    from galera_sync_guard.host.state_file import Store
    from galera_sync_guard.parameters import GuardParameters
    from ocfpy.deadline import Deadline
    from ocfpy.report import Report

    class Sampler(Protocol):
        """What gets the facts of one sample."""

        def sample(self, seconds: float, pending_thread: int | None, may_search: bool) -> Facts: ...

    class Peers(Protocol):
        """What tells of the other nodes."""

        def status(self, condition: Condition) -> int: ...
        def recheck_after(self, condition: Condition, memory: Memory, now: float, interval: float) -> float: ...


# What a probe leaves of the action's time for publishing, in seconds, and at least that share of it: Pacemaker acts on
# a published value even if it then kills the action.
PUBLISH_RESERVE = 1.0
PUBLISH_SHARE = 0.25

# How often attributes are published again without a change, in seconds: as long a restarted attrd, controller or
# executor, with which a node's attributes go, can keep the virtual IP off a good node. It costs 30 ms of CPU.
REFRESH = 10.0

# How often the settings that `check` compares are published without a change, in seconds: nothing else depends on them.
SETTINGS_REFRESH = 60.0

# The pauses of a process that lives on, between two attempts to publish the same, double from the first to the longest, in
# seconds: as long a Pacemaker that has come back may wait. It has its probe make the watcher publish at once.
FIRST_PUBLISH_PAUSE = 0.3
LONGEST_PUBLISH_PAUSE = 5.0

# Each search for an earlier probe's thread that hangs itself leaves a thread in the server: the pauses between those
# searches double from the first to the longest, in seconds.
FIRST_PAUSE = 4.0
LONGEST_PAUSE = 60.0

# How soon people are told another reason of a verdict that has not changed, in seconds.
TELL_PAUSE = 1.0

# The scores of a bad node.
FALLEN = tuple(SCORES[kind] for kind in BAD)

# What changes in a reason from second to second.
DIGITS = dict.fromkeys(map(ord, "0123456789."))

# How often the error is logged that the state file cannot be written, in seconds.
SAVE_ERROR_INTERVAL = 60.0

# A state that comes and goes is logged once in this time, in seconds, or when it stays.
LOG_INTERVAL = 1.0


class PollingSampler:
    """Probes the server over a connection that ends with the probe."""

    def __init__(self, policy: GuardParameters, deadline: Deadline) -> None:
        self._policy = policy
        self._deadline = deadline

    def sample(self, seconds: float, pending_thread: int | None, may_search: bool) -> Facts:
        """Return the Facts of the local node."""
        facts = probe.probe_node(self._policy, self._deadline, seconds, pending_thread, may_search)
        if not self._policy.vip:
            return facts
        from galera_sync_guard.host.network import link_state

        return facts.with_network(link_state(self._policy.vip, self._policy.nic))


class FailedSampler:
    """Stands for a probe that an error of the guard itself has prevented."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def sample(self, seconds: float, pending_thread: int | None, may_search: bool) -> Facts:
        """Return the error as the reason why there are no values."""
        return Facts(cause=Cause.CANNOT_OBSERVE, detail=describe(self._error), pending_thread=pending_thread)


def _returns() -> Returns:
    # Imported here, since a monitor that polls does without.
    from galera_sync_guard.decision.returns import Returns

    return Returns()


class Cycle:
    """Probes, judges, publishes and remembers for one guard.

    `resource` is the guard's name. `interval` is the time between two cycles in seconds, 0 when this call does not recur.
    Another `publication_epoch` than at the last publication means that Pacemaker may have lost what was published.
    `is_kept` is whether this object lives on. One that does not, remembers by a node attribute while the state file
    cannot be written.
    """

    def __init__(
        self,
        resource: str,
        policy: GuardParameters,
        store: Store,
        attributes: Attributes,
        sampler: Sampler,
        peers: Peers,
        report: Report,
        deadline: Deadline,
        interval: float,
        publication_epoch: int,
        is_kept: bool = False,
    ) -> None:
        self.sampler = sampler
        self.publication_epoch = publication_epoch
        self._resource = resource
        self._policy = policy
        self._store = store
        self._attributes = attributes
        self._peers = peers
        self._report = report
        self._deadline = deadline
        self._interval = interval
        self._is_kept = is_kept
        self._logged_at: dict[str, float] = {}  # what was logged -> when
        self._failed: tuple[int, str, int] | None = None  # what could not be published last: score, state, epoch
        self._publish_pause = self._publish_at = 0.0
        self._returns = _returns() if is_kept else None
        self.record = self._load()
        self.grace_ends_at: float | None = None  # when what the last sample has shown may count

    def _load(self) -> Record:
        record = self._store.load()
        if not self._is_kept and not self._store.is_reliable():
            other = self._store.parse(self._attributes.remembered())
            if other and (record is None or (other.published_at or 0) > (record.published_at or 0)):
                return other
        return record or Record()

    def forget(self) -> None:
        """Forget the verdict in force, so that the next one is of now."""
        self.record.memory = None

    def run_once(self, must_save: bool = False) -> tuple[Verdict, bool]:
        """Run one cycle; return the Verdict, and whether Pacemaker knows it now or there is no Pacemaker to tell.

        OSError when `must_save` and the guard cannot be remembered as started.
        """
        record = self.record
        record.interval = self._interval or record.interval
        facts = self._sample()
        condition = classify(facts, self._policy)
        if condition.kind != UNKNOWN:
            self._forget_outdated()
        verdict = self._judge(condition)
        has_fallen = verdict.kind in BAD and (record.published_score is None or verdict.score < record.published_score)
        has_risen = verdict.kind not in BAD and record.published_score in FALLEN
        must_last = self._must_last(verdict)
        was_published = must_last or self._is_published(verdict)
        result = PUBLISHED if was_published else self._publish_unless_in_vain(verdict)
        if not must_last:
            self._log_change(verdict)
        must_tell = result == PUBLISHED and not must_last and self._must_tell(verdict, was_published)
        settings = self._new_settings(facts) if result == PUBLISHED else ""
        self._save(must_save)
        if must_tell:
            self._tell(verdict, has_fallen)
            if has_risen:
                self._attributes.keep_falls()
        if settings:
            self._attributes.publish_settings(settings)
        return verdict, result != FAILED

    def _sample(self) -> Facts:
        record = self.record
        remaining = self._deadline.remaining()
        reserve = min(PUBLISH_RESERVE, remaining * PUBLISH_SHARE)
        may_search = (
            record.pause is None or record.searched_at is None or boot_clock() - record.searched_at > record.pause
        )
        facts = self.sampler.sample(
            min(self._policy.probe_timeout, remaining - reserve), record.pending_thread, may_search
        )
        record.pending_thread = facts.pending_thread
        if facts.lost_thread:
            record.pause = min(2 * record.pause, LONGEST_PAUSE) if record.pause else FIRST_PAUSE
            record.searched_at = boot_clock()
        elif facts.pending_thread is None:
            record.pause = record.searched_at = None
        return facts

    def _forget_outdated(self) -> None:
        """Drop what other code has left, and what changed parameters make void; while nothing is known, it is kept."""
        record = self.record
        if not record.is_same_version:
            record.memory = None
        record.memory = without_changed(record.memory, record.changed)
        if record.changed or not record.is_same_version:
            record.published_score = None
        record.is_same_version, record.changed = True, frozenset()

    def _judge(self, condition: Condition) -> Verdict:
        interval = self.record.interval or self._deadline.seconds
        while True:
            peer = self._peers.status(condition)
            now = boot_clock()
            verdict, memory = judge(condition, self._policy, self.record.memory, peer, now, interval)
            if peer and self._is_about_to_act(verdict):
                peer = self._reconsider(peer, verdict, memory, now)
                verdict, memory = judge(condition, self._policy, self.record.memory, peer, now, interval)
            wait = self._peers.recheck_after(condition, memory, now, interval)
            if not wait or wait > self._deadline.remaining() - PUBLISH_RESERVE:
                self.record.memory = memory
                self.grace_ends_at = grace_ends_at(condition, memory)
                return verdict
            time.sleep(wait)

    def _is_about_to_act(self, verdict: Verdict) -> bool:
        memory = self.record.memory
        return verdict.kind == POOR and memory is not None and memory.kind not in BAD

    def _reconsider(self, peer: int, verdict: Verdict, memory: Memory, now: float) -> int:
        """Return what is known of the other nodes after a closer look, before this node acts on that."""
        if verdict.state == "saturated" and memory.run_since is not None:
            began = time.time() - (now - memory.run_since)
            # The clock of another node may be ahead.
            followed = memory.followed_at is not None and now - memory.followed_at < FOLLOWS_WITHIN
            if followed or abs(began - self._attributes.last_saturation_at()) < FOLLOWS_WITHIN:
                return ADDRESS_FOLLOWED
        return peer if self._attributes.has_better_place(self._resource) else NO_PEER

    def _is_published(self, verdict: Verdict) -> bool:
        record = self.record
        return (
            record.published_score == verdict.score
            and record.published_state == verdict.state
            and record.published_by == self.publication_epoch
            and record.published_at is not None
            and boot_clock() - record.published_at < REFRESH
        )

    def _must_last(self, verdict: Verdict) -> bool:
        """Return whether it is too soon to tell that the node is synced again."""
        if self._returns is None:
            return False
        return self._returns.must_last(verdict.state == "synced", self._is_other_state(verdict), boot_clock())

    def _is_other_state(self, verdict: Verdict) -> bool:
        """Return whether Pacemaker knows the score, and another state than this."""
        record = self.record
        is_known = record.published_score == verdict.score and record.published_by == self.publication_epoch
        return is_known and record.published_state not in (None, verdict.state)

    def _publish_unless_in_vain(self, verdict: Verdict) -> str:
        """Publish, or say that it failed if the same has failed so often that the next attempt is not due yet."""
        attempt = (verdict.score, verdict.state, self.publication_epoch)
        is_repeated = self._is_kept and self._failed == attempt
        if is_repeated and boot_clock() < self._publish_at:
            return FAILED
        result = self._publish(verdict)
        self._failed = attempt if result == FAILED else None
        self._publish_pause = (
            min(2 * self._publish_pause, LONGEST_PUBLISH_PAUSE) if is_repeated else FIRST_PUBLISH_PAUSE
        )
        self._publish_at = boot_clock() + self._publish_pause
        return result

    def _publish(self, verdict: Verdict) -> str:
        record = self.record
        if record.published_by != self.publication_epoch:
            record.settings = None
        # If we are killed while we tell Pacemaker, the next cycle must tell it anew.
        if record.published_at is not None:
            record.published_at = record.published_by = record.published_score = record.published_state = None
            self._save(False)
        result = self._attributes.publish(verdict.score, verdict.state)
        # Outside a cluster there is nothing to tell: ask again only when something changed or the refresh is due.
        if result in (PUBLISHED, OUTSIDE):
            record.published_score, record.published_state = verdict.score, verdict.state
            record.published_at, record.published_by = boot_clock(), self.publication_epoch
        return result

    def _new_settings(self, facts: Facts) -> str:
        """Return the settings if they have to be published now, else "", and remember that they are."""
        record, settings = self.record, one_line(facts.settings)
        is_due = record.settings_at is None or boot_clock() - record.settings_at >= SETTINGS_REFRESH
        if not settings or (settings == record.settings and not is_due):
            return ""
        record.settings, record.settings_at = settings, boot_clock()
        return settings

    def _must_tell(self, verdict: Verdict, was_published: bool) -> bool:
        """Return whether people have to be told why, and remember that they are.

        A verdict that stays may get another reason: the node is bad in another way, or good again and held back.
        """
        record = self.record
        form = " ".join(verdict.reason.translate(DIGITS).replace("ms", "s").encode("ascii", "replace").decode().split())
        is_new = form != record.told and (record.told_at is None or boot_clock() - record.told_at >= TELL_PAUSE)
        if was_published and not is_new:
            return False
        record.told, record.told_at = form, boot_clock()
        return True

    def _tell(self, verdict: Verdict, has_fallen: bool) -> None:
        # Imported here, since a monitor that has nothing to tell does without.
        from galera_sync_guard.cluster.moments import with_moments

        held_for = None if verdict.held_until is None else verdict.held_until - boot_clock()
        reason = with_moments(verdict.reason, time.time(), held_for)
        self._attributes.publish_reason(verdict.kind, has_fallen, self.record.since or time.time(), reason)

    def _save(self, must_save: bool) -> None:
        """Save the record; a verdict stands without it, but a start that is not remembered is a failed start."""
        try:
            self._store.save(self.record)
        except OSError as error:
            if must_save and not self._store.is_started():
                raise
            logged_at = self.record.save_error_at
            if logged_at is None or boot_clock() - logged_at >= SAVE_ERROR_INTERVAL:
                self.record.save_error_at = boot_clock()
                self._report.error(f"cannot write the state file: {error}")
            if not self._is_kept:
                self._attributes.remember(self._store.text_of(self.record))

    def _log_change(self, verdict: Verdict) -> None:
        record = self.record
        follows = "/follows the address" if record.memory and record.memory.follows_address else ""
        said = f"{verdict.state}/{verdict.kind}{follows}"
        now = boot_clock()
        if record.reported == said or now - self._logged_at.get(said, -LOG_INTERVAL) < LOG_INTERVAL:
            return
        self._logged_at[said] = now
        record.reported = said
        record.since = int(time.time())
        log = self._report.warning if verdict.kind in BAD or verdict.state == "unknown" else self._report.info
        log(f"{verdict.reason} ({verdict.kind}, score {score_text(verdict.score)})")
