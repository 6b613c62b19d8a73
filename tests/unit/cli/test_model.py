"""A CIB is read as Pacemaker reads it: templates, references, sets, tags, defaults, and every spelling of a value."""

from xml.etree import ElementTree

import pytest

from galera_sync_guard.cli.cib.model import Configuration
from galera_sync_guard.cli.cib.values import is_same_address, is_true, score, seconds

GUARD = '<primitive id="galera-guard" class="ocf" provider="custom" type="galera_sync_guard"/>'
VIP = '<primitive id="VirtualIP" class="ocf" provider="heartbeat" type="IPaddr2"/>'


def configuration(resources="", constraints="", properties="", defaults="", tags=""):
    return Configuration(
        ElementTree.fromstring(
            f"<cib><configuration><crm_config>{properties}</crm_config><nodes/><resources>{resources}</resources>"
            f"<constraints>{constraints}</constraints><rsc_defaults>{defaults}</rsc_defaults><tags>{tags}</tags>"
            "</configuration></cib>"
        )
    )


def pairs(kind, name="x", rule="", score=None, **values):
    nvpairs = "".join(f'<nvpair id="{name}-{key}" name="{key}" value="{value}"/>' for key, value in values.items())
    given = f' score="{score}"' if score else ""
    return f'<{kind} id="{name}"{given}>{rule}{nvpairs}</{kind}>'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10s", 10),
        ("10", 10),
        ("200ms", 0.2),
        ("2min", 120),
        ("PT1S", 1),
        ("PT0.5S", 0.5),
        ("PT1M30S", 90),
        ("P1DT1H", 90000),
        ("P1W", 604800),
        ("", None),
        (None, None),
        ("soon", None),
        ("PT1X", None),
    ],
)
def test_times(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["true", "TRUE", "yes", "Yes", "on", "y", "Y", "1"])
def test_true(text):
    assert is_true(text)


@pytest.mark.parametrize("text", ["false", "no", "off", "n", "0", "", None, "maybe"])
def test_not_true(text):
    assert not is_true(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INFINITY", 1000000),
        ("+INFINITY", 1000000),
        ("inf", 1000000),
        ("-INF", -1000000),
        ("-infinity", -1000000),
        ("100", 100),
        ("+5", 5),
        ("-7", -7),
        ("2000000", 1000000),
        ("much", 0),
        (None, 0),
    ],
)
def test_scores(text, expected):
    assert score(text) == expected


def test_a_template_gives_what_a_primitive_does_not_say():
    template = (
        '<template id="t" class="ocf" provider="custom" type="galera_sync_guard">'
        + pairs("instance_attributes", "a", mode="score", port="1")
        + pairs("meta_attributes", "b", **{"migration-threshold": "1"})
        + '<operations><op id="o" name="monitor" interval="1s"/><op id="p" name="stop" interval="0" timeout="9s"/>'
        "</operations></template>"
    )
    primitive = (
        '<primitive id="g" template="t">'
        + pairs("instance_attributes", "c", port="2")
        + '<operations><op id="q" name="monitor" interval="PT1S" timeout="5s"/></operations></primitive>'
    )
    (guard,) = configuration(template + primitive).guards
    assert guard.parameters == {"mode": "score", "port": "2"}
    assert guard.meta == {"migration-threshold": "1"}
    assert [(op["name"], op.get("timeout")) for op in guard.operations] == [("monitor", "5s"), ("stop", "9s")]


def test_a_fence_device_from_a_template_is_one():
    template = '<template id="t" class="stonith" type="fence_ipmilan"/>'
    assert not configuration(template + '<primitive id="f" template="t"/>').lacks_fence_device
    assert configuration(template).lacks_fence_device


@pytest.mark.parametrize(
    ("properties", "lacks"),
    [
        ({}, True),
        ({"stonith-enabled": "OFF"}, False),
        ({"fencing-enabled": "false"}, False),
        ({"stonith-enabled": "false", "fencing-enabled": "true"}, True),
        ({"stonith-watchdog-timeout": "-1"}, False),
        ({"stonith-watchdog-timeout": "PT10S"}, False),
        ({"fencing-watchdog-timeout": "10s"}, False),
        ({"stonith-watchdog-timeout": "0"}, True),
    ],
    ids=str,
)
def test_fencing(properties, lacks):
    given = pairs("cluster_property_set", **properties)
    assert configuration(properties=given).lacks_fence_device == lacks


def test_references_by_id_are_followed():
    resources = (
        GUARD.replace("/>", ">" + pairs("meta_attributes", "shared", **{"failure-timeout": "9s"})) + "</primitive>"
    )
    resources += VIP.replace("/>", '><meta_attributes id-ref="shared"/></primitive>')
    found = configuration(resources)
    assert found.meta(found.resource("VirtualIP"), "failure-timeout") == "9s"


def test_of_several_sets_the_highest_score_counts_and_one_with_a_rule_does_not():
    rule = '<rule id="r" score="INFINITY"><expression id="e" attribute="#uname" operation="eq" value="n1"/></rule>'
    inside = (
        pairs("instance_attributes", "a", score="10", ip="10.0.0.1")
        + pairs("instance_attributes", "b", score="5", ip="10.0.0.2")
        + pairs("instance_attributes", "c", rule, score="99", ip="10.0.0.3")
    )
    found = configuration(VIP.replace("/>", f">{inside}</primitive>"))
    assert found.resource("VirtualIP").address == "10.0.0.1"


def test_a_default_holds_where_nothing_else_does():
    found = configuration(VIP, defaults=pairs("meta_attributes", **{"resource-stickiness": "7"}))
    assert found.stickiness(found.resource("VirtualIP")) == 7


RULE = (
    '<rule id="r" score-attribute="galera-guard">'
    '<expression id="e" attribute="galera-guard" operation="defined"/></rule>'
)


@pytest.mark.parametrize(
    "location",
    [
        f'<rsc_location id="l" rsc="VirtualIP">{RULE}</rsc_location>',
        f'<rsc_location id="l" rsc-pattern="^Virtual.*">{RULE}</rsc_location>',
        f'<rsc_location id="l" rsc="addresses">{RULE}</rsc_location>',
        f'<rsc_location id="l"><resource_set id="s"><resource_ref id="VirtualIP"/></resource_set>{RULE}</rsc_location>',
    ],
    ids=["plain", "pattern", "tag", "set"],
)
def test_rules_are_found_in_every_form(location):
    tags = '<tag id="addresses"><obj_ref id="VirtualIP"/></tag>'
    found = configuration(GUARD + VIP, location, tags=tags)
    assert found.has_score_rule(found.resource("VirtualIP"), "galera-guard")


def test_any_resource_with_a_rule_on_the_score_is_guarded():
    cloud = '<primitive id="eip" class="ocf" provider="heartbeat" type="awseip"/>'
    location = f'<rsc_location id="l" rsc="eip">{RULE}</rsc_location>'
    found = configuration(GUARD + VIP + cloud, location)
    assert [vip.id for vip in found.virtual_ips(found.guards[0])] == ["eip"]


def test_a_colocation_may_be_a_set():
    sets = (
        '<rsc_colocation id="c" score="INFINITY"><resource_set id="s"><resource_ref id="galera-guard"/>'
        '<resource_ref id="VirtualIP"/></resource_set></rsc_colocation>'
    )
    found = configuration(GUARD + VIP, sets)
    assert found.colocation_score(found.resource("VirtualIP"), found.guards[0]) == 1000000


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("fd00::9", "fd00:0:0:0:0:0:0:9", True),
        ("FD00::9", "fd00::09", True),
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("10.0.0.1", None, False),
    ],
)
def test_addresses_are_compared_as_addresses(one, other, same):
    assert is_same_address(one, other) == same


@pytest.mark.parametrize(
    ("attributes", "count"), [("", 1), (' enabled="false"', 0), (' enabled="No"', 0), (' role="Stopped"', 0)]
)
def test_a_monitor_that_pacemaker_does_not_carry_out_is_none(attributes, count):
    op = f'<operations><op id="o" name="monitor" interval="1s"{attributes}/></operations>'
    found = configuration(GUARD.replace("/>", f">{op}</primitive>"))
    assert len(found.guards[0].monitors()) == count
