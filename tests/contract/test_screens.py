"""What status shows in each situation, from a real cluster's CIB by the real tools, against tests/contract/screens.

REWRITE=yes writes the screens anew. Look at each that has changed: would you know what to do next?
"""

from __future__ import annotations

import io
import json
import os
import time

import pytest

from galera_sync_guard.cli.main import main
from galera_sync_guard.decision.states import STATES
from tests.support.situations import FOLDER, NOW, SITUATIONS, Situation

WIDTH = 80
# Where nothing is to be done.
QUIET = {"state-synced", "back-in-service-soon"}


@pytest.fixture(params=SITUATIONS)
def shown(request, tmp_path, monkeypatch):
    """Return the name of a situation, and what status shows with these words."""
    cluster = Situation()
    SITUATIONS[request.param](cluster)
    environ = cluster.write(tmp_path)
    monkeypatch.setattr(time, "time", lambda: float(NOW))
    monkeypatch.setattr(time, "localtime", time.gmtime)

    def show(*words):
        out, errors = io.StringIO(), io.StringIO()
        code = main(["galera-sync-guard", "status", *words], environ, io.StringIO(), out, errors)
        assert errors.getvalue() == ""
        return int(code), out.getvalue()

    return request.param, show


def test_the_screen_is_as_people_have_looked_at_it(shown):
    name, show = shown
    code, screen = show()
    screen += f"\nexit code {code}\n"
    file = FOLDER / f"{name}.txt"
    if os.environ.get("REWRITE"):
        file.write_text(screen, encoding="utf-8")
    assert screen == file.read_text(encoding="utf-8")
    assert [line for line in screen.splitlines() if len(line) > WIDTH] == []


def test_it_says_what_to_do_next(shown):
    name, show = shown
    (guard,) = json.loads(show("--json")[1])["guards"]
    assert (guard["to_do"] == []) == (name in QUIET)
    assert all(each["what"] for each in guard["to_do"])


def test_every_screen_is_of_a_situation():
    assert {file.stem for file in FOLDER.glob("*.txt")} == set(SITUATIONS)
    assert {f"state-{state.name}" for state in STATES} <= set(SITUATIONS)
