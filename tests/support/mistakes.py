"""The mistakes in a configuration and in settings that check must find: each brings one about."""

from dataclasses import dataclass
from xml.etree import ElementTree

from galera_sync_guard.cli.findings.finding import ERROR, WARNING


def remove(path):
    """Return a mistake: the elements of that path are missing."""

    def mistake(cib):
        parents = {child: parent for parent in cib.iter() for child in parent}
        found = cib.findall(path)
        assert found, path
        for element in found:
            parents[element].remove(element)

    return mistake


def put(path, **attributes):
    """Return a mistake: the elements of that path have these attributes."""

    def mistake(cib):
        found = cib.findall(path)
        assert found, path
        for element in found:
            element.attrib.update({name.replace("_", "-"): value for name, value in attributes.items()})

    return mistake


def add(path, *texts):
    """Return a mistake: the element of that path has these as its children too."""

    def mistake(cib):
        for text in texts:
            cib.find(path).append(ElementTree.fromstring(text))

    return mistake


def all_of(*mistakes):
    def mistake(cib):
        for each in mistakes:
            each(cib)

    return mistake


def not_cloned(cib):
    clone, resources = cib.find(".//clone"), cib.find(".//resources")
    resources.remove(clone)
    resources.append(clone.find("primitive"))
    cib.find(".//rsc_colocation[@rsc='VirtualIP']").set("with-rsc", "galera-guard")


def mode_fail(cib):
    """The recipe for mode=fail, which is no mistake."""
    remove(".//rsc_location")(cib)
    remove(".//nvpair[@name='mode']")(cib)
    add(".//constraints", '<rsc_order id="order" first="galera-guard-clone" then="VirtualIP"/>')(cib)


def pair(name, value):
    return f'<nvpair id="x-{name}" name="{name}" value="{value}"/>'


def meta(name):
    return f".//nvpair[@name='{name}']"


def defaults(name, value):
    return f'<rsc_defaults><meta_attributes id="defaults">{pair(name, value)}</meta_attributes></rsc_defaults>'


def prefers(score):
    return add(".//constraints", f'<rsc_location id="prefers" rsc="VirtualIP" node="node1" score="{score}"/>')


def cluster_property(name, value):
    return add(".//cluster_property_set", pair(name, value))


VIP_META = ".//primitive[@id='VirtualIP']/meta_attributes"

GUARD_PARAMETERS = ".//primitive[@id='galera-guard']/instance_attributes"

VIP_MONITOR = ".//primitive[@id='VirtualIP']/operations/op[@name='monitor']"

GUARD_MONITOR = ".//primitive[@id='galera-guard']/operations/op[@name='monitor']"

SECOND_GUARD = f"""<clone id="second-clone"><meta_attributes id="s">{pair("interleave", "true")}</meta_attributes>
<primitive id="second" class="ocf" provider="custom" type="galera_sync_guard">
<instance_attributes id="second-instance_attributes">
<nvpair id="second-instance_attributes-mode" name="mode" value="score"/>
<nvpair id="second-instance_attributes-attribute" name="attribute" value="galera-guard"/></instance_attributes>
<meta_attributes id="t">{pair("migration-threshold", "1")}{pair("failure-timeout", "30s")}</meta_attributes>
<operations><op id="u" name="monitor" interval="1s" timeout="10s"/></operations></primitive></clone>"""

# (what is wrong, the finding's name, its severity, the mistake)
MISTAKES = [
    ("the guard is no clone", "not-cloned", ERROR, not_cloned),
    ("no colocation", "no-colocation", ERROR, remove(".//rsc_colocation[@rsc='VirtualIP']")),
    (
        "a colocation that can be outweighed",
        "weak-colocation",
        ERROR,
        put(".//rsc_colocation[@rsc='VirtualIP']", score="100"),
    ),
    ("mode=score without migration-threshold", "migration-threshold", ERROR, remove(meta("migration-threshold"))),
    ("mode=score without failure-timeout", "failure-timeout", ERROR, remove(meta("failure-timeout"))),
    (
        "mode=fail without migration-threshold",
        "migration-threshold",
        ERROR,
        all_of(mode_fail, remove(meta("migration-threshold"))),
    ),
    (
        "mode=fail with migration-threshold=3",
        "migration-threshold",
        ERROR,
        all_of(mode_fail, put(meta("migration-threshold"), value="3")),
    ),
    ("mode=fail without failure-timeout", "failure-timeout", ERROR, all_of(mode_fail, remove(meta("failure-timeout")))),
    ("mode=fail without order", "no-order", WARNING, all_of(mode_fail, remove(".//rsc_order[@id='order']"))),
    ("mode=score without a score rule", "no-score-rule", ERROR, remove(".//rsc_location[@id='location-VirtualIP']")),
    (
        "mode=score with the score of another attribute",
        "no-score-rule",
        ERROR,
        put(".//rule[@score-attribute]", score_attribute="other"),
    ),
    (
        "mode=score with a not_defined rule that can be outweighed",
        "no-not-defined-rule",
        ERROR,
        put(".//rule[@score='-INFINITY']", score="-100"),
    ),
    (
        "mode=score without a not_defined rule",
        "no-not-defined-rule",
        ERROR,
        remove(".//rsc_location[@id='location-VirtualIP-1']"),
    ),
    (
        "mode=score with an order",
        "order",
        WARNING,
        add(".//constraints", '<rsc_order id="order" first="galera-guard-clone" then="VirtualIP"/>'),
    ),
    ("no stickiness", "no-stickiness", ERROR, remove(meta("resource-stickiness"))),
    ("stickiness too low", "no-stickiness", ERROR, put(meta("resource-stickiness"), value="49")),
    ("stickiness too high", "stickiness", ERROR, put(meta("resource-stickiness"), value="990")),
    ("stickiness INFINITY", "stickiness", ERROR, put(meta("resource-stickiness"), value="INFINITY")),
    (
        "stickiness too high by default",
        "stickiness",
        ERROR,
        all_of(remove(meta("resource-stickiness")), add(".//configuration", defaults("resource-stickiness", "1000"))),
    ),
    ("the monitor's timeout is not above probe_timeout", "probe-timeout", ERROR, put(GUARD_MONITOR, timeout="2s")),
    (
        "probe_timeout is above every timeout",
        "probe-timeout",
        ERROR,
        add(GUARD_PARAMETERS, pair("probe_timeout", "20s")),
    ),
    ("the guard has no monitor", "no-monitor", ERROR, remove(GUARD_MONITOR)),
    (
        "the virtual IP has no monitor",
        "no-monitor",
        ERROR,
        remove(".//primitive[@id='VirtualIP']/operations/op[@name='monitor']"),
    ),
    ("two guards write one attribute", "two-guards", ERROR, add(".//resources", SECOND_GUARD)),
    ("a parameter's value is not allowed", "parameter", ERROR, add(GUARD_PARAMETERS, pair("port", "none"))),
    (
        "a parameter holds on some nodes only",
        "parameters-differ",
        WARNING,
        add(
            ".//primitive[@id='galera-guard']",
            '<instance_attributes id="some"><rule id="r" score="INFINITY">'
            '<expression id="e" attribute="#uname" operation="eq" value="node1"/></rule>'
            f"{pair('connection_limit', '90')}</instance_attributes>",
        ),
    ),
    (
        "the guard is disabled",
        "disabled",
        ERROR,
        add(".//primitive[@id='galera-guard']/meta_attributes", pair("target-role", "Stopped")),
    ),
    ("the virtual IP is unmanaged", "unmanaged", ERROR, add(VIP_META, pair("is-managed", "false"))),
    (
        "a ban was left behind",
        "left-by-a-move",
        WARNING,
        add(
            ".//constraints",
            '<rsc_location id="cli-ban-VirtualIP-on-node1" rsc="VirtualIP" role="Started" node="node1"'
            ' score="-INFINITY"/>',
        ),
    ),
    ("stonith without a device", "stonith", ERROR, put(meta("stonith-enabled"), value="true")),
    ("stonith not set", "stonith", ERROR, remove(meta("stonith-enabled"))),
    ("no-quorum-policy=ignore", "no-quorum-policy", ERROR, put(meta("no-quorum-policy"), value="ignore")),
    ("no-quorum-policy=freeze", "no-quorum-policy", ERROR, put(meta("no-quorum-policy"), value="freeze")),
    ("maintenance-mode", "maintenance-mode", ERROR, add(".//cluster_property_set", pair("maintenance-mode", "true"))),
    (
        "no vip_client_reset",
        "no-client-reset",
        WARNING,
        all_of(
            remove(".//primitive[@id='vip-client-reset']"),
            remove(".//rsc_colocation[@rsc='vip-client-reset']"),
            remove(".//rsc_order[@then='vip-client-reset']"),
        ),
    ),
    (
        "vip_client_reset is not last",
        "client-reset-not-last",
        WARNING,
        remove(".//rsc_order[@then='vip-client-reset']"),
    ),
    (
        "vip_client_reset is elsewhere",
        "client-reset-elsewhere",
        WARNING,
        remove(".//rsc_colocation[@rsc='vip-client-reset']"),
    ),
    ("vip_client_reset is critical", "client-reset-critical", ERROR, remove(meta("critical"))),
    ("a guard that does not know its virtual IP", "no-vip-parameter", WARNING, remove(meta("vip"))),
    ("a guard with another virtual IP", "other-vip-parameter", ERROR, put(meta("vip"), value="192.168.1.7")),
    (
        "a failed stop of vip_client_reset blocks the address",
        "client-reset-stop",
        ERROR,
        remove(".//op[@on-fail='ignore']"),
    ),
    ("the address prefers a node", "placement", ERROR, prefers("INFINITY")),
    ("the address prefers a node more than it sticks", "placement", ERROR, prefers("200")),
    ("the guard's monitor is disabled", "monitor-disabled", ERROR, put(GUARD_MONITOR, enabled="false")),
    ("the address's monitor is disabled", "monitor-disabled", ERROR, put(VIP_MONITOR, enabled="0")),
    ("a failure of the address's monitor is ignored", "monitor-on-fail", ERROR, put(VIP_MONITOR, on_fail="ignore")),
    ("the guard runs on one node", "clone-max", ERROR, add(".//clone/meta_attributes", pair("clone-max", "1"))),
    ("the cluster is opt-in", "symmetric-cluster", ERROR, cluster_property("symmetric-cluster", "false")),
    ("all resources are stopped", "stop-all-resources", ERROR, cluster_property("stop-all-resources", "true")),
    ("the address is in maintenance", "maintenance", ERROR, add(VIP_META, pair("maintenance", "true"))),
    (
        "a move was left behind",
        "left-by-a-move",
        ERROR,
        add(
            ".//constraints",
            '<rsc_location id="cli-prefer-VirtualIP" rsc="VirtualIP" role="Started" node="node1" score="INFINITY"/>',
        ),
    ),
]

# A second guard without constraints has mistakes of its own, and guards nothing with an attribute of its own.
ALSO = {"two-guards": {"no-colocation", "no-score-rule", "no-not-defined-rule", "no-vip"}}


@dataclass(frozen=True)
class Setting:
    """A line of an option file, an option of Galera's with a wrong and the right value, or a parameter of the guard."""

    finding: str
    severity: str
    line: str = ""
    provider: tuple = ()
    parameter: str = ""


SETTINGS = [
    Setting("bind-address", "error", line="bind-address = 127.0.0.1"),
    Setting("skip-networking", "error", line="skip-networking = ON"),
    Setting("port", "note", line="port = 3307"),
    Setting("wsrep-notify-cmd", "note", line="wsrep_notify_cmd = /bin/true"),
    Setting("ignored-quorum", "error", provider=("pc.ignore_sb", "true", "false")),
    Setting("saturation-grace", "warning", provider=("evs.suspect_timeout", "PT12S", "PT2S")),
    Setting("login", "error", parameter="user=nobody"),
    Setting("privileges", "note"),  # root's, who logs in by default
]
