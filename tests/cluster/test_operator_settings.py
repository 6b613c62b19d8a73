"""Mistakes in MariaDB's settings and in the login, on a running cluster: check finds them, its commands fix them."""

from dataclasses import dataclass

import pytest

from laboratory import mariadb, pacemaker
from laboratory.pacemaker import GUARD_NAME
from laboratory.scene import wait_normal
from tests.cluster.operator_command import mend

# Read after the laboratory's own, and before those that check's commands make.
OPTION_FILE = "/etc/mysql/mariadb.conf.d/99-mistake.cnf"
MADE_BY_CHECK = "/etc/mysql/mariadb.conf.d/zz-*.cnf"


@dataclass(frozen=True)
class Mistake:
    """A line of an option file, an option of Galera's with a wrong and the right value, or a parameter of the guard."""

    finding: str
    severity: str
    line: str = ""
    provider: tuple = ()
    parameter: str = ""


MISTAKES = [
    Mistake("bind-address", "error", line="bind-address = 127.0.0.1"),
    Mistake("skip-networking", "error", line="skip-networking = ON"),
    Mistake("port", "note", line="port = 3307"),
    Mistake("ignored-quorum", "error", provider=("pc.ignore_sb", "true", "false")),
    Mistake("saturation-grace", "warning", provider=("evs.suspect_timeout", "PT12S", "PT2S")),
    Mistake("login", "error", parameter="user=nobody"),
    Mistake("privileges", "note"),  # root's, who logs in by default
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.finding)
def test_setting_is_found_and_its_commands_mend_it(score, mistake):
    find_and_mend(score, mistake)


def find_and_mend(laboratory, mistake):
    """Make the mistake on a node without the VIP, and let check and its commands mend it."""
    node = laboratory.peers(laboratory.vip_node)[0]
    try:
        make(node, mistake)
        assert mend(laboratory, node, mistake.finding)["severity"] == mistake.severity
        wait_normal(laboratory)
    finally:
        undo(node, mistake)
    wait_normal(laboratory)


def make(node, mistake):
    if mistake.line:
        node.write(OPTION_FILE, f"[mariadbd]\n{mistake.line}\n")
        node.run(["systemctl", "restart", "mariadb"], timeout=120)
    if mistake.provider:
        option, wrong, _ = mistake.provider
        set_provider(node, option, wrong)
    if mistake.parameter:
        pacemaker.pcs(node, "resource", "update", GUARD_NAME, mistake.parameter)


def undo(node, mistake):
    """Leave the settings as they were before; what the server has read is so already."""
    node.shell(f"rm -f {OPTION_FILE} {MADE_BY_CHECK}")
    if mistake.provider:
        option, _, right = mistake.provider
        set_provider(node, option, right)
    pacemaker.pcs(node, "resource", "update", GUARD_NAME, "user=", "os_user=", "saturation_grace=")
    mariadb.sql(node, "DROP USER IF EXISTS galera_guard@localhost")


def set_provider(node, option, value):
    """Set an option of Galera's: a variable, in seconds, where the plugin wsrep-provider is loaded (MariaDB 11.8)."""
    variable = "wsrep_provider_" + option.replace(".", "_")
    if mariadb.sql(node, f"SHOW VARIABLES LIKE '{variable}'"):
        mariadb.sql(node, f"SET GLOBAL {variable}={value.removeprefix('PT').removesuffix('S')}")
    else:
        mariadb.sql(node, f"SET GLOBAL wsrep_provider_options='{option}={value}'")
