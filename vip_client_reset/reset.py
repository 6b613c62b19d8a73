"""Resets the clients of the virtual IP: those of an address that leaves, and those that another node has left behind."""

from __future__ import annotations

import contextlib
import time
import zlib

from ocfpy import format_seconds
from vip_client_reset.address import LOOPBACK
from vip_client_reset.client_list import ClientList
from vip_client_reset.connections import Connections, is_local
from vip_client_reset.firewall import Firewall, FirewallError
from vip_client_reset.state import State, StateFile
from vip_client_reset.tickle import tickle
from vip_client_reset.transition import is_address_stopping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ocfpy import Invocation
    from vip_client_reset.address import Address
    from vip_client_reset.client_list import Client
    from vip_client_reset.parameters import ResetParameters

# Seconds: for the answer of crm_simulate, for one call of nft, and for one command that reads or stores the list.
SIMULATE_TIMEOUT = 1.0
NFT_TIMEOUT = 0.5
LIST_TIMEOUT = 0.7
# Pauses before the packets that each client of a lost node is sent, in seconds.
TICKLE_PAUSES = (0.0, 0.2, 0.5)
# Seconds after which the list is stored again although it is the same: a peer may have joined.
STORE_AGAIN_AFTER = 60
# How often the connections are listed at most: a second time nearly always finds none.
PASSES = 5


def reset_clients(invocation: Invocation[ResetParameters]) -> None:
    """Reset the clients of a virtual IP that leaves this node, and block new connections until it has left."""
    began = time.monotonic()
    parameters, report = invocation.usable_parameters, invocation.report
    if "ip" not in parameters.given:
        report.warning("stop: no connection is reset, since the parameter ip is missing or wrong")
        return
    address = parameters.ip
    if not is_local(address):
        return  # without the address no RST could be sent: its clients would be worse off than if it comes back
    if is_address_stopping(address, invocation, SIMULATE_TIMEOUT) is False:
        report.info(f"{address.text} stays on this node: no connection is reset")
        return
    try:
        firewall(invocation).block(address, parameters.ports)
    except FirewallError as error:
        report.warning(f"cannot block new connections to {address.text}: {error}")
    count = 0
    try:
        with Connections(address, parameters.ports) as connections:
            # Again until none is found: the kernel's list may leave entries out while others go.
            for _ in range(PASSES):
                found = _reset_all(connections, address)
                count += found
                if not found:
                    break
    except OSError as error:
        report.warning(f"connections to {address.text} are not reset: {error.strerror}")
    took = format_seconds(time.monotonic() - began)
    report.info(f"{address.text} leaves this node: {count} connections reset within {took} of stop")


def reset_inherited_clients(invocation: Invocation[ResetParameters]) -> None:
    """Reset the clients that another node has left behind when it lost its power.

    More than once: a packet can be lost on a busy machine, and a client's answer may still go to the lost node until
    the network has learned the new place of the address.
    """
    address = invocation.usable_parameters.ip
    clients = ClientList(invocation, LIST_TIMEOUT).load(address.family)
    for pause in TICKLE_PAUSES if clients else ():
        time.sleep(pause)
        tickle(address, _without_connection(invocation.usable_parameters, clients))


def _without_connection(parameters: ResetParameters, clients: list[Client]) -> list[Client]:
    """Return those clients that have no living connection here.

    What is left of an older connection, or remembered of it, would take the client's answer and send no reset, so it is
    ended. A kernel that cannot end it still frees the other clients.
    """
    with Connections(parameters.ip, parameters.ports) as connections:
        here = {connection.client: connection for connection in connections.list(with_closed=True)}
        lost = [client for client in clients if client not in here or not here[client].is_alive]
        for client in lost:
            if client in here:
                with contextlib.suppress(OSError):
                    connections.reset(here[client])
    return lost


def store_clients(invocation: Invocation[ResetParameters], state: State) -> None:
    """Store the list of the clients on the peers if it has changed, or was stored long ago."""
    clients = _clients(invocation.usable_parameters)
    digest, now = zlib.crc32(repr(clients).encode()), time.monotonic()
    if digest == state.digest and now - state.stored <= STORE_AGAIN_AFTER:
        return
    if ClientList(invocation, LIST_TIMEOUT).store_on_peers(clients):
        StateFile(invocation).save(State(state.started, now, digest))


def missing_capabilities(invocation: Invocation[ResetParameters], use_nftables: Callable[[], None]) -> list[str]:
    """Return what this node cannot do, one line each; `use_nftables` shows whether nftables works."""
    found = []
    parameters = invocation.usable_parameters
    try:
        with Connections(parameters.ip if "ip" in parameters.given else LOOPBACK) as connections:
            connections.check()
    except OSError as error:
        found.append(
            f"the kernel cannot reset connections (CONFIG_INET_DIAG_DESTROY): {error.strerror}; clients that"
            " wait for an answer when the address leaves will hang until their own timeout"
        )
    try:
        use_nftables()
    except FirewallError as error:
        found.append(
            f"nftables does not work: {error}; a client that reconnects within 0.1s of its reset may find the node"
            " that the address is just leaving, and hang until its own timeout"
        )
    return found


def firewall(invocation: Invocation[ResetParameters]) -> Firewall:
    """Return the firewall of a resource."""
    return Firewall(invocation, NFT_TIMEOUT)


def _reset_all(connections: Connections, address: Address) -> int:
    found = connections.list()
    for connection in found:
        connections.reset(connection)
    # A client that has lost packets of this node, or has no room for more, does not take that reset.
    tickle(address, [each.client for each in found if each.unacknowledged])
    return len(found)


def _clients(parameters: ResetParameters) -> list[Client]:
    with Connections(parameters.ip, parameters.ports) as connections:
        return sorted(connection.client for connection in connections.list())
