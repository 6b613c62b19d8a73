"""Findings on MariaDB's settings, the guard's login and its rights; pure."""

from __future__ import annotations

from collections.abc import Iterator

from galera_sync_guard.cli.advice import for_unknown
from galera_sync_guard.cli.cib.values import is_true
from galera_sync_guard.cli.findings.corosync import SUSPECT_TIMEOUT, galera_seconds
from galera_sync_guard.cli.findings.finding import EVERY_NODE, NOTE, WARNING, Finding, check, error, note, warning
from galera_sync_guard.cli.findings.snapshot import Snapshot
from galera_sync_guard.cli.sockets import accepts
from galera_sync_guard.decision.facts import ALIKE, CLUSTER_ID, GRANTS, Cause
from ocfpy.parameters import format_seconds

LOGIN = "galera_guard"
OLDEST_MARIADB = (10, 5)
# The releases that fixed CVE-2026-49261, a command injection by wsrep_notify_cmd.
NOTIFY_FIXED = ((10, 6, 27), (10, 11, 18), (11, 4, 12), (11, 8, 8), (12, 3, 2))


@check
def bind_address(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.listening is None or is_true(snapshot.settings.get("skip_networking")):
        return
    addresses = [vip.address for vip in snapshot.vips if vip.address]
    refused = [address for address in addresses if not accepts(snapshot.listening, address)]
    if refused:
        yield error(
            "bind-address",
            f"MariaDB listens on {', '.join(snapshot.listening) or 'no address'}, port {snapshot.settings.get('port')}:"
            f" it refuses connections to {' and '.join(refused)}",
            *_in_option_file("bind-address", "*" if any(":" in each for each in addresses) else "0.0.0.0"),
        )


@check
def skip_networking(snapshot: Snapshot) -> Iterator[Finding]:
    if is_true(snapshot.settings.get("skip_networking")):
        yield error(
            "skip-networking",
            "skip_networking is on: MariaDB refuses every connection to the virtual IP",
            *_in_option_file("skip-networking", "OFF"),
        )


@check
def port(snapshot: Snapshot) -> Iterator[Finding]:
    used = snapshot.settings.get("port", "3306")
    if used != "3306":
        yield note(
            "port",
            f"MariaDB listens on port {used}: clients of the virtual IP must name it",
            *_in_option_file("port", "3306"),
        )


@check
def saturation_grace(snapshot: Snapshot) -> Iterator[Finding]:
    if not (snapshot.settings and snapshot.guard and snapshot.parameters):
        return
    suspect = galera_seconds(snapshot, "evs.suspect_timeout", SUSPECT_TIMEOUT)
    grace = snapshot.parameters.saturation_grace
    if grace <= suspect:
        yield warning(
            "saturation-grace",
            f"saturation_grace={format_seconds(grace)} is not above evs.suspect_timeout={format_seconds(suspect)}: the"
            " crash of another node would move the virtual IP",
            f"pcs resource update {snapshot.guard.id} saturation_grace={format_seconds(max(10.0, 2 * suspect))}",
        )


@check
def ignored_quorum(snapshot: Snapshot) -> Iterator[Finding]:
    for name in ("pc.ignore_sb", "pc.ignore_quorum"):
        if is_true(snapshot.provider.get(name)):
            # With the plugin wsrep-provider, as in MariaDB 11.8, every option is a variable and nothing else sets it.
            variable = "wsrep_provider_" + name.replace(".", "_")
            value = variable + "=OFF" if variable in snapshot.settings else f"wsrep_provider_options='{name}=false'"
            yield error(
                "ignored-quorum",
                f"Galera's {name} is on: both sides of a partition accept writes",
                f'mariadb -e "SET GLOBAL {value}"',
            )


@check
def login(snapshot: Snapshot) -> Iterator[Finding]:
    server = snapshot.server
    if server and server.cause in (Cause.DENIED, Cause.CANNOT_OBSERVE):
        what = for_unknown(snapshot.guard.id if snapshot.guard else "", server.detail)
        is_command = what.startswith(("adduser ", "apt-get "))
        more = f"; {what}" if what and not is_command else ""
        commands = _own_login(snapshot) if server.cause == Cause.DENIED else []
        if is_command:
            commands = [what]
        yield error("login", f"the guard cannot log in: {server.detail}{more}", *commands)


@check
def privileges(snapshot: Snapshot) -> Iterator[Finding]:
    grants = snapshot.settings.get(GRANTS, "").splitlines()
    more = [line for line in grants if not line.startswith(("GRANT USAGE ", "SET DEFAULT ROLE"))]
    if more and snapshot.guard and snapshot.parameters:
        yield Finding(
            "privileges",
            NOTE if snapshot.parameters.user == "root" and not snapshot.parameters.defaults_file else WARNING,
            f"the guard's login may do more than it needs (USAGE): {more[0].partition(' TO ')[0]}",
            tuple(_own_login(snapshot)),
        )


@check
def version(snapshot: Snapshot) -> Iterator[Finding]:
    numbers = _mariadb_version(snapshot)
    if numbers and numbers < OLDEST_MARIADB:
        text = snapshot.settings["version"]
        yield warning("version", f"MariaDB {text} is older than 10.5, the oldest that is supported")


@check
def notify_cmd(snapshot: Snapshot) -> Iterator[Finding]:
    command, numbers = snapshot.settings.get("wsrep_notify_cmd"), _mariadb_version(snapshot)
    if not command or not numbers:
        return
    fixed = next((each for each in NOTIFY_FIXED if each[:2] == numbers[:2]), NOTIFY_FIXED[-1])
    if numbers < fixed:
        yield warning(
            "wsrep-notify-cmd",
            f"wsrep_notify_cmd={command}: MariaDB {snapshot.settings['version']} has the command injection CVE-2026-49261"
            " there; the guard does not need it",
            *_in_option_file("wsrep_notify_cmd", ""),
        )


@check
def settings_differ(snapshot: Snapshot) -> Iterator[Finding]:
    for name in (*ALIKE, CLUSTER_ID):
        values = {node: settings[name] for node, settings in snapshot.node_settings.items() if name in settings}
        if len(set(values.values())) > 1:
            text = f"{name} differs between nodes: {', '.join(f'{node} {value}' for node, value in values.items())}"
            if name == CLUSTER_ID:
                yield error("two-clusters", f"{text}; they belong to Galera clusters of their own")
            else:
                yield warning("settings-differ", f"{text}; clients notice when the virtual IP moves")


def _mariadb_version(snapshot: Snapshot) -> tuple[int, ...]:
    """Return the numbers of a MariaDB server's version, empty for another server or an unreadable version."""
    text = snapshot.settings.get("version", "")
    digits = text.partition("-")[0].split(".")
    is_readable = len(digits) > 1 and all(part.isdigit() for part in digits)
    return tuple(map(int, digits)) if is_readable and "mariadb" in text.lower() else ()


def _own_login(snapshot: Snapshot) -> list[str]:
    """Return the lines that give the guard a login of its own with no other rights.

    Only that login is ever replaced: another one may serve others too.
    """
    lines = [
        f"adduser --system --no-create-home --home /nonexistent {LOGIN}{EVERY_NODE}",
        f'mariadb -e "CREATE OR REPLACE USER {LOGIN}@localhost IDENTIFIED VIA unix_socket"',
    ]
    if snapshot.guard and snapshot.parameters:
        instead = [name for name in ("user", "defaults_file", "host") if name in snapshot.parameters.given]
        if instead or snapshot.parameters.os_user != LOGIN:
            unset = "".join(f" {name}=" for name in instead)
            lines.append(f"pcs resource update {snapshot.guard.id} os_user={LOGIN}{unset}")
    return lines


def _in_option_file(name: str, value: str) -> tuple[str, str]:
    """Return the lines that set a server option in a file of its own, which is read last."""
    path = f"/etc/mysql/mariadb.conf.d/zz-{name}.cnf"
    return f"printf '[mariadbd]\\n{name} = {value}\\n' >{path}", "systemctl restart mariadb"
