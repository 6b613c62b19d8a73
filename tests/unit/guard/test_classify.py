"""Each state of the verdict table, from what a real server says in it."""

import itertools

import pytest

from galera_sync_guard.decision.classify import classify
from galera_sync_guard.decision.facts import Cause, Facts, NetworkState
from galera_sync_guard.decision.states import FIT, POOR, STATES, UNFIT, UNKNOWN
from tests.support.galera import CATCHING_UP, DESYNCED, DONOR, SATURATED
from tests.unit.builders import node, policy, variables


def silent(why, detail="why"):
    return Facts(cause=why, detail=detail)


def networked(facts=None, **state):
    return (facts or node()).with_network(NetworkState(**state))


def in_state(number, comment):
    return node(wsrep_local_state=str(number), wsrep_local_state_comment=comment)


# (facts, parameters, state, kind, the reason where one is worth a look)
TABLE = {
    "synced": (node(), {}, "synced", FIT, "wsrep_local_state=4 (Synced)"),
    "maintenance-file": (
        Facts(maintenance="new disks"),
        {"maintenance_file": "/etc/out"},
        "maintenance",
        UNFIT,
        "/etc/out exists: new disks",
    ),
    "maintenance-file-empty": (
        Facts(maintenance=""),
        {"maintenance_file": "/etc/out"},
        "maintenance",
        UNFIT,
        "/etc/out exists",
    ),
    "pxc-maintenance": (
        node(pxc_maint_mode="MAINTENANCE"),
        {},
        "maintenance",
        UNFIT,
        "pxc_maint_mode=MAINTENANCE, must be DISABLED",
    ),
    "pxc-shutdown": (
        node(pxc_maint_mode="SHUTDOWN"),
        {},
        "maintenance",
        UNFIT,
        "pxc_maint_mode=SHUTDOWN, must be DISABLED",
    ),
    "pxc-in-service": (node(pxc_maint_mode="DISABLED", super_read_only="OFF"), {}, "synced", FIT, ""),
    "stalled": (
        Facts(variables(), stalled="/data has taken no write for 6s"),
        {},
        "stalled",
        UNFIT,
        "/data has taken no write for 6s",
    ),
    "stalled-and-hung": (
        Facts(cause=Cause.HUNG, stalled="/data has taken no write"),
        {},
        "stalled",
        UNFIT,
        "/data has taken no write",
    ),
    "down": (
        silent(Cause.DOWN, "/run/m.sock: No such file or directory"),
        {},
        "down",
        UNFIT,
        "/run/m.sock: No such file or directory",
    ),
    "hung": (silent(Cause.HUNG, "no answer within 2s while x"), {}, "hung", UNFIT, "no answer within 2s while x"),
    "error-1047": (silent(Cause.NOT_READY, "error 1047: WSREP"), {}, "not-ready", UNFIT, "error 1047: WSREP"),
    "error-1040": (
        silent(Cause.FULL, "error 1040: Too many connections"),
        {},
        "saturated",
        POOR,
        "error 1040: Too many connections",
    ),
    "access-denied": (
        silent(Cause.DENIED, "error 1045: Access denied"),
        {},
        "unknown",
        UNKNOWN,
        "error 1045: Access denied",
    ),
    "lost": (silent(Cause.CONNECTION_LOST, "lost the connection"), {}, "unknown", UNKNOWN, "lost the connection"),
    "blind": (silent(Cause.CANNOT_OBSERVE, "protocol error: X"), {}, "unknown", UNKNOWN, "protocol error: X"),
    "wsrep-off": (node(wsrep_on="OFF"), {}, "wsrep-off", UNFIT, "wsrep_on=OFF, must be ON"),
    "no-galera": (
        node(wsrep_on=None, wsrep_local_state=None, wsrep_ready=None, wsrep_cluster_status=None),
        {},
        "wsrep-off",
        UNFIT,
        "the server does not know wsrep_on",
    ),
    "initialized": (
        in_state(0, "Initialized"),
        {},
        "initialized",
        UNFIT,
        "wsrep_local_state=0 (Initialized), wsrep_cluster_status=Primary",
    ),
    "initialized-alone": (
        node(wsrep_local_state="0", wsrep_cluster_status="Disconnected"),
        {},
        "initialized",
        UNFIT,
        "wsrep_local_state=0 (Synced), wsrep_cluster_status=Disconnected",
    ),
    "without-quorum": (
        node(wsrep_local_state="0", wsrep_cluster_status="non-Primary"),
        {},
        "non-primary",
        UNFIT,
        "wsrep_cluster_status=non-Primary, must be Primary",
    ),
    "joining": (
        in_state(1, "Joining: receiving State Transfer"),
        {},
        "joining",
        UNFIT,
        "wsrep_local_state=1 (Joining: receiving State Transfer)",
    ),
    "joined": (node(wsrep_ready="OFF", **CATCHING_UP), {}, "joined", UNFIT, "wsrep_local_state=3 (Joined)"),
    "joined-ready-unknown": (
        node(wsrep_ready=None, **CATCHING_UP),
        {},
        "joined",
        UNFIT,
        "wsrep_local_state=3 (Joined)",
    ),
    "inconsistent": (in_state(5, "Inconsistent"), {}, "inconsistent", UNFIT, "wsrep_local_state=5 (Inconsistent)"),
    "state-6": (in_state(6, "New"), {}, "not-ready", UNFIT, "wsrep_local_state=6 is neither Synced nor Donor"),
    "state-no-number": (
        in_state("Synced", "Synced"),
        {},
        "unknown",
        UNKNOWN,
        "the server's answer has no usable wsrep_local_state",
    ),
    "state-of-many-digits": (in_state("4" * 5000, "?"), {}, "unknown", UNKNOWN, ""),
    "no-provider": (
        node(wsrep_local_state=None, wsrep_cluster_status="Disconnected", wsrep_ready="OFF"),
        {},
        "wsrep-off",
        UNFIT,
        "the server does not know wsrep_local_state",
    ),
    "offline": (node(offline_mode="ON"), {}, "rejecting", UNFIT, "offline_mode=ON, must be OFF"),
    "offline-for-this-login": (silent(Cause.OFFLINE, "error 3032: x"), {}, "rejecting", UNFIT, "error 3032: x"),
    "init-connect": (silent(Cause.INIT_CONNECT_FAILED, "error 1184: x"), {}, "rejecting", POOR, "error 1184: x"),
    "transactions-read-only": (node(tx_read_only="ON"), {}, "read-only", UNFIT, "tx_read_only=ON, must be OFF"),
    "transactions-read-only-in-mysql": (node(transaction_read_only="ON"), {}, "read-only", UNFIT, ""),
    "read-only-without-locks": (node(read_only="NO_LOCK_NO_ADMIN"), {}, "read-only", UNFIT, ""),
    "no-lock": (node(read_only="NO_LOCK"), {}, "read-only", UNFIT, "read_only=NO_LOCK, must be OFF"),
    "number-counts-and-not-comment": (in_state(4, "Joining"), {}, "synced", FIT, "wsrep_local_state=4 (Joining)"),
    "non-primary": (
        node(wsrep_cluster_status="non-Primary"),
        {},
        "non-primary",
        UNFIT,
        "wsrep_cluster_status=non-Primary, must be Primary",
    ),
    "disconnected": (
        node(wsrep_cluster_status="Disconnected"),
        {},
        "non-primary",
        UNFIT,
        "wsrep_cluster_status=Disconnected, must be Primary",
    ),
    "not-ready": (node(wsrep_ready="OFF"), {}, "not-ready", UNFIT, "wsrep_ready=OFF, must be ON"),
    "donor-not-ready": (node(wsrep_ready="OFF", **DONOR), {}, "not-ready", UNFIT, "wsrep_ready=OFF, must be ON"),
    "reject-all": (node(wsrep_reject_queries="ALL"), {}, "rejecting", UNFIT, "wsrep_reject_queries=ALL, must be NONE"),
    "reject-all-kill": (
        node(wsrep_reject_queries="ALL_KILL"),
        {},
        "rejecting",
        UNFIT,
        "wsrep_reject_queries=ALL_KILL, must be NONE",
    ),
    "read-only-on": (node(read_only="ON"), {}, "read-only", UNFIT, "read_only=ON, must be OFF"),
    "read-only-1": (node(read_only="1"), {}, "read-only", UNFIT, "read_only=1, must be OFF"),
    "read-only-no-lock": (node(read_only="NO_LOCK"), {}, "read-only", UNFIT, "read_only=NO_LOCK, must be OFF"),
    "read-only-0": (node(read_only="0"), {}, "synced", FIT, ""),
    "super-read-only": (node(super_read_only="ON"), {}, "read-only", UNFIT, "super_read_only=ON, must be OFF"),
    "super-read-only-0": (node(super_read_only="0"), {}, "synced", FIT, ""),
    "read-only-allowed": (
        node(read_only="ON", super_read_only="ON"),
        {"available_when_readonly": "yes"},
        "synced",
        FIT,
        "",
    ),
    "small-cluster": (
        node(wsrep_cluster_size="1"),
        {"min_cluster_size": "2"},
        "small-cluster",
        UNFIT,
        "wsrep_cluster_size=1 is below min_cluster_size=2",
    ),
    "cluster-just-large-enough": (node(wsrep_cluster_size="2"), {"min_cluster_size": "2"}, "synced", FIT, ""),
    "cluster-size-off": (node(wsrep_cluster_size="1"), {}, "synced", FIT, ""),
    "donor-last-resort": (node(**DONOR), {}, "donor", POOR, "wsrep_local_state=2 (Donor/Desynced)"),
    "donor-by-order": (
        node(**DESYNCED),
        {},
        "donor",
        POOR,
        "wsrep_local_state=2 (Donor/Desynced) with wsrep_desync=ON",
    ),
    "donor-by-order-always": (
        node(**DESYNCED),
        {"available_when_donor": "always"},
        "donor",
        FIT,
        "wsrep_local_state=2 (Donor/Desynced)",
    ),
    "desync-that-is-only-ordered": (node(wsrep_desync="ON"), {}, "synced", FIT, ""),
    "donor-catches-up": (node(**CATCHING_UP), {}, "donor", POOR, "wsrep_local_state=3 (Joined) with wsrep_ready=ON"),
    "donor-catches-up-never": (node(**CATCHING_UP), {"available_when_donor": "never"}, "donor", UNFIT, ""),
    "donor-catches-up-always": (
        node(**CATCHING_UP),
        {"available_when_donor": "always"},
        "donor",
        FIT,
        "wsrep_local_state=3 (Joined)",
    ),
    "donor-never": (node(**DONOR), {"available_when_donor": "never"}, "donor", UNFIT, ""),
    "donor-always": (
        node(**DONOR),
        {"available_when_donor": "always"},
        "donor",
        FIT,
        "wsrep_local_state=2 (Donor/Desynced)",
    ),
    "donor-rejects": (
        node(wsrep_sst_donor_rejects_queries="ON", **DONOR),
        {"available_when_donor": "always"},
        "donor",
        UNFIT,
        "wsrep_local_state=2 (Donor/Desynced) with wsrep_sst_donor_rejects_queries",
    ),
    "donor-rejects-0": (
        node(wsrep_sst_donor_rejects_queries="0", **DONOR),
        {"available_when_donor": "always"},
        "donor",
        FIT,
        "",
    ),
    "donor-always-saturated": (node(**DONOR, **SATURATED), {"available_when_donor": "always"}, "saturated", POOR, ""),
    "donor-always-lagging": (
        node(wsrep_local_recv_queue="9", **DONOR),
        {"available_when_donor": "always", "max_recv_queue": "5"},
        "lagging",
        FIT,
        "",
    ),
    "synced-rejects-only-as-donor": (node(wsrep_sst_donor_rejects_queries="ON"), {}, "synced", FIT, ""),
    "donor-without-that-variable": (node(wsrep_sst_donor_rejects_queries=None, **DONOR), {}, "donor", POOR, ""),
    "saturated": (node(**SATURATED), {}, "saturated", POOR, "Threads_connected=151 of max_connections=151"),
    "lagging": (
        node(wsrep_local_recv_queue="101"),
        {"max_recv_queue": "100"},
        "lagging",
        FIT,
        "wsrep_local_recv_queue=101 is above max_recv_queue=100",
    ),
    "unplugged": (networked(unplugged="interface eth1 is down"), {}, "unplugged", POOR, "interface eth1 is down"),
    "unreachable": (networked(unreachable="no answer"), {}, "unreachable", POOR, "no answer"),
    "unplugged-and-unreachable": (networked(unplugged="down", unreachable="no answer"), {}, "unplugged", POOR, "down"),
    "unplugged-until-now": (networked(settling="is up again"), {}, "unplugged", FIT, "is up again"),
    "unplugged-donor": (networked(node(**DONOR), unplugged="down"), {}, "unplugged", POOR, "down"),
    "unplugged-donor-that-is-unfit": (
        networked(node(**DONOR), unplugged="down"),
        {"available_when_donor": "never"},
        "donor",
        UNFIT,
        "",
    ),
    "unplugged-and-unknown": (networked(silent(Cause.DENIED), unplugged="down"), {}, "unplugged", POOR, "down"),
    "unplugged-and-down": (networked(silent(Cause.DOWN), unplugged="down"), {}, "down", UNFIT, ""),
    "network-in-order": (networked(), {}, "synced", FIT, ""),
    "queue-at-its-limit": (node(wsrep_local_recv_queue="100"), {"max_recv_queue": "100"}, "synced", FIT, ""),
    "queue-off": (node(wsrep_local_recv_queue="100000"), {}, "synced", FIT, ""),
}


@pytest.mark.parametrize(("facts", "given", "state", "kind", "reason"), TABLE.values(), ids=TABLE)
def test_facts_give_the_state_of_the_verdict_table(facts, given, state, kind, reason):
    finding = classify(facts, policy(**given))
    assert (finding.state, finding.kind) == (state, kind)
    assert reason in ("", finding.reason)


def test_every_state_of_the_verdict_table_is_reached():
    assert {state for _, _, state, _, _ in TABLE.values()} == {state.name for state in STATES}


@pytest.mark.parametrize(
    "name",
    [
        "wsrep_on",
        "wsrep_local_state",
        "wsrep_cluster_status",
        "wsrep_ready",
        "wsrep_reject_queries",
        "read_only",
        "wsrep_cluster_size",
        "threads_connected",
        "max_connections",
        "wsrep_local_recv_queue",
    ],
)
def test_an_answer_that_lacks_what_every_galera_node_says_is_unknown(name):
    condition = classify(node(**{name: None}), policy(min_cluster_size="1", max_recv_queue="5"))
    assert (condition.state, condition.kind, condition.grace) == ("unknown", UNKNOWN, None)
    assert condition.reason == f"the server's answer has no usable {name}"


@pytest.mark.parametrize("name", ["wsrep_local_state", "threads_connected", "max_connections"])
@pytest.mark.parametrize("value", ["", "many", "-1", "1e3", "9" * 5000])
def test_a_value_that_is_not_a_number_is_unknown(name, value):
    assert classify(node(**{name: value}), policy()).kind == UNKNOWN


@pytest.mark.parametrize(
    "name",
    [
        "wsrep_local_state_comment",
        "wsrep_sst_donor_rejects_queries",
        "extra_port",
        "wsrep_cluster_size",
        "wsrep_local_recv_queue",
        "pxc_maint_mode",
        "super_read_only",
    ],
)
def test_a_variable_that_decides_nothing_here_may_be_missing(name):
    assert classify(node(**{name: None}), policy()).state == "synced"


def test_a_network_in_doubt_costs_less_than_an_unknown_node_and_waits_for_its_grace():
    for state, grace in (({"unplugged": "x"}, 0.25), ({"unreachable": "x"}, 1.0), ({"settling": "x"}, None)):
        condition = classify(networked(**state), policy(vip="10.0.0.9"))
        assert condition.penalty == 40
        assert (condition.grace and condition.grace.seconds) == grace


def test_no_variable_at_all_is_unknown():
    assert classify(Facts({}), policy()).kind == UNKNOWN


@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
def test_values_are_compared_whatever_their_case(change):
    facts = Facts({name: change(value) for name, value in variables().items()})
    assert classify(facts, policy()).state == "synced"


@pytest.mark.parametrize(
    "changes",
    [
        {"read_only": "on"},
        {"wsrep_ready": "off"},
        {"wsrep_cluster_status": "NON-PRIMARY"},
        {"wsrep_reject_queries": "all_kill"},
        {"wsrep_on": "Off"},
    ],
    ids=str,
)
def test_bad_values_are_bad_whatever_their_case(changes):
    assert classify(node(**changes), policy()).kind == UNFIT


# How to bring a node into a state, for states that can hold together.
SYMPTOMS = {
    "wsrep-off": {"wsrep_on": "OFF"},
    "inconsistent": {"wsrep_local_state": "5"},
    "non-primary": {"wsrep_cluster_status": "non-Primary"},
    "initialized": {"wsrep_local_state": "0", "wsrep_cluster_status": "Disconnected"},
    "joining": {"wsrep_local_state": "1"},
    "joined": {"wsrep_local_state": "3", "wsrep_ready": "OFF"},
    "not-ready": {"wsrep_ready": "OFF"},
    "maintenance": {"pxc_maint_mode": "MAINTENANCE"},
    "rejecting": {"wsrep_reject_queries": "ALL"},
    "read-only": {"read_only": "ON"},
    "small-cluster": {"wsrep_cluster_size": "1"},
    "donor": {"wsrep_local_state": "2"},
    "saturated": {"threads_connected": "152"},
    "lagging": {"wsrep_local_recv_queue": "101"},
}
ORDER = [state.name for state in STATES]
PAIRS = [
    pair
    for pair in itertools.combinations(sorted(SYMPTOMS, key=ORDER.index), 2)
    if not SYMPTOMS[pair[0]].keys() & SYMPTOMS[pair[1]].keys()
]


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=["{} and {}".format(*pair) for pair in PAIRS])
def test_where_two_states_hold_the_first_of_the_table_counts(first, second):
    facts = node(**SYMPTOMS[first], **SYMPTOMS[second])
    assert classify(facts, policy(min_cluster_size="2", max_recv_queue="100")).state == first


def test_all_that_can_be_wrong_at_once_is_unfit():
    facts = node(**{name: value for changes in SYMPTOMS.values() for name, value in changes.items()})
    assert classify(facts, policy(min_cluster_size="2", max_recv_queue="100")).kind == UNFIT


@pytest.mark.parametrize("why", [Cause.DOWN, Cause.HUNG, Cause.FULL, Cause.DENIED, Cause.CANNOT_OBSERVE])
def test_the_maintenance_file_counts_before_any_silence(why):
    assert classify(Facts(cause=why, maintenance="disks"), policy()).state == "maintenance"


@pytest.mark.parametrize(
    ("connected", "own", "most", "limit", "state"),
    [
        (150, 1, 151, 100, "synced"),
        (151, 1, 151, 100, "synced"),  # one slot is ours: an application would get it
        (152, 1, 151, 100, "saturated"),  # all are taken, we have the administrative one
        (150, 0, 151, 100, "synced"),  # over extra_port none of them is ours
        (151, 0, 151, 100, "saturated"),
        (80, 1, 100, 80, "synced"),
        (81, 1, 100, 80, "saturated"),
        (121, 1, 151, 80, "synced"),  # 80 % of 151 is 120.8
        (122, 1, 151, 80, "saturated"),
        (2, 1, 100, 1, "saturated"),
        (1, 1, 100, 1, "synced"),
        (0, 1, 151, 100, "synced"),
    ],
)
def test_connections_count_without_our_own(connected, own, most, limit, state):
    facts = node(own, threads_connected=str(connected), max_connections=str(most))
    assert classify(facts, policy(connection_limit=str(limit))).state == state


def test_a_limit_below_all_connections_is_named():
    finding = classify(node(threads_connected="122"), policy(connection_limit="80"))
    assert finding.reason == "Threads_connected=121 of max_connections=151 reaches connection_limit=80%"


@pytest.mark.parametrize(("queue", "penalty"), [(100, 0), (101, 20), (400, 20), (401, 40), (10**9, 40)])
def test_a_lagging_node_loses_one_of_two_steps_so_that_its_score_is_quiet(queue, penalty):
    assert classify(node(wsrep_local_recv_queue=str(queue)), policy(max_recv_queue="100")).penalty == penalty


@pytest.mark.parametrize(
    ("facts", "grace"),
    [
        (node(**DONOR), 2.0),
        (node(**SATURATED), 10.0),
        (silent(Cause.FULL), 10.0),
        (node(**DESYNCED), None),
        (node(read_only="ON"), None),
        (silent(Cause.HUNG), None),
        (silent(Cause.DENIED), None),
        (node(), None),
    ],
    ids=["donor", "saturated", "error-1040", "desynced", "read-only", "hung", "unknown", "synced"],
)
def test_only_donor_and_saturated_may_pass_by_themselves(facts, grace):
    found = classify(facts, policy()).grace
    assert (found and found.seconds) == grace


@pytest.mark.parametrize(
    ("text", "number"),
    [("4", 4), ("0", 0), ("", None), ("-1", None), ("4.0", None), ("x", None), ("\u0664", None), ("\u00b2", None)],
)
def test_a_number_is_ascii_digits(text, number):
    assert Facts({"name": text}).number("name") == number
