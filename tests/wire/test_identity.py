"""The operating system user as which the guard connects: its rights and no others, and root's again afterwards."""

import os
import subprocess
import sys

import pytest

from tests.support.guard import CHECKOUT

NOBODY, GROUP, OWN_GROUPS = 65534, 65533, [7, 1234]
BECOME = f"""
import os
from galera_sync_guard.server.credentials import OtherIdentity
os.setgroups({OWN_GROUPS})
def show():
    print(os.getuid(), os.geteuid(), os.getegid(), sorted(os.getgroups()))
show()
try:
    with OtherIdentity({NOBODY}, {GROUP}):
        show()
        {{body}}
except ZeroDivisionError:
    pass
show()
"""


@pytest.mark.parametrize("body", ["pass", "1 / 0"], ids=["ends", "fails"])
def test_the_guard_has_the_rights_of_the_user_only_while_it_connects(body):
    command = [sys.executable, "-B", "-c", BECOME.format(body=body)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    root = f"0 0 {os.getegid()} {OWN_GROUPS}"
    assert done.stdout.splitlines() == [root, f"0 {NOBODY} {GROUP} [{GROUP}]", root]
