"""The agent galera_sync_guard: what each action does, and the declaration from which Pacemaker learns of it.

What asks the server or the cluster is imported where it is needed: the monitor of a guard that watches does neither.
"""

import os
import time

from galera_sync_guard import __version__
from galera_sync_guard.decision.states import BAD, exit_code
from galera_sync_guard.host.state_file import Record, Store
from galera_sync_guard.parameters import GuardParameters, check
from galera_sync_guard.watcher.heartbeat import ask_to_publish_again, look_at_watcher
from galera_sync_guard.watcher.lock import Lock
from ocfpy import codes
from ocfpy.agent import Action, Agent
from ocfpy.codes import Failure, ParameterError, describe
from ocfpy.deadline import TimeIsUp

# start waits this long at most, in seconds, for the cluster to show the published score, looking this often.
VISIBLE_WITHIN = 2.0
VISIBLE_POLL = 0.05


def start(invocation):
    """Begin to guard: publish this node's score; refuse with 1 only in mode=fail and only on an unfit node."""
    from galera_sync_guard.server import probe

    parameters = invocation.parameters
    probe.check_host(parameters)
    code = _start_with(invocation, parameters)
    if parameters.mode == "fail":
        _warn_of_missing_meta_attributes(invocation)
    return code


def stop(invocation):
    """Stop guarding: delete the attributes and the memory; always succeeds, since a failed stop blocks the cluster."""
    Lock(invocation).end_holder()
    if not _publisher(invocation, invocation.usable_parameters).withdraw():
        invocation.report.warning("the node attributes could not be deleted")
    Store(invocation).delete()
    return codes.OCF_SUCCESS


def monitor(invocation):
    """Look at the node; a probe only tells whether the guard is started here, and publishes if it is."""
    if not Store(invocation).is_started():
        return codes.OCF_NOT_RUNNING
    if invocation.parameters.watch_interval:
        return _look_at_watcher(invocation, invocation.parameters)
    return _look(invocation, invocation.parameters)


def validate_all(invocation):
    """Check the parameters; from level 10 on also whether the guard can see a Galera node from this host."""
    if invocation.check_level < 10:
        return codes.OCF_SUCCESS
    from galera_sync_guard.decision.classify import classify
    from galera_sync_guard.decision.facts import Cause
    from galera_sync_guard.server import probe

    parameters = invocation.parameters
    probe.check_host(parameters)
    facts = probe.probe_node(parameters, invocation.deadline, parameters.probe_timeout)
    finding = classify(facts, parameters)
    if facts.cause == Cause.DENIED:
        raise Failure(codes.OCF_ERR_PERM, finding.reason)
    if facts.cause == Cause.CANNOT_OBSERVE:
        raise Failure(codes.OCF_ERR_GENERIC, finding.reason)
    if finding.state == "wsrep-off":
        raise Failure(codes.OCF_ERR_INSTALLED, f"this server is not a Galera node: {finding.reason}")
    if finding.kind in BAD:
        invocation.report.warning(f"{finding.state}: {finding.reason}")
    return codes.OCF_SUCCESS


def reload_agent(invocation):
    """Take changed parameters: the next monitor reads them from its environment, and finds no memory for them.

    A watcher is replaced by one that has them; with parameters that are not allowed the present one goes on.
    """
    if not Store(invocation).is_started():
        return codes.OCF_NOT_RUNNING
    if Lock(invocation).holder() or invocation.usable_parameters.watch_interval:
        parameters = invocation.parameters
        Lock(invocation).end_holder()
        _turn(invocation, parameters)
        _watch(invocation, parameters)
    return codes.OCF_SUCCESS


def stay_blind(invocation, error):
    """Take any error of ours as a guard that cannot see: the last verdict holds, and no virtual IP moves for it."""
    if isinstance(error, TimeIsUp):
        raise error
    if invocation.action == "start":
        if isinstance(error, ParameterError):
            raise ParameterError(error.parameter, error.value, error.allowed, codes.OCF_ERR_ARGS)
        if isinstance(error, Failure):
            raise error
    elif not Store(invocation).is_started():
        return codes.OCF_NOT_RUNNING
    parameters = invocation.usable_parameters
    if invocation.action != "start" and Lock(invocation).holder():
        invocation.report.error(describe(error))
        return _look_at_watcher(invocation, parameters, of_any_parameters=True)
    from galera_sync_guard.decision.facts import Cause, Facts

    facts = Facts(cause=Cause.CANNOT_OBSERVE, detail=describe(error))
    if invocation.action == "start":
        return _start_with(invocation, parameters, facts)
    return _look(invocation, parameters, facts)


def keep_going(invocation, error):
    """Succeed with a log line: a fault of the guard itself must not take the virtual IP from a node that works."""
    if isinstance(error, TimeIsUp):
        raise error
    if invocation.action == "start":
        if isinstance(error, Failure):
            raise error
        Store(invocation).save(Record())  # started, and nothing to remember: the next monitor tries again
    invocation.report.error(f"{invocation.action} succeeds all the same: {describe(error)}")
    return codes.OCF_SUCCESS


def forget(invocation, error):
    """Stop, whatever the attributes' deletion ran into: what must go is the memory, and a stop must not fail."""
    invocation.report.error(f"stop: {describe(error)}")
    Lock(invocation).end_holder()
    Store(invocation).delete()
    return codes.OCF_SUCCESS


def _start_with(invocation, parameters, facts=None):
    Lock(invocation).end_holder()
    verdict, published = _turn(invocation, parameters, fresh=True, facts=facts)
    if not published:
        invocation.report.warning("the node attributes could not be published")
    code = exit_code("start", parameters.mode, verdict.kind)
    if code:
        invocation.report.exit_reason(verdict.reason)
        Store(invocation).delete()
        return code
    publisher = _publisher(invocation, parameters)
    patience = time.monotonic() + VISIBLE_WITHIN
    while published and not publisher.is_visible(verdict.score) and time.monotonic() < patience:
        time.sleep(VISIBLE_POLL)
    _watch(invocation, parameters)
    return code


def _watch(invocation, parameters):
    """Leave a watcher behind if there shall be one; without it, a guard that was started shall not count as started."""
    if parameters.watch_interval:
        from galera_sync_guard.watcher.process import spawn

        try:
            spawn(invocation)
        except Failure:
            Store(invocation).delete()
            raise


def _look_at_watcher(invocation, parameters, of_any_parameters=False):
    if invocation.is_probe:
        ask_to_publish_again(invocation)
        return codes.OCF_SUCCESS
    record, trouble = look_at_watcher(invocation, parameters, of_any_parameters)
    if trouble:
        invocation.report.exit_reason(trouble)
        return codes.OCF_ERR_GENERIC
    return _answer(invocation, parameters, record.verdict, record.reason, record.told)


def _look(invocation, parameters, facts=None):
    verdict, published = _turn(invocation, parameters, facts=facts)
    if invocation.is_probe:
        return codes.OCF_SUCCESS
    return _answer(invocation, parameters, verdict.kind, verdict.reason, published)


def _turn(invocation, parameters, **options):
    from galera_sync_guard.cycle import turn

    return turn(invocation, parameters, Store(invocation), _publisher(invocation, parameters), os.getppid(), **options)


def _answer(invocation, parameters, kind, reason, published):
    code = exit_code("monitor", parameters.mode, kind)
    if code:
        invocation.report.exit_reason(reason)
    elif kind in BAD and not published:
        invocation.report.exit_reason(f"the score could not be published: {reason}")
        code = codes.OCF_ERR_GENERIC
    return code


def _publisher(invocation, parameters):
    from galera_sync_guard.cluster.attributes import Publisher

    return Publisher(parameters.attribute or invocation.resource, invocation)


def _warn_of_missing_meta_attributes(invocation):
    missing = _publisher(invocation, invocation.parameters).missing_meta_attributes()
    if missing:
        invocation.report.warning(
            f"mode=fail needs the meta attributes migration-threshold=1 and failure-timeout=30s, missing: {', '.join(missing)}; without them a node stays banned after one failed start, until pcs resource cleanup"
        )


def _run_watcher(argv):
    from galera_sync_guard.watcher.process import main

    return main(argv)


def _run_storage(argv):
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
        Action("start", start, timeout="20s", rescues=(stay_blind, keep_going)),
        Action("stop", stop, timeout="20s", validates=False, rescues=(forget, keep_going)),
        Action("monitor", monitor, timeout="10s", interval="1s", validates=False, rescues=(stay_blind, keep_going)),
        Action("validate-all", validate_all, timeout="20s"),
        Action("reload-agent", reload_agent, timeout="20s", validates=False, rescues=(keep_going,)),
    ),
    programs={"watch": _run_watcher, "storage": _run_storage},
)
