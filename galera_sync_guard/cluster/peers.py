"""Asks the watchers of the other nodes whether theirs is synced at this moment, and gives them the same answer.

Attributes tell what a node's last turn has found, up to an interval and the cluster's delay ago. A question makes each
watcher take a turn at once, and an answer is here within milliseconds. So a node that somebody has desynced is left within
half a second, and yet not when all of them are. Nobody has to answer: without an answer the attributes decide.
"""

import os

from galera_sync_guard.cluster.corosync import Group
from galera_sync_guard.host.state_file import boot_clock

# Seconds: how long after the first bad sample the question is asked, so that what comes over all nodes at once has come over
# the last one too; how old an answer may be; and how often an unreachable Corosync is tried again.
AT_ONCE = 0.05
ANSWERS_WITHIN = 1.0
TRY_AGAIN = 10.0

QUESTION, SYNCED = b"who is synced?", b"synced"


class Peers:
    """The watchers that guard the same cluster by the same attribute."""

    def __init__(self, attribute, report):
        self._attribute = os.fsencode(attribute)
        self._report = report
        self._group = None
        self._try_at = boot_clock()
        self._complaint = None
        self._ask_at = None
        self._question = None  # the one that was asked last, until its answer
        self._expires = None
        self._has_answered = False
        self._unanswered = []  # the peers' questions

    def sources(self):
        """Return what becomes readable when a peer speaks, as a list for select."""
        return [self._group] if self._group else []

    def ask_soon(self):
        """Ask as soon as an answer is worth something."""
        self._ask_at = boot_clock() + AT_ONCE
        self._question = None

    def next_question_in(self, limit):
        """Return the seconds until attend has something to ask, `limit` at most."""
        return limit if self._ask_at is None else min(limit, max(0, self._ask_at - boot_clock()))

    def attend(self):
        """Ask what is due, hear what was said, and return whether that calls for a turn."""
        is_due = self._ask_at is not None and boot_clock() >= self._ask_at
        if is_due:
            self._ask_at = None
        try:
            self._reach()
            if self._group:
                if is_due:
                    self._ask()
                for message in self._group.receive():
                    self._hear(message.split(b"\0"))
        except OSError as error:
            self._lose(error)
        return self._has_answered or bool(self._unanswered)

    def has_answered(self):
        """Return whether one has said, since the last call, that it is synced."""
        answered, self._has_answered = self._has_answered, False
        return answered

    def answer(self, is_synced):
        """Answer the peers' questions; who is not synced need not."""
        questions, self._unanswered = self._unanswered, []
        try:
            for question in questions if is_synced else ():
                self._say(SYNCED, question)
        except OSError as error:
            self._lose(error)

    def leave(self):
        """Speak to nobody any more."""
        if self._group:
            self._group.leave()
            self._group = None

    def _reach(self):
        if not self._group and boot_clock() >= self._try_at:
            self._try_at = boot_clock() + TRY_AGAIN
            self._group = Group()
            self._complaint = None

    def _lose(self, error):
        if self._complaint != str(error):
            self._complaint = str(error)
            self._report.info(f"cannot ask the guards of other nodes, who tell by their attributes only: {error}")
        self.leave()

    def _ask(self):
        self._question, self._expires = os.urandom(8).hex().encode(), boot_clock() + ANSWERS_WITHIN
        self._say(QUESTION, self._question)

    def _say(self, *words):
        self._group.send(b"\0".join((self._attribute, *words)))

    def _hear(self, words):
        if len(words) != 3 or words[0] != self._attribute:
            return
        _, kind, question = words
        if kind == QUESTION and question != self._question:
            self._unanswered.append(question)
        elif kind == SYNCED and question == self._question and boot_clock() < self._expires:
            self._question = None
            self._has_answered = True
