"""Tells whether another node is better than this one: by its attributes, and by its watcher's answer to a query.

Attributes show what a node's last cycle has found, up to an interval and the cluster's delay ago. A query makes each
watcher run a cycle at once, and an answer arrives within milliseconds. So a node that was desynced by order is left
within half a second, unless all of them were. Without an answer the attributes decide.
"""

from __future__ import annotations

import os

from galera_sync_guard.decision.judge import (
    ANSWERING_PEER,
    NO_PEER,
    SYNCED_PEER,
    seconds_until_peer_recheck,
    should_query_peers,
)
from galera_sync_guard.decision.states import POOR
from galera_sync_guard.host.clock import boot_clock
from ocfpy.codes import describe
from ocfpy.runner import guarded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from galera_sync_guard.cluster.attributes import Attributes
    from galera_sync_guard.cluster.corosync import Group
    from galera_sync_guard.cluster.network_reports import NetworkReports
    from galera_sync_guard.decision.classify import Condition
    from galera_sync_guard.decision.memory import Memory
    from ocfpy.report import Report

# Seconds: how long after the first bad sample a query is sent, so that a fault of all nodes has reached the last one too;
QUERY_DELAY = 0.05
# how old an answer may be;
ANSWER_MAX_AGE = 1.0
# and how often an unreachable Corosync is tried again.
RECONNECT_INTERVAL = 10.0
# More queries than a cluster's nodes have between two cycles.
MAX_QUERIES = 64

# What watchers send each other, of this version and every later one: the attribute, one of these, and the query's number.
QUERY, SYNCED = b"1 query", b"1 synced"
# And in place of a number, a report of the network.
NETWORK = b"1 network"


class AttributePeers:
    """The other nodes as their attributes show them; a sample waits for the rest of the time that they need."""

    def __init__(self, attributes: Attributes) -> None:
        self._attributes = attributes

    def status(self, condition: Condition) -> int:
        """Return what is known of the other nodes; only a poor node needs to know."""
        return SYNCED_PEER if condition.kind == POOR and self._attributes.peer_is_synced() else NO_PEER

    def recheck_after(self, condition: Condition, memory: Memory, now: float, interval: float) -> float:
        """Return the seconds after which the same sample asks for the status again, 0 when it need not."""
        return seconds_until_peer_recheck(condition, memory, now, interval)


class CorosyncPeers:
    """The other nodes as their watchers answer over Corosync, else as their attributes show them. It never waits."""

    def __init__(self, attributes: Attributes, name: str, report: Report, reports: NetworkReports) -> None:
        self._attributes = AttributePeers(attributes)
        self._name = os.fsencode(name)
        self._report = report
        self._group: Group | None = None
        self._connect_at = boot_clock()
        self._logged: str | None = None  # the last error
        self._query_at: float | None = None  # when to send a query, None when none is due
        self._query: bytes | None = None  # the number of the last one, until its answer
        self._expires = 0.0  # when an answer to it comes too late
        self._has_answer = False
        self._unanswered: list[bytes] = []  # the peers' queries
        self.reports = reports

    def status(self, condition: Condition) -> int:
        """Return what is known of the other nodes; takes the answer, which counts for one sample only.

        No node is better than an unreachable one unless something answers another node.
        """
        answered = self.take_answer()
        if condition.state == "unreachable" and not self.reports.others_reach(boot_clock()):
            return NO_PEER
        if answered and condition.kind == POOR:
            return ANSWERING_PEER
        return self._attributes.status(condition)

    def recheck_after(self, condition: Condition, memory: Memory, now: float, interval: float) -> float:
        """Schedule a query if one is due; return 0, since an answer starts the next sample."""
        if should_query_peers(condition, memory):
            if condition.grace is None:
                self._query_at = now + QUERY_DELAY
                self._query = None
            elif self._query is None or now >= self._expires:
                self._query_at = now  # its grace was longer than the delay
        return 0

    def take_answer(self) -> bool:
        """Return whether a peer has answered since the last call that it is synced."""
        answer, self._has_answer = self._has_answer, False
        return answer

    def sources(self) -> list[Group]:
        """Return what becomes readable when a message arrives, as a list for select."""
        return [self._group] if self._group else []

    def seconds_until_query(self, limit: float) -> float:
        """Return the seconds until process_messages has a query to send, `limit` at most."""
        if self._group:
            limit = self.reports.seconds_until_due(limit, boot_clock())
        return limit if self._query_at is None else min(limit, max(0, self._query_at - boot_clock()))

    def process_messages(self) -> bool:
        """Send the query that is due, handle what has arrived, and return whether that calls for a cycle."""
        is_due = self._query_at is not None and boot_clock() >= self._query_at
        if is_due:
            self._query_at = None
        error = guarded(self._report, self._communicate, is_due)
        if error:
            self._disconnect(error)
        return self._has_answer or bool(self._unanswered)

    def answer(self, is_synced: bool) -> None:
        """Answer the peers' queries; a node that is not synced sends nothing."""
        queries, self._unanswered = self._unanswered, []
        try:
            for query in queries if is_synced and self._group else ():
                self._send(self._group, SYNCED, query)
        except OSError as error:
            self._disconnect(error)

    def _communicate(self, is_due: bool) -> OSError | None:
        """Send and receive what there is; return the error that ended it."""
        try:
            group = self._connect()
            if group:
                if is_due:
                    self._query, self._expires = os.urandom(8).hex().encode(), boot_clock() + ANSWER_MAX_AGE
                    self._send(group, QUERY, self._query)
                report = self.reports.take_due(boot_clock())
                if report:
                    self._send(group, NETWORK, report)
                for message in group.receive():
                    self._handle(message.split(b"\0"))
        except OSError as error:
            return error
        return None

    def leave(self) -> None:
        """Leave the group."""
        if self._group:
            self._group.leave()
            self._group = None

    def _connect(self) -> Group | None:
        if not self._group and boot_clock() >= self._connect_at:
            self._connect_at = boot_clock() + RECONNECT_INTERVAL
            from galera_sync_guard.cluster.corosync import Group

            self._group = Group()
            self._logged = None
        return self._group

    def _disconnect(self, error: BaseException) -> None:
        text = str(error) if isinstance(error, OSError) else describe(error)
        if self._logged != text:
            self._logged = text
            self._report.info(
                f"cannot query the watchers on other nodes over Corosync ({text}); using their node attributes instead"
            )
        self.leave()

    def _send(self, group: Group | None, *words: bytes) -> None:
        if group:
            group.send(b"\0".join((self._name, *words)))

    def _handle(self, words: list[bytes]) -> None:
        if len(words) != 3 or words[0] != self._name:
            return
        _, kind, query = words
        if kind == QUERY and query != self._query:
            if len(self._unanswered) < MAX_QUERIES:
                self._unanswered.append(query)
        elif kind == NETWORK:
            self.reports.receive(query, boot_clock())
        elif kind == SYNCED and query == self._query and boot_clock() < self._expires:
            self._query = None
            self._has_answer = True
