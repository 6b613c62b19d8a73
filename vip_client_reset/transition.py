"""Asks Pacemaker whether an address leaves this node together with a resource that is being stopped."""

from __future__ import annotations

import os

from ocfpy.process import run_command
from vip_client_reset.address import Address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from ocfpy import Invocation
    from vip_client_reset.parameters import ResetParameters

# A stopped resource may be started again at once, with the address in place all the time. Pacemaker's environment of a
# stop is the same in both cases. crm_simulate plans for the address with the configuration and state that the cluster
# works with (0.04 s).
COMMAND = ("crm_simulate", "--live-check", "--quiet", "--save-graph")


def is_address_stopping(address: Address, invocation: Invocation[ResetParameters], seconds: float) -> bool | None:
    """Return whether another resource stops after this one, or has the address and stops as well.

    None when Pacemaker does not answer within `seconds`.
    """
    from xml.etree import ElementTree

    # A file without a directory, which the command inherits, and which is gone with this process.
    with open(os.memfd_create("graph", 0), "rb") as graph:
        try:
            command = (*COMMAND, f"/dev/fd/{graph.fileno()}")
            code, _ = run_command(command, invocation.environ, seconds)
            root = ElementTree.parse(graph).getroot() if code == 0 else None
        except (OSError, ElementTree.ParseError):
            root = None
    if root is None:
        return None
    return any(_follows(synapse, address, invocation) for synapse in root.iter("synapse"))


def _follows(synapse: Element, address: Address, invocation: Invocation[ResetParameters]) -> bool:
    operation = synapse.find("action_set/rsc_op[@operation='stop']")
    primitive = None if operation is None else operation.find("primitive")
    if operation is None or primitive is None or primitive.get("type") == invocation.agent.name:
        return False
    waits_for = [trigger.get("operation_key") for trigger in synapse.iterfind("inputs/trigger/rsc_op")]
    return f"{invocation.instance}_stop_0" in waits_for or _has(operation, address)


def _has(operation: Element, address: Address) -> bool:
    attributes = operation.find("attributes")
    try:
        return attributes is not None and Address.parse(attributes.get("ip", "")).packed == address.packed
    except ValueError:
        return False
