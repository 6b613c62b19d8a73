"""The agent vip_client_reset: what each action does, and the declaration from which Pacemaker learns of it."""

import contextlib
import os
import time
import zlib

from ocfpy import codes
from ocfpy.agent import Action, Agent
from ocfpy.codes import ParameterError, describe
from ocfpy.deadline import TimeIsUp
from ocfpy.parameters import format_seconds
from vip_client_reset import __version__
from vip_client_reset.address import LOOPBACK
from vip_client_reset.client_list import Heirs
from vip_client_reset.connections import Connections, is_here
from vip_client_reset.firewall import LASTS, Block, BlockError
from vip_client_reset.parameters import ResetParameters
from vip_client_reset.tickle import tickle
from vip_client_reset.transition import address_leaves

# Seconds: for Pacemaker's answer, for one call of nft, and for all that stop does. The virtual IP stays for so long.
ANSWERS_WITHIN = 1.0
NFT_TAKES = 0.5
PATIENCE = 2.0
# Seconds: for one command that tells the peers; between two times that they are told the same; and for how long after
# its start the resource looks after clients that another node has left behind.
HEIRS_TAKE = 0.7
TELLS_AGAIN_AFTER = 60
INHERITS_FOR = 15
# How often the connections are listed at most: a second time nearly always finds none.
PASSES = 5


def start(invocation):
    """Let all clients through, and say once what this node cannot do, which is no reason to fail."""
    for lack in lacks(invocation, _block(invocation).remove):
        invocation.report.warning(lack)
    _remember(invocation, State(started=time.monotonic()))
    with contextlib.suppress(TimeIsUp), invocation.deadline.limit(PATIENCE):
        _free_inherited_clients(invocation)
    return codes.OCF_SUCCESS


def stop(invocation):
    """Reset the clients of a virtual IP that leaves; bounded, and always succeeds: a failed stop blocks the address."""
    # Every reset wakes a thread of the server, and 2,000 of these would go before the rest of our tenth of a second. A
    # better nice value does not help: it counts only within a session or a control group.
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    try:
        with invocation.deadline.limit(PATIENCE):
            _free_clients(invocation)
    except TimeIsUp:
        invocation.report.warning(f"stop: not all connections were reset within {PATIENCE:g}s")
    _forget(invocation)
    return codes.OCF_SUCCESS


def monitor(invocation):
    """Tell whether the resource is started here, which nothing can make fail; a recurring one cares for the clients."""
    state = _remembered(invocation)
    if state is None:
        return codes.OCF_NOT_RUNNING
    if invocation.interval and "ip" in invocation.usable_parameters.given:
        with contextlib.suppress(TimeIsUp), invocation.deadline.limit(PATIENCE):
            if time.monotonic() - state.started < INHERITS_FOR:
                _free_inherited_clients(invocation)
            _leave_clients_to_heirs(invocation, state)
    return codes.OCF_SUCCESS


def validate_all(invocation):
    """Check the parameters; from level 10 on also say what this host cannot do."""
    if invocation.check_level >= 10:
        for lack in lacks(invocation, _block(invocation).check):
            invocation.report.warning(lack)
    return codes.OCF_SUCCESS


def reload_agent(invocation):
    """Take changed parameters: there is nothing that the next action does not read from its environment."""
    return codes.OCF_SUCCESS if _remembered(invocation) else codes.OCF_NOT_RUNNING


def lacks(invocation, use_nftables):
    """Return what this node lacks for freeing the clients, one line each; `use_nftables` shows whether that works."""
    found = []
    parameters = invocation.usable_parameters
    try:
        with Connections(parameters.ip if "ip" in parameters.given else LOOPBACK) as connections:
            connections.can_be_reset()
    except OSError as error:
        found.append(
            f"the kernel cannot reset connections (CONFIG_INET_DIAG_DESTROY): {error.strerror}; clients that"
            " wait for an answer when the address leaves will hang until their own timeout"
        )
    try:
        use_nftables()
    except BlockError as error:
        found.append(
            f"nftables does not work: {error}; a client that reconnects within 0.1s of its reset may find the node"
            " that the address is just leaving, and hang until its own timeout"
        )
    return found


def keep_going(invocation, error):
    """Succeed with a log line: a fault of ours must neither keep the virtual IP here nor take it away."""
    if invocation.action == "start":
        if isinstance(error, ParameterError):
            raise ParameterError(error.parameter, error.value, error.allowed, codes.OCF_ERR_ARGS)
        _remember(invocation, State(started=time.monotonic()))
    invocation.report.error(f"{invocation.action} succeeds all the same: {describe(error)}")
    return codes.OCF_SUCCESS


def forget(invocation, error):
    """Stop, whatever has gone wrong: a failed stop would block the virtual IP on this node."""
    invocation.report.error(f"stop: {describe(error)}")
    _forget(invocation)
    return codes.OCF_SUCCESS


def _free_clients(invocation):
    began = time.monotonic()
    parameters, report = invocation.usable_parameters, invocation.report
    if "ip" not in parameters.given:
        report.warning("stop: no connection is reset, since the parameter ip is missing or wrong")
        return
    address = parameters.ip
    if not is_here(address):
        return  # without the address no RST could be sent: its clients would be worse off than if it comes back
    if address_leaves(address, invocation, ANSWERS_WITHIN) is False:
        report.info(f"{address.text} stays on this node: no connection is reset")
        return
    try:
        _block(invocation).put(address, parameters.ports)
    except BlockError as error:
        report.warning(f"new connections to {address.text} are not held off: {error}")
    count = 0
    try:
        with Connections(address, parameters.ports) as connections:
            # Again until none is found: the kernel's list may leave entries out while others go.
            for _ in range(PASSES):
                found = connections.list()
                for connection in found:
                    connections.reset(connection)
                # A client that has lost packets of ours, or has no room for more, does not take that reset.
                tickle(address, [each.client for each in found if each.unacknowledged])
                count += len(found)
                if not found:
                    break
    except OSError as error:
        report.warning(f"connections to {address.text} are not reset: {error.strerror}")
    report.info(
        f"{address.text} leaves this node: {count} connections reset within {format_seconds(time.monotonic() - began)} of stop"
    )


def _free_inherited_clients(invocation):
    """Reset those whom another node has left behind without a word, because it lost its power.

    More than once, since a client's answer may still go to that node: it learns the address's new place within a second.
    """
    address = invocation.usable_parameters.ip
    clients = Heirs(invocation, HEIRS_TAKE).find(address.family)
    if clients:
        with Connections(address, invocation.usable_parameters.ports) as connections:
            here = {connection.client: connection for connection in connections.list()}
            lost = [client for client in clients if client not in here or not here[client].lives]
            # What is left of an older connection would take the client's answer, and send no reset. A kernel that cannot
            # end it frees the others all the same.
            for client in lost:
                if client in here:
                    with contextlib.suppress(OSError):
                        connections.reset(here[client])
        tickle(address, lost)


def _leave_clients_to_heirs(invocation, state):
    clients = _clients(invocation)
    digest, now = zlib.crc32(repr(clients).encode()), time.monotonic()
    if digest != state.digest or now - state.told > TELLS_AGAIN_AFTER:
        if Heirs(invocation, HEIRS_TAKE).leave(clients):
            _remember(invocation, State(state.started, now, digest))


def _clients(invocation):
    parameters = invocation.usable_parameters
    with Connections(parameters.ip, parameters.ports) as connections:
        return sorted(connection.client for connection in connections.list())


def _block(invocation):
    return Block(invocation, NFT_TAKES)


def _state_file(invocation):
    return os.path.join(invocation.state_directory, f"vip_client_reset-{invocation.resource}")


class State:
    """What a started resource remembers: when it started, and when its peers were told of which clients."""

    def __init__(self, started=0.0, told=0.0, digest=0):
        self.started = float(started)
        self.told = float(told)
        self.digest = int(digest)


def _remember(invocation, state):
    with open(_state_file(invocation), "w", encoding="ascii") as file:
        file.write(f"{state.started} {state.told} {state.digest}")


def _remembered(invocation):
    """Return the State of a started resource, None when it is not started; half a file is a State, too."""
    try:
        with open(_state_file(invocation), encoding="ascii", errors="replace") as file:
            return State(*file.read().split())
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        return State()


def _forget(invocation):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_state_file(invocation))


AGENT = Agent(
    name="vip_client_reset",
    version=__version__,
    short="Resets the clients of a virtual IP that leaves this node",
    long=f"""Resets the TCP connections of a virtual IP (ocf:heartbeat:IPaddr2) just before the address leaves this
node, so that its clients get an error at once and reconnect. Without it a client that waits for an answer when the
address goes waits for ever: the answer cannot be sent any more, and nothing tells the client.

Colocate it with the virtual IP and order it after it, so that it stops before the address is removed; with the meta
attribute critical=false it never moves the address itself. Give its stop on-fail=ignore: without fencing Pacemaker leaves
the address where it is for ever when a resource that must stop before it cannot.

stop works only when the address is about to leave: it asks crm_simulate what Pacemaker has planned. A restart of this
resource while the address stays touches no connection. It takes {PATIENCE:g} s at most and never fails. From the reset on, new
connections to the address are dropped until it is gone, at most for {LASTS} s, by an nftables set element that expires by
itself.

For a node that loses its power or its network, its monitor leaves the list of the clients with the other nodes, and
start on the next node frees those. Who has connected after the last monitor is not in the list, and needs a limit of
its own: see clients.md.""",
    parameters=ResetParameters,
    actions=(
        Action("start", start, timeout="20s", rescues=(keep_going,)),
        Action("stop", stop, timeout="20s", validates=False, rescues=(forget, keep_going)),
        Action("monitor", monitor, timeout="20s", interval="10s", validates=False, rescues=(keep_going,)),
        Action("validate-all", validate_all, timeout="20s"),
        Action("reload-agent", reload_agent, timeout="20s", validates=False),
    ),
)
