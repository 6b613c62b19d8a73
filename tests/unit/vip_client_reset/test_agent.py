"""The second agent's parts: its parameters, what it reads from Pacemaker's plan, and how it hears the kernel."""

import errno
import socket
import struct
import types

import pytest

import galera_sync_guard
import vip_client_reset
from ocfpy.agent import Agent
from ocfpy.codes import ParameterError
from vip_client_reset import agent, transition
from vip_client_reset.address import Address
from vip_client_reset.connections import Connections
from vip_client_reset.netlink import DONE, ERROR, HEADER, Netlink
from vip_client_reset.parameters import ResetParameters
from vip_client_reset.reset import missing_capabilities
from vip_client_reset.tickle import packet


def test_both_agents_have_one_version():
    assert vip_client_reset.__version__ == galera_sync_guard.__version__


# Parameters


@pytest.mark.parametrize(
    ("text", "family", "canonical"),
    [
        ("192.168.1.199", socket.AF_INET, "192.168.1.199"),
        ("FD00:0::1", socket.AF_INET6, "fd00::1"),
        (" fd00::1 ", socket.AF_INET6, "fd00::1"),
    ],
)
def test_address(text, family, canonical):
    address = Address.parse(text)
    assert (address.family, address.text) == (family, canonical)


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        (ResetParameters.ip, "192.168.1.199/24"),
        (ResetParameters.ip, "192.168.1"),
        (ResetParameters.ip, "vip"),
        (ResetParameters.ip, "fe80::1%eth0"),
        (ResetParameters.ports, "0"),
        (ResetParameters.ports, "65536"),
        (ResetParameters.ports, "3306-3309"),
        (ResetParameters.ports, ","),
        (ResetParameters.ports, "-1"),
        (ResetParameters.ports, "٣"),
    ],
)
def test_what_is_not_allowed(parameter, text):
    with pytest.raises(ParameterError, match="must be"):
        parameter.parse(text)


@pytest.mark.parametrize("text", ["3306,3307", "3307 3306", " 3306, 3307 ,3306"])
def test_ports(text):
    assert ResetParameters.ports.parse(text) == (3306, 3307)


def test_every_parameter_can_be_reloaded():
    assert all(parameter.reloadable for parameter in agent.AGENT.parameters)


# Pacemaker's plan

SYNAPSE = """
<synapse id="{number}"><action_set>
  <rsc_op id="{number}" operation="{operation}" operation_key="{name}_{operation}_0" on_node="n1" on_node_uuid="1">
    <primitive id="{name}" class="ocf" provider="x" type="{type}"/><attributes CRM_meta_timeout="20000" {attributes}/>
  </rsc_op></action_set>
  <inputs>{inputs}</inputs></synapse>"""
PSEUDO = '<synapse id="99"><action_set><pseudo_event id="3" operation="stop"/></action_set><inputs/></synapse>'
AFTER_US = '<trigger><rsc_op id="1" operation="stop" operation_key="reset_stop_0" on_node="n1"/></trigger>'


def step(name, kind, operation="stop", attributes="", inputs=""):
    return SYNAPSE.format(number=7, name=name, type=kind, operation=operation, attributes=attributes, inputs=inputs)


OURS = step("reset", "vip_client_reset", attributes='ip="10.0.0.9"')
PLANS = {
    "nothing": ("", False),
    "only this resource stops": (OURS, False),
    "this resource is restarted": (OURS + step("reset", "vip_client_reset", "start", 'ip="10.0.0.9"', AFTER_US), False),
    "address moves": (OURS + PSEUDO + step("VirtualIP", "IPaddr2", attributes='ip="10.0.0.9"', inputs=AFTER_US), True),
    "address moves, without an order": (OURS + step("VirtualIP", "IPaddr2", attributes='ip="10.0.0.9"'), True),
    "an agent of another kind moves the address": (OURS + step("my-vip", "cloud", inputs=AFTER_US), True),
    "another address moves": (OURS + step("other", "IPaddr2", attributes='ip="10.0.0.8"'), False),
    "address only starts": (step("VirtualIP", "IPaddr2", "start", 'ip="10.0.0.9"'), False),
    "the same in other words": (OURS + step("VirtualIP", "IPaddr2", attributes='ip=" 10.0.0.9"'), True),
    "a second one of our kind stops": (OURS + step("more", "vip_client_reset", attributes='ip="10.0.0.9"'), False),
    "the guard stops": (OURS + step("galera-guard", "galera_sync_guard", attributes='mode="score"'), False),
}


@pytest.fixture
def planned(tmp_path):
    """Return a function: what is understood when crm_simulate runs as the given script, $4 being the file to write."""

    def ask(script, patience=5):
        tool = tmp_path / "crm_simulate"
        tool.write_text("#!/bin/sh\n" + script)
        tool.chmod(0o755)
        invocation = types.SimpleNamespace(instance="reset", agent=agent.AGENT, environ={"PATH": str(tmp_path)})
        return transition.is_address_stopping(Address.parse("10.0.0.9"), invocation, patience)

    return ask


@pytest.mark.parametrize(("plan", "leaves"), PLANS.values(), ids=PLANS)
def test_plan_is_understood(planned, plan, leaves):
    assert planned(f"cat >$4 <<'END'\n<transition_graph>{plan}</transition_graph>\nEND") is leaves


@pytest.mark.parametrize(
    ("script", "patience"),
    [
        ("exit 102", 5),
        ("exit 0", 5),
        ("echo '<transition_graph>' >$4", 5),
        ("exec sleep 1000", 0.1),
        ("kill -9 $$", 5),
    ],
    ids=["no cluster", "no file", "half a file", "hangs", "killed"],
)
def test_no_plan_is_no_answer(planned, script, patience):
    assert planned(script, patience) is None


# The kernel's answers


@pytest.fixture
def kernel():
    """A Netlink whose kernel answers what a test has put into `kernel.answers`."""
    netlink = Netlink(0)
    netlink.answers = []
    netlink._socket.close()
    netlink._socket = types.SimpleNamespace(
        sendto=lambda data, address: None, recv=lambda size: netlink.answers.pop(0), close=lambda: None
    )
    return netlink


def message(kind, payload, sequence=1):
    return HEADER.pack(HEADER.size + len(payload), kind, 0, sequence, 0) + payload + bytes(-len(payload) % 4)


def test_a_list_comes_in_several_parts_and_ends(kernel):
    kernel.answers = [message(20, b"one") + message(20, b"second"), message(20, b"3") + message(DONE, bytes(4))]
    assert list(kernel.list(20, b"")) == [b"one", b"second", b"3"]


@pytest.mark.parametrize("kind", [ERROR, DONE])
def test_an_error_is_an_error_also_at_the_end_of_a_list(kernel, kind):
    kernel.answers = [message(kind, struct.pack("=i", -errno.EOPNOTSUPP))]
    with pytest.raises(OSError, match="supported"):
        list(kernel.list(20, b""))


def test_an_answer_to_an_earlier_question_is_passed_over(kernel):
    kernel.answers = [message(20, b"old", 0) + message(ERROR, bytes(4), 1)]
    kernel.order(21, b"")


# The packet that makes a client speak


@pytest.mark.parametrize(("source", "target"), [("10.0.0.9", "10.0.0.77"), ("fd00::9", "fd00::77")])
def test_packet_has_a_valid_checksum(source, target):
    source, target = Address.parse(source), Address.parse(target)
    data = packet(source.packed, 3306, target.packed, 40000)
    assert struct.unpack_from("!HH", data) == (3306, 40000)
    summed = source.packed + target.packed + struct.pack("!HH", socket.IPPROTO_TCP, len(data)) + data + b"\0"
    total = sum(struct.unpack(f"!{len(summed) // 2}H", summed))
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF


def test_a_kernel_that_cannot_reset_is_named(monkeypatch):
    def refuse(connections):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(Connections, "check", refuse)
    invocation = types.SimpleNamespace(usable_parameters=ResetParameters({}))
    (lack,) = missing_capabilities(invocation, lambda: None)
    assert "CONFIG_INET_DIAG_DESTROY): Operation not supported; clients that wait" in lack


def test_the_agent_declares_what_pacemaker_may_call():
    assert isinstance(agent.AGENT, Agent)
    assert [action.name for action in agent.AGENT.actions] == [
        "start",
        "stop",
        "monitor",
        "validate-all",
        "reload-agent",
    ]
