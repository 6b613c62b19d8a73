"""The stand-ins of ocfpy.testing for the commands of a system."""

import subprocess

import pytest

from ocfpy.testing.stand_ins import StandIns


@pytest.fixture
def stand_ins(tmp_path):
    return StandIns(str(tmp_path / "commands"))


def run(stand_ins, *command):
    return subprocess.run([f"{stand_ins.path}/{command[0]}", *command[1:]], capture_output=True, text=True, check=False)


def test_a_command_does_what_it_does_without_one(stand_ins):
    done = run(stand_ins, "printf", "%s|", "a", "b c", "*")
    assert (done.returncode, done.stdout, done.stderr) == (0, "a|b c|*|", "")
    assert run(stand_ins, "false").returncode == 1


def test_each_call_is_noted(stand_ins):
    run(stand_ins, "true")
    run(stand_ins, "printf", "x")
    assert stand_ins.calls() == ["true", "printf"]
    stand_ins.let_hang()
    assert stand_ins.calls() == []


@pytest.mark.parametrize("hang", [{"command": "true"}, {"call": 2}], ids=["by name", "by number"])
def test_one_call_hangs(stand_ins, hang):
    stand_ins.let_hang(**hang)
    run(stand_ins, "printf", "x")
    assert not stand_ins.has_hung()
    with subprocess.Popen([f"{stand_ins.path}/true"]) as process:
        while not stand_ins.has_hung():
            assert process.poll() is None
        process.kill()
    assert stand_ins.calls() == ["printf", "true"]
