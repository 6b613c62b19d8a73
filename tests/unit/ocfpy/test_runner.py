"""What ocfpy's run promises, whatever a handler does."""

import io
import json
import os
import subprocess
import sys
import syslog
import time
from types import SimpleNamespace
from typing import ClassVar
from urllib.parse import quote, quote_plus

import pytest

from galera_sync_guard.agent import AGENT
from ocfpy import (
    REQUIRED,
    AbsolutePath,
    Action,
    Agent,
    DeclarationError,
    Failure,
    Integer,
    ParameterError,
    ParameterSet,
    SecretText,
    Text,
    TimeIsUp,
    codes,
    run,
)
from ocfpy.invocation import Invocation
from ocfpy.report import MAX_REMEMBERED, MOST_CHARACTERS, SYSLOG_RETRY, Report


class Example(ParameterSet):
    port = Integer("3306", "Port", "A port.", minimum=1, maximum=65535)
    path = AbsolutePath("/run/example", "Path", "A path.")
    token = SecretText(None, "Token", "A token.")


@pytest.fixture(autouse=True)
def journal(monkeypatch):
    """What goes to syslog, as (priority, line)."""
    lines = []
    monkeypatch.setattr(syslog, "syslog", lambda priority, line: lines.append((priority, line)))
    return lines


class Outcome:
    def __init__(self, code, stdout, stderr):
        self.code = code
        self.stdout = stdout
        self.stderr = stderr

    @property
    def reason(self):
        """The exit reason that Pacemaker shows."""
        prefix = "ocf-exit-reason:"
        return "".join(line[len(prefix) :] for line in self.stderr.splitlines() if line.startswith(prefix))


def agent_of(handler, **declared):
    actions = [Action(name, handler, "10s", **declared) for name in ("start", "stop", "monitor")]
    return Agent("example", "1.0", "short", "long", Example, actions)


def perform(handler, *arguments, environ=None, **declared):
    """Run one action, `monitor` unless arguments say otherwise, of an agent with this handler."""
    stdout, stderr = io.StringIO(), io.StringIO()
    code = run(agent_of(handler, **declared), ["example", *(arguments or ("monitor",))], environ or {}, stdout, stderr)
    return Outcome(code, stdout.getvalue(), stderr.getvalue())


def give(result):
    return lambda invocation: result


def throw(error):
    def handler(invocation):
        raise error

    return handler


@pytest.mark.parametrize("code", sorted(codes.NAMES))
def test_a_code_that_a_handler_returns_is_the_exit_code(code):
    outcome = perform(give(code))
    assert (outcome.code, outcome.stderr) == (code, "")


@pytest.mark.parametrize("result", [None, True, False, 0.0, "0", 192, 189, 10, -1, 255, [], Failure(0, "x")], ids=repr)
def test_what_is_no_exit_code_is_a_failure(result):
    outcome = perform(give(result))
    assert outcome.code == 1
    assert repr(result) in outcome.reason
    assert "not an exit code" in outcome.reason


@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        OSError(5, "EIO"),
        ZeroDivisionError(),
        RecursionError(),
        MemoryError(),
        AssertionError(),
        UnicodeError("u"),
        StopIteration(),
    ],
    ids=repr,
)
def test_an_exception_is_a_failure_that_names_its_place_and_leaves_a_traceback_in_syslog(error, journal):
    outcome = perform(throw(error))
    assert outcome.code == 1
    assert outcome.reason.startswith(f"internal error: {type(error).__name__}: ")
    assert "(test_runner.py:" in outcome.reason
    assert "Traceback" not in outcome.stderr
    assert any("Traceback" in line for _, line in journal)
    assert all(priority == syslog.LOG_ERR for priority, _ in journal)


def test_an_exception_whose_text_syslog_refuses_is_a_failure_like_any_other(monkeypatch):
    monkeypatch.undo()
    outcome = perform(throw(ValueError("a\0b\udcff\nc")), environ={"HA_LOGFACILITY": "local7"})
    assert outcome.code == 1
    assert outcome.reason.startswith("internal error: ValueError: a?b? c")


@pytest.mark.parametrize("code", [1, 2, 5, 6, 7])
def test_a_failure_gives_its_code_and_reason(code):
    outcome = perform(throw(Failure(code, "no such\nthing")))
    assert (outcome.code, outcome.reason) == (code, "no such thing")


def run_forever(invocation):
    while True:
        pass


def test_an_action_that_does_not_end_is_a_failure_before_its_timeout():
    outcome = perform(run_forever, environ={"OCF_RESKEY_CRM_meta_timeout": "100"})
    assert (outcome.code, outcome.reason) == (1, "monitor: not done within the operation's timeout of 0.1s")


@pytest.mark.parametrize("arguments", [("promote",), ("",), ("--version",), ("MONITOR",), ("monitor;",)])
def test_an_unknown_action_is_unimplemented_before_any_validation(arguments):
    outcome = perform(give(0), *arguments, environ={"OCF_RESKEY_port": "x"})
    assert outcome.code == 3
    assert outcome.reason == f"unknown action {arguments[0]}, known are: start stop monitor meta-data usage"


def test_no_action_is_an_unknown_one():
    stderr = io.StringIO()
    assert run(AGENT, ["galera_sync_guard"], {}, io.StringIO(), stderr) == 3
    assert run(AGENT, [], {}, io.StringIO(), stderr) == 3


@pytest.mark.parametrize(("action", "expected"), [("monitor", 0), ("meta-data", 0), ("promote", 3)])
def test_arguments_after_the_action_are_ignored(action, expected):
    assert perform(give(0), action, "more", "--and", "more").code == expected


def test_wrong_parameters_keep_the_handler_from_being_called():
    outcome = perform(throw(AssertionError("called")), environ={"OCF_RESKEY_port": "x"})
    assert outcome.code == 6
    assert outcome.reason == "parameter port: 'x' is not allowed, must be a whole number from 1 to 65535"


def test_an_action_that_does_not_validate_is_called_with_wrong_parameters():
    def handler(invocation):
        assert invocation.usable_parameters.port == 3306
        return 7

    assert perform(handler, environ={"OCF_RESKEY_port": "x"}, validates=False).code == 7


def test_it_validates_only_where_parameters_are_wanted():
    invocation = Invocation(agent_of(None), "monitor", {"OCF_RESKEY_port": "x"}, None)
    with pytest.raises(ParameterError):
        _ = invocation.parameters


class TestRescues:
    """A rescue turns an error into a code, or raises it again for the next one."""

    def test_a_rescue_is_not_called_without_an_error(self):
        assert perform(give(7), rescues=(throw,)).code == 7

    def test_the_first_that_gives_a_code_decides(self):
        rescues = (
            lambda invocation, error: throw(error)(invocation),
            lambda invocation, error: 0,
            lambda invocation, error: 5,
        )
        outcome = perform(throw(KeyError("x")), rescues=rescues)
        assert (outcome.code, outcome.reason) == (0, "")

    def test_it_is_given_the_error_of_wrong_parameters_too(self):
        seen = []
        perform(give(0), environ={"OCF_RESKEY_port": "x"}, rescues=(lambda invocation, error: seen.append(error) or 0,))
        assert [type(error) for error in seen] == [ParameterError]

    def test_it_is_given_the_error_of_the_rescue_before(self):
        def second(invocation, error):
            assert isinstance(error, OSError)
            return 0

        assert (
            perform(throw(KeyError("x")), rescues=(lambda invocation, error: throw(OSError())(invocation), second)).code
            == 0
        )

    def test_one_that_gives_no_code_is_an_error_itself(self):
        outcome = perform(throw(KeyError("x")), rescues=(lambda invocation, error: None,))
        assert outcome.code == 1
        assert "not an exit code" in outcome.reason

    def test_it_is_given_the_error_of_a_handler_that_was_too_late_and_has_some_time_itself(self):
        seen = []

        def rescue(invocation, error):
            seen.append(type(error))
            time.sleep(0.001)
            return 7

        environ = {"OCF_RESKEY_CRM_meta_timeout": "1000"}
        assert perform(run_forever, environ=environ, rescues=(rescue,)).code == 7
        assert seen == [TimeIsUp]

    def test_one_that_does_not_end_is_ended_within_the_operation_s_timeout(self):
        began = time.monotonic()
        outcome = perform(
            run_forever,
            environ={"OCF_RESKEY_CRM_meta_timeout": "1000"},
            rescues=(lambda invocation, error: run_forever(invocation),),
        )
        assert (outcome.code, outcome.reason) == (1, "monitor: not done within the operation's timeout of 1s")
        assert time.monotonic() - began < 1


class TestStop:
    """A failed stop blocks the resource or fences the node, so no value of a parameter makes it fail by itself."""

    WRONG: ClassVar = {"OCF_RESKEY_port": "x"}

    def test_it_is_called_with_wrong_parameters(self):
        def stop(invocation):
            seen.append(invocation.usable_parameters.port)
            return 0

        seen = []
        assert perform(stop, "stop", environ=self.WRONG).code == 0
        assert seen == [3306]

    def test_it_reads_the_parameters_that_are_right(self):
        def stop(invocation):
            seen.append(invocation.parameters.path)
            return 0

        seen = []
        assert perform(stop, "stop", environ={**self.WRONG, "OCF_RESKEY_path": "/run/x"}).code == 0
        assert seen == ["/run/x"]

    @pytest.mark.parametrize("environ", [WRONG, {"OCF_RESKEY_path": "x"}])
    def test_one_that_reads_a_wrong_value_has_nothing_to_stop(self, environ):
        outcome = perform(
            lambda invocation: len((invocation.parameters.port, invocation.parameters.path)),
            "stop",
            environ=environ,
        )
        assert (outcome.code, outcome.reason) == (0, "")
        assert "WARNING: stop: nothing to stop: parameter p" in outcome.stderr

    def test_one_that_insists_fails(self):
        assert perform(give(0), "stop", environ=self.WRONG, validates=True).code == 6

    @pytest.mark.parametrize("error", [OSError(5, "EIO"), Failure(1, "busy")])
    def test_it_fails_for_any_other_reason(self, error):
        assert perform(throw(error), "stop").code == 1


@pytest.mark.parametrize("error", [SystemExit(0), SystemExit(), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_an_exit_or_an_interrupt_in_a_handler_is_a_failure(error):
    outcome = perform(throw(error))
    assert outcome.code == 1
    assert outcome.reason.startswith(f"internal error: {type(error).__name__}: ")


def test_a_child_that_a_handler_has_forked_ends_with_its_own_code_and_says_nothing():
    def handler(invocation):
        child = os.fork()
        if not child:
            sys.exit(42)
        return codes.OCF_SUCCESS if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42 else codes.OCF_ERR_GENERIC

    with open(os.memfd_create("stderr"), "w+", encoding="utf-8") as stderr:
        us = os.getpid()
        try:
            code = run(agent_of(handler), ["example", "monitor"], {}, io.StringIO(), stderr)
        finally:
            if os.getpid() != us:
                os._exit(sys.exc_info()[1].code if isinstance(sys.exc_info()[1], SystemExit) else 1)
        stderr.seek(0)
        assert (code, stderr.read()) == (0, "")


MAIN = """
import sys, threading, time
from ocfpy import Action, Agent, ParameterSet, main

def handler(invocation):
    threading.Thread(target=time.sleep, args=(1000,)).start()
    print("x")
    return 7

main(Agent("e", "1", "s", "l", ParameterSet, [Action(name, handler, "10s") for name in ("start", "stop", "monitor")]))
"""


@pytest.mark.parametrize("stdout", ["/dev/null", "/dev/full"])
def test_neither_a_thread_of_a_library_nor_an_output_that_takes_nothing_changes_how_an_agent_ends(stdout):
    with open(stdout, "wb") as output:
        command = [sys.executable, "-B", "-c", MAIN, "monitor"]
        done = subprocess.run(command, stdout=output, env={}, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (7, "")


@pytest.mark.parametrize("code", [0, None, True, 3.0, 77, "7"], ids=repr)
def test_a_failure_whose_code_is_not_that_of_a_failure_is_one(code):
    outcome = perform(throw(Failure(code, "no server")))
    assert outcome.code == 1
    assert outcome.reason == f"no server (internal error: {code!r} is not the exit code of a failure)"


class TestDeprecated:
    """A parameter that another has replaced still works, and says so at the start."""

    class Renamed(ParameterSet):
        address = Text(REQUIRED, "Address", "An address.")
        host = Text(None, "Host", "An address.", replaced_by="address")

    def start(self, **given):
        def handler(invocation):
            seen.append(invocation.parameters.address)
            return 0

        seen, stderr = [], io.StringIO()
        actions = [Action(name, handler, "10s") for name in ("start", "stop", "monitor")]
        agent = Agent("example", "1", "s", "l", self.Renamed, actions)
        environ = {"OCF_RESKEY_" + name: value for name, value in given.items()}
        for action in ("start", "monitor"):
            assert run(agent, ["example", action], environ, io.StringIO(), stderr) == 0
        assert seen[0] == seen[1]
        return seen[0], stderr.getvalue()

    def test_its_value_goes_to_the_other(self):
        warning = "example(default): WARNING: parameter host is deprecated: use address\n"
        assert self.start(host="a") == ("a", warning)

    def test_the_other_comes_first(self):
        assert self.start(host="a", address="b")[0] == "b"

    def test_without_it_nothing_is_said(self):
        assert self.start(address="b") == ("b", "")


class TestSecrets:
    """A secret reaches no line, whatever the agent or a library makes of it."""

    SECRET = "a b/c?&'\\\""
    ENVIRON: ClassVar = {"OCF_RESKEY_token": SECRET}

    @pytest.mark.parametrize("form", [str, repr, quote, quote_plus, lambda text: quote(text, safe=""), ascii])
    @pytest.mark.parametrize(
        "tell",
        [
            lambda invocation, text: invocation.report.error(text),
            lambda invocation, text: invocation.report.warning(text),
            lambda invocation, text: invocation.report.info(text),
            lambda invocation, text: throw(Failure(1, text))(invocation),
            lambda invocation, text: throw(ValueError(text))(invocation),
        ],
        ids=["error", "warning", "info", "reason", "exception"],
    )
    def test_no_line_has_it(self, journal, tell, form):
        shown = form(self.SECRET)
        outcome = perform(
            lambda invocation: tell(invocation, f"cannot get http://host/?token={shown}&x"), environ=self.ENVIRON
        )
        lines = outcome.stderr + "".join(line for _, line in journal)
        assert "<secret>" in lines
        for made in (self.SECRET, quote(self.SECRET), quote_plus(self.SECRET), repr(self.SECRET)[1:-1]):
            assert made not in lines

    @pytest.mark.parametrize("form", [str, repr, ascii, json.dumps, lambda text: str(text.encode()), quote])
    def test_no_line_has_one_that_is_not_ascii(self, journal, form):
        environ = {"OCF_RESKEY_token": "Straße 1"}
        outcome = perform(throw(ValueError(form("Straße 1"))), environ=environ)
        lines = outcome.stderr + "".join(line for _, line in journal)
        assert "<secret>" in lines
        assert "Stra" not in lines

    def test_one_that_is_no_text_fails_no_action(self):
        for action in ("start", "stop", "monitor"):
            assert perform(give(0), action, environ={"OCF_RESKEY_token": "\udcff"}).code == 0

    def test_one_that_begins_like_another_is_gone_to_its_end(self):
        stderr = io.StringIO()
        for secrets in (("abc", "abcxyz"), ("abcxyz", "abc")):
            Report("example", {}, stderr, secrets).warning("abcxyz")
        assert "xyz" not in stderr.getvalue()

    def test_what_was_given_shows_none_and_a_child_gets_none(self):
        def handler(invocation):
            assert "b/c" not in repr(invocation.given)
            assert dict(invocation.given)["token"].reveal() == self.SECRET
            assert "OCF_RESKEY_token" not in invocation.child_environ
            return 0

        assert perform(handler, environ=self.ENVIRON).code == 0


class NoEnvironment(dict):
    """An environment that must not be read."""

    def __getitem__(self, name):
        raise AssertionError(f"read {name}")

    get = items = __contains__ = __iter__ = __getitem__


@pytest.mark.parametrize("action", ["meta-data", "usage"])
def test_describing_itself_needs_no_environment(action):
    stdout, stderr = io.StringIO(), io.StringIO()
    assert run(AGENT, ["galera_sync_guard", action], NoEnvironment(), stdout, stderr) == 0
    assert "galera_sync_guard" in stdout.getvalue()
    assert stderr.getvalue() == ""


def test_help_names_every_parameter():
    for option in ("--help", "-h"):
        outcome = perform(give(1), option)
        assert outcome.code == 0
        assert outcome.stdout.startswith("usage: example {start|")
        assert "  port: Port\n" in outcome.stdout


@pytest.mark.parametrize("action", ["meta-data", "usage"])
def test_a_reader_that_has_gone_is_not_an_error_of_the_agent(action):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")

    stderr = io.StringIO()
    assert run(AGENT, ["galera_sync_guard", action], {}, Closed(), stderr) == 1
    assert stderr.getvalue() == ""


WRONG_ACTIONS = {
    "no stop": (["start", "monitor"], "agent example: missing stop"),
    "nothing": ([], "agent example: missing start, stop, monitor"),
    "meta-data": (["start", "stop", "monitor", "meta-data"], "action meta-data: ocfpy itself answers to it"),
    "twice": (["start", "stop", "monitor", "monitor"], "action monitor: declared twice for the same depth and role"),
}


@pytest.mark.parametrize(("names", "message"), WRONG_ACTIONS.values(), ids=WRONG_ACTIONS)
def test_wrong_actions_are_found_when_they_are_declared(names, message):
    with pytest.raises(DeclarationError) as raised:
        Agent("example", "1", "s", "l", Example, [Action(name, give(0), "10s") for name in names])
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"timeout": "soon"}, "action start: timeout 'soon' is not a time such as '10s'"),
        ({"timeout": 10}, "action start: timeout 10 is not a time such as '10s'"),
        ({"timeout": "10s", "interval": "x"}, "action start: interval 'x' is not a time such as '10s'"),
        ({"timeout": "10s", "role": "Master"}, "action start: role 'Master' is neither 'Promoted' nor 'Unpromoted'"),
    ],
)
def test_a_wrong_action_is_found_when_it_is_declared(declared, message):
    with pytest.raises(DeclarationError) as raised:
        Agent("example", "1", "s", "l", Example, [Action("start", give(0), **declared)])
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("level", "role", "code"),
    [
        ("", "", 0),
        ("5", "", 0),
        ("10", "", 190),
        ("20", "", 190),
        ("0", "Promoted", 8),
        ("0", "Master", 8),
        ("0", "Slave", 0),
        ("10", "Promoted", 190),
    ],
)
def test_a_monitor_is_chosen_by_depth_and_role(level, role, code):
    actions = [
        Action("start", give(0), "10s"),
        Action("stop", give(0), "10s"),
        Action("monitor", give(0), "10s", "10s"),
        Action("monitor", give(190), "10s", "60s", depth=10),
        Action("monitor", give(8), "10s", "9s", role="Promoted"),
    ]
    agent = Agent("example", "1", "s", "l", Example, actions)
    assert agent.action_names == ["start", "stop", "monitor", "meta-data", "usage"]
    environ = {"OCF_CHECK_LEVEL": level, "OCF_RESKEY_CRM_meta_role": role}
    assert run(agent, ["example", "monitor"], environ, io.StringIO(), io.StringIO()) == code


def test_usage_names_every_action():
    assert perform(give(0), "usage").stdout == "usage: example {start|stop|monitor|meta-data|usage}\n"


def called(**environ):
    return Invocation(AGENT, environ.pop("action", "monitor"), environ, None)


@pytest.mark.parametrize(
    ("instance", "resource"),
    [
        ("guard", "guard"),
        ("guard:0", "guard"),
        ("guard:12", "guard"),
        ("a:b", "a:b"),
        ("a:b:3", "a:b"),
        ("a:", "a:"),
    ],
)
def test_the_resource_is_the_instance_without_its_number(instance, resource):
    assert called(OCF_RESOURCE_INSTANCE=instance).resource == resource


@pytest.mark.parametrize(
    ("action", "interval", "is_probe"),
    [
        ("monitor", "1000", False),
        ("monitor", "0", True),
        ("monitor", "", True),
        ("start", "0", False),
    ],
)
def test_a_monitor_without_interval_is_a_probe(action, interval, is_probe):
    invocation = called(action=action, OCF_RESKEY_CRM_meta_interval=interval)
    assert invocation.is_probe == is_probe


@pytest.mark.parametrize(
    ("milliseconds", "timeout", "at_least", "below"),
    [
        ("10000", 10.0, 9.0, 10.0),
        ("1000", 1.0, 0.7, 1.0),
        ("100", 0.1, 0.05, 0.1),
        ("", 20.0, 19.0, 20.0),
        ("0", 20.0, 19.0, 20.0),
        ("x", 20.0, 19.0, 20.0),
    ],
)
def test_the_deadline_lies_within_the_operation_s_timeout(milliseconds, timeout, at_least, below):
    invocation = called(OCF_RESKEY_CRM_meta_timeout=milliseconds)
    assert invocation.timeout == timeout
    assert at_least < invocation.deadline.remaining() < below


@pytest.mark.parametrize(("level", "number"), [("0", 0), ("10", 10), ("", 0), ("x", 0), ("-1", 0)])
def test_a_check_level_that_is_no_number_is_the_lowest(level, number):
    assert called(OCF_CHECK_LEVEL=level).check_level == number


def test_messages_are_one_line_for_pacemaker_and_for_syslog(journal):
    stderr = io.StringIO()
    report = Report("example", {"OCF_RESOURCE_INSTANCE": "guard:0", "OCF_EXIT_REASON_PREFIX": "why:"}, stderr)
    report.exit_reason("two\nlines")
    report.warning("two\nmore")
    report.info("fine")
    report.error("bad")
    assert stderr.getvalue() == (
        "why:two lines\nexample(guard:0): WARNING: two more\nexample(guard:0): INFO: fine\n"
        "example(guard:0): ERROR: bad\n"
    )
    assert journal == [
        (syslog.LOG_WARNING, "WARNING: two more"),
        (syslog.LOG_INFO, "INFO: fine"),
        (syslog.LOG_ERR, "ERROR: bad"),
    ]


class TestReport:
    """A report of a process that lives for months."""

    @pytest.fixture
    def clock(self, monkeypatch):
        """Return the monotonic clock of the report, as a list of one number."""
        now = [1000.0]
        monkeypatch.setattr("ocfpy.report.time", SimpleNamespace(monotonic=lambda: now[0]))
        return now

    def test_a_full_syslog_is_tried_again_and_told_what_it_missed(self, monkeypatch, clock):
        def full(priority, line):
            time.sleep(10)

        lines, report = [], Report("example", {}, io.StringIO())
        monkeypatch.setattr(syslog, "syslog", full)
        report.info("1")
        report.info("2")
        monkeypatch.setattr(syslog, "syslog", lambda priority, line: lines.append(line))
        report.info("3")
        clock[0] += SYSLOG_RETRY
        report.info("4")
        report.info("5")
        assert lines == ["WARNING: 3 lines are lost: syslog took none", "INFO: 4", "INFO: 5"]

    def test_an_error_that_repeats_is_logged_once_a_minute(self, journal, clock):
        report = Report("example", {}, io.StringIO())
        for _ in range(480):
            report.error("no room")
            report.trace("Traceback\nline")
            clock[0] += 0.125
        report.error("another")
        report.error("no room")
        assert [line for _, line in journal] == [
            "ERROR: no room",
            "ERROR: Traceback",
            "ERROR: line",
            "ERROR: another",
            "ERROR: no room (repeated 480 times)",
        ]

    def test_other_errors_without_end_take_no_memory_without_end(self, clock):
        report = Report("example", {}, io.StringIO())
        for number in range(10 * MAX_REMEMBERED):
            report.error(str(number))
        assert len(report._errors) <= MAX_REMEMBERED

    def test_a_message_without_end_ends_and_shows_no_part_of_a_secret(self, journal):
        # Pacemaker keeps an exit reason in the configuration of all nodes.
        stderr = io.StringIO()
        report = Report("example", {}, stderr, ["s3cret-s3cret"])
        for say in (report.exit_reason, report.error):
            say("x" * (MOST_CHARACTERS - 5) + "s3cret-s3cret" + "y" * 10**6)
        lines = [*stderr.getvalue().splitlines(), *(line for _, line in journal)]
        assert all(len(line) < 2 * MOST_CHARACTERS and line.endswith(" ...") for line in lines)
        assert not any("s3" in line for line in lines)

    def test_a_resource_whose_name_is_no_text_can_speak(self, monkeypatch):
        monkeypatch.undo()
        Report("example", {"OCF_RESOURCE_INSTANCE": "a\udcff"}, io.StringIO()).error("x")

    def test_a_reader_of_stderr_that_has_gone_is_not_an_error(self):
        class Closed(io.StringIO):
            def write(self, text):
                raise BrokenPipeError(32, "Broken pipe")

        report = Report("example", {}, Closed())
        report.exit_reason("x")
        report.error("x")


def test_the_codes_are_those_of_the_ocf_resource_agent_api():
    assert dict(codes.NAMES) == {
        0: "OCF_SUCCESS",
        1: "OCF_ERR_GENERIC",
        2: "OCF_ERR_ARGS",
        3: "OCF_ERR_UNIMPLEMENTED",
        4: "OCF_ERR_PERM",
        5: "OCF_ERR_INSTALLED",
        6: "OCF_ERR_CONFIGURED",
        7: "OCF_NOT_RUNNING",
        8: "OCF_RUNNING_PROMOTED",
        9: "OCF_FAILED_PROMOTED",
        190: "OCF_DEGRADED",
        191: "OCF_DEGRADED_PROMOTED",
    }


@pytest.mark.parametrize("action", ["stop", "monitor", "reload-agent"])
def test_of_the_guard_neither_stop_nor_monitor_depends_on_validation(action):
    assert not AGENT.action(action).validates


@pytest.mark.parametrize("text", ["x", "0", "9" * 400, "\udcff"], ids=["word", "zero", "400-digits", "byte"])
@pytest.mark.parametrize("name", [parameter.name for parameter in AGENT.parameters])
def test_stop_succeeds_whatever_the_parameters_are(name, text, run_directory):
    environ = {"HA_RSCTMP": str(run_directory), "PATH": str(run_directory), "OCF_RESKEY_" + name: text}
    stderr = io.StringIO()
    assert run(AGENT, ["galera_sync_guard", "stop"], environ, io.StringIO(), stderr) == 0
