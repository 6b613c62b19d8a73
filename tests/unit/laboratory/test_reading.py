"""What the laboratory reads out of crm_mon and of its probes, without a laboratory."""

import types

import pytest

from laboratory import pacemaker
from laboratory.probes import AddressEvent, Attempt, Gap, Probe, VipWatcher

CRM_MON = """
<pacemaker-result>
  <summary><current_dc present="true" name="node2" with_quorum="true"/></summary>
  <nodes>
    <node name="node1" online="true" standby="true" pending="false" unclean="false" maintenance="false"/>
    <node name="node2" online="true" standby="false" pending="false" unclean="false" maintenance="false"/>
    <node name="node3" online="false" standby="false" pending="false" unclean="true" maintenance="false"/>
  </nodes>
  <resources>
    <clone id="galera-guard-clone">
      <resource id="galera-guard" role="Started" failed="false" blocked="false"><node name="node2"/></resource>
      <resource id="galera-guard" role="Stopped" failed="false" blocked="false"/>
    </clone>
    <resource id="VirtualIP" role="Started" failed="false" blocked="false"><node name="node2"/></resource>
  </resources>
  <node_attributes><node name="node2"><attribute name="galera-guard" value="1000"/></node></node_attributes>
  <node_history><node name="node1">
    <resource_history id="galera-guard" fail-count="1"/><resource_history id="VirtualIP"/>
  </node></node_history>
  <failures><failure op_key="galera-guard_monitor_1000" node="node1" exitcode="1" exitreason="down"/></failures>
</pacemaker-result>
"""


def attempt(ended, errno=0):
    """An attempt that took 10 ms."""
    return Attempt(number=0, began=ended - 0.01, ended=ended, errno=errno, host="node1", text="")


@pytest.fixture
def probe():
    """A probe that has ended."""
    probe = Probe(types.SimpleNamespace())
    probe._process = types.SimpleNamespace(poll=lambda: 0)
    return probe


@pytest.fixture
def watcher():
    """A VIP that moved from node1 to node2 and was for a moment on both."""
    watcher = VipWatcher(types.SimpleNamespace(nodes=[]))
    watcher.events = [
        AddressEvent(*event)
        for event in [
            (1.0, "node1", True),
            (2.0, "node2", True),
            (2.5, "node1", False),
            (4.0, "node2", False),
            (5.0, "node2", True),
        ]
    ]
    return watcher


def test_status_of_the_cluster():
    status = pacemaker.parse(CRM_MON)
    assert status.dc == "node2"
    assert status.quorate
    assert status.nodes == {"node1": "standby", "node2": "online", "node3": "unclean"}
    assert status.online() == {"node2"}
    assert status.where() == status.where("galera-guard") == ["node2"]
    assert status.attributes == {"node2": {"galera-guard": "1000"}}
    assert status.fail_counts == {("node1", "galera-guard"): "1"}
    assert status.failures == (pacemaker.Failure("node1", "galera-guard_monitor_1000", 1, "down"),)


def test_a_gap_lasts_from_one_acknowledgement_to_the_next_and_knows_the_errors(probe):
    probe.lines = [attempt(1.0), attempt(1.02), attempt(1.5, 2003), attempt(2.0, 1047), attempt(3.0), attempt(3.02)]
    assert probe.gaps() == [Gap(1.02, 3.0, frozenset({2003, 1047}))]
    assert probe.longest_gap(since=3.0) is None


def test_a_probe_that_began_during_an_outage_has_a_gap_too(probe):
    probe.lines = [attempt(1.0, 2003), attempt(2.0)]
    assert [gap.end for gap in probe.gaps()] == [2.0]


def test_times_of_the_address(watcher):
    assert watcher.holders() == {"node2"}
    assert watcher.holders(at=2.2) == {"node1", "node2"}
    assert watcher.overlap() == pytest.approx(0.5)
    assert watcher.absence() == pytest.approx(1.0)
    assert watcher.absence(since=4.5) == pytest.approx(0.5)
