"""Makes a mistake in the settings of a node, and lets check and its commands fix it."""

from laboratory import mariadb, pacemaker
from laboratory.pacemaker import GUARD_NAME
from laboratory.scene import wait_normal
from tests.cluster.operator_command import mend

# Read after the laboratory's own, and before those that check's commands make.
OPTION_FILE = "/etc/mysql/mariadb.conf.d/99-mistake.cnf"

MADE_BY_CHECK = "/etc/mysql/mariadb.conf.d/zz-*.cnf"


def find_and_mend(laboratory, setting):
    """Make the mistake on a node without the VIP, and let check and its commands mend it."""
    node = laboratory.peers(laboratory.vip_node)[0]
    try:
        make(node, setting)
        assert mend(laboratory, node, setting.finding)["severity"] == setting.severity
        wait_normal(laboratory)
    finally:
        undo(node, setting)
    wait_normal(laboratory)


def make(node, setting):
    if setting.line:
        node.write(OPTION_FILE, f"[mariadbd]\n{setting.line}\n")
        node.run(["systemctl", "restart", "mariadb"], timeout=120)
    if setting.provider:
        option, wrong, _ = setting.provider
        set_provider(node, option, wrong)
    if setting.parameter:
        pacemaker.pcs(node, "resource", "update", GUARD_NAME, setting.parameter)


def undo(node, setting):
    """Leave the settings as they were before; what the server has read is so already."""
    node.shell(f"rm -f {OPTION_FILE} {MADE_BY_CHECK}")
    if setting.provider:
        option, _, right = setting.provider
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
