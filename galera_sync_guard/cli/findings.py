"""What can be wrong with a guarded virtual IP: one pure function per finding, each with the commands that mend it."""

import ipaddress

from galera_sync_guard.cli.cib import recipe
from galera_sync_guard.cli.cib.model import RESET_AGENT, number, span
from galera_sync_guard.cli.server_settings import GRANTS
from galera_sync_guard.decision.facts import Cause
from galera_sync_guard.decision.states import FIT, POOR, SCORES, UNKNOWN
from ocfpy.parameters import format_seconds

ERROR = "error"
WARNING = "warning"
NOTE = "note"

# A stickiness must lie between these: a node that cannot be seen (950) is no reason to move, a poor one (10) is.
LEAST_STICKINESS = SCORES[FIT] - SCORES[UNKNOWN]
MOST_STICKINESS = SCORES[FIT] - SCORES[POOR]

# Pacemaker's own default for the timeout of an operation, in seconds.
OPERATION_TIMEOUT = 20.0
# Galera's defaults (wsrep_provider_options), in seconds, for servers that do not tell.
SUSPECT_TIMEOUT = 5.0
INACTIVE_TIMEOUT = 15.0

# What docs/setup.md recommends, and the seconds after which Corosync then gives a silent node up.
TOTEM = "pcs cluster config update totem token=1000 token_coefficient=0 consensus=1200"
DETECTION = 2.2

# One for each setting, and the last in the alphabet: what is read last counts.
OPTION_FILE = "/etc/mysql/mariadb.conf.d/zz-%s.cnf"
LOGIN = "galera_guard"
EVERY_NODE = "    # on every node"
OLDEST_MARIADB = (10, 5)
ANY_ADDRESS = ("*", "0.0.0.0", "::", "")


class Finding:
    """One thing that is wrong (error), risky (warning) or good to know (note), and the commands that mend it."""

    def __init__(self, name, severity, text, *commands):
        self.name = name
        self.severity = severity
        self.text = text
        self.commands = commands


class Snapshot:
    """All that the findings look at; a part that could not be read is None, and its findings are silent.

    `configuration` is the Configuration, `guard` one guard's Resource in it (None when there is none), `parameters`
    its typed parameters and `error` the ParameterError of a value that is not allowed. `corosync` are cmap's keys,
    `server` the Facts with settings, `versions` the guard's version by node, `features` Pacemaker's by node.
    `resets_clients` is whether the agent vip_client_reset is installed here, `destroys_sockets` whether the kernel has
    SOCK_DESTROY.
    """

    def __init__(
        self,
        configuration=None,
        guard=None,
        parameters=None,
        error=None,
        corosync=None,
        server=None,
        versions=None,
        features=None,
        resets_clients=False,
        destroys_sockets=None,
    ):
        self.configuration = configuration
        self.guard = guard
        self.parameters = parameters
        self.error = error
        self.corosync = corosync
        self.server = server
        self.versions = versions or {}
        self.features = features or {}
        self.resets_clients = resets_clients
        self.destroys_sockets = destroys_sockets
        self.attribute = guard and guard.parameters.get("attribute", guard.id)
        self.mode = guard and guard.parameters.get("mode", "fail")
        self.vips = configuration.virtual_ips(guard) if guard else []

    @property
    def settings(self):
        """The server's variables, empty when it did not answer."""
        return self.server.values if self.server else {}

    @property
    def provider(self):
        """Galera's own options by name."""
        pairs = (part.partition("=") for part in self.settings.get("wsrep_provider_options", "").split(";"))
        return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def findings(snapshot):
    """Return all Findings on a snapshot, the worst first."""
    found = [finding for check in CHECKS for finding in check(snapshot)]
    return sorted(found, key=lambda finding: (ERROR, WARNING, NOTE).index(finding.severity))


# The configuration


def no_guard(snapshot):
    if snapshot.configuration and not snapshot.guard:
        yield Finding(
            "no-guard", ERROR, "the cluster has no guard", "galera-sync-guard setup --vip ADDRESS/PREFIX --apply"
        )


def not_cloned(snapshot):
    if snapshot.guard and snapshot.guard.clone is None:
        yield Finding(
            "not-cloned",
            ERROR,
            f"{snapshot.guard.id} is no clone: it looks at one node only",
            f"pcs resource clone {snapshot.guard.id} meta interleave=true",
        )


def interleave(snapshot):
    guard = snapshot.guard
    if guard and guard.clone is not None and not _is_true(snapshot.configuration.meta(guard, "interleave")):
        yield Finding(
            "interleave",
            WARNING,
            f"{guard.outermost} has no interleave=true: a change on another node restarts the virtual IP",
            f"pcs resource meta {guard.outermost} interleave=true",
        )


def no_vip(snapshot):
    if snapshot.guard and not snapshot.vips:
        yield Finding(
            "no-vip",
            ERROR,
            "there is no virtual IP (ocf:heartbeat:IPaddr2)",
            "pcs resource create VirtualIP ocf:heartbeat:IPaddr2 ip=ADDRESS cidr_netmask=32 op monitor"
            " interval=5s meta resource-stickiness=100",
        )


def colocation(snapshot):
    for vip in snapshot.vips:
        names = vip.outermost, snapshot.guard.outermost
        item = snapshot.configuration.colocation(vip, snapshot.guard)
        add = "pcs constraint colocation add {} with {}".format(*names)
        if item is None:
            yield Finding(
                "no-colocation",
                ERROR,
                "{} is not colocated with {}: it stays on a node whose guard has failed".format(*names),
                add,
            )
        elif number(item.get("score"), 1000000) < 1000000:
            yield Finding(
                "weak-colocation",
                ERROR,
                "the colocation of {} with {} has the score {}, which other scores can outweigh".format(
                    *names, item.get("score")
                ),
                f"pcs constraint remove {item.get('id')}",
                add,
            )


def migration_threshold(snapshot):
    guard = snapshot.guard
    if guard and snapshot.configuration.meta(guard, "migration-threshold") != "1":
        what = (
            "a failed guard is restarted on the same node, and the virtual IP stays"
            if snapshot.mode == "fail"
            else "a guard whose monitor hangs is restarted on the same node, and the virtual IP stays"
        )
        yield Finding(
            "migration-threshold",
            ERROR if snapshot.mode == "fail" else WARNING,
            f"{guard.id} has no migration-threshold=1: {what}",
            f"pcs resource meta {guard.id} migration-threshold=1",
        )


def failure_timeout(snapshot):
    guard = snapshot.guard
    if guard and not span(snapshot.configuration.meta(guard, "failure-timeout")):
        yield Finding(
            "failure-timeout",
            ERROR if snapshot.mode == "fail" else WARNING,
            f"{guard.id} has no failure-timeout: a node where it failed once stays banned until pcs resource cleanup",
            f"pcs resource meta {guard.id} failure-timeout=30s",
        )


def order(snapshot):
    for vip in snapshot.vips:
        orders = snapshot.configuration.orders(vip, snapshot.guard)
        if snapshot.mode == "fail" and not orders:
            yield Finding(
                "no-order",
                ERROR,
                f"mode=fail without an order: {vip.id} may start before its guard has looked",
                f"pcs constraint order {snapshot.guard.outermost} then {vip.outermost}",
            )
        if snapshot.mode == "score" and orders:
            yield Finding(
                "order",
                WARNING,
                f"mode=score with an order: it only adds restarts of {vip.id}",
                *(f"pcs constraint remove {item.get('id')}" for item in orders),
            )


def score_rule(snapshot):
    if snapshot.mode == "score":
        for vip in snapshot.vips:
            rules = list(snapshot.configuration.rules(vip, snapshot.attribute))
            if not any(
                rule.get("score-attribute") == snapshot.attribute and operation == "defined"
                for _, rule, operation in rules
            ):
                yield Finding(
                    "no-score-rule",
                    ERROR,
                    f"no rule lets {vip.id} follow the score: it does not leave a poor or unfit node",
                    *_in_the_way(rules, "defined"),
                    f"pcs constraint location {vip.outermost} rule score-attribute={snapshot.attribute} defined {snapshot.attribute}",
                )


def not_defined_rule(snapshot):
    if snapshot.mode == "score":
        for vip in snapshot.vips:
            rules = list(snapshot.configuration.rules(vip, snapshot.attribute))
            if not any(
                number(rule.get("score"), 0) <= -1000000 and operation == "not_defined" for _, rule, operation in rules
            ):
                yield Finding(
                    "no-not-defined-rule",
                    ERROR,
                    f"no rule keeps {vip.id} from a node without a score",
                    *_in_the_way(rules, "not_defined"),
                    f"pcs constraint location {vip.outermost} rule score=-INFINITY not_defined {snapshot.attribute}",
                )


def _in_the_way(rules, operation):
    """Return the pcs lines that remove constraints which ask the same with another score: pcs adds no second one."""
    return tuple(f"pcs constraint remove {item.get('id')}" for item, _, asked in rules if asked == operation)


def stickiness(snapshot):
    for vip in snapshot.vips:
        held = _stickiness(snapshot.configuration, vip)
        mend = f"pcs resource meta {vip.id} resource-stickiness=100"
        if held <= LEAST_STICKINESS:
            yield Finding(
                "no-stickiness",
                WARNING,
                f"{vip.id} has a resource-stickiness of {held}, must be above {LEAST_STICKINESS}: it moves without need",
                mend,
            )
        if held >= MOST_STICKINESS:
            yield Finding(
                "stickiness",
                ERROR if snapshot.mode == "score" else WARNING,
                f"{vip.id} has a resource-stickiness of {'INFINITY' if held >= 1000000 else held}, must be below {MOST_STICKINESS}: it stays on a poor node",
                mend,
            )


def probe_timeout(snapshot):
    guard = snapshot.guard
    for name in ("start", "monitor") if guard and snapshot.parameters else ():
        operation = guard.operation(name)
        timeout = span(
            operation.get("timeout") or snapshot.configuration.operation_defaults.get("timeout"), OPERATION_TIMEOUT
        )
        if timeout <= snapshot.parameters.probe_timeout:
            interval = f" interval={operation['interval']}" if name == "monitor" and "interval" in operation else ""
            wanted = max(10.0, 2 * snapshot.parameters.probe_timeout + 5)
            yield Finding(
                "probe-timeout",
                ERROR,
                f"the timeout of {guard.id}'s {name} ({format_seconds(timeout)}) is not above probe_timeout={format_seconds(snapshot.parameters.probe_timeout)}: Pacemaker kills"
                " it before it can answer",
                f"pcs resource update {guard.id} op {name}{interval} timeout={format_seconds(wanted)}",
            )


def no_monitor(snapshot):
    wanted = [(snapshot.guard, "1s timeout=10s", ERROR)] if snapshot.guard else []
    for resource, interval, severity in wanted + [(vip, "5s", WARNING) for vip in snapshot.vips]:
        if not any(op.get("name") == "monitor" and span(op.get("interval")) for op in resource.operations):
            yield Finding(
                "no-monitor",
                severity,
                f"{resource.id} has no recurring monitor",
                f"pcs resource op add {resource.id} monitor interval={interval}",
            )


def two_guards(snapshot):
    for other in snapshot.configuration.guards if snapshot.guard else ():
        if other.id > snapshot.guard.id and other.parameters.get("attribute", other.id) == snapshot.attribute:
            yield Finding(
                "two-guards",
                ERROR,
                f"{snapshot.guard.id} and {other.id} write the same node attribute {snapshot.attribute}",
                f"pcs resource update {other.id} attribute={other.id + '-2' * (other.id == snapshot.attribute)}",
            )


def parameter(snapshot):
    if snapshot.error:
        yield Finding(
            "parameter",
            ERROR,
            f"{snapshot.guard.id}: {snapshot.error.reason}",
            f"pcs resource update {snapshot.guard.id} {snapshot.error.parameter}=",
        )


def parameters_differ(snapshot):
    for resource in ([snapshot.guard] if snapshot.guard else []) + snapshot.vips:
        for extra in resource.element.findall("instance_attributes"):
            if extra.find("rule") is not None:
                yield Finding(
                    "parameters-differ",
                    WARNING,
                    f"{resource.id} has parameters that hold only by a rule, so that nodes may differ",
                    f"cibadmin --delete --xml-text '<instance_attributes id=\"{extra.get('id')}\"/>'",
                )


def out_of_order(snapshot):
    for resource in ([snapshot.guard] if snapshot.guard else []) + snapshot.vips:
        if (snapshot.configuration.meta(resource, "target-role") or "Started").lower() == "stopped":
            yield Finding("disabled", ERROR, f"{resource.id} is disabled", f"pcs resource enable {resource.id}")
        if snapshot.configuration.meta(resource, "is-managed") in ("false", "no", "off", "0"):
            yield Finding(
                "unmanaged",
                WARNING,
                f"{resource.id} is unmanaged: Pacemaker does not move it",
                f"pcs resource manage {resource.id}",
            )


def left_by_a_move(snapshot):
    for vip in snapshot.vips:
        left = [
            item.get("id")
            for item in snapshot.configuration.constraints
            if item.get("rsc") in vip.names and item.get("id", "").startswith(("cli-prefer-", "cli-ban-"))
        ]
        if left:
            yield Finding(
                "left-by-a-move",
                WARNING,
                f"an earlier move or ban still binds {vip.id}: {', '.join(left)}",
                *(f"pcs constraint remove {name}" for name in left),
            )


def stonith(snapshot):
    if snapshot.configuration is None:
        return
    enabled = _is_true(snapshot.configuration.properties.get("stonith-enabled", "true"))
    devices = [resource for resource in snapshot.configuration.resources if resource.agent.startswith("stonith:")]
    watchdog = span(snapshot.configuration.properties.get("stonith-watchdog-timeout"))
    if enabled and not devices and not watchdog:
        yield Finding(
            "stonith",
            ERROR,
            "stonith-enabled is not false and there is no fence device: Pacemaker starts nothing",
            "pcs property set stonith-enabled=false",
        )
    if not enabled:
        yield Finding(
            "no-stonith",
            NOTE,
            "stonith-enabled=false: a node that hangs so badly that its address cannot be"
            " stopped keeps it; a fence device would switch it off. Galera itself needs no fencing: a node"
            " without quorum refuses writes",
        )


def quorum_policy(snapshot):
    policy = snapshot.configuration and snapshot.configuration.properties.get("no-quorum-policy", "stop")
    if policy == "ignore":
        yield Finding(
            "no-quorum-policy",
            ERROR,
            "no-quorum-policy=ignore: both sides of a partition hold the virtual IP, and for 1-2 s still when it heals",
            "pcs property set no-quorum-policy=stop",
        )
    elif policy == "freeze":
        yield Finding(
            "no-quorum-policy",
            WARNING,
            "no-quorum-policy=freeze: a node that is cut off keeps the virtual IP",
            "pcs property set no-quorum-policy=stop",
        )


def maintenance_mode(snapshot):
    if snapshot.configuration and _is_true(snapshot.configuration.properties.get("maintenance-mode", "false")):
        yield Finding(
            "maintenance-mode",
            WARNING,
            "maintenance-mode is on: Pacemaker moves nothing",
            "pcs property set maintenance-mode=false",
        )


def client_reset(snapshot):
    if not snapshot.guard or not snapshot.resets_clients:
        return
    configuration = snapshot.configuration
    agents = [resource for resource in configuration.resources if resource.agent == RESET_AGENT]
    for vip in snapshot.vips:
        reset = next((agent for agent in agents if agent.parameters.get("ip") == vip.parameters.get("ip")), None)
        if reset is None:
            yield Finding(
                "no-client-reset",
                WARNING,
                f"no vip_client_reset for {vip.id}: a client that waits for an answer when the"
                " address leaves hangs until its own timeout",
                *client_reset_lines(vip),
            )
            continue
        if not _follows(configuration, reset, vip):
            yield Finding(
                "client-reset-not-last",
                WARNING,
                f"{reset.id} is not ordered after {vip.id}: it stops too late, when nothing can"
                " be told to clients any more",
                f"pcs constraint order {vip.outermost} then {reset.outermost}",
            )
        if configuration.colocation(reset, vip) is None and not _in_one_group(reset, vip):
            yield Finding(
                "client-reset-elsewhere",
                WARNING,
                f"{reset.id} is not colocated with {vip.id}",
                f"pcs constraint colocation add {reset.outermost} with {vip.outermost}",
            )
        if configuration.meta(reset, "critical") != "false":
            yield Finding(
                "client-reset-critical",
                WARNING,
                f"{reset.id} has no critical=false: its failure would move {vip.id}",
                f"pcs resource meta {reset.id} critical=false",
            )
        if reset.operation("stop").get("on-fail") != "ignore":
            yield Finding(
                "client-reset-stop",
                WARNING,
                f"a stop of {reset.id} that fails would keep {vip.id} on a node that must lose it",
                f"pcs resource update {reset.id} op stop timeout=20s on-fail=ignore",
                f"pcs resource meta {reset.id} failure-timeout=60s",
            )


def client_reset_lines(vip):
    """Return the pcs lines that give a virtual IP its vip_client_reset."""
    return (
        recipe.client_reset(vip.parameters.get("ip")).pcs_create(),
        f"pcs constraint colocation add {recipe.CLIENT_RESET} with {vip.outermost}",
        f"pcs constraint order {vip.outermost} then {recipe.CLIENT_RESET}",
    )


def _follows(configuration, reset, vip):
    if _in_one_group(reset, vip):
        members = [member.get("id") for member in vip.group.iterfind("primitive")]
        return members.index(reset.id) > members.index(vip.id)
    return bool(configuration.orders(reset, vip))


def _in_one_group(one, other):
    return one.group is not None and one.group is other.group


def versions(snapshot):
    for what, seen, mend in (
        ("galera-sync-guard", snapshot.versions, "apt-get install ./galera-sync-guard_*.deb"),
        ("Pacemaker's feature set", snapshot.features, "apt-get install pacemaker"),
    ):
        if len(set(seen.values())) > 1:
            yield Finding(
                "versions-differ",
                WARNING,
                f"{what} differs between nodes: {', '.join(('{} {}'.format(*pair) for pair in sorted(seen.items())))}",
                mend + EVERY_NODE,
            )


# Corosync


def corosync_nodes(snapshot):
    if snapshot.corosync is not None and snapshot.corosync.get("quorum.two_node") == "1":
        yield Finding(
            "two-nodes",
            WARNING,
            "quorum.two_node is set: with two nodes neither Corosync nor Galera can tell a"
            " dead peer from a cut cable; add a third (garbd and a quorum device at least)",
        )


def corosync_quorum(snapshot):
    if snapshot.corosync is not None and snapshot.corosync.get("quorum.wait_for_all") != "1":
        yield Finding(
            "wait-for-all",
            NOTE,
            "quorum.wait_for_all is not 1: after a full stop a part of the nodes may start"
            " the virtual IP before the others are there",
            "pcs cluster stop --all",
            "pcs quorum update wait_for_all=1",
            "pcs cluster start --all",
        )


def failure_detection(snapshot):
    detection = _corosync_detection(snapshot)
    if detection is None:
        return
    galera = _galera_span(snapshot, "evs.suspect_timeout", SUSPECT_TIMEOUT)
    token = int(snapshot.corosync["runtime.config.totem.token"]) / 1000
    if detection > _galera_span(snapshot, "evs.inactive_timeout", INACTIVE_TIMEOUT):
        yield Finding(
            "slow-detection",
            WARNING,
            f"a dead machine is noticed by Galera after {format_seconds(galera)} but by Corosync (token and"
            f" consensus) only after {format_seconds(detection)}",
            TOTEM,
        )
    elif detection > max(galera, DETECTION):
        yield Finding(
            "detection",
            NOTE,
            f"a dead machine is noticed by Galera after {format_seconds(galera)} and by Corosync (token and"
            f" consensus), which moves the virtual IP, after {format_seconds(detection)}",
            TOTEM,
        )
    if token < 1:
        yield Finding(
            "short-token",
            WARNING,
            f"Corosync's token is {format_seconds(token)}: a busy machine may be taken for dead",
            TOTEM,
        )


# MariaDB


def bind_address(snapshot):
    bound = snapshot.settings.get("bind_address")
    if bound is None:
        return
    addresses = [address.strip() for address in bound.split(",")]
    for vip in snapshot.vips:
        if not any(address in ANY_ADDRESS or _same(address, vip.parameters.get("ip")) for address in addresses):
            yield Finding(
                "bind-address",
                ERROR,
                f"bind_address={bound}: MariaDB refuses connections to {vip.parameters.get('ip')}",
                *_in_option_file("bind-address", "0.0.0.0"),
            )


def skip_networking(snapshot):
    if _is_true(snapshot.settings.get("skip_networking")):
        yield Finding(
            "skip-networking",
            ERROR,
            "skip_networking is on: MariaDB refuses every connection to the virtual IP",
            *_in_option_file("skip-networking", "OFF"),
        )


def port(snapshot):
    used = snapshot.settings.get("port", "3306")
    if used != "3306":
        yield Finding(
            "port",
            NOTE,
            f"MariaDB listens on port {used}: clients of the virtual IP must name it",
            *_in_option_file("port", "3306"),
        )


def saturation_grace(snapshot):
    if not snapshot.settings or not snapshot.guard:
        return
    suspect = _galera_span(snapshot, "evs.suspect_timeout", SUSPECT_TIMEOUT)
    if snapshot.parameters.saturation_grace <= suspect:
        yield Finding(
            "saturation-grace",
            WARNING,
            f"saturation_grace={format_seconds(snapshot.parameters.saturation_grace)} is not above evs.suspect_timeout={format_seconds(suspect)}: the crash of"
            " another node would move the virtual IP",
            f"pcs resource update {snapshot.guard.id} saturation_grace={format_seconds(max(10.0, 2 * suspect))}",
        )


def ignored_quorum(snapshot):
    for name in ("pc.ignore_sb", "pc.ignore_quorum"):
        if _is_true(snapshot.provider.get(name)):
            # With the plugin wsrep-provider, as in MariaDB 11.8, every option is a variable and nothing else sets it.
            variable = "wsrep_provider_" + name.replace(".", "_")
            value = variable + "=OFF" if variable in snapshot.settings else f"wsrep_provider_options='{name}=false'"
            yield Finding(
                "ignored-quorum",
                ERROR,
                f"Galera's {name} is on: both sides of a partition accept writes",
                f'mariadb -e "SET GLOBAL {value}"',
            )


def login(snapshot):
    if snapshot.server and snapshot.server.cause in (Cause.DENIED, Cause.CANNOT_OBSERVE):
        yield Finding(
            "login",
            ERROR,
            f"the guard cannot log in: {snapshot.server.detail}",
            *(_own_login(snapshot) if snapshot.server.cause == Cause.DENIED else ()),
        )


def privileges(snapshot):
    grants = snapshot.settings.get(GRANTS, "").splitlines()
    more = [line for line in grants if not line.startswith(("GRANT USAGE ", "SET DEFAULT ROLE"))]
    if more and snapshot.guard:
        yield Finding(
            "privileges",
            NOTE if snapshot.parameters.user == "root" and not snapshot.parameters.defaults_file else WARNING,
            f"the guard's login may do more than it needs (USAGE): {more[0].partition(' TO ')[0]}",
            *_own_login(snapshot),
        )


def _own_login(snapshot):
    """Return what gives the guard a login of its own that may do nothing else, whatever it had before.

    Only that login is ever replaced: another one may serve others too.
    """
    instead = [name for name in ("user", "defaults_file", "host") if name in snapshot.parameters.given]
    lines = [
        f"adduser --system --no-create-home --home /nonexistent {LOGIN}{EVERY_NODE}",
        f'mariadb -e "CREATE OR REPLACE USER {LOGIN}@localhost IDENTIFIED VIA unix_socket"',
    ]
    if snapshot.guard and (instead or snapshot.parameters.os_user != LOGIN):
        lines.append(
            f"pcs resource update {snapshot.guard.id} os_user={LOGIN}{''.join((f' {name}=' for name in instead))}"
        )
    return lines


def mariadb_version(snapshot):
    digits = snapshot.settings.get("version", "").partition("-")[0].split(".")
    if (
        len(digits) > 1
        and "mariadb" in snapshot.settings["version"].lower()
        and tuple(map(int, digits[:2])) < OLDEST_MARIADB
    ):
        yield Finding(
            "version",
            WARNING,
            f"MariaDB {snapshot.settings['version']} is older than 10.5, the oldest that is supported",
        )


# The kernel


def sock_destroy(snapshot):
    if snapshot.destroys_sockets is False and snapshot.resets_clients:
        yield Finding(
            "sock-destroy",
            WARNING,
            "this kernel has no CONFIG_INET_DIAG_DESTROY: vip_client_reset cannot reset"
            " connections here; Debian's own kernel has it",
            "apt-get install linux-image-$(dpkg --print-architecture)",
            "reboot",
        )


CHECKS = (
    no_guard,
    not_cloned,
    interleave,
    no_vip,
    colocation,
    migration_threshold,
    failure_timeout,
    order,
    score_rule,
    not_defined_rule,
    stickiness,
    probe_timeout,
    no_monitor,
    two_guards,
    parameter,
    parameters_differ,
    out_of_order,
    left_by_a_move,
    stonith,
    quorum_policy,
    maintenance_mode,
    client_reset,
    versions,
    corosync_nodes,
    corosync_quorum,
    failure_detection,
    bind_address,
    skip_networking,
    port,
    saturation_grace,
    ignored_quorum,
    login,
    privileges,
    mariadb_version,
    sock_destroy,
)


def _is_true(text):
    return (text or "").lower() in ("true", "yes", "on", "y", "1")


def _stickiness(configuration, vip):
    """Return what holds a virtual IP where it is: in a group, that of all members together."""
    members = [vip.id] if vip.group is None else [member.get("id") for member in vip.group.iterfind("primitive")]
    return min(
        1000000,
        sum(number(configuration.meta(configuration.resource(name), "resource-stickiness"), 0) for name in members),
    )


def _corosync_detection(snapshot):
    """Return how long Corosync takes to give a silent node up, in seconds, None when it does not say."""
    times = [(snapshot.corosync or {}).get("runtime.config.totem." + name, "") for name in ("token", "consensus")]
    return sum(map(int, times)) / 1000 if all(text.isdigit() for text in times) else None


def _galera_span(snapshot, name, default):
    """Return one of Galera's times (ISO 8601, such as PT5S or PT0.5S) in seconds."""
    text = snapshot.provider.get(name, "")
    total, rest = 0.0, text.removeprefix("PT")
    for unit, seconds in (("H", 3600), ("M", 60), ("S", 1)):
        amount, found, after = rest.partition(unit)
        if found:
            try:
                total += float(amount) * seconds
            except ValueError:
                return default
            rest = after
    return total or default


def _in_option_file(name, value):
    return (f"printf '[mariadbd]\\n{name} = {value}\\n' >{OPTION_FILE % name}", "systemctl restart mariadb")


def _same(one, other):
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return False
