"""Configurations of a three-node cluster that work, and a seeded generator of variations on them."""

import random
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from galera_sync_guard.cli.cib import change
from galera_sync_guard.cli.cib.recipe import Recipe
from tests.support.mistakes import (
    GUARD_MONITOR,
    VIP_META,
    VIP_MONITOR,
    add,
    all_of,
    cluster_property,
    meta,
    mode_fail,
    pair,
    put,
    remove,
)

EMPTY = """<cib crm_feature_set="3.15.0" validate-with="pacemaker-3.7" epoch="1" num_updates="0" admin_epoch="0">
<configuration><crm_config/><nodes><node id="1" uname="node1"/><node id="2" uname="node2"/>
<node id="3" uname="node3"/></nodes><resources/><constraints/></configuration><status/></cib>"""
PROPERTIES = {"stonith-enabled": "false", "no-quorum-policy": "stop"}


def recipe() -> Element:
    """Return the configuration that setup makes of an empty one."""
    cib, _ = change.add(ElementTree.fromstring(EMPTY), Recipe("192.168.1.199", 32, with_client_reset=True), PROPERTIES)
    return cib


def constraint(text):
    return add(".//constraints", text)


def prefers(node, score, resource="VirtualIP"):
    return constraint(f'<rsc_location id="prefers-{resource}-{node}" rsc="{resource}" node="{node}" score="{score}"/>')


def as_template(resource):
    """Return a change: a resource has everything from a template."""

    def into_template(cib):
        resources = cib.find(".//resources")
        parents = {child: parent for parent in resources.iter() for child in parent}
        primitive = resources.find(f".//primitive[@id='{resource}']")
        template = ElementTree.Element("template", {**primitive.attrib, "id": f"{resource}-template"})
        template.extend(list(primitive))
        parent = parents[primitive]
        place = list(parent).index(primitive)
        parent.remove(primitive)
        parent.insert(place, ElementTree.Element("primitive", id=resource, template=f"{resource}-template"))
        resources.insert(0, template)

    return into_template


def rules_over(**attributes):
    """Return a change: the location rules name the virtual IP in another way."""

    def rename(cib):
        for item in cib.findall(".//rsc_location"):
            if item.find("rule") is not None:
                del item.attrib["rsc"]
                item.attrib.update({name.replace("_", "-"): value for name, value in attributes.items()})

    return rename


def rules_over_a_set(cib):
    for item in cib.findall(".//rsc_location"):
        if item.find("rule") is not None:
            del item.attrib["rsc"]
            name = item.get("id")
            members = ElementTree.Element("resource_set", id=f"{name}-set")
            ElementTree.SubElement(members, "resource_ref", id="VirtualIP")
            item.insert(0, members)


def colocation_as_a_set(cib):
    item = cib.find(".//rsc_colocation[@rsc='VirtualIP']")
    for name in ("rsc", "with-rsc"):
        del item.attrib[name]
    for name in ("VirtualIP", "galera-guard-clone"):
        members = ElementTree.SubElement(item, "resource_set", id=f"set-{name}")
        ElementTree.SubElement(members, "resource_ref", id=name)


def meta_by_reference(cib):
    """The virtual IP takes its meta attributes from those of another resource, by id."""
    attributes = cib.find(VIP_META)
    others = add(".//resources", DUMMY.format("web"))
    others(cib)
    cib.find(".//primitive[@id='web']").append(attributes)
    vip = cib.find(".//primitive[@id='VirtualIP']")
    vip.remove(attributes)
    vip.append(ElementTree.Element("meta_attributes", {"id-ref": attributes.get("id")}))


def in_a_group(cib):
    """The virtual IP, its vip_client_reset and a service in a group, bound by the group's name."""
    resources = cib.find(".//resources")
    members = [resources.find(f"primitive[@id='{name}']") for name in ("VirtualIP", "vip-client-reset")]
    for member in members:
        resources.remove(member)
    group = ElementTree.SubElement(resources, "group", id="address")
    group.extend(members)
    constraints = cib.find(".//constraints")
    for item in list(constraints):
        if item.get("rsc") == "vip-client-reset" or item.get("then") == "vip-client-reset":
            constraints.remove(item)
        elif item.get("rsc") == "VirtualIP":
            item.set("rsc", "address")


def not_critical(cib):
    """A node attribute that has nothing to do with the guard places another resource."""
    add(".//resources", DUMMY.format("other"))(cib)
    prefers("node2", "INFINITY", "other")(cib)


DUMMY = '<primitive id="{0}" class="ocf" provider="heartbeat" type="Dummy"/>'
WEB = all_of(
    add(".//resources", DUMMY.format("web")),
    constraint('<rsc_colocation id="web-with-address" rsc="web" with-rsc="VirtualIP" score="INFINITY"/>'),
    constraint('<rsc_order id="address-then-web" first="VirtualIP" then="web"/>'),
)
WATCHDOG = all_of(
    remove(meta("stonith-enabled")),
    cluster_property("stonith-watchdog-timeout", "-1"),
    cluster_property("have-watchdog", "true"),
)
FENCE = '<primitive id="fence" class="stonith" type="fence_dummy"><operations/></primitive>'
FENCED = all_of(put(meta("stonith-enabled"), value="true"), add(".//resources", FENCE))
TAGS = '<tags><tag id="addresses"><obj_ref id="VirtualIP"/></tag></tags>'
TAGGED = all_of(add(".//configuration", TAGS), rules_over(rsc="addresses"))
SECOND_VIP = all_of(
    add(
        ".//resources",
        '<primitive id="vip2" class="ocf" provider="heartbeat" type="IPaddr2"><instance_attributes id="vip2-i">'
        '<nvpair id="vip2-ip" name="ip" value="192.168.1.200"/></instance_attributes><meta_attributes id="vip2-m">'
        '<nvpair id="vip2-s" name="resource-stickiness" value="100"/></meta_attributes><operations>'
        '<op id="vip2-o" name="monitor" interval="5s"/></operations></primitive>',
    ),
    constraint('<rsc_colocation id="vip2-c" rsc="vip2" with-rsc="galera-guard-clone" score="INFINITY"/>'),
    constraint(
        '<rsc_location id="vip2-l" rsc="vip2"><rule id="vip2-r" score-attribute="galera-guard"><expression id="vip2-e"'
        ' attribute="galera-guard" operation="defined"/></rule></rsc_location>'
    ),
    constraint(
        '<rsc_location id="vip2-n" rsc="vip2"><rule id="vip2-nr" score="-INFINITY"><expression id="vip2-ne"'
        ' attribute="galera-guard" operation="not_defined"/></rule></rsc_location>'
    ),
)

# (what it is, the change to the recipe)
RIGHT = [
    ("the recipe", lambda cib: None),
    ("mode=fail", mode_fail),
    ("a preference that the stickiness outweighs", prefers("node1", "40")),
    ("an address that avoids a node", prefers("node3", "-INFINITY")),
    ("a guard that avoids a node", prefers("node3", "-INFINITY", "galera-guard-clone")),
    ("a duration in ISO 8601", put(GUARD_MONITOR, interval="PT1S", timeout="PT10S")),
    ("a guard from a template", as_template("galera-guard")),
    ("an address from a template", as_template("VirtualIP")),
    ("rules over a set", rules_over_a_set),
    ("rules over a pattern", rules_over(rsc_pattern="^VirtualIP$")),
    ("rules over a tag", TAGGED),
    ("a colocation of sets", colocation_as_a_set),
    ("meta attributes by reference", meta_by_reference),
    ("an address in a group", in_a_group),
    ("a service that follows the address", WEB),
    ("a resource elsewhere", not_critical),
    ("diskless SBD", WATCHDOG),
    ("a fence device", FENCED),
    ("two addresses", SECOND_VIP),
    ("booleans in capitals", put(meta("stonith-enabled"), value="NO")),
    ("an ignored failure of the guard, which migration-threshold counts", put(GUARD_MONITOR, on_fail="ignore")),
    ("no interleave", remove(meta("interleave"))),
    ("an order for mode=score", constraint('<rsc_order id="order" first="galera-guard-clone" then="VirtualIP"/>')),
    (
        "stickiness by default",
        all_of(
            remove(meta("resource-stickiness")),
            add(
                ".//configuration",
                f'<rsc_defaults><meta_attributes id="d">{pair("resource-stickiness", "100")}</meta_attributes>'
                "</rsc_defaults>",
            ),
        ),
    ),
]


def _score(generator):
    return generator.choice(("-INFINITY", "-500", "-10", "10", "49", "51", "200", "990", "1000", "INFINITY"))


def _prefers(generator):
    node, score = generator.choice(("node1", "node2", "node3")), _score(generator)
    resource = generator.choice(("VirtualIP", "galera-guard-clone", "vip-client-reset"))
    return f"{resource} prefers {node}={score}", prefers(node, score, resource)


def _value(what, path, name, *values):
    def choose(generator):
        value = generator.choice(values)
        return f"{what}: {name}={value}", put(path, **{name: value})

    return choose


def _meta(resource, name, *values):
    def choose(generator):
        value = generator.choice(values)
        path = f".//*[@id='{resource}']"
        sets = f'<meta_attributes id="r-{resource}-{name}" score="1">{pair(name, value)}</meta_attributes>'
        return f"{resource}: {name}={value}", add(path, sets)

    return choose


def _property(name, *values):
    def choose(generator):
        value = generator.choice(values)
        return f"{name}={value}", add(
            ".//crm_config", f'<cluster_property_set id="r" score="1">{pair(name, value)}</cluster_property_set>'
        )

    return choose


def _with_defaults(cib):
    if cib.find(".//rsc_defaults") is None:
        add(".//configuration", "<rsc_defaults/>")(cib)


def _default(name, *values):
    def choose(generator):
        value = generator.choice(values)
        attributes = f'<meta_attributes id="r-defaults">{pair(name, value)}</meta_attributes>'
        return f"default {name}={value}", all_of(_with_defaults, add(".//rsc_defaults", attributes))

    return choose


# kind -> what makes (a description, a change) of a random generator
POOL = [
    ("prefers", lambda generator: ("VirtualIP prefers node1", prefers("node1", "INFINITY"))),
    ("location", _prefers),
    ("guard interval", _value("guard's monitor", GUARD_MONITOR, "interval", "500ms", "PT2S", "3s", "0.5min")),
    (
        "guard on-fail",
        _value("guard's monitor", GUARD_MONITOR, "on_fail", "ignore", "block", "stop", "standby", "restart"),
    ),
    ("guard enabled", _value("guard's monitor", GUARD_MONITOR, "enabled", "false", "0", "true", "1")),
    (
        "vip on-fail",
        _value("address's monitor", VIP_MONITOR, "on_fail", "ignore", "block", "stop", "standby", "restart"),
    ),
    ("vip enabled", _value("address's monitor", VIP_MONITOR, "enabled", "0", "false", "1")),
    ("threshold", _meta("galera-guard", "migration-threshold", "0", "1", "2", "INFINITY")),
    ("failure-timeout", _meta("galera-guard", "failure-timeout", "0", "60s", "PT5M", "10min")),
    ("clone-max", _meta("galera-guard-clone", "clone-max", "1", "2", "3")),
    ("interleave", _meta("galera-guard-clone", "interleave", "false", "true")),
    ("stickiness", _meta("VirtualIP", "resource-stickiness", "0", "49", "51", "500", "989", "991", "INFINITY")),
    ("managed", _meta("VirtualIP", "is-managed", "false", "true")),
    ("maintenance", _meta("VirtualIP", "maintenance", "true", "no")),
    ("role", _meta("galera-guard-clone", "target-role", "Stopped", "Started")),
    ("critical", _meta("vip-client-reset", "critical", "true", "false")),
    ("stop-all", _property("stop-all-resources", "true", "false")),
    ("symmetric", _property("symmetric-cluster", "false", "yes")),
    ("maintenance-mode", _property("maintenance-mode", "true", "off")),
    ("fatal", _property("start-failure-is-fatal", "false", "true")),
    ("default stickiness", _default("resource-stickiness", "0", "200", "INFINITY")),
    ("default threshold", _default("migration-threshold", "1", "3")),
    (
        "order",
        lambda generator: ("order", constraint('<rsc_order id="o" first="galera-guard-clone" then="VirtualIP"/>')),
    ),
    ("no colocation", lambda generator: ("no colocation", remove(".//rsc_colocation[@rsc='VirtualIP']"))),
    ("web", lambda generator: ("a service follows", WEB)),
    ("second address", lambda generator: ("a second address", SECOND_VIP)),
    ("guard template", lambda generator: ("the guard has a template", as_template("galera-guard"))),
    ("rules by set", lambda generator: ("rules over a set", rules_over_a_set)),
]


def random_configuration(seed: int) -> tuple[Element, list[str]]:
    """Return the recipe with up to four changes, and what they are; mode=fail in a third of the cases."""
    generator = random.Random(seed)
    changes = [("mode=fail", mode_fail)] if generator.random() < 1 / 3 else []
    kinds = [(kind, make) for kind, make in POOL if not (changes and kind in ("rules by set", "order"))]
    chosen = generator.sample(kinds, generator.randint(1, 3))
    # What moves elements comes last.
    chosen.sort(key=lambda kind: kind[0] in ("guard template", "rules by set"))
    changes += [make(generator) for _, make in chosen]
    cib = recipe()
    for _, make_change in changes:
        make_change(cib)
    _make_ids_unique(cib)
    return cib, [what for what, _ in changes]


def _make_ids_unique(cib):
    """Give an element another id when an earlier one has its own: two changes may add pairs of the same name."""
    taken = set()
    for number, element in enumerate(cib.iter()):
        if element.tag in ("nvpair", "cluster_property_set", "meta_attributes") and element.get("id") in taken:
            element.set("id", f"{element.get('id')}-{number}")
        taken.add(element.get("id"))
