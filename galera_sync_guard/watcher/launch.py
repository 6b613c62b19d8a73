"""Starts a watcher: what it may do, and what it inherits."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

from galera_sync_guard.watcher.client import WatcherClient, socket_name
from ocfpy import codes
from ocfpy.codes import Failure
from ocfpy.parameters import format_seconds
from ocfpy.process import SEARCH_PATH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from galera_sync_guard.parameters import GuardParameters
    from ocfpy.invocation import Invocation

# What waiting for the watcher leaves of the action's time, and how often it looks, in seconds. It waits for so long since a
# start that fails bans the guard from a node that may only be busy.
START_RESERVE = 1.0
START_POLL = 0.01

# The capabilities that root keeps: to become os_user, and to open files of others. Pacemaker's attrd, which is hacluster's,
# refuses root without the latter, even as a member of haclient (Pacemaker 2.1.5, measured).
# A socket to ask neighbours with is inherited, so that CAP_NET_RAW is not needed.
LEAST_RIGHTS = ("setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all,+setuid,+setgid,+dac_override")

# The variable with the number of that socket.
INHERITED = "GALERA_SYNC_GUARD_NEIGHBOURS"


def spawn(invocation: Invocation[GuardParameters]) -> None:
    """Leave a watcher behind; raise Failure if none comes up."""
    client = WatcherClient(invocation.state_directory, socket_name(invocation.resource))
    try:
        process = start_program(invocation, _open_neighbours(invocation), *LEAST_RIGHTS)
    except OSError as error:
        raise Failure(codes.OCF_ERR_GENERIC, f"the watcher does not come up: {error}") from None
    seconds = max(0.0, invocation.deadline.remaining() - START_RESERVE)
    end = time.monotonic() + seconds
    while client.pid() != process.pid:
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            code = process.returncode
            why = f"it ended with {code}" if code else f"not within {format_seconds(seconds)}"
            raise Failure(codes.OCF_ERR_GENERIC, f"the watcher does not come up: {why}")
        time.sleep(START_POLL)


def _open_neighbours(invocation: Invocation[GuardParameters]) -> socket.socket | None:
    """Return a socket to ask neighbours with, which the watcher has no right to open; None if it needs none."""
    policy = invocation.usable_parameters
    if not policy.vip or not policy.reach_grace:
        return None
    from galera_sync_guard.host.neighbours import family_of, open_socket

    try:
        return open_socket(family_of(policy.vip))
    except OSError as error:
        invocation.report.warning(f"neighbours of vip={policy.vip} are not asked: {error}")
        return None


def start_program(
    invocation: Invocation[GuardParameters], neighbours: socket.socket | None, *prefix: str
) -> subprocess.Popen[bytes]:
    """Start the program of a watcher, which inherits the socket `neighbours`.

    It has a session of its own and none of our files, since Pacemaker would wait for any process that holds its pipes, and
    gets what it must know in a file of its own: others can read a process's environment, and a pipe waits for its reader.
    """
    environ = dict(invocation.environ)
    environ.pop(INHERITED, None)
    if neighbours:
        environ[INHERITED] = str(neighbours.fileno())
    with open(os.memfd_create("environ"), "wb+", buffering=0) as given:
        given.write(b"\0".join(os.fsencode(f"{name}={value}") for name, value in environ.items()))
        given.seek(0)
        return subprocess.Popen(
            [*prefix, sys.executable, "-IBS", os.path.abspath(invocation.program or ""), "watch", invocation.resource],
            env={"PATH": SEARCH_PATH},
            cwd="/",
            start_new_session=True,
            pass_fds=[neighbours.fileno()] if neighbours else [],
            stdin=given,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def read_environ() -> dict[str, str]:
    """Return what start_program has written to our standard input, and read from nowhere from now on."""
    given = os.fsdecode(sys.stdin.buffer.read()).split("\0")
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.close(null)
    return dict(item.partition("=")[::2] for item in given)


def inherited_neighbours(invocation: Invocation[GuardParameters]) -> socket.socket | None:
    """Return the socket to ask neighbours with, which was inherited; None without one."""
    number = invocation.environ.get(INHERITED)
    if number is None:
        return None
    inherited = socket.socket(fileno=int(number))
    inherited.set_inheritable(False)
    return inherited
