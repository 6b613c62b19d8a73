"""The command as a black box: one line and a documented exit code for whatever is missing, never a traceback."""

import json
import os
import pty
import re
import signal
import subprocess
import sys

import pytest

from galera_sync_guard.cli.advice import ADVICE
from galera_sync_guard.cli.cib.recipe import MADE_BY_SETUP
from galera_sync_guard.cli.exit_codes import ExitCode
from galera_sync_guard.cli.main import parser
from galera_sync_guard.decision.states import STATES
from tests.support.guard import CHECKOUT, SYSTEM_PATH
from tests.support.server import error
from tests.support.situations import NOW, Situation

COMMAND = CHECKOUT / "bin/galera-sync-guard"
MAIN = (
    "import os, sys; from galera_sync_guard.cli.main import main;"
    " sys.exit(main(sys.argv, os.environ, sys.stdin, sys.stdout, sys.stderr))"
)

CIB = """<cib><configuration><crm_config/><nodes/><resources><clone id="galera-guard-clone"><primitive id="galera-guard"
 class="ocf" provider="custom" type="galera_sync_guard"><instance_attributes id="i">%s</instance_attributes></primitive>
</clone></resources><constraints/></configuration><status/></cib>"""


class Command:
    """The command on a machine whose Pacemaker tools are shell scripts."""

    def __init__(self, directory, guard):
        self.tools = directory / "tools"
        self.tools.mkdir()
        self.guard = guard
        # No name of the host's own tools: what is not here is not installed.
        self.path = str(self.tools)

    def tool(self, name, script):
        file = self.tools / name
        file.write_text("#!/bin/sh\n" + script)
        file.chmod(0o755)

    def cluster(self, **parameters):
        """Let cibadmin answer with a guard that has these parameters."""
        pairs = "".join(
            f'<nvpair id="p-{name}" name="{name}" value="{value}"/>'
            for name, value in (self.guard.parameters | parameters).items()
        )
        (self.tools / "cib.xml").write_text(CIB % pairs)
        self.tool("cibadmin", f"exec /bin/cat {self.tools}/cib.xml")
        self.tool("crm_node", "echo n1")
        self.tool("corosync-cmapctl", "echo 'quorum.wait_for_all (u8) = 1'")
        return self

    def run(self, *arguments, **environ):
        environ = {"PATH": self.path, "HA_RSCTMP": self.guard.environment["HA_RSCTMP"], **environ}
        # As on a machine without Pacemaker's tools: by itself the command looks into the system's directories too.
        script = f"from galera_sync_guard.cli import host; host.SEARCH_PATH = {self.path!r}; {MAIN}"
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            cwd=CHECKOUT,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stdout + done.stderr
        assert "internal error" not in done.stderr, done
        assert "\033" not in done.stdout + done.stderr
        return done


@pytest.fixture
def command(tmp_path, guard, monkeypatch):
    return Command(tmp_path, guard)


def here(guard):
    """Return the words that point explain at a guard's socket and maintenance file."""
    return ["{}={}".format(*pair) for pair in guard.parameters.items()]


class TestExplain:
    def test_fit(self, command, guard, server):
        done = command.run("explain", *here(guard))
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, "fit, synced: wsrep_local_state=4 (Synced)")
        assert "SHOW STATUS" in done.stdout
        assert " ms" in done.stdout

    def test_json_has_facts_verdict_consequences_and_times(self, command, guard, server):
        found = json.loads(command.run("explain", "--json", *here(guard)).stdout)
        assert found["verdict"] == {
            "state": "synced",
            "kind": "fit",
            "score": "1000",
            "reason": "synced: wsrep_local_state=4 (Synced)",
        }
        assert found["facts"]["wsrep_on"] == "ON"
        assert {"configuration", "log in", "SHOW STATUS", "SHOW VARIABLES"} <= set(found["seconds"])

    @pytest.mark.parametrize(
        ("variable", "value", "state"),
        [
            ("read_only", "ON", "read-only"),
            ("wsrep_reject_queries", "ALL", "rejecting"),
            ("wsrep_local_state", "1", "joining"),
            ("Threads_connected", "200", "saturated"),
            ("wsrep_on", "OFF", "wsrep-off"),
        ],
    )
    def test_never_disagrees_with_the_monitor(self, command, guard, server, variable, value, state):
        server.values[variable] = value
        guard.started()
        guard.monitor()
        command.cluster()
        # The stand-in for attrd_updater knows no peer, as the guard's own.
        found = json.loads(command.run("explain", "--resource", "galera-guard", "--json").stdout)
        assert found["verdict"]["state"] == state
        assert guard.published[1] == state

    def test_publishes_and_remembers_nothing(self, command, guard, server):
        guard.started()
        before = guard.state_file.read_text()
        command.path = f"{guard.attrd.directory}:{command.tools}"
        server.values["read_only"] = "ON"
        assert command.run("explain", *here(guard)).returncode == 1
        assert guard.state_file.read_text() == before
        assert guard.attrd.updates == []

    def test_server_down(self, command, guard):
        done = command.run("explain", *here(guard))
        assert (done.returncode, done.stdout.splitlines()[0]) == (
            1,
            f"unfit, down: {guard.parameters['socket']}: No such file or directory",
        )

    def test_wrong_password(self, command, guard, server):
        server.trouble["login"] = error(1045, "Access denied for user 'root'@'localhost'", "28000")
        done = command.run("explain", *here(guard))
        assert (done.returncode, done.stdout.splitlines()[0]) == (
            3,
            "unknown, unknown: error 1045: Access denied for user 'root'@'localhost'",
        )

    def test_value_that_is_not_allowed(self, command, guard, server):
        done = command.run("explain", "port=none", *here(guard))
        assert (done.returncode, "parameter port: 'none' is not allowed" in done.stdout.splitlines()[0]) == (3, True)

    @pytest.mark.parametrize("words", [["nonsense=1"], ["nonsense"]])
    def test_parameter_that_does_not_exist(self, command, words):
        assert command.run("explain", *words).returncode == 2

    def test_every_state_has_its_advice(self):
        assert list(ADVICE)
        assert set(ADVICE) == {state.name for state in STATES}


# What keeps the cluster from being asked: (tool, what it does, words of the line)
TROUBLES = {
    "no tools": (None, "", "cibadmin is not installed on this node (package pacemaker-cli-utils)"),
    "no cluster": (
        "cibadmin",
        "echo 'Could not connect to the CIB: Transport endpoint is not connected' >&2; exit 102",
        "",
    ),
    "garbage": ("cibadmin", "echo garbage", "cibadmin is not valid XML"),
    "half a CIB": ("cibadmin", "echo '<cib><configuration>'", "cibadmin is not valid XML"),
    "broken CIB": (
        "cibadmin",
        "echo 'Update does not conform to the configured schema' >&2; exit 78",
        "the cluster's configuration is broken: Update does not conform to the configured schema",
    ),
    "no rights": ("cibadmin", "echo 'Permission denied' >&2; exit 4", ""),
}


class TestWithoutACluster:
    @pytest.fixture(params=TROUBLES)
    def trouble(self, request, command):
        tool, script, words = TROUBLES[request.param]
        if tool:
            command.tool(tool, script)
        return words

    @pytest.mark.parametrize(
        "arguments",
        [["status"], ["status", "--json"], ["setup", "--remove"], ["setup", "--remove", "--apply"]],
        ids=" ".join,
    )
    def test_one_line(self, command, trouble, arguments):
        done = command.run(*arguments)
        assert (done.returncode, done.stdout) == (3, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"galera-sync-guard {arguments[0]}: ")
        assert trouble in line

    def test_explain_looks_all_the_same_and_says_what_it_takes(self, command, guard, server, trouble):
        done = command.run("explain", *here(guard))
        assert (done.returncode, done.stderr) == (0, "")
        (note,) = [line for line in done.stdout.splitlines() if line.startswith("  note")]
        assert trouble in note
        assert note.endswith("these are the default parameters")

    def test_check_says_what_it_could_not_read(self, command, trouble):
        done = command.run("check")
        assert (done.returncode, done.stderr) == (3, "")
        assert [line for line in done.stdout.splitlines() if line.startswith("unread") and trouble in line]


class TestCheck:
    def test_login_that_fails(self, command, guard, server):
        server.trouble["login"] = error(1045, "Access denied for user 'root'@'localhost'", "28000")
        done = command.cluster().run("check", "--json")
        found = {each["name"]: each for each in json.loads(done.stdout)["findings"]}
        assert done.returncode == 1
        assert found["login"]["text"].endswith("error 1045: Access denied for user 'root'@'localhost'")

    def test_server_down(self, command, guard):
        done = command.cluster().run("check", "--json")
        assert json.loads(done.stdout)["unread"]["MariaDB"].endswith("No such file or directory")

    def test_who_may_not_log_in_as_the_guard_does_says_nothing_about_its_login(self, command, guard, server):
        server.trouble["login"] = error(1698, "Access denied for user 'root'@'localhost'", "28000")
        command.cluster()
        script = (
            "import io, os, sys; os.geteuid = lambda: 1000\n"
            "from galera_sync_guard.cli.main import main\n"
            "sys.exit(main(['galera-sync-guard', 'check', '--json'], os.environ, sys.stdin, sys.stdout, sys.stderr))"
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": command.path, "HA_RSCTMP": guard.environment["HA_RSCTMP"]},
        )
        said = json.loads(done.stdout)
        assert "error 1698" in said["unread"]["MariaDB"]
        assert "login" not in [each["name"] for each in said["findings"]]


class TestWatch:
    @pytest.fixture
    def watched(self, command):
        command.cluster().tool(
            "crm_mon",
            'echo \'<pacemaker-result><summary/><nodes><node name="n1" online="true"/></nodes></pacemaker-result>\'',
        )
        command.tool("attrd_updater", "echo '<pacemaker-result/>'")
        return command

    def start(self, command, *words, **options):
        return subprocess.Popen(
            [COMMAND, "status", "--watch", "0.1", *words],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={"PATH": command.path, "TERM": "xterm"},
            **options,
        )

    def test_on_a_terminal_each_screen_replaces_the_last_and_an_interrupt_is_its_end(self, watched):
        ours, theirs = pty.openpty()
        with self.start(watched, stdout=theirs) as process:
            os.close(theirs)
            seen = b""
            while seen.count(b"\033[H\033[2J") < 3:
                seen += os.read(ours, 65536)
            process.send_signal(signal.SIGINT)
            assert (process.wait(30), process.stderr.read()) == (0, b"")
        os.close(ours)
        assert b"\033[31m" in seen
        assert b"1 of 1 nodes online" in seen

    def test_for_a_program_each_look_is_a_line_also_when_the_cluster_does_not_answer(self, watched):
        with self.start(watched, "--json", stdout=subprocess.PIPE) as process:
            assert json.loads(process.stdout.readline())["nodes"] == {"n1": "online"}
            watched.tool("cibadmin.new", "exit 102")
            (watched.tools / "cibadmin.new").replace(watched.tools / "cibadmin")
            while "nodes" in (said := json.loads(process.stdout.readline())):
                continue
            assert list(said) == ["error"]
            process.send_signal(signal.SIGINT)
            process.stdout.read()
            assert process.wait(30) == 0


class TestWatchOfMoves:
    def test_a_move_between_two_looks_is_told_at_once_with_its_reason_and_one_back_hides_none(self, tmp_path):
        cluster = Situation()
        environ = cluster.write(tmp_path)

        def told(process, wanted):
            while True:
                guard = json.loads(process.stdout.readline())["guards"][0]
                moves = [(move["from_node"], move["to_node"], move["why"]) for move in guard["virtual_ips"][0]["moves"]]
                if moves[: len(wanted)] == wanted:
                    return

        words = [COMMAND, "status", "--watch", "3600", "--json"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, env=environ) as process:
            told(process, [(None, "node1", None)])
            cluster.tell("node1", "read-only", NOW)
            cluster.move("node1", "node2", NOW)
            cluster.write(tmp_path)
            away = ("node1", "node2", "read-only: read_only=ON, must be OFF")
            told(process, [away])
            cluster.tell("node2", "hung", NOW + 10)
            cluster.move("node2", "node1", NOW + 10)
            cluster.write(tmp_path)
            told(process, [("node2", "node1", "hung: no answer within 2s while connecting and logging in"), away])
            process.send_signal(signal.SIGINT)
            process.stdout.read()
            assert process.wait(30) == 0


class TestMaintenance:
    def test_on_and_off(self, command, guard, server):
        command.cluster().tool("crm_mon", "echo '<pacemaker-result><summary/><nodes/></pacemaker-result>'")
        file = guard.directory / "maintenance"
        done = command.run("maintenance", "on", "--reason", "new\n disk")
        assert (done.returncode, file.read_text()) == (0, "new disk\n")
        assert done.stdout.startswith("n1 is out of service for the virtual IP: new disk")
        assert guard.started().monitor().code == 0
        assert guard.published == ("-INFINITY", "maintenance")
        assert command.run("maintenance", "off").returncode == 0
        assert not file.exists()
        assert json.loads(command.run("maintenance", "--json").stdout)["maintenance"] is False
        assert command.run("maintenance", "off").returncode == 0

    def test_reason_is_cut_to_what_the_guard_reads(self, command, guard):
        command.cluster().tool("crm_mon", "echo '<pacemaker-result/>'")
        command.run("maintenance", "on", "--reason", "ü" * 300)
        assert (guard.directory / "maintenance").read_bytes() == "ü".encode() * 99 + b"\n"

    def test_a_reason_in_another_encoding_is_no_reason_to_stay_in_service(self, command, guard):
        command.cluster().tool("crm_mon", "echo '<pacemaker-result/>'")
        assert command.run("maintenance", "on", "--reason", b"disk \xe4 new").returncode == 0
        assert (guard.directory / "maintenance").read_text() == "disk ? new\n"

    def test_a_terminal_that_lacks_a_character_is_shown_the_rest(self, command, guard):
        command.cluster().tool("crm_mon", "echo '<pacemaker-result/>'")
        (guard.directory / "maintenance").write_text("disk \u2013 new\n")
        done = command.run("maintenance", PYTHONIOENCODING="latin-1")
        assert (done.returncode, done.stderr) == (0, "")
        assert r": disk \u2013 new (" in done.stdout

    def test_without_a_cluster(self, command, guard):
        done = command.run("maintenance")
        assert done.returncode == 0
        assert "these are the default parameters" in done.stdout

    def test_file_that_cannot_be_written(self, command, guard, tmp_path):
        command.cluster(maintenance_file="/proc/none/maintenance")
        done = command.run("maintenance", "on")
        assert (done.returncode, done.stderr.count("\n")) == (3, 1)
        assert "/proc/none/maintenance: " in done.stderr


class TestSetup:
    def test_prints_without_a_cluster(self, command):
        done = command.run("setup", "--vip", "10.1.2.3/24", "--nic", "eth1", "--os-user", "galera_guard")
        assert done.returncode == 0
        assert "ip=10.1.2.3 cidr_netmask=24 nic=eth1" in done.stdout
        assert "mode=score watch_interval=200ms vip=10.1.2.3 nic=eth1 os_user=galera_guard" in done.stdout

    @pytest.mark.parametrize(
        "words",
        [
            [],
            ["--vip", "nonsense"],
            ["--vip", "10.0.0.1/99"],
            ["--remove", "--vip", "10.0.0.1"],
            ["--vip", "10.0.0.1", "--os-user", "a", "--defaults-file", "/b"],
        ],
        ids=" ".join,
    )
    def test_wrong_words(self, command, words):
        assert command.run("setup", *words).returncode == 2

    def test_an_operating_system_user_that_does_not_exist(self, command):
        done = command.cluster().run("setup", "--vip", "10.0.0.1/32", "--apply", "--os-user", "nobody_has_this")
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line.endswith(
            "there is no such user on this node: adduser --system --no-create-home --home /nonexistent"
            " nobody_has_this (on every node)"
        )

    def test_a_login_that_fails_changes_nothing(self, command, guard):
        command.cluster()
        done = command.run("setup", "--vip", "10.0.0.1/32", "--apply", "--os-user", "no:such:user")
        assert (done.returncode, "could not log in" in done.stderr) == (1, True)


class TestRemoval:
    @pytest.fixture
    def marked(self, command):
        """Return the command in a cluster with a guard that setup made."""
        command.cluster()
        file = command.tools / "cib.xml"
        mark = f'<primitive description="{MADE_BY_SETUP}" id='
        file.write_text(file.read_text().replace("<primitive id=", mark, 1))
        command.tool("cibadmin", f'[ "$1" = --query ] && exec /bin/cat {file}; echo changed >{file}.changed')
        return command

    def test_without_a_terminal_nothing_is_removed_unless_yes_is_said(self, marked):
        done = marked.run("setup", "--remove", "--apply")
        assert (done.returncode, done.stdout) == (1, "would remove galera-guard-clone\n")
        assert done.stderr.endswith("nothing was removed: --yes removes it without a question\n")
        assert not (marked.tools / "cib.xml.changed").exists()

    def test_without_apply_it_only_says_what_it_would_remove(self, marked):
        done = marked.run("setup", "--remove")
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, "would remove galera-guard-clone")

    def test_a_guard_of_others_stays(self, command):
        done = command.cluster().run("setup", "--remove", "--apply", "--yes")
        assert (done.returncode, "setup made none" in done.stdout) == (0, True)


class TestRehearse:
    def test_without_the_scheduler(self, command):
        command.cluster()
        file = command.tools / "cib.xml"
        nodes = '<nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes>'
        vip = '<primitive id="vip" class="ocf" provider="heartbeat" type="IPaddr2"/></resources>'
        file.write_text(file.read_text().replace("<nodes/>", nodes).replace("</resources>", vip))
        done = command.run("rehearse")
        assert (done.returncode, done.stdout) == (3, "")
        assert "crm_simulate is not installed on this node (package pacemaker-cli-utils)" in done.stderr

    def test_with_one_node_there_is_nowhere_to_move(self, command):
        done = command.cluster().run("rehearse")
        assert (done.returncode, "nowhere to move" in done.stderr) == (3, True)

    def test_a_file_that_cannot_be_read(self, command):
        done = command.run("rehearse", "--cib", "/none")
        assert (done.returncode, done.stderr) == (2, "galera-sync-guard rehearse: /none cannot be read\n")


def test_reader_that_has_seen_enough(command, guard):
    script = f'{COMMAND} setup --vip 10.0.0.1 | head -c 1 >/dev/null; exit "${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ["bash", "-c", script], env={"PATH": SYSTEM_PATH}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Return the text of the command's man page."""
    directory = tmp_path_factory.mktemp("man")
    environ = {"PATH": SYSTEM_PATH}
    subprocess.run([CHECKOUT / "tools/man-pages", directory], env=environ, check=True)
    return (directory / "galera-sync-guard.8").read_text().replace("\\-", "-")


def test_man_page_has_every_command_and_option(page):
    for name, action in parser()._subparsers._group_actions[0].choices.items():
        section = page.partition(f".SH OPTIONS 'galera-sync-guard {name}'")[2].partition("\n.SH ")[0]
        for option in action._option_string_actions:
            assert option in section or option in ("-h", "--help")


def test_nothing_of_it_is_loaded_by_a_monitor(guard):
    source = (CHECKOUT / "agents/galera_sync_guard").read_text()
    assert "cli" not in source
    assert os.access(COMMAND, os.X_OK)


def test_man_page_has_every_exit_code(page):
    section = page.partition(".SH EXIT STATUS")[2].partition(".SH")[0]
    assert {int(code) for code in re.findall(r"fB(\d+)", section)} == set(ExitCode)
