"""ocfpy as a library for others: the agent of examples/, installed as docs/dev/ocfpy.md says, is an agent."""

import pytest

from laboratory import rootfs

NAME = "active_marker"
AGENT = "/usr/lib/ocf/resource.d/custom/" + NAME
MARKER = "/run/active-node"


@pytest.fixture(scope="module")
def host(deb):
    """A machine with the package, Pacemaker, pcs and crmsh, and no cluster running."""
    with rootfs.plain_machine(rootfs.with_packages([deb]), "host") as machine:
        machine.run(["install", "-m", "755", "/usr/share/doc/galera-sync-guard/examples/" + NAME, AGENT])
        yield machine


def act(host, action, **parameters):
    environment = {"OCF_ROOT": "/usr/lib/ocf", "OCF_RESOURCE_INSTANCE": "marker"}
    environment |= {"OCF_RESKEY_" + name: value for name, value in parameters.items()}
    return host.run([AGENT, action], check=False, env=environment)


def test_ocf_tester_passes(host):
    done = host.run(["ocf-tester", "-n", "test", "-o", "path=" + MARKER, AGENT], check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"{AGENT} passed all tests"


@pytest.mark.parametrize(
    "tool",
    [
        ["pcs", "resource", "describe", "ocf:custom:" + NAME],
        ["crm", "ra", "info", "ocf:custom:" + NAME],
        ["crm_resource", "--show-metadata", "ocf:custom:" + NAME],
    ],
    ids=["pcs", "crmsh", "pacemaker"],
)
def test_tools_understand_its_metadata(host, tool):
    assert "Made by start, removed by stop." in host.run(tool).stdout


def test_the_file_is_there_while_it_runs(host):
    assert act(host, "monitor", path=MARKER).returncode == 7
    assert act(host, "start", path=MARKER).returncode == 0
    assert host.read(MARKER) == "made by marker\n"
    assert act(host, "monitor", path=MARKER).returncode == 0
    assert act(host, "stop", path=MARKER).returncode == 0
    assert act(host, "monitor", path=MARKER).returncode == 7


def test_a_wrong_value_is_named_and_does_not_keep_it_from_stopping(host):
    done = act(host, "start", path="here")
    assert done.returncode == 6
    assert done.stderr == "ocf-exit-reason:parameter path: 'here' is not allowed, must be an absolute path\n"
    assert act(host, "stop", path="here").returncode == 0
