"""ocfpy as a library for others: the tutorial of docs/dev/ocfpy.md as printed, and the installed examples."""

import re

import pytest

from laboratory import rootfs
from tests.support.checkout import ROOT

NAME = "active_marker"
DIRECTORY = "/usr/lib/ocf/resource.d/custom/"
AGENT = DIRECTORY + NAME
MARKER = "/run/active-node"
CIB = "/root/cib.xml"
# Without a cluster pcs takes the configuration's file as an option.
PCS = f'#!/bin/sh\nexec /usr/sbin/pcs -f {CIB} "$@"\n'

SWITCH = """
import http.server

class Switch(http.server.BaseHTTPRequestHandler):
    is_on = False

    def answer(self):
        Switch.is_on = {"PUT": True, "DELETE": False}.get(self.command, self.is_on)
        self.send_response(200 if self.headers["Authorization"] == "Bearer token" else 403)
        self.end_headers()
        self.wfile.write(b"on" if self.is_on else b"off")

    do_GET = do_PUT = do_DELETE = answer

http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Switch).serve_forever()
"""
EXAMPLES = {
    NAME: ["path=" + MARKER],
    "background_program": ["command=sleep 1000"],
    "promotable_marker": ["priority=5"],
    "http_switch": ["url=http://127.0.0.1:8080/", "token=token"],
}


@pytest.fixture(scope="module")
def host(deb):
    """A machine with the package, Pacemaker, pcs and crmsh, and no cluster running."""
    with rootfs.plain_machine(rootfs.with_packages([deb]), "host") as machine:
        for name in EXAMPLES:
            machine.run(["install", "-m", "755", "/usr/share/doc/galera-sync-guard/examples/" + name, DIRECTORY])
        machine.write("/root/switch.py", SWITCH)
        machine.shell("setsid python3 /root/switch.py >/dev/null 2>&1 &")
        yield machine


def act(host, action, **parameters):
    environment = {"OCF_ROOT": "/usr/lib/ocf", "OCF_RESOURCE_INSTANCE": "marker"}
    environment |= {"OCF_RESKEY_" + name: value for name, value in parameters.items()}
    return host.run([AGENT, action], check=False, env=environment)


@pytest.mark.parametrize("name", EXAMPLES)
def test_ocf_tester_passes(host, name):
    options = [word for parameter in EXAMPLES[name] for word in ("-o", parameter)]
    done = host.run(["ocf-tester", "-n", "test", *options, DIRECTORY + name], check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"{DIRECTORY + name} passed all tests"


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_check_of_ocfpy_passes(host, name):
    # A switch that cannot be reached may be on: that stop must fail.
    options = ["--except", "stops_whatever_the_values", "--secret", "token"] if name == "http_switch" else []
    command = ["python3", "-m", "ocfpy.testing", DIRECTORY + name, *options, *EXAMPLES[name]]
    done = host.run(command, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_metadata_that_a_tool_refuses_is_found(host):
    # crmsh 4.4 takes no encoding.
    agent = DIRECTORY + "declares_encoding"
    declare = """sed 's|version="1.0"?>|version="1.0" encoding="utf-8"?>|'"""
    body = f'#!/bin/sh\n[ "$1" = meta-data ] || exit 3\n{AGENT} meta-data | {declare}\n'
    host.write(agent, body, mode=0o755)
    command = ["python3", "-m", "ocfpy.testing", agent, "path=/run/x", "--only", "is_understood_by_tools"]
    done = host.run(command, check=False, timeout=120)
    assert (done.returncode, "FAIL  is_understood_by_tools: crm ra info" in done.stdout) == (1, True), done.stdout


def test_the_tutorial_does_what_it_says(host):
    host.run(["mkdir", "/root/bin"])
    host.write("/root/bin/pcs", PCS, mode=0o755)
    host.shell(f"cibadmin --empty >{CIB}")
    host.run(["rm", "-f", AGENT, MARKER])
    text = (ROOT / "docs/dev/ocfpy.md").read_text(encoding="utf-8")
    tutorial = text.partition("## Tutorial")[2].partition("\n## ")[0]
    commands = re.findall(r"^ {7}(\S.*)$", tutorial, re.MULTILINE)
    install, start, wrong, tester, create = commands
    host.shell(install)
    assert host.shell(start) == ""
    assert host.read(MARKER) == "made by default\n"
    host.shell(start.replace(" start", " stop"))
    assert host.run(["test", "-e", MARKER], check=False).returncode == 1
    done = host.run(["sh", "-c", wrong], check=False)
    said = re.search(r"one line: `(.*)`", tutorial)
    assert (done.returncode, done.stderr) == (6, f"ocf-exit-reason:{said[1]}\n")
    assert host.shell(tester).endswith("passed all tests\n")
    host.shell(f"PATH=/root/bin:$PATH; {create}")
    assert 'type="active_marker"' in host.read(CIB)


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
