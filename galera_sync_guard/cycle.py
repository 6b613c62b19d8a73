"""One turn of the guard: probe, judge, publish, remember, in this order; a kill at any moment of it is harmless."""

import time

from galera_sync_guard.cluster.attributes import FAILED, OUTSIDE, PUBLISHED
from galera_sync_guard.decision.classify import classify
from galera_sync_guard.decision.judge import (
    ANSWERING_PEER,
    NO_PEER,
    SYNCED_PEER,
    judge,
    seconds_until_peer_recheck,
    should_query_peers,
)
from galera_sync_guard.decision.states import BAD, POOR, UNKNOWN, score_text
from galera_sync_guard.host.state_file import Record, boot_clock
from galera_sync_guard.server import probe
from ocfpy.report import one_line

# What a probe leaves of the action's time for publishing, in seconds, and at least that share of it: Pacemaker acts on
# a published value even if it then kills the action.
PUBLISH_RESERVE = 1.0
PUBLISH_SHARE = 0.25

# How often attributes are published again without a change, in seconds: as long a restarted attrd, controller or
# executor, with which a node's attributes go, can keep the virtual IP off a good node. It costs 30 ms of CPU.
REFRESH = 10.0

# Each search for an earlier probe's thread that hangs itself leaves a thread in the server: the pauses between those
# searches double from the first to the longest, in seconds.
FIRST_PAUSE = 4.0
LONGEST_PAUSE = 60.0


def turn(invocation, parameters, store, publisher, executor, fresh=False, facts=None, observe=None, peers=None):
    """Probe, judge, publish and remember once; return (verdict, published).

    `fresh` forgets the memory first (start). `facts` stand in for the probe when the guard cannot ask. `executor` is
    the pid of the process that runs our actions. `observe` asks in place of probe.probe_node. `peers` are those whom a
    watcher can ask. `published` is whether Pacemaker knows the verdict now or there is no Pacemaker to tell.
    """
    record = store.load() or Record()
    if fresh:
        record.memory = None
    record.interval = invocation.interval or record.interval
    if facts is None:
        facts = _probe(invocation, parameters, record, observe or probe.probe_node)
    finding = classify(facts, parameters)
    if not record.is_current and finding.kind != UNKNOWN:
        record.memory = record.published_score = record.reported = None
    verdict, record.memory = _judge(finding, parameters, record, publisher, invocation, peers)
    is_published = _is_published(verdict, record, executor)
    has_fallen = verdict.kind in BAD and (record.published_score is None or verdict.score < record.published_score)
    if is_published:
        result = PUBLISHED
    else:
        _forget_published(store, record, invocation.report)
        result = _publish(publisher, verdict, record, executor)
    _log_change(invocation.report, verdict, record)
    if parameters.watch_interval:
        record.turned_at, record.verdict, record.reason = boot_clock(), verdict.kind, one_line(verdict.reason)
        record.told = int(result != FAILED)
    _remember(store, record, invocation.report, required=fresh)
    if result == PUBLISHED and not is_published:
        publisher.tell_why(verdict.kind, has_fallen, record.since or time.time(), verdict.reason)
    return verdict, result != FAILED


def _probe(invocation, parameters, record, observe):
    remaining = invocation.deadline.remaining()
    reserve = min(PUBLISH_RESERVE, remaining * PUBLISH_SHARE)
    may_search = not record.pause or boot_clock() - record.searched_at > record.pause
    facts = observe(
        parameters,
        invocation.deadline,
        min(parameters.probe_timeout, remaining - reserve),
        record.pending_thread,
        may_search,
    )
    record.pending_thread = facts.pending_thread
    if facts.lost_thread:
        record.pause = min(2 * record.pause, LONGEST_PAUSE) if record.pause else FIRST_PAUSE
        record.searched_at = boot_clock()
    elif facts.pending_thread is None:
        record.pause = record.searched_at = None
    return facts


def _judge(finding, parameters, record, publisher, invocation, peers):
    interval = record.interval or invocation.timeout
    has_answered = peers is not None and peers.has_answered()
    while True:
        peer = _peer(finding, has_answered, publisher)
        now = boot_clock()
        verdict, memory = judge(finding, parameters, record.memory, peer, now, interval)
        # A watcher asks in place of waiting, and must hear the answer.
        if peers is not None:
            if should_query_peers(finding, memory):
                peers.ask_soon()
            return verdict, memory
        wait = seconds_until_peer_recheck(finding, memory, now, interval)
        if not wait or wait > invocation.deadline.remaining() - PUBLISH_RESERVE:
            return verdict, memory
        time.sleep(wait)


def _peer(finding, has_answered, publisher):
    if finding.kind != POOR:
        return NO_PEER
    if has_answered:
        return ANSWERING_PEER
    return SYNCED_PEER if publisher.peer_is_synced() else NO_PEER


def _is_published(verdict, record, executor):
    return (
        record.published_score == verdict.score
        and record.published_state == verdict.state
        and record.published_by == executor
        and boot_clock() - record.published_at < REFRESH
    )


def _forget_published(store, record, report):
    """Note that nobody knows what Pacemaker was told: if we are killed while telling it, the next turn tells it anew."""
    if record.published_at is not None:
        record.published_at = record.published_by = record.published_score = record.published_state = None
        _remember(store, record, report, required=False)


def _publish(publisher, verdict, record, executor):
    result = publisher.publish(verdict.score, verdict.state)
    # Outside a cluster there is nobody to tell: ask again only when something changed or the refresh is due.
    if result in (PUBLISHED, OUTSIDE):
        record.published_score, record.published_state = verdict.score, verdict.state
        record.published_at, record.published_by = boot_clock(), executor
    return result


def _remember(store, record, report, required):
    """Save the record; a verdict stands without it, but a start that nothing remembers would be none."""
    try:
        store.save(record)
    except OSError as error:
        if required:
            raise
        report.error(f"cannot remember anything: {error}")


def _log_change(report, verdict, record):
    if record.reported == f"{verdict.state}/{verdict.kind}":
        return
    record.reported = f"{verdict.state}/{verdict.kind}"
    record.since = int(time.time())
    log = report.warning if verdict.kind in BAD or verdict.state == "unknown" else report.info
    log(f"{verdict.reason} ({verdict.kind}, score {score_text(verdict.score)})")
