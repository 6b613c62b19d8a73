"""A command within a time limit: what it prints, how it ends, and that none is left behind."""

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from ocfpy.deadline import Deadline, TimeIsUp
from ocfpy.process import MOST_OUTPUT, clean_environment, run_command

ENVIRON = {"PATH": "/usr/bin:/bin"}
LONG = 30  # seconds that no test waits for


def shell(script, seconds=LONG, **environ):
    return run_command(("sh", "-c", script), ENVIRON | environ, seconds)


def gone(pid):
    """Tell whether a process has ended and is nobody's child any more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def wait_until(is_true):
    """Return when something that is about to happen has happened."""
    end = time.monotonic() + LONG
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("script", "result"),
    [
        ("echo yes", (0, "yes\n")),
        ("printf 'a\\nb'; exit 102", (102, "a\nb")),
        ("kill -TERM $$", (-signal.SIGTERM, "")),
        ("echo no >&2", (0, "")),
        ("cat", (0, "")),
        ("printf '\\377'", (0, "\ufffd")),
        ("echo $WHO", (0, "me\n")),
    ],
    ids=["output", "code", "signal", "stderr", "stdin", "no-text", "environment"],
)
def test_result(script, result):
    assert shell(script, WHO="me") == result


def test_input_and_complaints():
    with open(os.memfd_create("input"), "w+", encoding="ascii") as file:
        file.write("what it reads")
        file.seek(0)
        done = run_command(("sh", "-c", "cat; echo ' and says' >&2"), ENVIRON, LONG, file.fileno(), with_stderr=True)
    assert done == (0, "what it reads and says\n")


def test_long_output_is_complete():
    assert len(shell("head -c 1000000 /dev/zero")[1]) == 1000000


def test_a_signal_that_python_ignores_ends_it():
    assert shell("kill -PIPE $$") == (-signal.SIGPIPE, "")


@pytest.mark.parametrize(
    "script",
    ["echo yes; exec sleep 30", "exec >/dev/null; exec sleep 30", "exec yes"],
    ids=["talks", "silent", "talks without end"],
)
def test_a_late_one_is_killed(script, tmp_path):
    began = time.monotonic()
    code, _ = shell(f"echo $$ >{tmp_path}/pid; {script}", seconds=0.3)
    assert code is None
    assert time.monotonic() - began < LONG / 2
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_late_one_is_killed_with_its_children(tmp_path):
    code, _ = shell(f"sleep 30 & echo $! >{tmp_path}/pid; wait", seconds=0.3)
    assert code is None
    wait_until(lambda: gone(int((tmp_path / "pid").read_text())))


def test_a_late_one_is_killed_with_children_that_have_left_its_process_group(tmp_path):
    script = f"setsid -w sh -c 'setsid -w sleep 300 & echo $! >{tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; wait'"
    assert shell(f"{script}; :", seconds=1.0)[0] is None
    wait_until(lambda: gone(int((tmp_path / "pid").read_text())))


def test_it_is_in_the_process_group_of_its_caller_which_pacemaker_kills():
    assert int(shell("ps -o pgid= -p $$")[1]) == os.getpgrp()


def test_output_without_end_takes_no_memory_without_end():
    code, output = shell(f"head -c {4 * MOST_OUTPUT} /dev/zero; exit 3")
    assert (code, len(output)) == (3, MOST_OUTPUT)


def test_a_daemon_that_keeps_the_output_open_holds_up_nothing_and_stays(tmp_path):
    began = time.monotonic()
    assert shell(f"sleep 30 & echo $! >{tmp_path}/pid; echo yes") == (0, "yes\n")
    assert time.monotonic() - began < LONG / 2
    pid = int((tmp_path / "pid").read_text())
    assert not gone(pid)
    os.kill(pid, signal.SIGKILL)


def test_a_command_gets_no_parameter_and_finds_the_system_s_tools():
    given = {"PATH": "/opt", "LANG": "C", "OCF_RESKEY_password": "x", "OCF_RESOURCE_INSTANCE": "x"}
    assert clean_environment(given) == {"PATH": "/opt:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C"}
    assert clean_environment({}) == {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    assert "OCF_" not in run_command(("env",), given, LONG)[1]


def test_an_interrupted_one_is_killed(tmp_path):
    deadline = Deadline(LONG)
    with pytest.raises(TimeIsUp), deadline.limit(0.3):
        shell(f"echo $$ >{tmp_path}/pid; exec sleep 30")
    assert gone(int((tmp_path / "pid").read_text()))


def test_none_is_left_behind_whenever_the_time_is_up():
    before = children()
    for milliseconds in range(1, 101):
        with contextlib.suppress(TimeIsUp), Deadline(LONG).limit(milliseconds / 10_000):
            for _ in range(20):
                shell("")
    assert children() == before


def children():
    """Return the pids of this process's children, also of those that have ended and that nobody has waited for."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


@pytest.mark.parametrize(("path", "error"), [("/nowhere:/usr/bin", FileNotFoundError), ("", FileNotFoundError)])
def test_a_missing_one_is_an_error(path, error):
    with pytest.raises(error):
        run_command(("no-such-command",), {"PATH": path}, LONG)


def test_what_is_no_program_is_an_error(tmp_path):
    (tmp_path / "text").write_text("no program")
    (tmp_path / "text").chmod(0o755)
    with pytest.raises(OSError, match="Exec format error"):
        run_command(("text",), {"PATH": str(tmp_path)}, LONG)


def test_no_descriptor_is_left_open():
    before = os.listdir("/proc/self/fd")
    shell("echo yes")
    shell("exec sleep 30", seconds=0.1)
    with pytest.raises(FileNotFoundError):
        run_command(("no-such-command",), ENVIRON, LONG)
    assert os.listdir("/proc/self/fd") == before
