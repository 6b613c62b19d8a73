"""make lint is red for what it is there to find: each kind of mistake, in a copy of the project."""

import os
import re
import shutil
import subprocess

import pytest

from tests.support.checkout import ROOT, tracked_files

# Not that of a make which runs these tests.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
GIT = ["git", "-c", "safe.directory=*"]
MISSPELT = "Receive".replace("ei", "ie")
# (the target of the Makefile that fails, the file, what is added to it, what is said of it)
MISTAKES = [
    ("mypy", "laboratory/delay.py", "def unannotated(x):\n    return x\n", "Function is missing a type annotation"),
    ("ruff-check", "agents/vip_client_reset", "import json\n", "`json` imported but unused"),
    ("ruff-check", "tests/support/checkout.py", 'TEXT = "%s" % ROOT\n', "Use format specifiers instead"),
    ("ruff-format", "tools/docs", "x = {'a':1}\n", 'x = {"a": 1}'),
    ("codespell", "README.md", f"{MISSPELT} it.\n", f"{MISSPELT} ==> Receive"),
    ("shellcheck", "packaging/debian/postrm", "echo $1\n", "Double quote to prevent globbing"),
    ("shellcheck", "laboratory/guest/boot", "echo $name\n", "Double quote to prevent globbing"),
]


@pytest.fixture
def copy(tmp_path):
    """A copy of the tracked files as they stand, a repository of its own with the same tools."""
    subprocess.run(["make", "build/tools/ready"], cwd=ROOT, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    for name in tracked_files():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "tools").symlink_to(ROOT / "build" / "tools")
    subprocess.run([*GIT, "init", "--quiet"], cwd=tmp_path, check=True)
    subprocess.run([*GIT, "add", "."], cwd=tmp_path, check=True)
    return tmp_path


def lint(copy):
    command = ["make", "--keep-going", "lint"]
    return subprocess.run(command, cwd=copy, env=ENVIRONMENT, capture_output=True, text=True, check=False)


def test_lint_is_green_and_each_mistake_makes_it_red(copy):
    assert lint(copy).returncode == 0, lint(copy).stdout
    for _, name, text, _ in MISTAKES:
        with (copy / name).open("a", encoding="utf-8") as file:
            file.write(text)
    done = lint(copy)
    red = set(re.findall(r"^make: \*\*\* \[Makefile:\d+: (.+?)\] Error", done.stderr, re.MULTILINE))
    assert red == {target for target, *_ in MISTAKES}, done.stderr
    assert [said for *_, said in MISTAKES if said not in done.stdout] == []
