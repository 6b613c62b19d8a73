"""Where a message leads, there is something: a command with its options, a page, a chapter, a file of the package."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from galera_sync_guard.cli.main import parser
from galera_sync_guard.cli.pages import DOCUMENTS, MONITOR_USER, OPERATIONS
from tests.support.checkout import ROOT

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = parser()._subparsers._group_actions[0].choices
PROGRAMS = [
    *(
        path
        for name in ("galera_sync_guard", "vip_client_reset", "ocfpy")
        for path in sorted((ROOT / name).rglob("*.py"))
    ),
]
SCRIPTS = [ROOT / "packaging/debian" / name for name in ("postinst", "preinst", "prerm", "postrm")]
SCREENS = sorted((ROOT / "tests/contract/screens").glob("*.txt"))
# "X says how": what a message may promise of another command.
SAYS = re.compile(r"galera-sync-guard (\w+)[^.;:]* says (how|why|what|more)")
# What these commands do say, each with a test of its own.
PROMISED = {
    ("status", "more"),  # tests/contract/test_screens.py
    ("check", "how"),  # the commands of the finding `login`: tests/unit/cli/test_findings.py
    ("explain", "what"),  # what the guard lacks: tests/unit/cli/test_advice.py
}


def messages(path: Path) -> list[str]:
    """Return the texts of a program without docstrings, with {} where something is filled in."""
    if path.suffix != ".py":
        return [path.read_text(encoding="utf-8")]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for node in joined for part in node.values}
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = [
        "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values) for node in joined
    ]
    return found + [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (parts | docstrings)
    ]


MESSAGES = [(path, text) for path in (*PROGRAMS, *SCRIPTS, *SCREENS) for text in messages(path)]


def naming(pattern: str) -> list[tuple[str, re.Match[str]]]:
    """Return where a pattern occurs in a message: the program's name and the match."""
    return [
        (str(path.relative_to(ROOT)), found)
        for path, text in MESSAGES
        for found in re.finditer(pattern, " ".join(text.split()) if path.suffix == ".txt" else text)
    ]


def test_a_command_that_a_message_names_exists_with_its_options():
    found = naming(r"galera-sync-guard ([a-z]+)((?: (?:--[a-z-]+|ADDRESS/PREFIX|\{\}))*)")
    assert len(found) > 10
    for where, match in found:
        assert match[1] in COMMANDS, (where, match[0])
        options = COMMANDS[match[1]]._option_string_actions
        for word in match[2].split():
            assert not word.startswith("--") or word in options, (where, match[0])


def test_what_a_message_promises_of_another_command_has_a_test():
    promised = {(match[1], match[2]) for _, match in naming(SAYS.pattern)}
    assert promised == PROMISED


def test_a_page_that_a_message_names_exists():
    found = naming(r"[\w/.-]+\.(?:md|sql)\b")
    assert {MONITOR_USER, OPERATIONS} <= {match[0] for _, match in found} | {MONITOR_USER}
    for where, match in found:
        path = match[0].removeprefix(DOCUMENTS)
        assert (ROOT / path).is_file() or (ROOT / "docs" / path).is_file(), (where, match[0])


@pytest.mark.parametrize("screen", SCREENS, ids=lambda path: path.stem)
def test_a_chapter_that_a_screen_names_exists(screen):
    for heading, path in re.findall(r'"([^"]+)" in (\S+)', " ".join(screen.read_text(encoding="utf-8").split())):
        page = (ROOT / path.removeprefix(DOCUMENTS)).read_text(encoding="utf-8")
        assert f"# {heading}\n" in page


def test_what_the_operations_page_says_that_status_shows_is_shown_by_it():
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    table = page.partition("| status shows |")[2].partition("\n\n")[0]
    phrases = [phrase for row in table.splitlines()[2:] for phrase in re.findall(r"`([^`]+)`", row.split("|")[1])]
    shown = " ".join(" ".join(path.read_text(encoding="utf-8").split()) for path in SCREENS)
    times = re.compile(r"\d\d:\d\d:\d\d")
    assert len(phrases) > 10
    assert [phrase for phrase in phrases if times.sub("T", phrase) not in times.sub("T", shown)] == []
