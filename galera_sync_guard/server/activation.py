"""What systemd knows of the server: whether a connection would start it, and whether it is being stopped."""

from __future__ import annotations

import os

from ocfpy.process import run_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from galera_sync_guard.parameters import GuardParameters

# How much of a probe's time systemd may take for one answer: a probe asks twice at most, and must then ask the server.
SYSTEMCTL_SHARE = 0.125


def stopped_service(parameters: GuardParameters) -> str | None:
    """Return the stopped service that a connection would start, None if it would start none.

    systemd is asked, because the socket's owner is known only to a peer that is connected already.
    """
    service = _activated_service(parameters)
    if service is None or _systemctl(parameters, "is-active", service) not in ("inactive", "failed"):
        return None
    return service


def stopping_service(parameters: GuardParameters, pid: int) -> str | None:
    """Return the service of a process if systemd is stopping it, else None."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="ascii", errors="replace") as file:
            groups = [line.strip().rpartition("/")[2] for line in file]
    except OSError:
        return None
    service = next((group for group in groups if group.endswith(".service")), None)
    return service if service and _systemctl(parameters, "is-active", service) == "deactivating" else None


def _activated_service(parameters: GuardParameters) -> str | None:
    """Return the service that systemd starts for a connection to the server's socket or port, None if it does not."""
    path, port = os.path.realpath(parameters.socket), f":{parameters.port}"
    for line in _systemctl(parameters, "list-sockets", "--no-legend", "--plain").splitlines():
        listens, _, services = line.partition(" ")
        if listens.endswith(port) if parameters.host else os.path.realpath(listens) == path:
            return services.split()[-1].partition(",")[0]
    return None


def _systemctl(parameters: GuardParameters, *arguments: str) -> str:
    """Return what systemctl says, "" if it cannot be asked."""
    try:
        return run_command(("systemctl", *arguments), {}, SYSTEMCTL_SHARE * parameters.probe_timeout)[1].strip()
    except OSError:
        return ""
