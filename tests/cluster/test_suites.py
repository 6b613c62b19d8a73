"""The main rows once more on the other suite: another Pacemaker, pcs, MariaDB, Python and PyMySQL."""

import pytest

from laboratory import rootfs
from tests.cluster.operator_command import SETUP, guard_says
from tests.cluster.rows import (
    BOTH,
    POLLING,
    STOP_FAILS,
    WATCHED,
    bootstrap_what_is_left,
    move_by_a_failure,
    move_with_a_broken_client_reset,
    move_without_failures,
    stay_when_a_peer_crashes,
)
from tests.cluster.settings import find_and_mend
from tests.support.mistakes import SETTINGS

AGENT = "/usr/lib/ocf/resource.d/custom/galera_sync_guard"
OTHER = {"bookworm": "trixie", "trixie": "bookworm"}


def those(rows, *faults):
    """Return the rows with these faults."""
    return [row for row in rows if row.fault in faults]


@pytest.fixture
def suite():
    """The suite that the other rows do not run on."""
    return OTHER[rootfs.SUITE]


@pytest.mark.parametrize(
    "row",
    those(WATCHED, "desync", "kill-9", "clean-stop", "sigstop", "saturate", "read-only", "power-off"),
    ids=lambda row: row.fault,
)
def test_mode_score_moves_the_vip_once(score, row):
    move_without_failures(score, row)


def test_the_crash_of_another_node_moves_nothing(score):
    stay_when_a_peer_crashes(score)


def test_a_vip_client_reset_that_cannot_stop_keeps_the_vip_on_no_bad_node(score):
    move_with_a_broken_client_reset(score, STOP_FAILS)


@pytest.mark.parametrize(
    "setting", [each for each in SETTINGS if each.provider or each.parameter], ids=lambda setting: setting.finding
)
def test_setting_is_found_and_its_commands_mend_it(score, setting):
    find_and_mend(score, setting)


def test_setup_finds_the_recipe_complete_and_check_nothing_wrong(score):
    for node in score.nodes:
        assert guard_says(node, "check")[0] == 0
    assert "all of it is there already" in score.nodes[0].run(SETUP, timeout=120).stdout


def test_what_is_left_of_galera_is_bootstrapped_as_the_documentation_says(score):
    bootstrap_what_is_left(score)


def test_ocf_tester_passes_beside_a_running_guard(score):
    done = score.nodes[0].run(["ocf-tester", "-n", "tested", AGENT], check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("row", those(POLLING, "kill-9"), ids=lambda row: row.fault)
def test_a_guard_without_a_watcher_moves_the_vip_once(polling, row):
    move_without_failures(polling, row)


@pytest.mark.parametrize("row", those(BOTH, "read-only"), ids=lambda row: row.fault)
def test_mode_fail_moves_the_vip_once(fail, row):
    move_by_a_failure(fail, row)
