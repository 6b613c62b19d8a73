"""Finds the one state of the verdict table that a node's facts put it in; pure, and without memory or time."""

from galera_sync_guard.decision.facts import Cause
from galera_sync_guard.decision.states import FIT, LAGGING_PENALTY, POOR, UNFIT, UNKNOWN


class Finding:
    """What one sample says by itself. `grace` is None unless it may pass by itself: then the seconds to wait for that."""

    __slots__ = ("grace", "grace_name", "kind", "penalty", "reason", "state")

    def __init__(self, state, reason, kind=UNFIT, grace_name=None, policy=None, penalty=0):
        self.state = state
        self.kind = kind
        self.reason = reason
        self.grace_name = grace_name
        self.grace = getattr(policy, grace_name) if grace_name else None
        self.penalty = penalty


def classify(facts, policy):
    """Return the Finding of the first state in the verdict table that holds; a missing variable is bad news."""
    for check in CHECKS:
        finding = check(facts, policy)
        if finding:
            return finding
    # A donor that is always available gets here too, once it passed all that a synced node must pass.
    return Finding("synced" if facts.number("wsrep_local_state") == 4 else "donor", _local_state_text(facts), FIT)


# One check per row of the verdict table, in the order in which they count: each returns a Finding or None.


def _maintenance(facts, policy):
    if facts.maintenance is not None:
        return Finding(
            "maintenance",
            f"{policy.maintenance_file} exists{': ' + facts.maintenance if facts.maintenance else ''}",
        )
    return None


def _pxc_maintenance(facts, policy):
    if facts.get("pxc_maint_mode") is None:
        return None
    return _must_be("maintenance", facts, "pxc_maint_mode", "DISABLED")


def _stalled(facts, policy):
    return None if facts.stalled is None else Finding("stalled", facts.stalled)


def _no_values(facts, policy):
    if facts.cause is None:
        return None
    if facts.cause == Cause.FULL:
        return _saturated(facts.detail, policy)
    state, kind = CONDITIONS_OF_CAUSE[facts.cause]
    return Finding(state, facts.detail, kind)


CONDITIONS_OF_CAUSE = {
    Cause.DOWN: ("down", UNFIT),
    Cause.HUNG: ("hung", UNFIT),
    Cause.NOT_READY: ("not-ready", UNFIT),
    Cause.DENIED: ("unknown", UNKNOWN),
    Cause.CONNECTION_LOST: ("unknown", UNKNOWN),
    Cause.CANNOT_OBSERVE: ("unknown", UNKNOWN),
}


def _wsrep_off(facts, policy):
    return _must_be("wsrep-off", facts, "wsrep_on", "ON") or _must_be_known("wsrep-off", facts, "wsrep_local_state")


def _local_state(facts, policy):
    number = facts.number("wsrep_local_state")
    # A donor that has served is Joined as well, until it has caught up; unlike a node that joins it stays ready.
    if number not in LOCAL_STATES or (number == 3 and _is_on(facts, "wsrep_ready")):
        return None
    return Finding(LOCAL_STATES[number], _local_state_text(facts))


LOCAL_STATES = {1: "joining", 3: "joined", 5: "inconsistent"}


def _local_state_text(facts):
    return f"wsrep_local_state={facts.number('wsrep_local_state')} ({facts.get('wsrep_local_state_comment')})"


def _initialized(facts, policy):
    # A node without quorum shows 0 too, but knows that it is non-Primary.
    status = facts.get("wsrep_cluster_status")
    if facts.number("wsrep_local_state") == 0 and status is not None and status.lower() != "non-primary":
        return Finding("initialized", f"{_local_state_text(facts)}, wsrep_cluster_status={status}")
    return None


def _non_primary(facts, policy):
    return _must_be("non-primary", facts, "wsrep_cluster_status", "Primary")


def _not_ready(facts, policy):
    number = facts.number("wsrep_local_state")
    if number not in (2, 3, 4):
        return Finding("not-ready", f"wsrep_local_state={facts.get('wsrep_local_state')} is neither Synced nor Donor")
    return _must_be("not-ready", facts, "wsrep_ready", "ON")


def _rejecting(facts, policy):
    return _must_be("rejecting", facts, "wsrep_reject_queries", "NONE")


def _read_only(facts, policy):
    if policy.available_when_readonly:
        return None
    if facts.get("super_read_only") is not None:
        finding = _must_be("read-only", facts, "super_read_only", "OFF", "0")
        if finding:
            return finding
    return _must_be("read-only", facts, "read_only", "OFF", "0")


def _small_cluster(facts, policy):
    if not policy.min_cluster_size:
        return None
    unknown = _must_be_known("small-cluster", facts, "wsrep_cluster_size")
    if unknown or facts.number("wsrep_cluster_size") >= policy.min_cluster_size:
        return unknown
    return Finding(
        "small-cluster",
        f"wsrep_cluster_size={facts.number('wsrep_cluster_size')} is below min_cluster_size={policy.min_cluster_size}",
    )


def _donor(facts, policy):
    number = facts.number("wsrep_local_state")
    if number == 4:
        return None
    reason = _local_state_text(facts)
    if number == 3:
        reason += " with wsrep_ready=ON"
    # Galera itself makes a donor for a moment; a person or a backup that desyncs a node means it.
    grace_name = "donor_grace"
    if _is_on(facts, "wsrep_desync"):
        reason += " with wsrep_desync=ON"
        grace_name = None
    rejects = _is_on(facts, "wsrep_sst_donor_rejects_queries")
    if rejects:
        reason += " with wsrep_sst_donor_rejects_queries"
    if policy.available_when_donor == "never" or rejects:
        return Finding("donor", reason, UNFIT, grace_name, policy)
    if policy.available_when_donor == "last_resort":
        return Finding("donor", reason, POOR, grace_name, policy)
    return None


def _connections(facts, policy):
    unknown = _must_be_known("saturated", facts, "threads_connected") or _must_be_known(
        "saturated", facts, "max_connections"
    )
    if unknown:
        return unknown
    used, most = facts.number("threads_connected") - facts.own_connections, facts.number("max_connections")
    if used * 100 < most * policy.connection_limit:
        return None
    reason = f"Threads_connected={used} of max_connections={most}"
    if policy.connection_limit < 100:
        reason += f" reaches connection_limit={policy.connection_limit}%"
    return _saturated(reason, policy)


def _saturated(reason, policy):
    return Finding("saturated", reason, POOR, "saturation_grace", policy)


def _lagging(facts, policy):
    if not policy.max_recv_queue:
        return None
    unknown = _must_be_known("lagging", facts, "wsrep_local_recv_queue")
    if unknown:
        return unknown
    queue = facts.number("wsrep_local_recv_queue")
    if queue <= policy.max_recv_queue:
        return None
    # Two steps only: a score that follows the queue's length would make Pacemaker calculate at every monitor.
    penalty = LAGGING_PENALTY if queue > 4 * policy.max_recv_queue else LAGGING_PENALTY // 2
    return Finding(
        "lagging",
        f"wsrep_local_recv_queue={queue} is above max_recv_queue={policy.max_recv_queue}",
        FIT,
        penalty=penalty,
    )


def _is_on(facts, name):
    return (facts.get(name) or "OFF").upper() not in ("OFF", "0")


def _must_be(state, facts, name, *allowed):
    value = facts.get(name)
    if value is None:
        return Finding(state, f"the server does not know {name}")
    if value.upper() not in [word.upper() for word in allowed]:
        return Finding(state, f"{name}={value}, must be {allowed[0]}")
    return None


def _must_be_known(state, facts, name):
    if facts.number(name) is None:
        return Finding(state, f"the server does not know {name}")
    return None


CHECKS = (
    _maintenance,
    _pxc_maintenance,
    _stalled,
    _no_values,
    _wsrep_off,
    _local_state,
    _initialized,
    _non_primary,
    _not_ready,
    _rejecting,
    _read_only,
    _small_cluster,
    _donor,
    _connections,
    _lagging,
)
