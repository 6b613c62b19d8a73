"""The watcher: one process that repeats the cycle over one open connection until it is ended; no monitor loads this."""

from __future__ import annotations

import gc
import signal
import time

# The lazy imports are loaded at once: after an upgrade their files are of another version.
import galera_sync_guard.cluster.corosync
import galera_sync_guard.decision.returns  # noqa: F401
from galera_sync_guard import __version__
from galera_sync_guard.cluster.attributes import Attributes
from galera_sync_guard.cluster.network_reports import NetworkReports
from galera_sync_guard.cluster.peers import CorosyncPeers
from galera_sync_guard.cycle import Cycle, FailedSampler
from galera_sync_guard.decision.classify import classify
from galera_sync_guard.host.clock import boot_clock
from galera_sync_guard.host.state_file import Store
from galera_sync_guard.host.storage import Storage, stall_reason
from galera_sync_guard.parameters import as_text
from galera_sync_guard.server import probe
from galera_sync_guard.server.connection import ServerConnection
from galera_sync_guard.watcher.client import (
    END,
    PUBLISH_AGAIN,
    PUBLISH_TIMEOUT,
    RENEW,
    kill,
)
from galera_sync_guard.watcher.control import ControlSocket
from galera_sync_guard.watcher.launch import inherited_neighbours, start_program
from galera_sync_guard.watcher.network import WatchedNetwork
from ocfpy import codes
from ocfpy.codes import Failure
from ocfpy.deadline import TimeIsUp
from ocfpy.report import one_line
from ocfpy.runner import guarded

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess

    from galera_sync_guard.decision.facts import Facts
    from galera_sync_guard.decision.judge import Verdict
    from galera_sync_guard.parameters import GuardParameters
    from ocfpy.invocation import Invocation

# A score that has not arrived is published again after VISIBLE_TIMEOUT. A cycle that failed is tried again after PAUSE.
# New code that could not be started is tried again after RENEW_INTERVAL, and ended if it has not taken our place within
# RENEW_TIMEOUT. A signal is obeyed within SIGNAL_DELAY. The attributes are deleted within DELETE_TIMEOUT. In seconds.
VISIBLE_TIMEOUT = 1.0
PAUSE = 1.0
RENEW_INTERVAL = 10.0
RENEW_TIMEOUT = 60.0
SIGNAL_DELAY = 1.0
DELETE_TIMEOUT = 4.0


class WatcherReplaced(BaseException):
    """Another process is the watcher by now, or the guard was stopped: end without a trace."""


def run(invocation: Invocation[GuardParameters]) -> int:
    """Watch until killed, or until another watcher shall; return an exit code."""
    gc.enable()
    try:
        Watcher(invocation).watch()
    except WatcherReplaced:
        pass
    return codes.OCF_SUCCESS


class WatchingSampler:
    """Probes the server over one open connection, the storage by processes of its own, and the network."""

    def __init__(
        self, policy: GuardParameters, watcher: Watcher, storages: list[Storage], network: WatchedNetwork
    ) -> None:
        self.connection = ServerConnection()
        self._policy = policy
        self._watcher = watcher
        self._storages = storages
        self._network = network

    def sample(self, seconds: float, pending_thread: int | None, may_search: bool) -> Facts:
        """Return the Facts of the local node."""
        facts = probe.probe_node(
            self._policy, self._watcher.deadline, seconds, pending_thread, may_search, connection=self.connection
        )
        self._watcher.check_is_mine()
        facts = facts.with_stalled(stall_reason(self._storages, boot_clock()))
        self._network.process()
        return facts.with_network(self._network.state())


class Watcher:
    """The only process that publishes for one guard, for as long as it owns the control socket."""

    def __init__(self, invocation: Invocation[GuardParameters]) -> None:
        self._invocation = invocation
        self._report = invocation.report
        self._policy = policy = invocation.usable_parameters
        self.deadline = invocation.deadline
        self._values = as_text(policy)
        self._control = ControlSocket(invocation.state_directory, invocation.resource)
        self._neighbours = inherited_neighbours(invocation)
        reports = NetworkReports()
        self._network = WatchedNetwork(policy, self._neighbours, reports, self._report)
        directories = policy.stall_directory or () if policy.stall_timeout else ()
        storages = [Storage(invocation, policy, directory) for directory in dict.fromkeys(directories)]
        self._sampler = WatchingSampler(policy, self, storages, self._network)
        name = policy.attribute or invocation.resource
        self._attributes = Attributes(name, invocation.environ, self.deadline)
        self._peers = CorosyncPeers(self._attributes, name, self._report, reports)
        self._published_score: int | None = None  # the score that must become visible
        self._published_at = 0.0
        self._is_visible = False
        self._epoch = 0
        self._was_signalled = self._shall_renew = self._shall_end = False
        self._successor: subprocess.Popen[bytes] | None = None
        self._renew_at = self._started_successor_at = 0.0

    def watch(self) -> None:
        """Run the cycle at the interval, and at once when the server closes the connection or a peer sends a query."""
        self._rehearse()
        for number, handler in ((PUBLISH_AGAIN, self._publish_again), (RENEW, self._renew_soon), (END, self._end_soon)):
            signal.signal(number, handler)
        self._tell(None, False)
        self._control.take()
        self._cycle = self._new_cycle()
        while True:
            began = boot_clock()
            is_well = self._run_safely()
            if not is_well:
                guarded(self._report, self._sampler.connection.close)
                self._peers.answer(False)
            if guarded(self._report, self._wait, self._next_cycle_at(began) if is_well else boot_clock() + PAUSE):
                time.sleep(PAUSE)
            self._was_signalled = False
            if self._shall_end:
                self._end()
            if self._shall_renew or self._successor:
                guarded(self._report, self._renew)

    def _rehearse(self) -> None:
        """Try our code before it takes the place of a watcher that works; raise its error, with which that one goes on."""
        if not self._control.has_predecessor():
            return
        self.deadline.restart(self._policy.probe_timeout + PUBLISH_TIMEOUT)
        error = guarded(self._report, self._try_once)
        if isinstance(error, Exception):
            raise error

    def _try_once(self) -> None:
        try:
            probe.check_host(self._policy)
        except Failure:
            pass  # the cycle says so
        classify(probe.probe_node(self._policy, self.deadline, self._policy.probe_timeout), self._policy)

    def _new_cycle(self) -> Cycle:
        store = Store(self._invocation.state_directory, self._invocation.resource, self._values)
        cycle = Cycle(
            self._invocation.resource,
            self._policy,
            store,
            self._attributes,
            self._sampler,
            self._peers,
            self._report,
            self.deadline,
            self._policy.watch_interval,
            0,
            is_kept=True,
        )
        self._epoch = cycle.publication_epoch = cycle.record.published_by or 0
        return cycle

    def check_is_mine(self) -> None:
        """Raise WatcherReplaced if this process is not the watcher any more."""
        if not self._control.is_mine():
            raise WatcherReplaced

    def _wait(self, until: float) -> None:
        """Wait until then, or until the server ends the connection, the network changes, or a peer sends a message.

        However long the cycle before has taken, what the peers have sent since is looked at once.
        """
        while not self._was_signalled:
            left = max(0.0, until - boot_clock())
            seconds = self._network.seconds_until_due(self._peers.seconds_until_query(min(left, SIGNAL_DELAY)))
            sources = [source.fileno() for source in (*self._peers.sources(), *self._network.sources())]
            has_ended = self._sampler.connection.wait(seconds, sources)
            has_changed = self._network.process()
            if self._peers.process_messages() or has_ended or has_changed or not left:
                return

    def _next_cycle_at(self, began: float) -> float:
        grace_ends_at, at = self._cycle.grace_ends_at, began + self._policy.watch_interval
        return at if grace_ends_at is None else min(at, grace_ends_at)

    def _run_safely(self) -> bool:
        """Run one cycle, and one without values in its place if it breaks; return whether it did not."""
        self.deadline.restart(self._policy.probe_timeout + PUBLISH_TIMEOUT)
        try:
            with self.deadline.limit(self.deadline.seconds):
                error = guarded(self._report, self._run_cycle)
                if error is None:
                    return True
                self._cycle.sampler = FailedSampler(error)
                guarded(self._report, self._run_cycle)
        except TimeIsUp:
            return False
        finally:
            self._cycle.sampler = self._sampler
        return False

    def _run_cycle(self) -> None:
        self.check_is_mine()
        self._cycle.publication_epoch = self._epoch
        verdict, is_published = self._cycle.run_once()
        self._peers.answer(verdict.state == "synced")
        self._network.exchange_reports()
        if is_published:
            self._see_that_it_arrives(verdict)
        self._tell(verdict, is_published)

    def _tell(self, verdict: Verdict | None, is_published: bool) -> None:
        """Set what a monitor is told: this is the watcher's heartbeat."""
        fields: dict[str, object] = {"version": __version__, "cycle_finished_at": boot_clock()}
        if verdict:
            fields.update(kind=verdict.kind, reason=one_line(verdict.reason), is_published=is_published)
        if network := self._network.summary():
            fields["network"] = network
        fields.update({"parameter." + name: value for name, value in self._values.items()})
        self._control.set_status(fields)

    def _see_that_it_arrives(self, verdict: Verdict) -> None:
        """Read the score back after a change; publish it again until the cluster shows it."""
        if self._published_score != verdict.score:
            self._published_score, self._published_at, self._is_visible = verdict.score, boot_clock(), False
        if not self._is_visible:
            self._is_visible = self._attributes.is_visible(verdict.score)
        if not self._is_visible and boot_clock() - self._published_at > VISIBLE_TIMEOUT:
            self._publish_again()
            self._published_score = None

    def _publish_again(self, *signal_and_frame: object) -> None:
        self._epoch += 1
        self._was_signalled = True

    def _renew_soon(self, *signal_and_frame: object) -> None:
        self._shall_renew = self._was_signalled = True

    def _end_soon(self, *signal_and_frame: object) -> None:
        self._shall_end = self._was_signalled = True

    def _end(self) -> None:
        """Delete the attributes and end: the guard leaves this node."""
        self.deadline.restart(DELETE_TIMEOUT)
        guarded(self._report, self._attributes.delete)
        raise WatcherReplaced

    def _renew(self) -> None:
        """Start the code that is installed now: once it is loaded it takes our place; if it cannot be, we go on."""
        if self._successor:
            code = self._successor.poll()
            if code is None:
                if boot_clock() - self._started_successor_at > RENEW_TIMEOUT:
                    kill(self._successor.pid)
                return
            self._successor = None
            self._report.error(
                f"the installed code does not come up as a watcher (it ended with {code}); {__version__} goes on"
            )
        elif boot_clock() >= self._renew_at:
            self._shall_renew = False
            self._renew_at = boot_clock() + RENEW_INTERVAL
            self._successor = start_program(self._invocation, self._neighbours)
            self._started_successor_at = boot_clock()
