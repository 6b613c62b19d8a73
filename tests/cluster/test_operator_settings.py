"""Mistakes in MariaDB's settings and in the login, on a running cluster: check finds them, its commands fix them."""

import pytest

from tests.cluster.settings import find_and_mend
from tests.support.levels import check_runs
from tests.support.mistakes import SETTINGS


@pytest.mark.parametrize(
    "setting",
    check_runs(SETTINGS, "bind-address", "ignored-quorum", "login", name=lambda setting: setting.finding),
    ids=lambda setting: setting.finding,
)
def test_setting_is_found_and_its_commands_mend_it(score, setting):
    find_and_mend(score, setting)
