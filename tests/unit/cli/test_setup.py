"""setup asks before it sets a property of the whole cluster, and sets none without a yes."""

import io
import types
from xml.etree import ElementTree

import pytest

from galera_sync_guard.cli.commands import setup
from galera_sync_guard.cli.exit_codes import CommandError
from galera_sync_guard.cli.screen import Screen

CIB = (
    '<cib><configuration><crm_config><cluster_property_set id="o"><nvpair id="q" name="no-quorum-policy"'
    ' value="ignore"/></cluster_property_set></crm_config><resources/><constraints/></configuration></cib>'
)


@pytest.fixture
def agreed(monkeypatch):
    """Return a function that gives (the properties to set, what was shown) for the user's answers."""

    def ask(answers=None, yes=False):
        monkeypatch.setattr(setup.tools, "cib", lambda host: ElementTree.fromstring(CIB))
        stdin = io.StringIO("".join(answer + "\n" for answer in answers or ()))
        stdin.isatty = lambda: answers is not None
        shown = io.StringIO()
        properties = setup._agreed_properties(
            types.SimpleNamespace(stdin=stdin), types.SimpleNamespace(yes=yes), Screen(shown, {})
        )
        return properties, shown.getvalue()

    return ask


def test_both_are_explained_and_asked_for(agreed):
    properties, shown = agreed(["y", "yes"])
    assert properties == {"stonith-enabled": "false", "no-quorum-policy": "stop"}
    assert "stonith-enabled is not set. " + setup.MEANINGS["stonith-enabled"] in shown
    assert "no-quorum-policy is ignore. " + setup.MEANINGS["no-quorum-policy"] in shown


def test_a_no_to_the_quorum_policy_leaves_it(agreed):
    assert agreed(["y", "n"])[0] == {"stonith-enabled": "false"}


@pytest.mark.parametrize("answers", [["n"], [""], [], None], ids=["no", "return", "end of file", "no terminal"])
def test_without_a_yes_to_stonith_nothing_is_done(agreed, answers):
    with pytest.raises(CommandError, match="nothing can start while stonith-enabled is not set"):
        agreed(answers)


def test_yes_beforehand_asks_nothing(agreed):
    assert agreed(None, yes=True) == ({"stonith-enabled": "false", "no-quorum-policy": "stop"}, "")


def test_a_configuration_that_keeps_changing_is_left_alone(monkeypatch):
    monkeypatch.setattr(setup.tools, "cib", lambda host: ElementTree.fromstring(CIB))
    monkeypatch.setattr(setup, "_is_applied", lambda host, old, new: False)
    with pytest.raises(CommandError, match="kept changing; nothing was changed"):
        setup._change(None, lambda cib: (cib, ["a change"]))
