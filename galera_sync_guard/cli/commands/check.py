"""check: reads what findings look at, on this node, and lists them; changes nothing."""

from __future__ import annotations

import os
from argparse import Namespace
from xml.etree.ElementTree import Element

from galera_sync_guard.cli import components, obstacles, server_settings, sockets
from galera_sync_guard.cli.cib import lookup, tools
from galera_sync_guard.cli.cib.model import RESET_AGENT, Configuration
from galera_sync_guard.cli.exit_codes import CommandError, ExitCode
from galera_sync_guard.cli.findings.all import find_all
from galera_sync_guard.cli.findings.finding import ERROR, NOTE, SEVERITIES, WARNING, Finding, error, warning
from galera_sync_guard.cli.findings.rehearsed import weigh
from galera_sync_guard.cli.findings.snapshot import Snapshot
from galera_sync_guard.cli.host import Host
from galera_sync_guard.cli.rehearsal.rehearse import REHEARSAL, rehearse
from galera_sync_guard.cli.screen import Cell, Screen
from galera_sync_guard.decision.facts import Facts
from galera_sync_guard.decision.states import BAD

COLOURS = {ERROR: "bad", WARNING: "warn", NOTE: "dim"}
ADDRESS_AGENT = tools.AGENTS + "heartbeat/IPaddr2"
KERNEL_OPTION = "CONFIG_INET_DIAG_DESTROY"


def check(host: Host, arguments: Namespace, screen: Screen) -> ExitCode:
    """List what is wrong or risky; return 0 when nothing is, 1 when something is, 3 when a part could not be read."""
    found, unread = look(host, arguments.resource)
    if arguments.json:
        screen.json(
            {
                "findings": [
                    {
                        "name": each.name,
                        "severity": each.severity,
                        "text": each.text,
                        "commands": each.commands,
                        "faults": sorted(each.explains),
                    }
                    for each in found
                ],
                "unread": unread,
            }
        )
    else:
        _show(found, unread, screen)
    if any(each.severity != NOTE for each in found):
        return ExitCode.PROBLEM
    return ExitCode.NO_ANSWER if unread else ExitCode.OK


def look(host: Host, name: str | None = None) -> tuple[list[Finding], dict[str, str]]:
    """Return (findings, what could not be read and why): one list for all guards, or for the one of that name."""
    unread: dict[str, str] = {}
    configuration = _configuration(host, unread)
    corosync = _corosync(host, unread)
    found: dict[tuple[str, str], Finding] = {}
    names: list[str | None] = [guard.id for guard in configuration.guards] if configuration else []
    if name and name not in names and configuration:
        raise CommandError(f"there is no guard {name} in the cluster's configuration")
    for each in [name] if name else names or [None]:
        snapshot = _snapshot(host, configuration, each, corosync, unread)
        weighed = [*_forbidden(host, snapshot), *_weighed(host, snapshot, unread)]
        found.update(((finding.name, finding.text), finding) for finding in weighed)
    return sorted(found.values(), key=lambda finding: SEVERITIES.index(finding.severity)), unread


def _weighed(host: Host, snapshot: Snapshot, unread: dict[str, str]) -> list[Finding]:
    """Return the findings on a snapshot, weighed by a rehearsal where Pacemaker's scheduler gives an answer."""
    found = find_all(snapshot)
    if snapshot.configuration is None or snapshot.guard is None:
        return found
    try:
        with host.waiting(REHEARSAL):
            return weigh(found, rehearse(host, snapshot.configuration, snapshot.guard))
    except CommandError as error:
        unread["the rehearsal"] = str(error)
        return found


def _forbidden(host: Host, snapshot: Snapshot) -> list[Finding]:
    """Return a finding for each virtual IP that is not up, and for each thing that Pacemaker itself forbids now.

    A property of the cluster that forbids something is a finding of its own.

    A file with no more than a configuration shows no cluster that runs.
    """
    if snapshot.configuration is None or snapshot.guard is None:
        return []
    try:
        status = tools.cluster_status(host)
    except CommandError:
        return []
    if "CIB_file" in host.environ and status.dc is None:
        return []
    away = [
        error("address-away", f"{vip.address} ({vip.id}) is on no node: galera-sync-guard status says more")
        for vip in snapshot.vips
        if not (status.left_on(vip.id) or status.arriving_on(vip.id))
    ]
    return away + [
        warning("forbidden", f"{each.where}: {each.what}", each.to_do)
        for each in obstacles.find(snapshot.configuration, status, snapshot.guard)
        if not each.is_property
    ]


def _configuration(host: Host, unread: dict[str, str]) -> Configuration | None:
    try:
        cib, note = tools.cib_or_what_is_left(host)
    except CommandError as error:
        unread["configuration"] = str(error)
        return None
    if note:
        unread["the cluster as it runs"] = f"{note}; the configuration is the one that it left on disk"
    return Configuration(cib)


def _snapshot(
    host: Host,
    configuration: Configuration | None,
    name: str | None,
    corosync: dict[str, str] | None,
    unread: dict[str, str],
) -> Snapshot:
    guard = lookup.find(host, name)
    server = server_settings.settings(guard) if not guard.error else None
    if server and server.cause:
        unread["MariaDB"] = server.detail
        if not host.is_root:
            # The guard logs in as root or becomes another user: what this user may not says nothing about it.
            server = None
    cib = configuration.cib if configuration else None
    return Snapshot(
        configuration,
        configuration.resource(name) if configuration and name else None,
        guard.parameters,
        guard.error,
        corosync,
        server,
        _versions(host, guard.attribute) if cib is not None else {},
        _features(cib),
        host.exists(tools.AGENTS + RESET_AGENT.removeprefix("ocf:").replace(":", "/")),
        _destroys_sockets(host),
        _listening(host, server, unread),
        components.settled(host, guard.attribute) if cib is not None else {},
        "LOWERLAYERDOWN" in (host.read(ADDRESS_AGENT) or ""),
    )


def _listening(host: Host, server: Facts | None, unread: dict[str, str]) -> list[str] | None:
    """Return on which addresses the kernel takes connections for MariaDB's port, None when that is not known."""
    port = server.get("port") if server else None
    if not port:
        return None
    try:
        return sockets.listening(host, port)
    except CommandError as error:
        unread["the sockets that listen"] = str(error)
        return None


def _corosync(host: Host, unread: dict[str, str]) -> dict[str, str] | None:
    """Return Corosync's keys and values; its tool has no other form of output than `key (type) = value`."""
    try:
        done = host.run("corosync-cmapctl")
    except CommandError as error:
        unread["Corosync"] = str(error)
        return None
    if done.returncode:
        unread["Corosync"] = "Corosync does not run on this node: systemctl start corosync"
        return None
    lines = (line.partition(" = ") for line in done.stdout.splitlines())
    return {key.partition(" ")[0]: value.strip() for key, equals, value in lines if equals}


def _versions(host: Host, attribute: str) -> dict[str, str]:
    """Return the version of the guard on each node where it runs, as it stands in its latest reason."""
    said: dict[str, tuple[int, str]] = {}
    for name in ("good", "bad", *BAD):
        for node, text in tools.attribute(host, f"{attribute}-{name}").items():
            when, version, _ = (text + "  ").split(" ", 2)
            said[node] = max(said.get(node, (0, "")), (int(when) if when.isdigit() else 0, version))
    return {node: version for node, (_, version) in said.items()}


def _features(cib: Element | None) -> dict[str, str]:
    """Return the feature set of each node's Pacemaker."""
    if cib is None:
        return {}
    return {
        state.get("uname", ""): pair.get("value", "")
        for state in cib.iterfind("status/node_state")
        for pair in state.iterfind("transient_attributes/instance_attributes/nvpair")
        if pair.get("name") == "#feature-set"
    }


def _destroys_sockets(host: Host) -> bool | None:
    """Return whether the kernel can destroy sockets, None when its configuration is nowhere to be read."""
    text = host.read("/boot/config-" + os.uname().release)
    if text is None:
        return None
    return KERNEL_OPTION + "=y" in text


def _show(found: list[Finding], unread: dict[str, str], screen: Screen) -> None:
    for each in found:
        screen.table([(Cell(f"{each.severity:7}", COLOURS[each.severity]), each.text)])
        for command in each.commands:
            screen.line(" " * 9, Cell(command, "strong"))
    for what, why in unread.items():
        screen.table([(Cell(f"{'unread':7}", "warn"), f"{what}: {why}")])
    if found or unread:
        screen.line()
    counts = [(severity, sum(each.severity == severity for each in found)) for severity in (ERROR, WARNING, NOTE)]
    text = ", ".join(f"{count} {severity}{'s' * (count != 1)}" for severity, count in counts if count)
    if not any(each.severity != NOTE for each in found) and not unread:
        screen.line(Cell("nothing is wrong", "good"), "; " + text if text else "")
    else:
        screen.line(text or "nothing is wrong in what could be read")
