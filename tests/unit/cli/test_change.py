"""What setup would change in a configuration: the documented recipe, never what it did not make, twice the same."""

import copy
from xml.etree import ElementTree

import pytest

from galera_sync_guard.cli.cib import change as module
from galera_sync_guard.cli.cib.recipe import Recipe
from laboratory.recipe import printed_commands
from tests.support.checkout import ROOT

EMPTY = ElementTree.fromstring(
    '<cib epoch="7" num_updates="3" admin_epoch="0"><configuration><crm_config/><nodes/>'
    "<resources/><constraints/></configuration><status/></cib>"
)
RECIPE = Recipe("192.168.1.199", 32, with_client_reset=True)
ADDRESS = (
    '<primitive id="%s" class="ocf" provider="heartbeat" type="%s"><instance_attributes id="a"><nvpair id="b"'
    ' name="ip" value="192.168.1.199"/></instance_attributes></primitive>'
)


@pytest.fixture
def made():
    cib, lines = module.add(EMPTY, RECIPE, {"no-quorum-policy": "stop"})
    assert len(lines) == 9
    return cib


def test_pcs_lines_are_those_of_the_documentation():
    assert RECIPE.pcs() == printed_commands("score")


def test_crmsh_lines_are_the_example_s():
    text = (ROOT / "examples/crmsh-score.sh").read_text()
    recipe = text[text.index("<<END\n") + 6 : text.index("END\n", text.index("<<END\n") + 6)].splitlines()
    assert sorted(RECIPE.crmsh()) == sorted(line.replace("$address", "192.168.1.199") for line in recipe)


def test_the_version_is_the_next_one(made):
    assert (made.get("epoch"), made.get("num_updates")) == ("8", "0")
    assert EMPTY.get("epoch") == "7"


def test_a_second_time_there_is_nothing_to_do(made):
    again, lines = module.add(made, RECIPE, {"no-quorum-policy": "stop"})
    assert (again is made, lines) == (True, [])


def test_ids_are_unique(made):
    ids = [element.get("id") for element in made.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("missing", ["VirtualIP", "vip-client-reset"])
def test_what_is_missing_is_added(made, missing):
    resources = made.find(".//resources")
    resources.remove(resources.find(f"primitive[@id='{missing}']"))
    again, lines = module.add(made, RECIPE, {})
    assert lines == ["primitive " + missing]
    assert sorted(element.get("id") for element in again.find(".//resources")) == [
        "VirtualIP",
        "galera-guard-clone",
        "vip-client-reset",
    ]


def test_removal_undoes_all_but_properties(made):
    cib, lines = module.remove(made)
    assert len(lines) == 8
    assert list(cib.find(".//resources")) == list(cib.find(".//constraints")) == []
    assert cib.find(".//nvpair[@name='no-quorum-policy']").get("value") == "stop"
    assert module.remove(cib) == (cib, [])


def put(path, name, value):
    return lambda cib: cib.find(path).set(name, value)


def add(path, text):
    return lambda cib: cib.find(path).append(ElementTree.fromstring(text))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put(".//nvpair[@name='ip']", "value", "10.0.0.1"), "VirtualIP has the parameter ip=10.0.0.1"),
        (put(".//nvpair[@name='resource-stickiness']", "value", "1"), "meta attribute resource-stickiness=1"),
        (put(".//nvpair[@name='mode']", "value", "fail"), "galera-guard has the parameter mode=fail"),
        (put(".//primitive[@id='VirtualIP']", "type", "Dummy"), "VirtualIP is ocf:heartbeat:Dummy"),
        (put(".//op[@name='monitor']", "interval", "7s"), "galera-guard has another monitor"),
        (
            put(".//op[@on-fail]", "on-fail", "restart"),
            "vip-client-reset's stop has on-fail=restart, and setup would give it",
        ),
        (
            put(".//op[@on-fail]", "name", "notify"),
            "vip-client-reset's stop has on-fail=.none., and setup would give it ignore",
        ),
        (add(".//resources", ADDRESS % ("other", "IPaddr2")), "other has the address 192.168.1.199"),
        (
            add(".//resources", '<primitive id="second" class="ocf" provider="custom" type="galera_sync_guard"/>'),
            "there is another guard, second",
        ),
    ],
    ids=[
        "address",
        "stickiness",
        "mode",
        "agent",
        "monitor",
        "stop",
        "no stop",
        "address elsewhere",
        "guard elsewhere",
    ],
)
def test_what_setup_did_not_make_it_refuses_to_touch(made, change, said):
    before = copy.deepcopy(made)
    change(before)
    text = ElementTree.tostring(before)
    with pytest.raises(module.Refusal, match=said):
        module.add(before, RECIPE, {})
    assert ElementTree.tostring(before) == text


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (".//nvpair[@name='failure-timeout'][@value='30s']", "PT30S"),
        (".//nvpair[@name='failure-timeout'][@value='60s']", "1 min"),
        (".//nvpair[@name='critical']", "No"),
        (".//nvpair[@name='ip']", "192.168.1.199"),
    ],
)
def test_another_spelling_of_the_same_value_is_no_difference(made, path, value):
    put(path, "value", value)(made)
    assert module.add(made, RECIPE, {}) == (made, [])


def into_a_group(cib):
    resources = cib.find(".//resources")
    vip = resources.find("primitive[@id='VirtualIP']")
    resources.remove(vip)
    group = ElementTree.SubElement(resources, "group", id="web")
    group.append(vip)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put(".//primitive[@id='VirtualIP']", "type", "Dummy"), "VirtualIP is ocf:heartbeat:Dummy"),
        (into_a_group, "VirtualIP is in the group web"),
        (
            add(".//constraints", '<rsc_colocation id="web" rsc="web" with-rsc="VirtualIP"/>'),
            "constraint web binds web too",
        ),
        (put(".//primitive[@id='VirtualIP']", "description", "the web shop's"), "binds VirtualIP too"),
        (
            add(
                ".//resources", '<primitive id="web"><meta_attributes id-ref="VirtualIP-meta_attributes"/></primitive>'
            ),
            "a meta_attributes of web refers to VirtualIP-meta_attributes",
        ),
        (
            add(".//configuration", '<acls><acl_permission id="read-it" reference="VirtualIP"/></acls>'),
            "acl_permission read-it refers to VirtualIP",
        ),
    ],
    ids=["agent", "group", "dependent", "an address of others that follows", "meta attributes by reference", "rights"],
)
def test_removal_refuses_what_setup_did_not_make(made, change, said):
    change(made)
    with pytest.raises(module.Refusal, match=said):
        module.remove(made)


@pytest.mark.parametrize("name", ["VirtualIP", "galera-guard", "vip-client-reset"])
def test_removal_leaves_a_resource_of_others_whatever_its_name(name):
    cib = copy.deepcopy(EMPTY)
    add(".//resources", ADDRESS.replace('id="%s"', f'id="{name}"') % "IPaddr2")(cib)
    assert module.remove(cib) == (cib, [])


def test_removal_takes_what_setup_made_also_with_other_parameters(made):
    put(".//nvpair[@name='watch_interval']", "value", "500ms")(made)
    put(".//nvpair[@name='ip']", "value", "10.0.0.1")(made)
    _, lines = module.remove(made)
    assert len(lines) == 8


@pytest.mark.parametrize(
    ("properties", "wanted"),
    [
        ({}, {"stonith-enabled": "false"}),
        ({"stonith-enabled": "false"}, {}),
        ({"stonith-watchdog-timeout": "10s"}, {}),
        ({"stonith-enabled": "false", "no-quorum-policy": "ignore"}, {"no-quorum-policy": "stop"}),
    ],
    ids=str,
)
def test_properties_that_the_recipe_needs(properties, wanted):
    cib = copy.deepcopy(EMPTY)
    for name, value in properties.items():
        module._set_property(cib.find(".//crm_config"), name, value)
    assert module.wanted_properties(cib) == wanted


def test_a_fence_device_leaves_fencing_on():
    cib = copy.deepcopy(EMPTY)
    device = '<primitive id="power-switch" class="stonith" type="fence_ipmilan"/>'
    cib.find(".//resources").append(ElementTree.fromstring(device))
    assert module.wanted_properties(cib) == {}
