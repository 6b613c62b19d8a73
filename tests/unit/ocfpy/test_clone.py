"""What a clone needs of Pacemaker: roles, announcements, and the promotion score."""

import pytest

from ocfpy import Action, Agent, Invocation, ParameterSet
from ocfpy.clone import set_promotion_score

AGENT = Agent("a", "1", "s", "l", ParameterSet, [Action(name, None, "10s") for name in ("start", "stop", "monitor")])
# As Pacemaker 2.1.5 announces a promotion on three nodes.
ANNOUNCED = {
    "notify_type": "pre",
    "notify_operation": "promote",
    "notify_promote_resource": "db:1",
    "notify_promote_uname": "node2",
    "notify_active_resource": "db:0 db:1",
    "notify_active_uname": "node1 node2",
    "notify_inactive_resource": "db:2 ",
    "notify_master_resource": " ",
    "notify_slave_resource": "db:0 db:1",
    "notify_slave_uname": "node1 node2",
}


def called(environ=None, **meta):
    given = {"OCF_RESKEY_CRM_meta_" + name: value for name, value in meta.items()}
    return Invocation(AGENT, "notify", {**(environ or {}), **given}, None)


def test_an_announcement_is_typed():
    found = called(**ANNOUNCED).notification
    assert (found.is_pre, found.operation) == (True, "promote")
    assert found.promoting == [("db:1", "node2")]
    assert found.active == found.unpromoted == [("db:0", "node1"), ("db:1", "node2")]
    assert found.inactive == ["db:2"]
    assert found.promoted == found.starting == found.stopping == found.demoting == []


def test_the_newer_names_come_first():
    meta = {"notify_promoted_resource": "db:0", "notify_promoted_uname": "node1", "notify_master_resource": "old"}
    assert called(**meta, notify_type="post").notification.promoted == [("db:0", "node1")]
    assert not called(**meta, notify_type="post").notification.is_pre


def test_a_migration_names_both_nodes():
    found = called(migrate_source="node1", migrate_target="node2", on_node="node2")
    assert (found.migration_source, found.migration_target, found.node) == ("node1", "node2", "node2")
    assert (called().migration_source, called().migration_target, called().node) == (None, None, None)


@pytest.mark.parametrize(("given", "role"), [("Master", "Promoted"), ("Unpromoted", "Unpromoted"), ("Started", None)])
def test_a_role_has_its_new_name(given, role):
    assert called(role=given).role == role


@pytest.mark.parametrize(("given", "is_promotable"), [({}, False), ({"promotable": "true"}, True)])
def test_a_clone_says_whether_it_is_promotable(given, is_promotable):
    assert called(**given).is_promotable is is_promotable


@pytest.mark.parametrize(
    ("score", "arguments"),
    [(10, "--promotion=db --lifetime=reboot --update 10"), (None, "--promotion=db --lifetime=reboot --delete")],
)
def test_a_promotion_score_is_set_and_deleted(tmp_path, score, arguments):
    tool = tmp_path / "crm_attribute"
    tool.write_text(f'#!/bin/sh\necho "$*" >{tmp_path}/called\n')
    tool.chmod(0o755)
    assert set_promotion_score(called({"PATH": str(tmp_path), "OCF_RESOURCE_INSTANCE": "db:1"}), score)
    assert (tmp_path / "called").read_text() == arguments + "\n"


def test_a_score_that_cannot_be_set_is_told(tmp_path):
    tool = tmp_path / "crm_attribute"
    tool.write_text("#!/bin/sh\nexit 102\n")
    tool.chmod(0o755)
    assert not set_promotion_score(called({"PATH": str(tmp_path)}), 1)
