"""The exit codes that docs/decision-table.md lists beside the node's states are those of the agent."""

from __future__ import annotations

import re

import pytest

from tests.support.checkout import ROOT
from tests.support.guard import copy_of_tree, in_mount_namespace

PAGE = (ROOT / "docs/decision-table.md").read_text(encoding="utf-8").partition("## Other exit codes")[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in re.findall(r"^\| .+ \|$", PAGE, re.M)
    if "OCF" not in line
]
ACTIONS = {
    "validate-all": {},
    "validate-all, level 10": {},
    "start": {},
    "recurring monitor": {"interval": 1},
    "probe": {"interval": 0},
    "reload-agent": {},
    "stop": {},
}
# An internal error in each module that an action may reach first.
BUG = "def {0}(*arguments, **options): raise KeyError('a bug')\n"


def stop_server(guard, server, directory):
    server.stop()


def set_wrong_value(guard, server, directory):
    guard.parameters["port"] = "none"


def name_missing_file(guard, server, directory):
    guard.parameters["defaults_file"] = str(directory / "missing.cnf")


def name_readable_file(guard, server, directory):
    path = directory / "readable.cnf"
    path.write_text("[client]\n")
    path.chmod(0o644)
    guard.parameters["defaults_file"] = str(path)


def name_missing_user(guard, server, directory):
    guard.parameters["os_user"] = "no-such-user"


def remove_driver(guard, server, directory):
    guard.before = in_mount_namespace('mount -t tmpfs none "$1"', "/usr/lib/python3/dist-packages")


def break_code(guard, server, directory):
    guard.executable = copy_of_tree(directory / "tree")
    with open(directory / "tree/galera_sync_guard/server/probe.py", "a", encoding="utf-8") as file:
        file.write("\n\n" + BUG.format("observe") + "\n\n" + BUG.format("check_host"))


# condition in the table -> (whether the guard was started before, what brings the condition about).
CONDITIONS = {
    "MariaDB is down, and the guard is not started here": (False, stop_server),
    "MariaDB is down": (True, stop_server),
    "a value is not allowed, or contradicts another": (True, set_wrong_value),
    "`defaults_file` does not exist, or has no section `[client]`": (True, name_missing_file),
    "`defaults_file` does not belong to root, or others can read it": (True, name_readable_file),
    "`os_user` does not exist on this node": (True, name_missing_user),
    "the driver PyMySQL is missing": (True, remove_driver),
    "an internal error of the guard": (True, break_code),
}


def test_table_has_these_actions_and_conditions():
    head, _, *rows = ROWS
    assert head[1:] == list(ACTIONS)
    assert [row[0] for row in rows[: len(CONDITIONS)]] == list(CONDITIONS)


@pytest.mark.parametrize("heading", ACTIONS)
@pytest.mark.parametrize("condition", CONDITIONS)
def test_action_returns_the_code_in_the_table(guard, server, tmp_path, condition, heading):
    started, change = CONDITIONS[condition]
    guard.parameters["mode"] = "fail"
    if started:
        guard.started()
    change(guard, server, tmp_path)
    if heading.endswith("level 10"):
        guard.environment["OCF_CHECK_LEVEL"] = "10"
    action = "monitor" if heading in ("recurring monitor", "probe") else heading.partition(",")[0]
    (row,) = (row for row in ROWS if row[0] == condition)
    expected = row[1 + list(ACTIONS).index(heading)]
    assert str(guard.run(action, **ACTIONS[heading]).code) == expected


def test_unknown_action_returns_the_code_on_the_page(guard):
    assert f"An action that the agent does not know returns {guard.run('no-such-action').code}." in PAGE
