"""The part of a configuration that a rehearsal looks at: what ties, tags and references bind to the virtual IP."""

import pytest

from galera_sync_guard.cli.cib.model import Configuration
from galera_sync_guard.cli.rehearsal import stage
from tests.support.configurations import DUMMY, TAGS, meta_by_reference, prefers, recipe
from tests.support.mistakes import add, all_of

OTHER = add(".//resources", DUMMY.format("other"))
FENCE = add(".//resources", '<primitive id="other" class="stonith" type="fence_dummy"/>')
TAG = TAGS.replace("</tag>", '<obj_ref id="other"/></tag>')


def constraint(text):
    return all_of(OTHER, add(".//constraints", text))


@pytest.mark.parametrize(
    ("change", "is_kept"),
    [
        pytest.param(OTHER, False, id="alone"),
        pytest.param(all_of(OTHER, prefers("node2", "INFINITY", "other")), False, id="with a place of its own"),
        pytest.param(constraint('<rsc_colocation id="c" rsc="other" with-rsc="VirtualIP"/>'), True, id="colocated"),
        pytest.param(constraint('<rsc_order id="o" first="vip-client-reset" then="other"/>'), True, id="ordered"),
        pytest.param(
            constraint(
                '<rsc_colocation id="c"><resource_set id="s"><resource_ref id="other"/><resource_ref id="VirtualIP"/>'
                "</resource_set></rsc_colocation>"
            ),
            True,
            id="in a set",
        ),
        pytest.param(all_of(OTHER, add(".//configuration", TAG)), True, id="with the same tag"),
        pytest.param(FENCE, True, id="a fence device"),
    ],
)
def test_what_nothing_ties_to_the_virtual_ip_is_left_out(change, is_kept):
    cib = recipe()
    change(cib)
    pruned = stage.pruned(cib, {"VirtualIP", "galera-guard", "galera-guard-clone"})
    names = {each.get("id") for each in pruned.find(".//resources")}
    assert names - {"other"} == {"galera-guard-clone", "VirtualIP", "vip-client-reset"}
    assert ("other" in names) == is_kept
    mentioned = {each.get(name) for each in pruned.iter() for name in ("rsc", "with-rsc", "first", "then")} - {None}
    assert mentioned <= {each.get("id") for each in pruned.iterfind("configuration/resources//*")}


def test_everything_counts_where_nodes_have_a_capacity():
    cib = recipe()
    OTHER(cib)
    add(".//cluster_property_set", '<nvpair id="p" name="placement-strategy" value="balanced"/>')(cib)
    assert stage.pruned(cib, {"VirtualIP"}).find(".//primitive[@id='other']") is not None


def test_the_owner_of_meta_attributes_by_reference_is_kept():
    cib = recipe()
    meta_by_reference(cib)
    assert stage.pruned(cib, {"VirtualIP"}).find(".//primitive[@id='web']") is not None


def test_a_file_may_lack_what_pacemaker_says_of_the_watchdog():
    cib = recipe()
    add(".//cluster_property_set", '<nvpair id="w" name="stonith-watchdog-timeout" value="-1"/>')(cib)
    assert Configuration(stage.pruned(cib, {"VirtualIP"})).properties["have-watchdog"] == "true"
    add(".//cluster_property_set", '<nvpair id="h" name="have-watchdog" value="false"/>')(cib)
    assert Configuration(stage.pruned(cib, {"VirtualIP"})).properties["have-watchdog"] == "false"
