"""The runner of the tests as a process: an interrupt ends all laboratories, and a failed row leaves their logs."""

import os
import signal
import subprocess
import sys

from laboratory.ground import RUN, children
from laboratory.machine import wait_until
from tests.support.checkout import ROOT
from tests.support.runner import worker

RUNNER = [sys.executable, "-B", "-m", "tests.support.runner"]
ROWS = ["tests/cluster/test_rows.py", "--workers", "2"]


def test_an_interrupt_ends_all_laboratories(tmp_path, deb):
    environment = os.environ | {"TEST_LOGS": str(tmp_path)}
    with subprocess.Popen([*RUNNER, *ROWS], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: len(laboratories_of(process.pid)) == 2, 400, "two laboratories are up")
            workers = children(process.pid)
        finally:
            process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert " not run in " in said
    assert not any(list(RUN.glob(f"{pid:x}-*")) or os.path.exists(f"/proc/{pid}") for pid in workers)


def laboratories_of(pid):
    """Return the state files of the laboratories of a process's children."""
    return [path for child in children(pid) for path in RUN.glob(f"{child:x}-*/state.json")]


def test_a_failed_row_leaves_the_logs_of_its_laboratory(score, tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "LOGS", tmp_path)
    (line,) = worker.keep_logs("tests/cluster/test_rows.py::test_name[score-desync]")
    target = tmp_path / "test_rows.py.test_name[score-desync]" / score.id
    assert line == f"{score.id}: its logs are in {target}"
    for node in score.nodes:
        journal = (target / node.name / "journal.txt").read_text(encoding="utf-8")
        assert "galera_sync_guard" in journal
        assert "WSREP" in journal
