"""The second agent on a host with everything: ocf-tester, and the tools of the cluster that describe it."""

import pytest

from laboratory import rootfs

AGENT = "/usr/lib/ocf/resource.d/custom/vip_client_reset"
NAME = "ocf:custom:vip_client_reset"


@pytest.fixture(scope="module")
def host(deb):
    """A machine with the package, Pacemaker, pcs and crmsh, and no cluster running."""
    with rootfs.plain_machine(rootfs.with_packages([deb]), "host") as machine:
        yield machine


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_ocf_tester_passes(host, address):
    # In a network of its own: there is nothing of this host's that a test may reset or hold off.
    done = host.run(
        ["unshare", "--net", "ocf-tester", "-n", "tested", "-o", "ip=" + address, AGENT], check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"{AGENT} passed all tests"


@pytest.mark.parametrize(
    "tool",
    [
        ["pcs", "resource", "describe", NAME],
        ["crm", "ra", "info", NAME],
        ["crm_resource", "--show-metadata", NAME],
        ["xmllint", "--noout", "--valid", "--path", "/usr/share/resource-agents", "/tmp/metadata.xml"],
        ["xmllint", "--noout", "--relaxng", "/usr/share/pcs/data/ocf-1.1.rng", "/tmp/metadata.xml"],
    ],
    ids=["pcs", "crmsh", "pacemaker", "DTD of ocf-tester", "schema of OCF 1.1"],
)
def test_tools_understand_its_metadata(host, tool):
    host.write("/tmp/metadata.xml", host.run([AGENT, "meta-data"]).stdout)
    shown = host.run(["sh", "-c", 'cd /usr/share/resource-agents && exec "$@"', "sh", *tool])
    if tool[0] != "xmllint":
        assert "virtual IP" in shown.stdout
        assert "ports" in shown.stdout
