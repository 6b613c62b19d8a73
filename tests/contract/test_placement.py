"""A poor node asks Pacemaker's own scheduler whether the virtual IP could run on a synced node; the CIB is a file."""

import time

import pytest

from tests.support.galera import DESYNCED, SATURATED

CIB = """<cib epoch="1" num_updates="0" admin_epoch="0" validate-with="pacemaker-3.9" have-quorum="1" dc-uuid="1">
<configuration><crm_config><cluster_property_set id="o"><nvpair id="s" name="stonith-enabled" value="false"/>
</cluster_property_set></crm_config><nodes>{nodes}</nodes><resources><clone id="guard-clone">
<primitive id="guard" class="ocf" provider="custom" type="galera_sync_guard"/></clone>
<primitive id="VirtualIP" class="ocf" provider="heartbeat" type="IPaddr2"><meta_attributes id="m">
<nvpair id="rs" name="resource-stickiness" value="100"/></meta_attributes></primitive></resources>
<constraints><rsc_colocation id="c" rsc="VirtualIP" with-rsc="guard-clone" score="INFINITY"/>{constraints}</constraints>
</configuration><status>{status}</status></cib>"""
NODE = """<node_state id="{number}" uname="{name}" in_ccm="true" crmd="online" join="member" expected="member">
<lrm id="{number}"><lrm_resources>{resources}</lrm_resources></lrm></node_state>"""
RESOURCE = """<lrm_resource id="{name}" class="ocf" provider="{provider}" type="{type}">
<lrm_rsc_op id="{name}_last_0" operation_key="{name}_{op}_0" operation="{op}" rc-code="{code}" op-status="0"
interval="0" transition-key="1:1:{code}:aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa" call-id="1"
transition-magic="0:{code};1:1:{code}:aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"/></lrm_resource>"""
NAMES = ("n1", "n2", "n3")


def cib(holder, banned=()):
    """Return a CIB in which the guard runs on all three nodes and the address on one; it may not run on `banned`."""
    status = ""
    for number, name in enumerate(NAMES, 1):
        resources = RESOURCE.format(name="guard", provider="custom", type="galera_sync_guard", op="start", code=0)
        op, code = ("start", 0) if name == holder else ("monitor", 7)
        resources += RESOURCE.format(name="VirtualIP", provider="heartbeat", type="IPaddr2", op=op, code=code)
        status += NODE.format(number=number, name=name, resources=resources)
    nodes = "".join(f'<node id="{number}" uname="{name}"/>' for number, name in enumerate(NAMES, 1))
    ban = '<rsc_location id="ban-{0}" rsc="VirtualIP" node="{0}" score="-INFINITY"/>'
    return CIB.format(nodes=nodes, status=status, constraints="".join(map(ban.format, banned)))


@pytest.fixture(params=["0", "100ms"], ids=["polling", "watching"])
def guard(request, guard, server):
    """A guard on n1 that was started on a healthy node, in a cluster of three."""
    guard.parameters.update(watch_interval=request.param, mode="fail")
    guard.environment["OCF_RESKEY_CRM_meta_on_node"] = "n1"
    yield guard.started()
    guard.stop()


def configure(guard, text, **peers):
    """Let cibadmin answer with this CIB, and the peers have these states."""
    (guard.attrd.directory / "cib.xml").write_text(text)
    tool = guard.attrd.directory / "cibadmin"
    tool.write_text('#!/bin/sh\nexec cat "${0%/*}/cib.xml"\n')
    tool.chmod(0o755)
    lines = [f'name="guard-state" host="{name}" value="{state}"\n' for name, state in peers.items()]
    (guard.attrd.directory / "peers.guard-state").write_text("".join(lines))


def desync(guard, server):
    """Desync the node; return the monitor's result when there was time enough to act."""
    server.values.update(DESYNCED)
    end = time.monotonic() + 4
    while (result := guard.monitor()).code == 0 and time.monotonic() < end:
        time.sleep(0.1)
    return result


def test_it_leaves_for_a_synced_node_that_may_have_the_address(guard, server):
    configure(guard, cib("n1"), n2="synced", n3="synced")
    assert desync(guard, server).code == 1


def test_it_stays_when_the_only_synced_node_may_not_have_the_address(guard, server):
    configure(guard, cib("n1", banned=("n3",)), n2="down", n3="synced")
    assert desync(guard, server).code == 0


def test_it_stays_when_the_address_would_run_nowhere(guard, server):
    configure(guard, cib("n1", banned=("n2", "n3")), n2="synced", n3="synced")
    assert desync(guard, server).code == 0


def test_it_leaves_when_the_address_is_elsewhere_anyway(guard, server):
    configure(guard, cib("n2", banned=("n3",)), n2="down", n3="synced")
    assert desync(guard, server).code == 1


@pytest.mark.parametrize("other", ["unknown", "down"])
def test_with_mode_score_it_stays_at_its_score_for_no_node_that_is_not_synced(guard, server, other):
    guard.parameters["mode"] = "score"
    guard.start()
    configure(guard, cib("n1", banned=("n3",)), n2=other, n3="synced")
    desync(guard, server)
    assert guard.published == ("1000", "donor")


def test_a_cluster_that_does_not_answer_leaves_it_to_the_attributes(guard, server):
    configure(guard, "not XML", n2="synced")
    assert desync(guard, server).code == 1


@pytest.mark.parametrize(("ago", "score"), [(5, "1000"), (3600, "10")], ids=["follows", "long ago"])
def test_a_saturation_that_came_with_the_address_stays(guard, server, ago, score):
    guard.parameters.update(mode="score", saturation_grace="1s")
    guard.start()
    configure(guard, cib("n1"), n2="synced")
    guard.attrd.peer("guard-poor", "n2", f"{int(time.time()) - ago} 0.1.0 saturated: Threads_connected=151")
    server.values.update(SATURATED)
    end = time.monotonic() + 6
    while guard.published != ("10", "saturated") and time.monotonic() < end:
        assert guard.monitor().code == 0
    assert guard.published == (score, "saturated")
