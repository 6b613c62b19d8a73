"""The checks of ocfpy.testing: the agents here pass all of them, and each check finds an agent that is wrong."""

import http.server
import re
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from ocfpy.testing import CHECKS, CheckFailed, TestedAgent, run_check
from tests.support.checkout import ROOT
from tests.support.network import Network

pytest_plugins = ["pytester"]
TOKEN = "to ken/1"


def example(name, tmp_path, parameters, **options):
    """Return an example as an agent of this checkout: its own interpreter line ignores PYTHONPATH."""
    path = tmp_path / name
    text = (ROOT / "examples" / name).read_text(encoding="utf-8")
    path.write_text(text.replace("python3 -IB", "python3 -B", 1), encoding="utf-8")
    path.chmod(0o755)
    return TestedAgent(str(path), parameters, str(tmp_path), environ={"PYTHONPATH": str(ROOT)}, **options)


def test_a_checkout_is_made_for_developing_as_printed(tmp_path):
    """The commands of docs/dev/ocfpy.md, in a checkout of which nothing is installed."""
    for name in ("ocfpy", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    text = (ROOT / "docs/dev/ocfpy.md").read_text(encoding="utf-8")
    section = text.partition("## Developing in a checkout")[2].partition("\n## ")[0]
    *prepare, check = re.findall(r"^    (\S.*)$", section, re.MULTILINE)
    environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    subprocess.run(["sh", "-ec", "\n".join(prepare)], cwd=tmp_path, env=environ, check=True)
    agent = tmp_path / "build/active_marker"
    assert "-I" in agent.read_text(encoding="utf-8").splitlines()[0]
    assert check.startswith("python3 -B -m ocfpy.testing build/active_marker path=/")
    check = check.partition(" path=")[0] + f" path={tmp_path}/marker --only starts_and_stops"
    done = subprocess.run(["sh", "-c", check], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, "ok    starts_and_stops" in done.stdout) == (0, True), done.stdout + done.stderr


def test_active_marker(ocf_check, tmp_path):
    ocf_check(example("active_marker", tmp_path, {"path": str(tmp_path / "marker")}))


def test_background_program(ocf_check, tmp_path):
    ocf_check(example("background_program", tmp_path, {"command": "sleep 1000"}))


def test_promotable_marker(ocf_check, tmp_path):
    ocf_check(example("promotable_marker", tmp_path, {}))


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


@pytest.mark.ocf_except("stops_whatever_the_values", reason="a switch that cannot be reached may be on")
def test_http_switch(ocf_check, tmp_path, switch):
    ocf_check(example("http_switch", tmp_path, {"url": switch, "token": TOKEN}, secrets=("token",)))


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


def test_vip_client_reset(ocf_check, tmp_path):
    with Network("10.0.0.9"):
        ocf_check(TestedAgent(str(ROOT / "agents/vip_client_reset"), {"ip": "10.0.0.9"}, str(tmp_path)))


def test_galera_sync_guard(ocf_check, tmp_path):
    parameters = {"mode": "score", "port": "3306"}  # which starts without a server
    ocf_check(TestedAgent(str(ROOT / "agents/galera_sync_guard"), parameters, str(tmp_path)))


# A shell agent that keeps all promises, with one place to break each. It calls no command that could hang.
GOOD = {
    "name": "bad",
    "meta-data": 'cat "$0.xml"',
    "start": 'case $role in up | promoted) ;; *) echo up >"$state" ;; esac; exit 0',
    "stop": 'echo down >"$state"; exit 0',
    "monitor": "case $role in up) exit 0 ;; promoted) exit 8 ;; *) exit 7 ;; esac",
    "promote": 'echo promoted >"$state"; exit 0',
    "demote": 'echo up >"$state"; exit 0',
    "notify": "exit 0",
    "validate-all": "exit 0",
    "*": "exit 3",
}
AGENT = """#!/bin/sh
state=$HA_RSCTMP/state
role=down
[ -e "$state" ] && read -r role <"$state"
case $1 in
{cases}
esac
"""
METADATA = """<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="{name}" version="1"><version>1.1</version>
<longdesc lang="en">Bad.</longdesc><shortdesc lang="en">Bad</shortdesc>
<parameters><parameter name="token" unique="0" required="0"><longdesc lang="en">Token.</longdesc>
<shortdesc lang="en">Token</shortdesc><content type="string"/></parameter></parameters>
<actions>{actions}</actions></resource-agent>
"""
ACTION = '<action name="{}" timeout="10s"/>'

# check -> (what is wrong, the broken places of GOOD)
WRONG = {
    "describes_itself": [
        ("another name", {"name": "good"}),
        ("needs a parameter", {"meta-data": "exit 6"}),
        ("is for root alone", {"meta-data": '[ "$(id -u)" = 0 ] && cat "$0.xml"'}),
    ],
    "has_valid_metadata": [("no DTD knows it", {"meta-data": "echo '<resource-agent/>'"})],
    "refuses_unknown_actions": [("everything succeeds", {"*": "exit 0"})],
    "accepts_its_parameters": [("validate-all wants a server", {"validate-all": "exit 5"})],
    "starts_and_stops": [
        ("a second start fails", {"start": '[ "$role" = up ] && exit 1; echo up >"$state"; exit 0'}),
        ("a second stop fails", {"stop": '[ "$role" = up ] || exit 1; echo down >"$state"; exit 0'}),
        ("monitor does not know", {"monitor": "exit 0"}),
        ("stop leaves a process", {"start": 'echo up >"$state"; sleep 1000 >/dev/null 2>&1 & exit 0'}),
    ],
    "promotes_and_demotes": [
        ("a second demote fails", {"demote": '[ "$role" = promoted ] || exit 1; echo up >"$state"; exit 0'}),
        ("monitor does not know the role", {"monitor": '[ "$role" = down ] && exit 7; exit 0'}),
    ],
    "takes_notices": [("notify fails", {"notify": "exit 1"})],
    "probes_without_a_trace": [
        ("a probe makes a file", {"monitor": ': >"$HA_RSCTMP/probed"; exit 7'}),
        ("a probe changes a file", {"monitor": 'echo probed >"$state"; exit 7'}),
        ("a probe needs a command", {"monitor": '[ "$OCF_TESTER_FAIL_HAVE_BINARY" ] && exit 1; exit 7'}),
    ],
    "stops_whatever_the_values": [("stop validates", {"stop": "case $OCF_RESKEY_token in -*) exit 6; esac; exit 0"})],
    "survives_kills": [
        (
            "start cannot be cleaned up",
            {"start": 'mkdir "$state.d" || exit 1; sleep 0.2; rmdir "$state.d"; echo up >"$state"; exit 0'},
        ),
    ],
    "survives_kills_at_commands": [
        (
            "start cannot be cleaned up",
            {"start": 'mkdir "$state.d" || exit 1; ls >/dev/null; rmdir "$state.d"; echo up >"$state"; exit 0'},
        ),
    ],
    "ends_in_time": [
        ("it waits for a command", {"monitor": '[ "$role" = up ] || exit 7; ls >/dev/null; exit 0'}),
        ("it leaves a command", {"stop": 'echo down >"$state"; timeout -s KILL 1 sh -c "setsid ls & wait"; exit 0'}),
    ],
    "lets_its_caller_go": [("a daemon holds the output", {"start": 'sleep 1000 & echo up >"$state"; exit 0'})],
    "monitors_side_by_side": [
        (
            "a lock",
            {"monitor": '[ "$role" = up ] || exit 7; mkdir "$state.d" || exit 1; sleep 0.2; rmdir "$state.d"; exit 0'},
        ),
    ],
    "gives_one_reason": [
        ("no reason", {"start": 'case $OCF_RESKEY_token in -*) exit 6; esac; echo up >"$state"; exit 0'})
    ],
    "keeps_its_secrets": [("monitor shows it", {"monitor": 'echo "token=$OCF_RESKEY_token"; exit 7'})],
}
# tests/package/test_ocfpy.py breaks it, where pcs and crmsh are installed.
ELSEWHERE = {"is_understood_by_tools"}
BY_NAME = {check.__name__: check for check in CHECKS}


def shell_agent(tmp_path, **broken):
    """Return an agent in shell that keeps its promises but for what is broken."""
    places = {**GOOD, **{name.replace("_", "-"): text for name, text in broken.items()}}
    name = places.pop("name")
    path = tmp_path / "bad"
    path.write_text(AGENT.format(cases="\n".join(f"{action}) {body} ;;" for action, body in places.items())))
    path.chmod(0o755)
    actions = "".join(ACTION.format(action) for action in [*places, "meta-data"][1:] if action != "*")
    (tmp_path / "bad.xml").write_text(METADATA.format(name=name, actions=actions))
    return TestedAgent(str(path), {"token": TOKEN}, tmp_path, secrets=("token",))


@pytest.fixture
def public_path():
    """Return a directory that any user can reach."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        path.chmod(0o755)
        yield path


def test_a_good_agent_passes(ocf_check, public_path):
    ocf_check(shell_agent(public_path))


@pytest.mark.parametrize(
    ("name", "broken"),
    [pytest.param(name, broken, id=f"{name}: {what}") for name, cases in WRONG.items() for what, broken in cases],
)
def test_a_broken_promise_is_found(name, broken, public_path):
    agent = shell_agent(public_path, **{place.replace("-", "_"): body for place, body in broken.items()})
    with pytest.raises(CheckFailed) as raised:
        run_check(BY_NAME[name], agent)
    assert str(raised.value)
    assert not agent.processes()


def test_there_is_a_broken_agent_for_each_check():
    assert set(WRONG) | ELSEWHERE == set(BY_NAME)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_each_check_says_why(check):
    assert check.__doc__


class TestPlugin:
    """What `pytest -p ocfpy.testing.plugin` makes of a test with `ocf_check`."""

    @pytest.fixture
    def run_pytest(self, pytester, monkeypatch, public_path):
        """Run pytest on a test of a shell agent, with a line before it."""
        shell_agent(public_path, monitor="exit 0")

        def run(line=""):
            pytester.makepyfile(
                f"""
                import pytest
                from ocfpy.testing import TestedAgent

                {line}
                def test_agent(ocf_check, tmp_path):
                    ocf_check(TestedAgent("{public_path}/bad", {{"token": "x"}}, tmp_path))
                """
            )
            chosen = "refuses or side_by_side"
            return pytester.runpytest_subprocess("-p", "ocfpy.testing.plugin", "--strict-markers", "-k", chosen, "-v")

        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        return run

    def test_each_check_is_a_test(self, run_pytest):
        result = run_pytest()
        result.stdout.fnmatch_lines(["*::test_agent?refuses_unknown_actions? PASSED*"])
        result.assert_outcomes(passed=2, deselected=len(CHECKS) - 2)

    def test_a_check_is_left_out_by_its_name(self, run_pytest):
        result = run_pytest('@pytest.mark.ocf_except("refuses_unknown_actions", reason="is old")')
        result.assert_outcomes(passed=1, deselected=len(CHECKS) - 2)

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ('@pytest.mark.ocf_except("no_such_check", reason="is old")', "no check has the name no_such_check"),
            ('@pytest.mark.ocf_except("ends_in_time")', "ocf_except needs a reason"),
        ],
    )
    def test_a_wrong_exemption_is_an_error(self, run_pytest, line, message):
        result = run_pytest(line)
        assert message in result.stdout.str() + result.stderr.str()
        assert result.ret
