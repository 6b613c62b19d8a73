"""The watcher: one process that turns the cycle over one open connection until it is ended; no monitor loads this."""

import gc
import os
import signal
import subprocess
import sys
import time

from galera_sync_guard.agent import AGENT
from galera_sync_guard.cluster.attributes import Publisher
from galera_sync_guard.cluster.peers import Peers
from galera_sync_guard.cycle import turn
from galera_sync_guard.decision.facts import Cause, Facts
from galera_sync_guard.host.state_file import Store, boot_clock
from galera_sync_guard.host.storage import Storage
from galera_sync_guard.server import probe
from galera_sync_guard.server.connection import ServerConnection
from galera_sync_guard.watcher.heartbeat import LONGEST_PUBLISHING, PUBLISH_AGAIN, RENEW
from galera_sync_guard.watcher.lock import Lock
from ocfpy import codes
from ocfpy.codes import Failure, describe
from ocfpy.deadline import Deadline, TimeIsUp
from ocfpy.invocation import Invocation
from ocfpy.parameters import format_seconds
from ocfpy.process import SEARCH_PATH
from ocfpy.report import Report
from ocfpy.runner import guarded

# How long start waits for its watcher, in seconds, and how often it looks.
ALIVE_WITHIN = 5.0
ALIVE_POLL = 0.01

# The capabilities that root keeps: to become os_user, and to open files of others. Pacemaker's attrd, which is hacluster's,
# refuses root without the latter, even as a member of haclient (Pacemaker 2.1.5, measured).
LEAST_RIGHTS = ("setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all,+setuid,+setgid,+dac_override")

# A score that has not arrived is published again after ARRIVES_WITHIN. A turn that failed is tried again after PAUSE. In
# seconds.
ARRIVES_WITHIN = 1.0
PAUSE = 1.0


class Superseded(BaseException):
    """Another watcher guards by now, or none shall: end without a trace."""


def spawn(invocation):
    """Leave a watcher behind; raise Failure if none comes up.

    It has a session of its own and none of our files, since Pacemaker would wait for whoever holds its pipes, and gets
    what it must know through a pipe of its own: others can read a process's environment.
    """
    lock = Lock(invocation)
    try:
        process = subprocess.Popen(
            [*LEAST_RIGHTS, sys.executable, "-IBS", os.path.abspath(invocation.program), "watch", invocation.resource],
            env={"PATH": SEARCH_PATH},
            cwd="/",
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with process.stdin as pipe:
            pipe.write(_packed(invocation.environ))
    except OSError as error:
        raise Failure(codes.OCF_ERR_GENERIC, f"the watcher does not come up: {error}")
    patience = time.monotonic() + ALIVE_WITHIN
    while lock.holder() != process.pid:
        if process.poll() is not None or time.monotonic() > patience:
            process.kill()
            code = process.returncode
            why = f"it ended with {code}" if code else f"not within {format_seconds(ALIVE_WITHIN)}"
            raise Failure(
                codes.OCF_ERR_GENERIC,
                f"the watcher does not come up: {why}",
            )
        time.sleep(ALIVE_POLL)


def _packed(environ):
    return b"\0".join(os.fsencode("{}={}".format(*given)) for given in environ.items())


def main(argv):
    """Watch until killed, or until another watcher is meant to; return an exit code."""
    gc.enable()
    given = os.fsdecode(sys.stdin.buffer.read()).split("\0")
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.close(null)
    environ = dict(item.partition("=")[::2] for item in given)
    try:
        Watcher(environ, sys.stderr, argv[0]).watch()
    except Superseded:
        return codes.OCF_SUCCESS


class Watcher:
    """The only process that publishes for one guard, for as long as it holds the lock."""

    def __init__(self, environ, stderr, program):
        self._invocation = Invocation(AGENT, "monitor", environ, Report(AGENT.name, environ, stderr), program)
        self._parameters = self._invocation.usable_parameters
        self._invocation.interval = self._parameters.watch_interval
        self._invocation.timeout = self._parameters.probe_timeout + LONGEST_PUBLISHING
        self._store = Store(self._invocation)
        self._lock = Lock(self._invocation)
        self._connection = ServerConnection()
        self._storage = Storage(self._invocation, self._parameters) if self._parameters.stall_timeout else None
        attribute = self._parameters.attribute or self._invocation.resource
        self._publisher = Publisher(attribute, self._invocation)
        self._peers = Peers(attribute, self._invocation.report)
        # Stands for the executor: another one means that Pacemaker may have lost what it was told.
        self._executor = getattr(self._store.load(), "published_by", None) or 0
        self._told = self._told_at = None
        self._arrived = False
        self._is_outdated = False

    def watch(self):
        """Turn the cycle at the interval, and at once when the server closes the connection or a peer wants to know."""
        signal.signal(PUBLISH_AGAIN, self._publish_again)
        signal.signal(RENEW, self._renew_soon)
        if not self._lock.take():
            raise Superseded
        while True:
            began = boot_clock()
            if self._turn_safely():
                self._wait(began + self._parameters.watch_interval)
            else:
                self._connection.close()
                time.sleep(PAUSE)
            if self._is_outdated:
                self._renew()

    def _wait(self, until):
        """Wait until then, or until the server ends the connection, or a peer asks or answers."""
        while (left := until - boot_clock()) > 0:
            if self._connection.wait(self._peers.next_question_in(left), self._peers.sources()) or self._peers.attend():
                return

    def _turn_safely(self):
        """Take one turn, and a blind one in its place if it breaks; return whether it did not. Its end is the monitor's heartbeat."""
        self._invocation.deadline = Deadline(self._invocation.timeout)
        try:
            with self._invocation.deadline.limit(self._invocation.timeout):
                error = guarded(self._invocation.report, self._turn)
                if error:
                    guarded(
                        self._invocation.report, self._turn, Facts(cause=Cause.CANNOT_OBSERVE, detail=describe(error))
                    )
        except TimeIsUp:
            return False
        return error is None

    def _turn(self, facts=None):
        self._check_lock()
        verdict, published = turn(
            self._invocation,
            self._parameters,
            self._store,
            self._publisher,
            self._executor,
            facts=facts,
            observe=self._observe,
            peers=self._peers,
        )
        self._peers.answer(verdict.state == "synced")
        if published:
            self._see_that_it_arrives(verdict)

    def _observe(self, *arguments):
        facts = probe.probe_node(*arguments, connection=self._connection)
        self._check_lock()
        if self._storage:
            facts = facts.with_stalled(self._storage.stall_reason(boot_clock()))
        return facts

    def _check_lock(self):
        if not self._lock.is_mine() or not self._store.is_started():
            raise Superseded

    def _see_that_it_arrives(self, verdict):
        """Read the score back after a change; publish it again until the cluster shows it."""
        if self._told != verdict.score:
            self._told, self._told_at, self._arrived = verdict.score, boot_clock(), False
        if not self._arrived:
            self._arrived = self._publisher.is_visible(verdict.score)
        if not self._arrived and boot_clock() - self._told_at > ARRIVES_WITHIN:
            self._publish_again()
            self._told = None

    def _publish_again(self, *signal_and_frame):
        self._executor += 1

    def _renew_soon(self, *signal_and_frame):
        self._is_outdated = True

    def _renew(self):
        """Become a watcher with the code that is installed now: the same process, which keeps the lock all the time.

        Until that one can hear them, signals are ignored: their default is to end it.
        """
        self._connection.close()
        self._peers.leave()
        for number in (PUBLISH_AGAIN, RENEW):
            signal.signal(number, signal.SIG_IGN)
        given = os.memfd_create("given")
        os.write(given, _packed(self._invocation.environ))
        os.lseek(given, 0, os.SEEK_SET)
        os.dup2(given, 0)
        self._lock.outlive_program()
        os.execv(sys.executable, sys.orig_argv)
