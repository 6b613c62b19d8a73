"""The tools that look at an agent, with a real Synced node behind it: ocf-tester, xmllint, pcs, crmsh, crm_resource."""

import pytest

from tests.mariadb.guard import AGENT

NAME = "ocf:custom:galera_sync_guard"
EVERY_PARAMETER = (
    "mode",
    "attribute",
    "socket",
    "host",
    "port",
    "user",
    "os_user",
    "defaults_file",
    "ssl_ca",
    "ssl_cert",
    "ssl_key",
    "probe_timeout",
    "available_when_donor",
    "available_when_readonly",
    "donor_grace",
    "saturation_grace",
    "unknown_grace",
    "recovery_hold",
    "connection_limit",
    "max_recv_queue",
    "min_cluster_size",
    "maintenance_file",
)


@pytest.mark.parametrize("options", [[], ["-o", "mode=score"]], ids=["mode=fail", "mode=score"])
def test_ocf_tester_passes_on_a_synced_node(node, options):
    done = node.run(["ocf-tester", "-n", "tested", *options, AGENT], check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"{AGENT} passed all tests"


@pytest.mark.parametrize(
    "tool",
    [
        ["pcs", "resource", "describe", NAME],
        ["crm", "ra", "info", NAME],
        ["crm_resource", "--show-metadata", NAME],
    ],
    ids=lambda tool: tool[0],
)
def test_tools_of_the_cluster_can_describe_it(node, tool):
    shown = node.run(tool).stdout
    assert "virtual IP" in shown
    assert [name for name in EVERY_PARAMETER if name not in shown] == []


def test_metadata_is_valid_for_the_dtd_of_ocf_tester_and_the_schema_of_ocf_1_1(node):
    node.write("/usr/share/resource-agents/galera_sync_guard.xml", node.run([AGENT, "meta-data"]).stdout)
    node.shell("cd /usr/share/resource-agents && xmllint --noout --valid galera_sync_guard.xml")
    node.shell(
        "cd /usr/share/resource-agents &&"
        " xmllint --noout --relaxng /usr/share/pcs/data/ocf-1.1.rng galera_sync_guard.xml"
    )
