"""maintenance: takes this node out of service for the virtual IP and back, by the guard's maintenance file."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections.abc import Callable

from galera_sync_guard.cli import here
from galera_sync_guard.cli.cib import lookup, tools
from galera_sync_guard.cli.cib.lookup import NodeGuard
from galera_sync_guard.cli.clock import in_words
from galera_sync_guard.cli.exit_codes import CommandError, ExitCode
from galera_sync_guard.cli.host import PATIENCE, Host
from galera_sync_guard.cli.screen import Cell, Screen
from galera_sync_guard.cluster.moments import BACK
from galera_sync_guard.decision.states import BAD, SCORES, score_text
from galera_sync_guard.host.maintenance import maintenance_reason

# What the guard reads of the file, in bytes, with the newline.
LONGEST_REASON = 199
# The time limit for the virtual IP to leave, in seconds, and the time between two looks at it.
LEAVE_TIMEOUT = 30.0
POLL = 0.3
# The time limit for it to arrive elsewhere, in seconds.
ARRIVE_TIMEOUT = 10.0
# The time limit for the guard to see that maintenance is off, in seconds.
SEEN_TIMEOUT = 3.0

OF_A_BAD_NODE = [score_text(SCORES[kind]) for kind in BAD]


def maintenance(host: Host, arguments: Namespace, screen: Screen) -> ExitCode:
    """Switch maintenance on or off, or show it; return the exit code."""
    guard = lookup.find(host, arguments.resource)
    path = guard.parameters.maintenance_file
    was_on = os.path.exists(path)
    were_here = _virtual_ips_here(host, guard) if arguments.switch == "on" else []
    try:
        if arguments.switch == "on":
            _write(path, _one_line(arguments.reason))
        elif arguments.switch == "off":
            _remove(path)
    except OSError as error:
        raise CommandError(
            f"{path}: {error.strerror}{'; run this as root' if isinstance(error, PermissionError) else ''}"
        ) from None
    code = ExitCode.OK
    if arguments.switch == "on" and guard.node:
        code = _wait_until_free(host, guard, were_here, arguments, screen)
    if arguments.switch == "off":
        if not was_on and not arguments.json:
            screen.line(Cell(f"there was no maintenance to end on {guard.node or 'this node'}: {path}", "dim"))
        _wait_until_seen(host, guard, arguments, screen)
    return max(code, _show(host, guard, arguments, screen))


def _show(host: Host, guard: NodeGuard, arguments: Namespace, screen: Screen) -> ExitCode:
    reason = maintenance_reason(guard.parameters.maintenance_file)
    obstacle = here.keeps_away(here.obstacles_here(host, guard), guard)
    said = _said(host, guard)
    if arguments.json:
        screen.json(
            {
                "node": guard.node,
                "maintenance": reason is not None,
                "reason": reason,
                "file": guard.parameters.maintenance_file,
                "forbidden_by_pacemaker": obstacle and obstacle.what,
                "guard_says": said or None,
            }
        )
        return ExitCode.OK
    if guard.note:
        screen.line(Cell(guard.note, "dim"))
    where = guard.node or "this node"
    if reason is None and obstacle:
        screen.line(
            where, " is ", Cell("out of service", "warn"), " for the virtual IP, by Pacemaker and not by the guard:"
        )
        screen.line(f"  {obstacle.where}: {obstacle.what}")
        screen.line("      ", Cell(obstacle.to_do, "strong"))
    elif reason is None and said:
        back = said.partition(BACK)[2]
        service = Cell("in service" if back else "out of service", "good" if back else "warn")
        screen.line(
            where, " is ", service, " for the virtual IP", f" at {back}" if back else f", as its guard says: {said}"
        )
    elif reason is None:
        screen.line(where, " is ", Cell("in service", "good"), " for the virtual IP")
    else:
        is_kept = bool(_virtual_ips_here(host, guard))
        screen.line(
            where,
            " is ",
            Cell("out of service" if not is_kept else "not out of service yet", "warn" if not is_kept else "bad"),
            " for the virtual IP",
            ": " + reason if reason else "",
            " (",
            guard.parameters.maintenance_file,
            ")",
        )
        if is_kept and obstacle:
            screen.line(f"  {obstacle.where}: {obstacle.what}")
            screen.line("      ", Cell(obstacle.to_do, "strong"))
    return ExitCode.OK


def _virtual_ips_here(host: Host, guard: NodeGuard) -> list[str]:
    """Return the virtual IPs that have not left this node, none when Pacemaker does not answer."""
    try:
        cluster = tools.cluster_status(host)
    except CommandError:
        return []
    return [vip.id for vip in guard.virtual_ips if guard.node in cluster.left_on(vip.id)]


def _wait_until_free(
    host: Host, guard: NodeGuard, were_here: list[str], arguments: Namespace, screen: Screen
) -> ExitCode:
    """Wait until the virtual IPs that were on this node are on another; return ExitCode.PROBLEM if one is not."""
    try:
        here_still = _wait(
            lambda: _virtual_ips_here(host, guard),
            f"until {{}} has left {guard.node}",
            LEAVE_TIMEOUT,
            arguments,
            screen,
        )
        nowhere = here_still or _wait(
            lambda: [vip for vip in were_here if not tools.cluster_status(host).where(vip)],
            "until {} is on another node",
            ARRIVE_TIMEOUT,
            arguments,
            screen,
        )
    except CommandError:
        return ExitCode.OK  # Pacemaker was stopped since: no virtual IP is here
    if nowhere and not arguments.json:
        what = (
            f"is still on {guard.node} after {LEAVE_TIMEOUT:g} s"
            if here_still
            else f"is on no node: no other node can have it. galera-sync-guard maintenance off on {guard.node} ends that"
        )
        more = ": galera-sync-guard status says more" if here_still else ""
        screen.line(Cell(f"{', '.join(nowhere)} {what}", "bad"), more)
    return ExitCode.PROBLEM if nowhere else ExitCode.OK


def _wait(
    what_remains: Callable[[], list[str]], until: str, limit: float, arguments: Namespace, screen: Screen
) -> list[str]:
    """Wait until nothing remains, and tell a person so after a second; return what remains when time is up."""
    began, is_silent = time.monotonic(), arguments.json
    while (remains := what_remains()) and time.monotonic() < began + limit:
        if not is_silent and time.monotonic() > began + PATIENCE:
            is_silent = True
            screen.line(f"waiting {until.format(', '.join(remains))}, at most {limit:g} s")
            screen.flush()
        time.sleep(POLL)
    return remains


def _wait_until_seen(host: Host, guard: NodeGuard, arguments: Namespace, screen: Screen) -> None:
    """Wait until this node's guard has seen that the file is gone, so that status says it too."""
    seen = f"{guard.parameters.maintenance_file} exists"
    _wait(
        lambda: [guard.name] if seen in _said(host, guard) else [],
        "until {} has seen it",
        SEEN_TIMEOUT,
        arguments,
        screen,
    )


def _said(host: Host, guard: NodeGuard) -> str:
    """Return what this node's guard says of it, as it is now; empty when that is nothing bad."""
    node = guard.node or ""
    if tools.attribute(host, guard.attribute).get(node) not in OF_A_BAD_NODE:
        return ""
    told = [tools.attribute(host, f"{guard.attribute}-{name}").get(node, "0") for name in ("bad", *BAD)]
    latest = max(told, key=lambda text: int(f"0{text.partition(' ')[0]}"))
    return in_words((latest + "  ").split(" ", 2)[2].strip())


def _one_line(reason: str | None) -> str:
    text = " ".join((reason or "").split())
    return text.encode(errors="replace")[:LONGEST_REASON].decode("utf-8", "ignore")


def _write(path: str, reason: str) -> None:
    """Replace the file at once, and see it on the disk: maintenance must survive a power off."""
    directory = os.path.dirname(path)
    os.makedirs(directory, mode=0o755, exist_ok=True)
    temporary = path + ".new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(reason + "\n")
        file.flush()
        os.fsync(descriptor)
    os.replace(temporary, path)
    _sync(directory)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    _sync(os.path.dirname(path))


def _sync(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
