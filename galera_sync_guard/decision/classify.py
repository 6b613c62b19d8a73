"""Finds the one state of the verdict table that a node's facts put it in; pure, and without memory or time."""

from __future__ import annotations

from galera_sync_guard.decision.facts import Cause
from galera_sync_guard.decision.states import FIT, MAX_PENALTY, POOR, UNFIT, UNKNOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from galera_sync_guard.decision.facts import Facts
    from galera_sync_guard.parameters import GuardParameters


class Grace:
    """How long a condition that may pass by itself is ignored, in seconds, and the parameter that says so."""

    __slots__ = ("name", "seconds")

    def __init__(self, name: str, seconds: float) -> None:
        self.name = name
        self.seconds = seconds


class Condition:
    """What one sample says by itself: a state, the kind of verdict it calls for, and why."""

    __slots__ = ("answer_suffices", "grace", "kind", "penalty", "reason", "state")

    def __init__(
        self,
        state: str,
        reason: str,
        kind: str = UNFIT,
        grace: Grace | None = None,
        penalty: int = 0,
        answer_suffices: bool = False,
    ) -> None:
        self.state = state
        self.reason = reason
        self.kind = kind
        self.grace = grace  # None unless the condition may pass by itself
        self.penalty = penalty  # what the score loses while the verdict is fit
        # Whether it comes over all nodes within a moment, if it is not this node's alone: then the answer of one peer
        # counts like a peer that has been synced for long.
        self.answer_suffices = answer_suffices


def classify(facts: Facts, policy: GuardParameters) -> Condition:
    """Return the Condition of the first state in the verdict table that holds.

    An answer that lacks a variable that decides is unknown. The network counts before all that is not unfit.
    """
    condition = _of_server(facts, policy)
    return condition if condition.kind == UNFIT else _network(facts, policy) or condition


def _of_server(facts: Facts, policy: GuardParameters) -> Condition:
    for check in CHECKS:
        condition = check(facts, policy)
        if condition:
            return condition
    # A donor that is always available gets here too, once it passed all that a synced node must pass.
    return Condition("synced" if facts.number("wsrep_local_state") == 4 else "donor", _local_state_text(facts), FIT)


# One check per row of the verdict table, in the order in which they count: each returns a Condition or None.


def _maintenance(facts: Facts, policy: GuardParameters) -> Condition | None:
    if facts.maintenance is not None:
        return Condition(
            "maintenance",
            f"{policy.maintenance_file} exists{': ' + facts.maintenance if facts.maintenance else ''}",
        )
    return None


def _pxc_maintenance(facts: Facts, policy: GuardParameters) -> Condition | None:
    if facts.get("pxc_maint_mode") is None:
        return None
    return _must_be("maintenance", facts, "pxc_maint_mode", "DISABLED")


def _stalled(facts: Facts, policy: GuardParameters) -> Condition | None:
    return None if facts.stalled is None else Condition("stalled", facts.stalled)


def _no_values(facts: Facts, policy: GuardParameters) -> Condition | None:
    if facts.cause is None:
        return None
    if facts.cause == Cause.FULL:
        return _saturated(facts.detail, policy)
    state, kind = CONDITIONS_OF_CAUSE[facts.cause]
    return Condition(state, facts.detail, kind)


CONDITIONS_OF_CAUSE = {
    Cause.DOWN: ("down", UNFIT),
    Cause.HUNG: ("hung", UNFIT),
    Cause.NOT_READY: ("not-ready", UNFIT),
    Cause.OFFLINE: ("rejecting", UNFIT),
    # Rights and init_connect are the same on all nodes: what fails on this one only is this node's fault.
    Cause.INIT_CONNECT_FAILED: ("rejecting", POOR),
    Cause.DENIED: ("unknown", UNKNOWN),
    Cause.CONNECTION_LOST: ("unknown", UNKNOWN),
    Cause.CANNOT_OBSERVE: ("unknown", UNKNOWN),
}


def _wsrep_off(facts: Facts, policy: GuardParameters) -> Condition | None:
    missing = [name for name in OF_EVERY_SERVER if facts.get(name) is None]
    if missing:
        return _incomplete(missing[0])
    is_galera = any(
        facts.get(name) is not None for name in ("wsrep_local_state", "wsrep_cluster_status", "wsrep_ready")
    )
    if facts.get("wsrep_on") is None and not is_galera:
        return Condition("wsrep-off", "the server does not know wsrep_on")
    condition = _must_be("wsrep-off", facts, "wsrep_on", "ON")
    if condition:
        return condition
    state = facts.get("wsrep_local_state")
    if state is None and (facts.get("wsrep_cluster_status") or "").lower() != "primary":
        return Condition("wsrep-off", "the server does not know wsrep_local_state")
    return _incomplete("wsrep_local_state") if facts.number("wsrep_local_state") is None else None


# Without them the answer is not the whole answer, whatever cut it short.
OF_EVERY_SERVER = ("max_connections", "read_only", "threads_connected")


def _local_state(facts: Facts, policy: GuardParameters) -> Condition | None:
    number = facts.number("wsrep_local_state")
    # A donor that has served is Joined as well, until it has caught up; unlike a node that joins it stays ready.
    if number not in LOCAL_STATES or (number == 3 and _is_on(facts, "wsrep_ready")):
        return None
    return Condition(LOCAL_STATES[number], _local_state_text(facts))


LOCAL_STATES = {1: "joining", 3: "joined", 5: "inconsistent"}


def _local_state_text(facts: Facts) -> str:
    return f"wsrep_local_state={facts.number('wsrep_local_state')} ({facts.get('wsrep_local_state_comment')})"


def _initialized(facts: Facts, policy: GuardParameters) -> Condition | None:
    # A node without quorum shows 0 too, but knows that it is non-Primary.
    status = facts.get("wsrep_cluster_status")
    if facts.number("wsrep_local_state") == 0 and status is not None and status.lower() != "non-primary":
        return Condition("initialized", f"{_local_state_text(facts)}, wsrep_cluster_status={status}")
    return None


def _non_primary(facts: Facts, policy: GuardParameters) -> Condition | None:
    return _must_be("non-primary", facts, "wsrep_cluster_status", "Primary")


def _not_ready(facts: Facts, policy: GuardParameters) -> Condition | None:
    number = facts.number("wsrep_local_state")
    if number not in (2, 3, 4):
        return Condition("not-ready", f"wsrep_local_state={facts.get('wsrep_local_state')} is neither Synced nor Donor")
    return _must_be("not-ready", facts, "wsrep_ready", "ON")


def _rejecting(facts: Facts, policy: GuardParameters) -> Condition | None:
    if facts.get("offline_mode") is not None:
        condition = _must_be("rejecting", facts, "offline_mode", "OFF", "0")
        if condition:
            return condition
    return _must_be("rejecting", facts, "wsrep_reject_queries", "NONE")


def _read_only(facts: Facts, policy: GuardParameters) -> Condition | None:
    if policy.available_when_readonly:
        return None
    for name in READ_ONLY:
        condition = _must_be("read-only", facts, name, "OFF", "0") if facts.get(name) is not None else None
        if condition:
            return condition
    return None


# read_only of MariaDB 12 has more words for "on". The last two are the default of a transaction, under either name.
READ_ONLY = ("super_read_only", "read_only", "tx_read_only", "transaction_read_only")


def _small_cluster(facts: Facts, policy: GuardParameters) -> Condition | None:
    if not policy.min_cluster_size:
        return None
    size = facts.number("wsrep_cluster_size")
    if size is None:
        return _incomplete("wsrep_cluster_size")
    if size >= policy.min_cluster_size:
        return None
    return Condition("small-cluster", f"wsrep_cluster_size={size} is below min_cluster_size={policy.min_cluster_size}")


def _donor(facts: Facts, policy: GuardParameters) -> Condition | None:
    number = facts.number("wsrep_local_state")
    if number == 4:
        return None
    reason = _local_state_text(facts)
    if number == 3:
        reason += " with wsrep_ready=ON"
    # Galera itself makes a donor for a moment; a person or a backup that desyncs a node means it.
    grace: Grace | None = Grace("donor_grace", policy.donor_grace)
    is_desynced = _is_on(facts, "wsrep_desync")
    if is_desynced:
        reason += " with wsrep_desync=ON"
        grace = None
    rejects = _is_on(facts, "wsrep_sst_donor_rejects_queries")
    if rejects:
        reason += " with wsrep_sst_donor_rejects_queries"
    if policy.available_when_donor == "never" or rejects:
        return Condition("donor", reason, UNFIT, grace)
    if policy.available_when_donor == "last_resort":
        return Condition("donor", reason, POOR, grace, answer_suffices=is_desynced)
    return None


def _connections(facts: Facts, policy: GuardParameters) -> Condition | None:
    used, most = facts.number("threads_connected"), facts.number("max_connections")
    if used is None:
        return _incomplete("threads_connected")
    if most is None:
        return _incomplete("max_connections")
    used -= facts.own_connections
    if used * 100 < most * policy.connection_limit:
        return None
    reason = f"Threads_connected={used} of max_connections={most}"
    if policy.connection_limit < 100:
        reason += f" reaches connection_limit={policy.connection_limit}%"
    return _saturated(reason, policy)


def _saturated(reason: str, policy: GuardParameters) -> Condition:
    return Condition("saturated", reason, POOR, Grace("saturation_grace", policy.saturation_grace))


def _lagging(facts: Facts, policy: GuardParameters) -> Condition | None:
    if not policy.max_recv_queue:
        return None
    queue = facts.number("wsrep_local_recv_queue")
    if queue is None:
        return _incomplete("wsrep_local_recv_queue")
    if queue <= policy.max_recv_queue:
        return None
    # Two steps only: a score that follows the queue's length would make Pacemaker calculate at every monitor.
    penalty = MAX_PENALTY if queue > 4 * policy.max_recv_queue else MAX_PENALTY // 2
    return Condition(
        "lagging",
        f"wsrep_local_recv_queue={queue} is above max_recv_queue={policy.max_recv_queue}",
        FIT,
        penalty=penalty,
    )


def _network(facts: Facts, policy: GuardParameters) -> Condition | None:
    state = facts.network
    if state is None:
        return None
    if state.unplugged:
        grace = Grace("link_grace", policy.link_grace)
        return Condition("unplugged", state.unplugged, POOR, grace, MAX_PENALTY, answer_suffices=True)
    if state.unreachable:
        grace = Grace("reach_grace", policy.reach_grace)
        return Condition("unreachable", state.unreachable, POOR, grace, MAX_PENALTY, answer_suffices=True)
    if state.settling:
        return Condition("unplugged", state.settling, FIT, penalty=MAX_PENALTY)
    return None


def _is_on(facts: Facts, name: str) -> bool:
    return (facts.get(name) or "OFF").upper() not in ("OFF", "0")


def _must_be(state: str, facts: Facts, name: str, *allowed: str) -> Condition | None:
    value = facts.get(name)
    if value is None:
        return _incomplete(name)
    if value.upper() not in [word.upper() for word in allowed]:
        return Condition(state, f"{name}={value}, must be {allowed[0]}")
    return None


def _incomplete(name: str) -> Condition:
    return Condition("unknown", f"the server's answer has no usable {name}", UNKNOWN)


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
