"""The metadata: well-formed, as approved, and true."""

import os
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.support.guard import CHECKOUT

GOLDEN = Path(__file__).with_name("galera_sync_guard.xml")
REGENERATE = "agents/galera_sync_guard meta-data > tests/contract/galera_sync_guard.xml"


@pytest.fixture(scope="module")
def text():
    return subprocess.run(
        [CHECKOUT / "agents/galera_sync_guard", "meta-data"], env={}, capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture(scope="module")
def tree(text):
    return ElementTree.fromstring(text)


def test_is_the_one_that_was_approved(text):
    assert text == GOLDEN.read_text(), "if the change is meant: " + REGENERATE


@pytest.mark.parametrize("name", ["galera_sync_guard", "vip_client_reset"])
@pytest.mark.parametrize("action", ["meta-data", "usage"])
def test_a_reader_that_has_gone_is_not_told_anything(name, action):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [CHECKOUT / "agents" / name, action], env={}, stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_names_the_actions_that_ocf_1_1_wants(tree):
    names = {action.get("name") for action in tree.iter("action")}
    assert names == {"start", "stop", "monitor", "validate-all", "reload-agent", "meta-data"}
    assert tree.findtext("version") == "1.1"


def test_advertises_one_cheap_monitor_because_pcs_makes_every_depth_recur(tree):
    (monitor,) = [action for action in tree.iter("action") if action.get("name") == "monitor"]
    assert monitor.attrib == {"name": "monitor", "timeout": "10s", "interval": "1s", "depth": "0"}


def test_every_parameter_but_the_attribute_can_be_reloaded(tree):
    fixed = [parameter.get("name") for parameter in tree.iter("parameter") if parameter.get("reloadable") != "1"]
    assert fixed == ["attribute"]


def test_there_is_no_password_parameter(tree):
    assert not [
        name
        for name in (parameter.get("name") for parameter in tree.iter("parameter"))
        if "pass" in name.replace("passive", "")
    ]


def test_every_default_is_a_value_that_a_user_may_give(tree, guard):
    guard.parameters = {
        parameter.get("name"): parameter.find("content").get("default")
        for parameter in tree.iter("parameter")
        if parameter.find("content").get("default") is not None
    }
    assert len(guard.parameters) > 10
    result = guard.run("validate-all")
    assert (result.code, result.stderr) == (0, "")
