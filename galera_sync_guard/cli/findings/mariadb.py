"""Findings on MariaDB's settings, the guard's login and its rights; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from galera_sync_guard.cli import components
from galera_sync_guard.cli.advice import for_unknown
from galera_sync_guard.cli.cib.values import is_true
from galera_sync_guard.cli.findings.corosync import SUSPECT_TIMEOUT, galera_seconds
from galera_sync_guard.cli.findings.finding import EVERY_NODE, Finding, check, error, note, warning
from galera_sync_guard.cli.findings.snapshot import Snapshot
from galera_sync_guard.cli.pages import TWO_CLUSTERS, chapter
from galera_sync_guard.cli.sockets import accepts
from galera_sync_guard.decision.facts import ALIKE, GRANTS, Cause
from ocfpy.parameters import format_seconds

LOGIN = "galera_guard"
OLDEST_MARIADB = (10, 5)
# variable -> the option that sets it, where that has another name.
OPTIONS = {"time_zone": "default_time_zone"}
# The releases that fixed CVE-2026-49261, a command injection by wsrep_notify_cmd.
NOTIFY_FIXED = ((10, 6, 27), (10, 11, 18), (11, 4, 12), (11, 8, 8), (12, 3, 2))


@check
def listening(snapshot: Snapshot) -> Iterator[Finding]:
    sockets, port = snapshot.listening, snapshot.settings.get("port", "3306")
    addresses = [vip.address for vip in snapshot.vips if vip.address]
    refused = [address for address in addresses if sockets is not None and not accepts(sockets, address)]
    if is_true(snapshot.settings.get("skip_networking")):
        text = "skip_networking is on: MariaDB refuses every connection to the virtual IP"
        yield error("skip-networking", text, *_in_option_file("skip-networking", "OFF"))
    elif refused:
        what = f"MariaDB listens on {', '.join(sockets or ()) or 'no address'}, port {port}"
        fix = _in_option_file("bind-address", "*" if ":" in "".join(addresses) else "0.0.0.0")
        yield error("bind-address", f"{what}: it refuses connections to {' and '.join(refused)}", *fix)
    if port != "3306":
        text = f"MariaDB listens on port {port}: clients of the virtual IP must name it"
        yield note("port", text, *_in_option_file("port", "3306"))


@check
def saturation_grace(snapshot: Snapshot) -> Iterator[Finding]:
    if not (snapshot.settings and snapshot.guard and snapshot.parameters):
        return
    suspect = galera_seconds(snapshot, "evs.suspect_timeout", SUSPECT_TIMEOUT)
    grace = snapshot.parameters.saturation_grace
    if grace <= suspect:
        what = f"saturation_grace={format_seconds(grace)} is not above evs.suspect_timeout={format_seconds(suspect)}"
        fix = f"pcs resource update {snapshot.guard.id} saturation_grace={format_seconds(max(10.0, 2 * suspect))}"
        yield warning("saturation-grace", f"{what}: the crash of another node would move the virtual IP", fix)


@check
def ignored_quorum(snapshot: Snapshot) -> Iterator[Finding]:
    for name in ("pc.ignore_sb", "pc.ignore_quorum"):
        if is_true(snapshot.provider.get(name)):
            # With the plugin wsrep-provider, as in MariaDB 11.8, every option is a variable and nothing else sets it.
            variable = "wsrep_provider_" + name.replace(".", "_")
            value = variable + "=OFF" if variable in snapshot.settings else f"wsrep_provider_options='{name}=false'"
            text = f"Galera's {name} is on: both sides of a partition accept writes"
            yield error("ignored-quorum", text, f'mariadb -e "SET GLOBAL {value}"')


@check
def login(snapshot: Snapshot) -> Iterator[Finding]:
    server = snapshot.server
    if server and server.cause in (Cause.DENIED, Cause.CANNOT_OBSERVE):
        what = for_unknown(snapshot.guard.id if snapshot.guard else "", server.detail)
        commands = _own_login(snapshot) if server.cause == Cause.DENIED else []
        if what.startswith(("adduser ", "apt-get ")):
            commands, what = [what], ""
        yield error("login", f"the guard cannot log in: {server.detail}{f'; {what}' if what else ''}", *commands)


@check
def privileges(snapshot: Snapshot) -> Iterator[Finding]:
    grants = snapshot.settings.get(GRANTS, "").splitlines()
    more = [line for line in grants if not line.startswith(("GRANT USAGE ", "SET DEFAULT ROLE"))]
    if more and snapshot.guard and snapshot.parameters:
        is_default = snapshot.parameters.user == "root" and not snapshot.parameters.defaults_file
        text = f"the guard's login may do more than it needs (USAGE): {more[0].partition(' TO ')[0]}"
        yield (note if is_default else warning)("privileges", text, *_own_login(snapshot))


@check
def version(snapshot: Snapshot) -> Iterator[Finding]:
    text = snapshot.settings.get("version", "")
    digits = text.partition("-")[0].split(".")
    if "mariadb" not in text.lower() or not all(part.isdigit() for part in digits):
        return
    numbers = tuple(map(int, digits))
    if numbers < OLDEST_MARIADB:
        yield warning("version", f"MariaDB {text} is older than 10.5, the oldest that is supported")
    command = snapshot.settings.get("wsrep_notify_cmd")
    if command:
        is_fixed = numbers >= next((each for each in NOTIFY_FIXED if each[:2] == numbers[:2]), NOTIFY_FIXED[-1])
        why = (
            "a script that moves the virtual IP works against the guard, which does not need it"
            if is_fixed
            else f"MariaDB {text} has the command injection CVE-2026-49261 there; the guard does not need it"
        )
        fix = _in_option_file("wsrep_notify_cmd", "")
        yield (note if is_fixed else warning)("wsrep-notify-cmd", f"wsrep_notify_cmd={command}: {why}", *fix)


@check
def settings_differ(snapshot: Snapshot) -> Iterator[Finding]:
    for name in ALIKE:
        values = {node: settings[name] for node, settings in snapshot.node_settings.items() if name in settings}
        if len(set(values.values())) > 1:
            text = f"{name} differs between nodes: {', '.join(f'{node} {value}' for node, value in values.items())}"
            fix = _as_most_nodes(name, values)
            yield warning("settings-differ", f"{text}; clients notice when the virtual IP moves", *fix)


@check
def two_clusters(snapshot: Snapshot) -> Iterator[Finding]:
    text = components.several(snapshot.node_settings)
    if text:
        yield error("two-clusters", f"{text}; {chapter(TWO_CLUSTERS)} says what to do")


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


def _as_most_nodes(name: str, values: dict[str, str]) -> list[str]:
    """Return the lines that give a setting the value of most nodes on the others; none where no option sets it."""
    counts = Counter(values.values()).most_common(2)
    if name == "system_time_zone" or (len(counts) > 1 and counts[0][1] == counts[1][1]):
        return []
    lines = _in_option_file(OPTIONS.get(name, name), counts[0][0])
    return [f"{line}    # on {node}" for node, value in values.items() if value != counts[0][0] for line in lines]


def _in_option_file(name: str, value: str) -> tuple[str, str]:
    """Return the lines that set a server option in a file of its own, which is read last."""
    path = f"/etc/mysql/mariadb.conf.d/zz-{name}.cnf"
    return f"printf '[mariadbd]\\n{name} = {value}\\n' >{path}", "systemctl restart mariadb"
