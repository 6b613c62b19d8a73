"""The pytest plugin of a process of the runner: it asks for one test after the other, and reports each."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SOCKET = "TEST_RUNNER_SOCKET"
ROOT = Path(__file__).parents[3]
LOGS = Path(os.environ.get("TEST_LOGS", ROOT / "build" / "logs"))
# The kind of the tests that take their laboratory from the keeper.
KEEPER = "keeper"
# About how long a test takes, in seconds, by its tier.
SECONDS = {
    "repository": 0.5,
    "unit": 0.01,
    "contract": 0.1,
    "wire": 0.3,
    "rehearsal": 0.3,
    "mariadb": 4.0,
    "package": 6.0,
    "cluster": 15.0,
}


def describe(item: pytest.Item) -> dict[str, object]:
    """Return what the runner wants to know of a test."""
    path = item.path.relative_to(ROOT)
    tier = path.parts[1]
    laboratory, seconds = item.get_closest_marker("laboratory"), item.get_closest_marker("seconds")
    kind, stream = laboratory.args if laboratory else (tier, str(path))
    alone = item.get_closest_marker("alone") is not None
    return {
        "id": item.nodeid,
        "path": str(path),
        "tier": tier,
        "kind": kind + "-alone" * alone,
        "stream": stream,
        "alone": alone,
        "seconds": seconds.args[0] if seconds else SECONDS.get(tier, 1.0),
    }


class Link:
    """The connection to the runner."""

    def __init__(self, descriptor: int):
        self._file: TextIO = socket.socket(fileno=descriptor).makefile("rw", encoding="utf-8")

    def send(self, **message: object) -> None:
        """Tell the runner something."""
        print(json.dumps(message), file=self._file, flush=True)

    def ask(self) -> str:
        """Return the id of the next test, empty when there is none."""
        self.send(what="ask")
        return self._file.readline().strip()


class Next:
    """The test that comes next: it is asked for when the fixtures of the present one are torn down, no sooner."""

    def __init__(self, link: Link, items: dict[str, pytest.Item]):
        self._link = link
        self._items = items
        self._asked = False
        self._item: pytest.Item | None = None

    def item(self) -> pytest.Item | None:
        """Return the next test, None when there is none."""
        if not self._asked:
            self._asked = True
            self._item = self._items.get(self._link.ask())
        return self._item

    def __bool__(self) -> bool:
        return self.item() is not None

    def listchain(self) -> list[Any]:
        """Return the collectors of the next test."""
        item = self.item()
        return item.listchain() if item else []


class Plugin:
    """Runs what the runner hands out."""

    def __init__(self, link: Link):
        self._link = link
        self._began = 0.0
        self._proved: Counter[str] = Counter()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Send the tests, where only they are wanted."""
        if session.config.option.collectonly:
            self._link.send(what="collected", tests=[describe(item) for item in session.items])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run tests until the runner has none left."""
        if session.config.option.collectonly:
            return None
        if session.testsfailed:
            raise session.Interrupted(f"{session.testsfailed} errors during collection")
        items = {item.nodeid: item for item in session.items}
        item = Next(self._link, items).item()
        while item:
            following: Any = Next(self._link, items)
            self._begin()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            self._link.send(what="end", seconds=time.monotonic() - self._began, proved=self._proof())
            item = following.item()
        return True

    def _begin(self) -> None:
        self._link.send(what="begin")
        self._began = time.monotonic()
        self._proved = Counter(_tally())

    def _proof(self) -> dict[str, int]:
        return dict(_tally() - self._proved)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Report what became of a phase of a test."""
        if report.failed or report.skipped or report.when == "call":
            sections = "".join(f"\n--- {name} ---\n{text}" for name, text in report.sections)
            text = f"{report.longreprtext}{sections}" if report.failed else ""
            self._link.send(what="report", when=report.when, outcome=report.outcome, text=text)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        """Keep the logs of the laboratories of a test that fails."""
        outcome: Any = yield
        report = outcome.get_result()
        if report.failed:
            report.sections += [("laboratory", text) for text in keep_logs(item.nodeid)]


def _tally() -> Counter[str]:
    scene: Any = sys.modules.get("laboratory.scene")
    return Counter(scene.TALLY) if scene else Counter()


def keep_logs(test: str) -> list[str]:
    """Copy the logs of this process's laboratories; return for each a line with its name and where its logs are."""
    lines = []
    laboratory: Any = sys.modules.get("laboratory.laboratory")
    for id in laboratory.running() if laboratory else []:
        if not id.startswith(f"{os.getpid():x}-"):
            continue
        target = LOGS / test.rpartition("/")[2].replace("::", ".") / id
        for machine in laboratory.Laboratory.attach(id).machines:
            view = machine.ground.view(machine.name) / "upper" / "var" / "log"
            logs = target / machine.name
            skip = shutil.ignore_patterns("journal")
            shutil.copytree(view, logs, ignore=skip, ignore_dangling_symlinks=True, dirs_exist_ok=True)
            if machine.running:
                (logs / "journal.txt").write_text(machine.journal(), encoding="utf-8")
        lines.append(f"{id}: its logs are in {target}")
    return lines


def pytest_configure(config: pytest.Config) -> None:
    """Connect to the runner."""
    config.pluginmanager.register(Plugin(Link(int(os.environ[SOCKET]))))
