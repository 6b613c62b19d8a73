"""The checks of ocfpy.testing: the agents here pass all of them, and each check finds an agent that is wrong."""

import http.server
import threading

import pytest

from ocfpy.testing import CHECKS, CheckFailed, TestedAgent, run_check
from ocfpy.testing.checks import SETTLE
from tests.support.checkout import ROOT
from tests.support.network import Network

EVERY_CHECK = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
TOKEN = "to ken/1"


def example(name, tmp_path, parameters, **options):
    """Return an example as an agent of this checkout: its own interpreter line ignores PYTHONPATH."""
    path = tmp_path / name
    text = (ROOT / "examples" / name).read_text(encoding="utf-8")
    path.write_text(text.replace("python3 -IB", "python3 -B", 1), encoding="utf-8")
    path.chmod(0o755)
    return TestedAgent(str(path), parameters, str(tmp_path), environ={"PYTHONPATH": str(ROOT)}, **options)


@EVERY_CHECK
def test_active_marker(check, tmp_path):
    run_check(check, example("active_marker", tmp_path, {"path": str(tmp_path / "marker")}))


@EVERY_CHECK
def test_background_program(check, tmp_path):
    run_check(check, example("background_program", tmp_path, {"command": "sleep 1000"}))


@EVERY_CHECK
def test_promotable_marker(check, tmp_path):
    run_check(check, example("promotable_marker", tmp_path, {}))


class Switch(http.server.BaseHTTPRequestHandler):
    """What http_switch switches on and off."""

    is_on = False

    def answer(self):
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self.send_error(403, f"not {self.headers['Authorization']}")
            return
        type(self).is_on = {"PUT": True, "DELETE": False}.get(self.command, self.is_on)
        body = b"on" if self.is_on else b"off"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def switch():
    """Return the URL of a switch."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Switch) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/switch"
        server.shutdown()


# A stop that cannot reach its switch must fail: the switch may be on.
@pytest.mark.parametrize(
    "check", [each for each in CHECKS if each.__name__ != "stops_whatever_the_values"], ids=lambda each: each.__name__
)
def test_http_switch(check, tmp_path, switch):
    run_check(check, example("http_switch", tmp_path, {"url": switch, "token": TOKEN}, secrets=("token",)))


def test_a_server_that_dribbles_does_not_keep_an_action_beyond_its_timeout(tmp_path):
    class Dribble(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            while not closing.wait(0.05):
                self.wfile.write(b" ")

        def log_message(self, *_):
            pass

    closing = threading.Event()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Dribble) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        agent = example("http_switch", tmp_path, {"url": url, "token": TOKEN})
        environ = agent.environ("monitor", timeout=2)
        result = agent.run("monitor", environ=environ)
        closing.set()
        server.shutdown()
    assert (result.code, result.reasons) == (1, ["monitor: not done within the operation's timeout of 2s"])


@EVERY_CHECK
def test_vip_client_reset(check, tmp_path):
    with Network("10.0.0.9"):
        run_check(check, TestedAgent(str(ROOT / "agents/vip_client_reset"), {"ip": "10.0.0.9"}, str(tmp_path)))


@EVERY_CHECK
def test_galera_sync_guard(check, tmp_path):
    parameters = {"mode": "score", "port": "3306"}  # which starts without a server
    run_check(check, TestedAgent(str(ROOT / "agents/galera_sync_guard"), parameters, str(tmp_path)))


# A shell agent that keeps all promises, with one place to break each.
GOOD = {
    "name": "bad",
    "meta-data": 'cat "$0.xml"',
    "start": 'touch "$state"; exit 0',
    "stop": 'rm -f "$state"; exit 0',
    "monitor": '[ -e "$state" ] && exit 0; exit 7',
    "validate-all": "exit 0",
    "*": "exit 3",
}
METADATA = """<?xml version="1.0"?>
<resource-agent name="{name}" version="1"><version>1.1</version>
<longdesc lang="en">Bad.</longdesc><shortdesc lang="en">Bad</shortdesc>
<parameters><parameter name="token" unique="0" required="0"><longdesc lang="en">Token.</longdesc>
<shortdesc lang="en">Token</shortdesc><content type="string"/></parameter></parameters>
<actions>{actions}</actions></resource-agent>
"""
ACTION = '<action name="{}" timeout="10s"/>'

# check -> (what is wrong, the broken places of GOOD)
WRONG = {
    "describes_itself": [("another name", {"name": "good"}), ("needs a parameter", {"meta-data": "exit 6"})],
    "has_valid_metadata": [("no DTD knows it", {"meta-data": "echo '<resource-agent/>'"})],
    "refuses_unknown_actions": [("everything succeeds", {"*": "exit 0"})],
    "starts_and_stops": [
        ("a second start fails", {"start": '[ -e "$state" ] && exit 1; touch "$state"; exit 0'}),
        ("a second stop fails", {"stop": 'rm "$state"; exit $?'}),
        ("monitor does not know", {"monitor": "exit 0"}),
        ("stop leaves a process", {"start": 'touch "$state"; sleep 1000 >/dev/null 2>&1 & exit 0'}),
    ],
    "probes_without_a_trace": [("a probe makes a file", {"monitor": 'touch "$HA_RSCTMP/probed"; exit 7'})],
    "stops_whatever_the_values": [("stop validates", {"stop": "case $OCF_RESKEY_token in -*) exit 6; esac; exit 0"})],
    "survives_kills": [
        (
            "start cannot be cleaned up",
            {"start": 'mkdir "$state.d" || exit 1; sleep 0.2; rmdir "$state.d"; touch "$state"; exit 0'},
        ),
    ],
    "lets_its_caller_go": [("a daemon holds the output", {"start": 'sleep 1000 & touch "$state"; exit 0'})],
    "monitors_side_by_side": [
        (
            "a lock",
            {"monitor": '[ -e "$state" ] || exit 7; mkdir "$state.d" || exit 1; sleep 0.2; rmdir "$state.d"; exit 0'},
        ),
    ],
    "gives_one_reason": [
        ("no reason", {"start": 'case $OCF_RESKEY_token in -*) exit 6; esac; touch "$state"; exit 0'})
    ],
    "keeps_its_secrets": [
        ("monitor shows it", {"monitor": 'echo "token=$OCF_RESKEY_token"; [ -e "$state" ] && exit 0; exit 7'})
    ],
}
BY_NAME = {check.__name__: check for check in CHECKS}


def shell_agent(tmp_path, **broken):
    """Return an agent in shell that keeps its promises but for what is broken."""
    places = {**GOOD, **{name.replace("_", "-"): text for name, text in broken.items()}}
    name = places.pop("name")
    cases = "\n".join(f"{action}) {body} ;;" for action, body in places.items())
    path = tmp_path / "bad"
    path.write_text(f"#!/bin/sh\nstate=$HA_RSCTMP/state\ncase $1 in\n{cases}\nesac\n")
    path.chmod(0o755)
    actions = "".join(ACTION.format(action) for action in ("start", "stop", "monitor", "meta-data", "validate-all"))
    (tmp_path / "bad.xml").write_text(METADATA.format(name=name, actions=actions))
    return TestedAgent(str(path), {"token": TOKEN}, str(tmp_path), secrets=("token",))


@EVERY_CHECK
def test_a_good_agent_passes(check, tmp_path):
    if check.__name__ == "has_valid_metadata":
        return  # without a DOCTYPE it is not valid for the DTD
    run_check(check, shell_agent(tmp_path))


@pytest.mark.parametrize(
    ("name", "broken"),
    [pytest.param(name, broken, id=f"{name}: {what}") for name, cases in WRONG.items() for what, broken in cases],
)
def test_a_broken_promise_is_found(name, broken, tmp_path):
    agent = shell_agent(tmp_path, **{place.replace("-", "_"): body for place, body in broken.items()})
    with pytest.raises(CheckFailed) as raised:
        run_check(BY_NAME[name], agent)
    assert str(raised.value)
    assert not agent.processes()


def test_there_is_a_broken_agent_for_each_check():
    assert set(WRONG) == set(BY_NAME)
    assert SETTLE > 1
