"""The agent galera_sync_guard: what each action does, and the declaration from which Pacemaker learns of it.

What asks the server or the cluster is imported where it is needed: the monitor of a guard that watches does neither.
"""

from __future__ import annotations

import posix  # as in ocfpy.invocation
import time

from galera_sync_guard import __version__
from galera_sync_guard.decision.states import BAD, exit_code
from galera_sync_guard.parameters import GuardParameters, as_text, check
from ocfpy import codes
from ocfpy.agent import Action, Agent
from ocfpy.codes import Failure, ParameterError, describe
from ocfpy.deadline import TimeIsUp
from ocfpy.parameters import format_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from galera_sync_guard.cluster.attributes import Attributes
    from galera_sync_guard.cycle import Cycle, Sampler
    from galera_sync_guard.decision.judge import Verdict
    from galera_sync_guard.host.state_file import Store
    from galera_sync_guard.watcher.client import Status, WatcherClient
    from ocfpy.invocation import Invocation

# start waits this long at most, in seconds, for the cluster to show the published score, looking this often.
VISIBLE_TIMEOUT = 2.0
VISIBLE_POLL = 0.05

# What waiting for the watcher's answer leaves of the action's time, in seconds and at least as a share.
ANSWER_RESERVE = 0.5
ANSWER_SHARE = 0.2


class Guard:
    """One call of the agent: the parameters that it has, and what they lead to."""

    def __init__(self, invocation: Invocation[GuardParameters], parameters: GuardParameters) -> None:
        self.invocation = invocation
        self.parameters = parameters
        self.report = invocation.report
        self._directory = invocation.state_directory
        self._watcher: WatcherClient | None = None
        self._store: Store | None = None

    @property
    def watcher(self) -> WatcherClient:
        """The watcher; the monitor of a guard without one does not ask for it."""
        if self._watcher is None:
            from galera_sync_guard.watcher.client import WatcherClient, socket_name

            self._watcher = WatcherClient(self._directory, socket_name(self.invocation.resource))
        return self._watcher

    @property
    def store(self) -> Store:
        """The state file; a watcher's monitor needs none."""
        if self._store is None:
            from galera_sync_guard.host.state_file import Store

            self._store = Store(self._directory, self.invocation.resource, as_text(self.parameters))
        return self._store

    def attributes(self) -> Attributes:
        """Return this node's attributes."""
        from galera_sync_guard.cluster.attributes import Attributes

        name = self.parameters.attribute or self.invocation.resource
        return Attributes(name, self.invocation.environ, self.invocation.deadline)

    def start(self, error: BaseException | None = None) -> int:
        """Begin to guard with a verdict of now, one about an error in place of a probe; return start's exit code."""
        self.watcher.end()
        cycle = self.cycle(error)
        cycle.forget()
        self.store.delete()
        verdict, is_published = cycle.run_once(must_save=True)
        if not is_published:
            self.report.warning("the node attributes could not be published")
        code = exit_code("start", self.parameters.mode, verdict.kind)
        if code:
            self.report.exit_reason(verdict.reason)
            self.store.delete()
            return code
        if is_published:
            self._wait_until_visible(verdict)
        self.watch()
        return code

    def watch(self) -> None:
        """Leave a watcher behind if there shall be one; without it, a guard that was started shall not count as started."""
        if self.parameters.watch_interval:
            from galera_sync_guard.watcher.launch import spawn

            try:
                spawn(self.invocation)
            except Failure:
                self.store.delete()
                raise

    def poll(self, error: BaseException | None = None) -> int:
        """Run one cycle, about an error in place of a probe if there was one; return the monitor's exit code."""
        verdict, is_published = self.cycle(error).run_once()
        if self.invocation.is_probe:
            return codes.OCF_SUCCESS
        return self._answer(verdict.kind, verdict.reason, is_published)

    def ask_watcher(self, compare: bool = True) -> int | None:
        """Return the monitor's exit code for what the watcher says, None when there is no watcher.

        A probe only has the watcher publish again, since Pacemaker may have lost what it was told. `compare` is whether a
        watcher with other parameters is a failure: not when this call's own parameters are not allowed.
        """
        if self.invocation.is_probe:
            from galera_sync_guard.watcher.client import PUBLISH_AGAIN

            pid = self.watcher.signal(PUBLISH_AGAIN)
            return codes.OCF_SUCCESS if pid else None
        remaining = self.invocation.deadline.remaining()
        seconds = remaining - max(ANSWER_RESERVE, ANSWER_SHARE * remaining)
        try:
            status = self.watcher.status(seconds)
        except TimeoutError:
            return self.fail(f"watcher stalled: no answer within {format_seconds(seconds)}")
        return None if status is None else self._check(status, compare)

    def fail(self, reason: str) -> int:
        """Give the reason, and return the exit code that makes Pacemaker recover the guard."""
        self.report.exit_reason(reason)
        return codes.OCF_ERR_GENERIC

    def _check(self, status: Status, compare: bool) -> int:
        """Return the exit code for a watcher's status.

        The package's upgrade leaves a watcher of another version. It is told to start its successor, and its verdict counts
        until then: its end would take the virtual IP from a node that works.
        """
        from galera_sync_guard.watcher.client import PUBLISH_TIMEOUT, RENEW, SCHEDULING_SLACK

        if status.version != __version__:
            self.watcher.signal(RENEW)
        elif compare and (changed := status.changed(as_text(self.parameters))):
            return self.fail(f"the watcher runs with other parameters: {', '.join(changed)}")
        parameters = self.parameters
        limit = parameters.watch_interval + parameters.probe_timeout + PUBLISH_TIMEOUT + SCHEDULING_SLACK
        stalled = status.stall_reason(limit)
        if stalled:
            return self.fail(stalled)
        if not status.kind:
            return codes.OCF_SUCCESS  # its first cycle has not finished yet
        return self._answer(status.kind, status.reason, status.is_published)

    def cycle(self, error: BaseException | None = None) -> Cycle:
        """Return the cycle of this call."""
        from galera_sync_guard.cluster.peers import AttributePeers
        from galera_sync_guard.cycle import Cycle, FailedSampler, PollingSampler

        invocation, attributes = self.invocation, self.attributes()
        sampler: Sampler = PollingSampler(self.parameters, invocation.deadline)
        return Cycle(
            invocation.resource,
            self.parameters,
            self.store,
            attributes,
            FailedSampler(error) if error else sampler,
            AttributePeers(attributes),
            self.report,
            invocation.deadline,
            invocation.interval,
            posix.getppid(),
        )

    def _wait_until_visible(self, verdict: Verdict) -> None:
        attributes, end = self.attributes(), time.monotonic() + VISIBLE_TIMEOUT
        while not attributes.is_visible(verdict.score) and time.monotonic() < end:
            time.sleep(VISIBLE_POLL)

    def _answer(self, kind: str, reason: str, is_published: bool) -> int:
        code = exit_code("monitor", self.parameters.mode, kind)
        if code:
            self.report.exit_reason(reason)
        elif kind in BAD and not is_published:
            return self.fail(f"the score could not be published: {reason}")
        return code


def start(invocation: Invocation[GuardParameters]) -> int:
    """Begin to guard: publish this node's score; refuse with 1 only in mode=fail and only on an unfit node."""
    from galera_sync_guard.server import probe

    guard = Guard(invocation, invocation.parameters)
    probe.check_host(guard.parameters)
    code = guard.start()
    if guard.parameters.mode == "fail":
        _warn_of_missing_meta_attributes(guard)
    return code


def stop(invocation: Invocation[GuardParameters]) -> int:
    """Stop guarding: delete the attributes and the memory; always succeeds, since a failed stop blocks the cluster."""
    guard = Guard(invocation, invocation.usable_parameters)
    guard.watcher.end()
    if not guard.attributes().delete():
        invocation.report.warning("the node attributes could not be deleted")
    guard.store.delete()
    return codes.OCF_SUCCESS


def monitor(invocation: Invocation[GuardParameters]) -> int:
    """Look at the node; a probe only tells whether the guard is started here, and publishes if it is."""
    guard = Guard(invocation, invocation.parameters)
    if guard.parameters.watch_interval:
        code = guard.ask_watcher()
        if code is not None:
            return code
        # A probe answers what runs: Pacemaker starts the guard anew, and no action has failed.
        if invocation.is_probe or not guard.store.is_started():
            return codes.OCF_NOT_RUNNING
        return guard.fail("the watcher is dead")
    return guard.poll() if guard.store.is_started() else codes.OCF_NOT_RUNNING


def validate_all(invocation: Invocation[GuardParameters]) -> int:
    """Check the parameters; from level 10 on also whether the guard can see a Galera node from this host."""
    if invocation.check_level < 10:
        return codes.OCF_SUCCESS
    from galera_sync_guard.decision.classify import classify
    from galera_sync_guard.decision.facts import Cause
    from galera_sync_guard.server import probe

    parameters = invocation.parameters
    probe.check_host(parameters)
    facts = probe.probe_node(parameters, invocation.deadline, parameters.probe_timeout)
    condition = classify(facts, parameters)
    if facts.cause == Cause.DENIED:
        raise Failure(codes.OCF_ERR_PERM, condition.reason)
    if facts.cause == Cause.CANNOT_OBSERVE:
        raise Failure(codes.OCF_ERR_GENERIC, condition.reason)
    if condition.state == "wsrep-off":
        raise Failure(codes.OCF_ERR_INSTALLED, f"this server is not a Galera node: {condition.reason}")
    if condition.kind in BAD:
        invocation.report.warning(f"{condition.state}: {condition.reason}")
    return codes.OCF_SUCCESS


def reload_agent(invocation: Invocation[GuardParameters]) -> int:
    """Take changed parameters: a watcher is replaced by one that has them, and a monitor reads them anyway.

    With parameters that are not allowed the present watcher goes on.
    """
    guard = Guard(invocation, invocation.usable_parameters)
    if not guard.store.is_started():
        return codes.OCF_NOT_RUNNING
    if guard.watcher.pid() or guard.parameters.watch_interval:
        guard = Guard(invocation, invocation.parameters)
        guard.watcher.end()
        guard.cycle().run_once()
        guard.watch()
    return codes.OCF_SUCCESS


def hold_verdict_on_error(invocation: Invocation[GuardParameters], error: BaseException) -> int:
    """Take any error of ours as a guard that cannot see: the last verdict holds, and no virtual IP moves for it."""
    if isinstance(error, TimeIsUp):
        raise error
    guard = Guard(invocation, invocation.usable_parameters)
    if invocation.action == "start":
        if isinstance(error, ParameterError):
            raise ParameterError(error.parameter, error.value, error.allowed, codes.OCF_ERR_ARGS)
        if isinstance(error, Failure):
            raise error
        return guard.start(error)
    code = guard.ask_watcher(compare=False)
    if code is not None:
        # reload-agent has logged a value that is not allowed, once, and status shows it.
        if not isinstance(error, ParameterError):
            invocation.report.error(describe(error))
        return code
    return guard.poll(error) if guard.store.is_started() else codes.OCF_NOT_RUNNING


def succeed_on_error(invocation: Invocation[GuardParameters], error: BaseException) -> int:
    """Succeed with a log line: a fault of the guard itself must not take the virtual IP from a node that works."""
    if isinstance(error, TimeIsUp):
        raise error
    if invocation.action == "start":
        if isinstance(error, Failure):
            raise error
        from galera_sync_guard.host.state_file import Record

        # Started, and nothing to remember: the next monitor tries again.
        Guard(invocation, invocation.usable_parameters).store.save(Record())
    invocation.report.error(f"{invocation.action}: ignoring error: {describe(error)}")
    return codes.OCF_SUCCESS


def clean_up_on_error(invocation: Invocation[GuardParameters], error: BaseException) -> int:
    """Stop, whatever the attributes' deletion ran into: what must go is the memory, and a stop must not fail."""
    invocation.report.error(f"stop: {describe(error)}")
    guard = Guard(invocation, invocation.usable_parameters)
    guard.watcher.end()
    guard.store.delete()
    return codes.OCF_SUCCESS


def _warn_of_missing_meta_attributes(guard: Guard) -> None:
    missing = guard.attributes().missing_meta_attributes(guard.invocation.resource)
    if missing:
        guard.report.warning(
            "mode=fail needs the meta attributes migration-threshold=1 and failure-timeout=30s, missing:"
            f" {', '.join(missing)}; without them a node stays banned after one failed start, until pcs resource cleanup"
        )


def _run_watcher(argv: Sequence[str]) -> int:
    import sys

    from galera_sync_guard.watcher.launch import read_environ
    from galera_sync_guard.watcher.process import run
    from ocfpy.invocation import Invocation
    from ocfpy.report import Report

    environ = read_environ()
    return run(Invocation(AGENT, "monitor", environ, Report(AGENT.name, environ, sys.stderr), argv[0]))


def _renew_watchers(argv: Sequence[str]) -> int:
    from galera_sync_guard.watcher.package import renew

    return renew(argv)


def _end_watchers(argv: Sequence[str]) -> int:
    from galera_sync_guard.watcher.package import end

    return end(argv)


def _run_storage(argv: Sequence[str]) -> int:
    from galera_sync_guard.host.storage import main

    return main(argv)


AGENT = Agent(
    name="galera_sync_guard",
    version=__version__,
    short="Guards a MariaDB Galera node for a virtual IP",
    long="""Looks at the local MariaDB Galera node and tells Pacemaker whether an application can work there, so that
a virtual IP (ocf:heartbeat:IPaddr2) colocated with a clone of this resource is always on such a node.

It does not start or stop MariaDB. Its monitor asks the local server for wsrep_local_state, wsrep_ready,
wsrep_cluster_status, read_only, wsrep_reject_queries, the connections in use and more, and reaches one verdict: fit,
poor, unfit or unknown. See mode for what Pacemaker gets.""",
    parameters=GuardParameters,
    check=check,
    actions=(
        Action("start", start, timeout="20s", rescues=(hold_verdict_on_error, succeed_on_error)),
        Action("stop", stop, timeout="20s", validates=False, rescues=(clean_up_on_error, succeed_on_error)),
        Action(
            "monitor",
            monitor,
            timeout="10s",
            interval="1s",
            validates=False,
            rescues=(hold_verdict_on_error, succeed_on_error),
        ),
        Action("validate-all", validate_all, timeout="20s"),
        Action("reload-agent", reload_agent, timeout="20s", validates=False, rescues=(succeed_on_error,)),
    ),
    programs={
        "watch": _run_watcher,
        "storage": _run_storage,
        "renew-watchers": _renew_watchers,
        "end-watchers": _end_watchers,
    },
)
