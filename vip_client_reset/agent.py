"""The agent vip_client_reset: what each action does, and the declaration from which Pacemaker learns of it."""

from __future__ import annotations

import contextlib
import os
import time

from ocfpy import Action, Agent, ParameterError, TimeIsUp, codes
from ocfpy.codes import describe
from vip_client_reset import __version__
from vip_client_reset.firewall import BLOCK_SECONDS
from vip_client_reset.parameters import ResetParameters
from vip_client_reset.reset import (
    firewall,
    missing_capabilities,
    reset_clients,
    reset_inherited_clients,
    store_clients,
)
from vip_client_reset.state import State, StateFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocfpy import Invocation

# For all that one action does, in seconds. The virtual IP waits for so long in a stop.
ACTION_TIMEOUT = 2.0
# For how long after its start the resource resets clients that another node has left behind, in seconds.
INHERIT_SECONDS = 15


def start(invocation: Invocation[ResetParameters]) -> int:
    """Let all clients through, and log once what this node cannot do, which is not a reason to fail."""
    for line in missing_capabilities(invocation, firewall(invocation).unblock):
        invocation.report.warning(line)
    StateFile(invocation).save(State(started=time.monotonic()))
    with contextlib.suppress(TimeIsUp), invocation.deadline.limit(ACTION_TIMEOUT):
        reset_inherited_clients(invocation)
    return codes.OCF_SUCCESS


def stop(invocation: Invocation[ResetParameters]) -> int:
    """Reset the clients of a virtual IP that leaves; bounded, and always succeeds: a failed stop blocks the address."""
    # Each reset wakes a thread of the server, and 2,000 of them would run before the rest of this stop. A better nice
    # value does not help: it counts only within a session or a control group.
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    try:
        with invocation.deadline.limit(ACTION_TIMEOUT):
            reset_clients(invocation)
    except TimeIsUp:
        invocation.report.warning(f"stop: not all connections were reset within {ACTION_TIMEOUT:g}s")
    StateFile(invocation).delete()
    return codes.OCF_SUCCESS


def monitor(invocation: Invocation[ResetParameters]) -> int:
    """Tell whether the resource is started here, and never fail; a recurring one takes care of the clients."""
    state = StateFile(invocation).load()
    if state is None:
        return codes.OCF_NOT_RUNNING
    if invocation.interval and "ip" in invocation.usable_parameters.given:
        with contextlib.suppress(TimeIsUp), invocation.deadline.limit(ACTION_TIMEOUT):
            if time.monotonic() - state.started < INHERIT_SECONDS:
                reset_inherited_clients(invocation)
            store_clients(invocation, state)
    return codes.OCF_SUCCESS


def validate_all(invocation: Invocation[ResetParameters]) -> int:
    """Check the parameters; from level 10 on also log what this host cannot do."""
    if invocation.check_level >= 10:
        for line in missing_capabilities(invocation, firewall(invocation).check):
            invocation.report.warning(line)
    return codes.OCF_SUCCESS


def reload_agent(invocation: Invocation[ResetParameters]) -> int:
    """Take changed parameters: every action reads them from its own environment."""
    return codes.OCF_SUCCESS if StateFile(invocation).load() else codes.OCF_NOT_RUNNING


def succeed_on_error(invocation: Invocation[ResetParameters], error: BaseException) -> int:
    """Succeed with a log line: a fault of this agent must neither keep the virtual IP here nor take it away."""
    if invocation.action == "start":
        if isinstance(error, ParameterError):
            raise ParameterError(error.parameter, error.value, error.allowed, codes.OCF_ERR_ARGS)
        StateFile(invocation).save(State(started=time.monotonic()))
    invocation.report.error(f"{invocation.action}: ignoring error: {describe(error)}")
    return codes.OCF_SUCCESS


def clean_up_on_error(invocation: Invocation[ResetParameters], error: BaseException) -> int:
    """Stop, whatever has gone wrong: a failed stop would block the virtual IP on this node."""
    invocation.report.error(f"stop: ignoring error: {describe(error)}")
    StateFile(invocation).delete()
    return codes.OCF_SUCCESS


AGENT = Agent(
    name="vip_client_reset",
    version=__version__,
    short="Resets the clients of a virtual IP that leaves this node",
    long=f"""Resets the TCP connections of a virtual IP (ocf:heartbeat:IPaddr2) just before the address leaves this
node. Its clients get an error at once and reconnect. Without this resource, a client that waits for an answer would
hang: the old node can no longer send the answer.

Colocate it with the virtual IP and order it after the virtual IP, so that it stops before the address is removed. With
the meta attribute critical=false it never moves the address itself. Give its stop on-fail=ignore: without fencing,
Pacemaker keeps the address where it is if a resource that must stop before it fails to stop.

stop resets connections only if the address is about to leave: it asks crm_simulate for Pacemaker's plan. Restarting the
resource itself disconnects no clients. stop takes {ACTION_TIMEOUT:g} s at most and never fails. From the reset on, new connections to
the address are dropped until it is gone, for {BLOCK_SECONDS} s at most, by an element of an nftables set that expires by itself.

For a node that loses its power or its network, monitor stores the list of the clients on the other nodes. start on the
next node resets the clients in that list. Clients that connected after the last monitor are not in the list. They need
timeouts of their own: see clients.md.""",
    parameters=ResetParameters,
    actions=(
        Action("start", start, timeout="20s", rescues=(succeed_on_error,)),
        Action("stop", stop, timeout="20s", validates=False, rescues=(clean_up_on_error, succeed_on_error)),
        Action("monitor", monitor, timeout="20s", interval="10s", validates=False, rescues=(succeed_on_error,)),
        Action("validate-all", validate_all, timeout="20s"),
        Action("reload-agent", reload_agent, timeout="20s", validates=False),
    ),
)
