"""What status says to do: it follows from the cause."""

import pytest

from galera_sync_guard.cli import pages
from galera_sync_guard.cli.advice import LOGIN, advise, for_state, is_without_primary
from galera_sync_guard.cli.obstacles import Obstacle
from galera_sync_guard.decision.states import STATES
from tests.support.checkout import ROOT

UNKNOWN = next(state for state in STATES if state.name == "unknown")
OF_A_LOGIN = ("error 1045", "error 1698", "the server asks for a login")


@pytest.mark.parametrize("reason", UNKNOWN.reasons)
def test_only_what_is_about_the_login_says_make_the_login_work(reason):
    what = for_state("galera-guard", "unknown", f"unknown: {reason}")
    assert (what == LOGIN) == reason.startswith(OF_A_LOGIN), reason


@pytest.mark.parametrize(
    ("reason", "what"),
    [
        ("parameter probe_timeout: 'soon' is not allowed", "pcs resource update galera-guard probe_timeout=VALUE"),
        ("os_user galera_guard: there is no such user on this node", "--home /nonexistent galera_guard"),
        ("defaults_file /etc/x.cnf: No such file or directory", "another node's /etc/x.cnf"),
    ],
)
def test_it_names_what_is_missing(reason, what):
    assert what in for_state("galera-guard", "unknown", f"unknown: {reason}")
    assert what in for_state("galera-guard", "failed", reason)


@pytest.mark.parametrize("states", [["down"] * 3, ["down", "maintenance", "offline"], ["initialized", "non-primary"]])
def test_no_server_is_started_alone_while_none_serves(states):
    told = advise("g", None, {f"node{n}": (state, None) for n, state in enumerate(states)}, [])
    assert is_without_primary(states)
    assert not any("systemctl start mariadb" in each.what for each in told)
    assert any(pages.OPERATIONS in each.what for each in told)


@pytest.mark.parametrize("state", ["synced", "donor", "read-only", "saturated", "joining"])
def test_a_server_is_started_while_another_node_serves(state):
    told = advise("g", None, {"node1": ("down", None), "node2": (state, None)}, [])
    assert any("systemctl start mariadb" in each.what for each in told)


def test_a_stopped_guard_is_cleaned_up_unless_pacemaker_keeps_it_stopped():
    states = {"node1": ("stopped", None)}
    assert [each.what for each in advise("g", None, states, [])] == ["pcs resource cleanup g"]
    obstacle = Obstacle(None, "g", "disabled", "pcs resource enable g")
    assert [each.what for each in advise("g", None, states, [obstacle])] == ["pcs resource enable g"]


@pytest.mark.parametrize("heading", pages.CHAPTERS)
def test_a_chapter_that_a_message_leads_to_exists(heading):
    page = (ROOT / pages.OPERATIONS.removeprefix(pages.DOCUMENTS)).read_text(encoding="utf-8")
    assert f"# {heading}\n" in page


def test_in_mode_fail_advice_follows_from_the_guard_s_own_state():
    failed = ("failed", "down: /run/mysqld/mysqld.sock: No such file or directory")
    told = advise("g", None, {"node1": failed, "node2": ("synced", None)}, [])
    assert any("systemctl start mariadb" in each.what for each in told)
    told = advise("g", None, {"node1": failed, "node2": failed}, [])
    assert [each.what for each in told] == [pages.chapter(pages.ALL_DOWN)]


@pytest.mark.parametrize("hidden", ["maintenance", "standby", "stopped", "unknown"])
def test_where_a_server_may_run_is_looked_at_first(hidden):
    told = advise("g", None, {"node1": ("down", None), "node2": (hidden, None)}, [])
    assert told[-1].why.endswith("look first whether MariaDB runs on node2")
    assert told[-1].what == pages.chapter(pages.ALL_DOWN)


def test_a_variable_of_percona_is_not_ended_by_our_command():
    assert for_state("g", "maintenance", "pxc_maint_mode=MAINTENANCE, must be DISABLED").endswith(
        "SET GLOBAL pxc_maint_mode=DISABLED"
    )


def test_a_failure_that_a_guard_explains_comes_after_its_server():
    states = {"node1": ("failed", "down: no socket"), "node2": ("synced", None)}
    obstacle = Obstacle("node1", "g", "failed there too often", "pcs resource cleanup g")
    told = advise("g", None, states, [obstacle])
    assert [each.where for each in told] == ["node1", "g on node1"]
