"""Asks Pacemaker whether an address leaves this node together with a resource that is being stopped."""

import os

from ocfpy.process import run
from vip_client_reset.address import Address
from vip_client_reset.tools import environment

# A stopped resource may be started again at once, with the address in place all the time. Pacemaker's environment of a
# stop is the same in both cases; what is planned for the address, crm_simulate works out of the same configuration and
# state that the cluster works with (0.04 s).
COMMAND = ("crm_simulate", "--live-check", "--quiet", "--save-graph")


def address_leaves(address, invocation, patience):
    """Return whether something else is stopped after this resource, or has the address and is stopped as well.

    None when Pacemaker does not say so within `patience` seconds.
    """
    from xml.etree import ElementTree

    # A file of no directory, gone with this process, which the command inherits.
    with open(os.memfd_create("graph", 0), "rb") as graph:
        try:
            code, _ = run((*COMMAND, f"/dev/fd/{graph.fileno()}"), environment(invocation), patience)
            root = ElementTree.parse(graph).getroot() if code == 0 else None
        except (OSError, ElementTree.ParseError):
            root = None
    if root is None:
        return None
    return any(_follows(synapse, address, invocation) for synapse in root.iter("synapse"))


def _follows(synapse, address, invocation):
    operation = synapse.find("action_set/rsc_op[@operation='stop']")
    if operation is None or operation.find("primitive").get("type") == invocation.agent.name:
        return False
    waits_for = [trigger.get("operation_key") for trigger in synapse.iterfind("inputs/trigger/rsc_op")]
    return f"{invocation.instance}_stop_0" in waits_for or _has(operation, address)


def _has(operation, address):
    try:
        return Address.parse(operation.find("attributes").get("ip", "")).packed == address.packed
    except ValueError:
        return False
