"""A daemon and its pid file: started detached, found again, ended for sure, and never taken for another process."""

import os
import signal
import subprocess
import sys
import time

import pytest

from ocfpy.daemon import PidFile, Process, start_daemon, stop_daemon, wait_until

ENVIRON = {"PATH": "/usr/bin:/bin", "OCF_RESKEY_password": "x"}
LONG = 30  # seconds that no test waits for
# It ignores SIGTERM, as does its child, and says when both are there.
STUBBORN = "trap '' TERM; sleep 1000 & echo $! >child.new; mv child.new child; wait"


@pytest.fixture
def pid_file(tmp_path):
    """Return the pid file of a daemon that does not outlive the test."""
    file = PidFile(str(tmp_path / "pid"))
    yield file
    stop_daemon(file, 0)


def start(pid_file, *command):
    start_daemon(command, ENVIRON, pid_file, log=pid_file.path + ".log")
    process = pid_file.open_process()
    assert process
    return process


def test_a_daemon_is_found_by_its_pid_file_until_it_is_stopped(pid_file):
    with start(pid_file, "sleep", "1000") as process:
        assert os.getpgid(process.pid) == os.getsid(process.pid) == process.pid
        assert stop_daemon(pid_file, LONG)
        assert process.wait(0)
    assert pid_file.open_process() is None
    assert not os.path.exists(pid_file.path)
    assert stop_daemon(pid_file, LONG), "stopping it again does nothing"


def test_it_has_nothing_of_its_caller(pid_file, tmp_path):
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    with start(pid_file, "sh", "-c", "env; exec sleep 1000") as process:
        os.close(writer)
        assert os.read(reader, 1) == b""
        os.close(reader)
        assert wait_until(lambda: os.path.getsize(pid_file.path + ".log") > 0, LONG)
        with open(pid_file.path + ".log", encoding="utf-8") as log:
            assert "OCF_" not in log.read()
        names = [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in (0, 1, 2)]
    assert names == ["/dev/null", pid_file.path + ".log", pid_file.path + ".log"]


def test_a_stubborn_one_is_killed_with_its_children(pid_file, tmp_path):
    with start(pid_file, "sh", "-c", f"cd {tmp_path}; {STUBBORN}") as process:
        assert wait_until((tmp_path / "child").exists, LONG)
        began = time.monotonic()
        assert stop_daemon(pid_file, 0.2)
        assert 0.2 <= time.monotonic() - began < LONG
        assert process.wait(0)
    with pytest.raises(ProcessLookupError), Process(int((tmp_path / "child").read_text())) as child:
        assert child.wait(LONG)
        raise ProcessLookupError


def test_one_that_ends_leaves_no_child_behind(pid_file, tmp_path):
    script = f"cd {tmp_path}; sleep 1000 & echo $! >child.new; mv child.new child; wait"
    with start(pid_file, "sh", "-c", script):
        assert wait_until((tmp_path / "child").exists, LONG)
        with Process(int((tmp_path / "child").read_text())) as child:
            assert stop_daemon(pid_file, LONG)
            assert child.wait(LONG)


def test_starting_one_that_runs_does_nothing(pid_file):
    with start(pid_file, "sleep", "1000") as first, start(pid_file, "sleep", "1000") as second:
        assert first.pid == second.pid


def test_the_pid_file_of_a_daemon_that_has_died_is_not_taken_for_that_of_the_next(pid_file, tmp_path):
    with start(pid_file, "sleep", "1000") as first:
        os.kill(first.pid, signal.SIGKILL)
        assert first.wait(LONG)
    with start(pid_file, "sleep", "1000") as second:
        assert second.pid != first.pid


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "99999999999999999999", "4194305", "\0"], ids=repr)
def test_a_pid_file_with_nonsense_is_a_daemon_that_does_not_run(tmp_path, text):
    (tmp_path / "pid").write_text(text)
    file = PidFile(str(tmp_path / "pid"))
    assert file.open_process() is None
    assert stop_daemon(file, 0)


def test_another_process_of_the_same_number_is_left_alone(tmp_path):
    with subprocess.Popen(["sleep", "1000"]) as other:
        (tmp_path / "pid").write_text(str(other.pid))
        os.utime(tmp_path / "pid", (1, 1))
        assert stop_daemon(PidFile(str(tmp_path / "pid")), 0)
        assert other.poll() is None
        other.kill()


def test_a_daemon_is_found_although_its_starter_was_killed(pid_file):
    script = (
        "import os, signal; from ocfpy import daemon\n"
        "daemon.wait_until = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"daemon.start_daemon(['sleep', '1000'], {{}}, daemon.PidFile({pid_file.path!r}))"
    )
    done = subprocess.run([sys.executable, "-B", "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    assert wait_until(pid_file.is_there, LONG)
    with pid_file.open_process() as process:
        assert stop_daemon(pid_file, LONG)
        assert process.wait(0)


def test_a_pid_file_that_a_daemon_has_written_itself_is_good(tmp_path):
    with subprocess.Popen(["sleep", "1000"]) as other:
        (tmp_path / "pid").write_text(f"{other.pid}\n")
        with PidFile(str(tmp_path / "pid")).open_process() as process:
            assert process.pid == other.pid
        other.kill()


def test_one_that_has_ended_and_was_not_reaped_does_not_run(tmp_path):
    with subprocess.Popen(["true"]) as other:
        with Process(other.pid) as process:
            assert process.wait(LONG)
        (tmp_path / "pid").write_text(str(other.pid))
        assert PidFile(str(tmp_path / "pid")).open_process() is None


def test_a_missing_program_is_an_error(pid_file):
    with pytest.raises(FileNotFoundError):
        start_daemon(["no-such-command"], ENVIRON, pid_file)


def test_a_pid_file_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(ChildProcessError):
        start_daemon(["sleep", "1000"], ENVIRON, PidFile(str(tmp_path / "missing" / "pid")), seconds=0.2)


def test_waiting_ends_with_the_condition_or_the_time():
    answers = iter([False, False, True])
    assert wait_until(lambda: next(answers), LONG, poll=0.001)
    assert not wait_until(lambda: False, 0.01)
    assert wait_until(lambda: True, 0)


def test_the_signals_are_those_of_the_module_signal():
    script = "import sys, ocfpy.daemon; print(ocfpy.daemon.signal.SIGTERM, 'signal' in sys.modules)"
    done = subprocess.run([sys.executable, "-BS", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(int(signal.SIGTERM)), "False"]
