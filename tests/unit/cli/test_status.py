"""What status makes of the cluster's XML: who holds the address, moves and their reasons, and the exit code."""

import io
from contextlib import nullcontext
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from galera_sync_guard.cli import clock, cluster_view, components, host, watch
from galera_sync_guard.cli.cib.crm_mon import ClusterStatus, history
from galera_sync_guard.cli.cib.model import Configuration
from galera_sync_guard.cli.cluster_view import ClusterView, Move, NodeView
from galera_sync_guard.cli.commands import status
from galera_sync_guard.cli.exit_codes import CommandError
from galera_sync_guard.cli.screen import Cell, Screen

CIB = """<cib><configuration><crm_config/><nodes/><resources>
<clone id="galera-guard-clone">
<primitive id="galera-guard" class="ocf" provider="custom" type="galera_sync_guard"/></clone>
<primitive id="VirtualIP" class="ocf" provider="heartbeat" type="IPaddr2"><instance_attributes id="i">
<nvpair id="n" name="ip" value="10.0.0.9"/></instance_attributes></primitive></resources><constraints/></configuration>
<status>
<node_state uname="node1"><lrm><lrm_resources><lrm_resource id="VirtualIP">
<lrm_rsc_op operation="stop" rc-code="0" last-rc-change="1000"/>
<lrm_rsc_op operation="monitor" rc-code="0" last-rc-change="999"/></lrm_resource></lrm_resources></lrm></node_state>
<node_state uname="node2"><lrm><lrm_resources><lrm_resource id="VirtualIP">
<lrm_rsc_op operation="start" rc-code="0" last-rc-change="1001"/></lrm_resource></lrm_resources></lrm></node_state>
<node_state uname="node3"><lrm><lrm_resources><lrm_resource id="VirtualIP">
<lrm_rsc_op operation="monitor" rc-code="7" last-rc-change="900"/></lrm_resource></lrm_resources></lrm></node_state>
</status></cib>"""
PICTURE = """<pacemaker-result><summary><current_dc present="true" name="node2" with_quorum="true"/></summary>
<nodes><node name="node1" online="true"/><node name="node2" online="true"/><node name="node3" online="false"/></nodes>
<resources><clone id="galera-guard-clone">
<resource id="galera-guard" role="Started"><node name="node1"/></resource>
<resource id="galera-guard" role="Started"><node name="node2"/></resource></clone>
<resource id="VirtualIP" role="Started" blocked="false"><node name="node2"/></resource></resources>
</pacemaker-result>"""
SAID = {
    "galera-guard": {"node1": "-INFINITY", "node2": "1000"},
    "galera-guard-state": {"node1": "down", "node2": "synced"},
    "galera-guard-good": {
        "node1": "500 0.1.0 synced: wsrep_local_state=4 (Synced)",
        "node2": "600 0.1.0 synced: wsrep_local_state=4 (Synced)",
    },
    "galera-guard-unfit": {"node1": "999 0.1.0 down: no socket", "node2": "100 0.1.0 down: long ago"},
}


@pytest.fixture
def seen(monkeypatch):
    """Return a function that gives what status reads, with some things said otherwise."""

    def read(picture=PICTURE, cib=CIB, **said):
        told = {**SAID, **{name.replace("_", "-"): values for name, values in said.items()}}
        monkeypatch.setattr(cluster_view.tools, "cib", lambda host: ElementTree.fromstring(cib))
        monkeypatch.setattr(
            cluster_view.tools, "cluster_status", lambda host: ClusterStatus(ElementTree.fromstring(picture))
        )
        monkeypatch.setattr(cluster_view.tools, "attribute", lambda host, name, is_needed=False: told.get(name, {}))
        return cluster_view.read(SimpleNamespace(waiting=nullcontext))

    return read


def test_every_node_has_its_state_since_when_and_why(seen):
    nodes = seen().guards[0].nodes
    assert nodes["node1"] == NodeView("online", "down", "-INFINITY", "unfit", 999, "down: no socket")
    assert (nodes["node2"].since, nodes["node2"].reason) == (600, "synced: wsrep_local_state=4 (Synced)")
    assert (nodes["node3"].state, nodes["node3"].score) == ("offline", None)


def test_holder_and_last_move_with_its_reason(seen):
    (vip,) = seen().guards[0].virtual_ips
    assert (vip.address, vip.nodes, vip.since) == ("10.0.0.9", ["node2"], 1001)
    assert vip.moves == [Move(1001, "node1", "node2", "down: no socket")]


@pytest.mark.parametrize(
    ("history", "is_lost"),
    [
        ("", True),
        ('<lrm_rsc_op operation="monitor" rc-code="7" last-rc-change="1060"/>', True),
        ('<lrm_rsc_op operation="monitor" rc-code="7" last-rc-change="700"/>', False),
    ],
    ids=["away", "rebooted", "never there"],
)
def test_after_a_reboot_of_the_old_holder_the_address_does_not_come_from_nowhere(seen, history, is_lost):
    old = '<lrm_rsc_op operation="stop" rc-code="0" last-rc-change="1000"/>\n'
    probe = '<lrm_rsc_op operation="monitor" rc-code="0" last-rc-change="999"/>'
    assert old + probe in CIB
    view = seen(cib=CIB.replace(old + probe, history))
    (move,) = view.guards[0].virtual_ips[0].moves
    assert (move.from_node, move.is_from_unknown) == (None, is_lost)
    stream = io.StringIO()
    status.show(view, Screen(stream, {}))
    assert stream.getvalue().rstrip().endswith("? -> node2" if is_lost else "nowhere -> node2")


def test_moments_are_told_as_they_are_when_they_are_shown(seen, monkeypatch):
    monkeypatch.setattr(clock.time, "localtime", clock.time.gmtime)
    monkeypatch.setattr(clock.time, "time", lambda: 86400 * 365 + 10)
    told = f"999 0.1.0 maintenance: still unfit, now synced, back in service at @{86400 * 365 + 12}"
    node = seen(galera_guard_bad={"node1": told}).guards[0].nodes["node1"]
    assert node.reason.endswith("now synced, back in service at 00:00:12 (in 2 s)")
    told = f"999 0.1.0 donor: wsrep_local_state=2 (Donor/Desynced) since @{86400 * 365}, ignored until donor_grace=2s"
    node = seen(galera_guard_bad={"node1": told}).guards[0].nodes["node1"]
    assert node.reason == "donor: wsrep_local_state=2 (Donor/Desynced) since 00:00:00, ignored until donor_grace=2s"


@pytest.mark.parametrize("fall", ["1500 0.1.0 later", "800 0.1.0 long before", "nonsense", ""])
def test_a_reason_of_another_time_is_not_the_reason_of_the_move(seen, fall):
    (vip,) = seen(galera_guard_unfit={"node1": fall}).guards[0].virtual_ips
    assert vip.moves[0].why is None


def test_what_a_bad_node_becomes_later_is_not_the_reason_of_the_move(seen):
    (guard,) = seen(
        galera_guard_bad={"node1": "1004 0.1.0 down: no socket"},
        galera_guard_unfit={"node1": "999 0.1.0 hung: no answer"},
    ).guards
    assert (guard.nodes["node1"].since, guard.nodes["node1"].reason) == (1004, "down: no socket")
    assert guard.virtual_ips[0].moves[0].why == "hung: no answer"


@pytest.mark.parametrize(
    ("poor", "unfit", "why"), [("998", "999", "unfit"), ("999", "1004", "poor"), ("700", "800", None)]
)
def test_a_node_that_was_poor_and_then_unfit_was_left_for_the_last_fall_before_the_move(seen, poor, unfit, why):
    (guard,) = seen(
        galera_guard_poor={"node1": f"{poor} 0.1.0 poor"}, galera_guard_unfit={"node1": f"{unfit} 0.1.0 unfit"}
    ).guards
    assert guard.virtual_ips[0].moves[0].why == why


def test_the_reason_of_a_move_outlasts_later_falls_of_that_node(seen):
    (guard,) = seen(
        galera_guard_unfit={"node1": "9000 0.1.0 down: later"},
        galera_guard_falls={"node1": "5000 0.1.0 down: between ;; 999 0.1.0 hung: no answer ;; 10 0.1.0 down: x"},
    ).guards
    assert guard.virtual_ips[0].moves[0].why == "hung: no answer"


def test_a_guard_that_tells_nobody_why_leaves_the_verdict_table_s_words(seen):
    nodes = seen(galera_guard_unfit={}, galera_guard_good={}).guards[0].nodes
    assert nodes["node1"].since is None
    assert nodes["node1"].reason.startswith("no socket, connection refused")


@pytest.mark.parametrize(
    ("score", "kind", "code"),
    [
        ("1000", "fit", 0),
        ("960", "fit", 0),
        ("950", "unknown", 0),
        ("5", "unknown", 0),
        ("10", "poor", 1),
        ("-INFINITY", "unfit", 1),
    ],
)
def test_exit_code_is_that_of_the_holder(seen, score, kind, code):
    found = seen(galera_guard={"node1": "1000", "node2": score})
    assert found.guards[0].nodes["node2"].kind == kind
    assert status.exit_code(found) == code


@pytest.mark.parametrize(
    "change",
    [('<node name="node2"/></resource></resources>', "</resource></resources>"), ('blocked="false"', 'blocked="true"')],
    ids=["nowhere", "blocked"],
)
def test_a_virtual_ip_that_is_not_up_is_bad(seen, change):
    assert status.exit_code(seen(PICTURE.replace(*change))) == 1


def test_a_parameter_that_is_not_allowed_is_shown_and_bad(seen):
    wrong = '<instance_attributes id="p"><nvpair id="q" name="probe_timeout" value="abc"/></instance_attributes>'
    guard = 'type="galera_sync_guard"'
    view = seen(cib=CIB.replace(f"{guard}/>", f"{guard}>{wrong}</primitive>"))
    stream = io.StringIO()
    status.show(view, Screen(stream, {}))
    assert "galera-guard: parameter probe_timeout: 'abc' is not allowed" in stream.getvalue()
    assert status.exit_code(view) == 1
    assert status.exit_code(seen()) == 0


def test_history_is_the_last_start_or_stop_of_each_node_in_order():
    steps = history(ElementTree.fromstring(CIB), "VirtualIP")
    assert [(step.when, step.node, step.operation) for step in steps] == [
        (1000, "node1", "stop"),
        (1001, "node2", "start"),
    ]


def test_resources_in_groups_and_clones_are_seen():
    text = CIB.replace('<primitive id="VirtualIP"', '<group id="g"><primitive id="VirtualIP"').replace(
        "</primitive></resources>", "</primitive></group></resources>"
    )
    configuration = Configuration(ElementTree.fromstring(text))
    assert configuration.resource("VirtualIP").outermost == "g"
    assert configuration.resource("galera-guard").outermost == "galera-guard-clone"
    assert ClusterStatus(ElementTree.fromstring(PICTURE)).where("galera-guard") == ["node1", "node2"]


def test_what_is_being_stopped_is_not_started_and_not_gone():
    stopping = ClusterStatus(
        ElementTree.fromstring(PICTURE.replace('id="VirtualIP" role="Started"', 'id="VirtualIP" role="Stopping"'))
    )
    assert (stopping.where("VirtualIP"), stopping.left_on("VirtualIP")) == ([], ["node2"])


@pytest.mark.parametrize(
    ("terminal", "environ", "coloured"),
    [(True, {}, True), (False, {}, False), (True, {"NO_COLOR": "1"}, False), (True, {"TERM": "dumb"}, False)],
)
def test_colours_on_a_terminal_only(terminal, environ, coloured):
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    Screen(stream, environ).table([("a", Cell("bad", "bad"), "c"), ("long", "x", "d")])
    plain = stream.getvalue().replace("\033[31m", "").replace("\033[0m", "")
    assert ("\033" in stream.getvalue()) == coloured
    assert plain == "a     bad  c\nlong  x    d\n"


def test_what_a_terminal_would_obey_is_not_shown():
    stream = io.StringIO()
    Screen(stream, {}).line("reason \033[2J", Cell("\007", "bad"))
    assert stream.getvalue() == "reason ?[2J?\n"


def test_screen_of_a_person(seen, monkeypatch):
    monkeypatch.setattr(clock.time, "localtime", clock.time.gmtime)
    monkeypatch.setattr(clock.time, "strftime", lambda form, when: "12:00:00")
    stream = io.StringIO()
    status.show(seen(), Screen(stream, {}))
    assert stream.getvalue().splitlines() == [
        "cluster: 2 of 3 nodes online, quorum, DC: node2",
        "10.0.0.9 (VirtualIP) is on node2 since 12:00:00",
        "",
        "   node   state    score      since     reason",
        "   node1  down     -INFINITY  12:00:00  no socket",
        "*  node2  synced   1000       12:00:00  wsrep_local_state=4 (Synced)",
        "   node3  offline  -          -",
        "",
        "what to do",
        "  node3: not in the cluster",
        "      look at power and network, then systemctl start pacemaker on node3",
        "  on node1: down",
        "      systemctl start mariadb, if another node serves; journalctl -u mariadb says why it ended",
        "",
        "last moves (Pacemaker keeps the last of each node)",
        "  12:00:00  node1 -> node2  down: no socket",
    ]


AWAY, BACK = Move(10, "node1", "node2", "hung"), Move(20, "node2", "node1", "down")


@pytest.mark.parametrize(
    ("now", "before", "shown"),
    [
        ([BACK, Move(10, None, "node2", None)], [AWAY], [BACK, AWAY]),
        ([BACK], [AWAY], [BACK, AWAY]),
        ([AWAY], [Move(10, "node1", "node2", None)], [AWAY]),
        ([Move(10, "node1", "node2", None)], [AWAY], [AWAY]),
        ([AWAY], [Move(9, "node1", None, "hung")], [AWAY]),
    ],
    ids=["its stop was forgotten", "both were", "the reason comes later", "the reason goes", "it was on its way"],
)
def test_a_watch_tells_each_move_as_the_look_that_knew_most_of_it(now, before, shown):
    assert watch.together(now, before) == shown


def test_a_tool_that_takes_long_is_named_on_a_terminal_only(monkeypatch):
    monkeypatch.setattr(host, "PATIENCE", 0.01)
    for is_terminal in (True, False):
        stream = io.StringIO()
        stream.isatty = lambda is_terminal=is_terminal: is_terminal
        slow = host.Host({}, io.StringIO(), stderr=stream)
        slow.run("sh", "-c", "read _; sleep 0.3", text="x")
        assert stream.getvalue() == ("waiting for sh, at most 15 s\n" if is_terminal else "")


SEVERAL = {
    node: f"wsrep_cluster_state_uuid={cluster}-11ef; wsrep_cluster_size={size}"
    for node, cluster, size in (("node1", "0a0b0c0d", 1), ("node2", "0a0b0c0d", 2), ("node3", "0a0b0c0d", 2))
}


def test_several_clusters_are_a_problem_although_each_guard_is_content(seen, monkeypatch):
    monkeypatch.setattr(components.time, "sleep", lambda seconds: None)
    content = {"galera_guard_state": dict.fromkeys(SEVERAL, "synced"), "galera_guard_settings": SEVERAL}
    view = seen(**content)
    first = view.guards[0].to_do[0]
    assert "more than one Galera cluster" in first.why
    assert "node1 is in a cluster of 1" in first.why
    assert "Two Galera clusters" in first.what
    assert status.exit_code(view) == 1
    assert seen().guards[0].several_clusters is None


def test_a_watch_waits_for_nodes_that_do_not_tell_of_a_change_at_the_same_moment(monkeypatch):
    now, several = [0.0], ["two"]
    monkeypatch.setattr(watch.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(watch.components, "settings", lambda host, attribute: several[0])
    monkeypatch.setattr(watch.components, "several", lambda found: found)
    shown = []
    monkeypatch.setattr(
        watch.cluster_view,
        "read",
        lambda host, ask: shown.append(ask(host, "galera-guard")) or ClusterView(*[None] * 5, [], []),
    )
    watched = watch.Watch(SimpleNamespace(run=lambda *words: SimpleNamespace(returncode=0, stdout="")), 2)
    for second, what in ((0, "two"), (2, ""), (3, "two"), (5, "two"), (6, "two"), (9, "two")):
        now[0], several[0] = second, what
        watched.look()
    assert shown == ["", "", "", "", "two", "two"]


def test_a_daemon_that_hangs_is_asked_once_and_said(seen, monkeypatch):
    asked = []

    def hang(host, name, is_needed):
        asked.append(name)
        raise CommandError("attrd_updater did not answer within 15 s")

    seen()
    monkeypatch.setattr(cluster_view.tools, "attribute", hang)
    view = cluster_view.read(None)
    stream = io.StringIO()
    status.show(view, Screen(stream, {}))
    assert "what the guards say is not known: attrd_updater did not answer within 15 s" in stream.getvalue()
    assert len(asked) == 1
    assert status.exit_code(view) == 1


def test_a_failed_action_has_the_clock_of_the_rest(monkeypatch):
    monkeypatch.setattr(clock.time, "localtime", clock.time.gmtime)
    assert clock.clock_of("2026-11-29 14:54:37 +01:00") == clock.clock_of("2026-11-29 13:54:37Z")
    assert clock.clock_of("2026-11-29 13:54:37Z").endswith("13:54:37")
    assert clock.clock_of("never") == "never"
