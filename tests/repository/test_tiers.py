"""No tier of tests imports another: what several need is in tests/support, and no module imports a test module."""

import ast

import pytest

from tests.support.checkout import ROOT, tracked_files

# Which modules of tests a part of the project may import, beside those of its own tier.
# A measurement runs the same agent process and scripted server as the tests do.
ALLOWED = {
    "laboratory": (),
    "measurements": ("tests.support",),
    "tools": ("tests.support",),
    "tests": ("tests.support",),
}


def imported(source):
    """Return the modules that a source text imports, each as its full name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def allowed(path):
    """Return the packages of tests that the module at `path` may import from."""
    top, *rest = path.split("/")
    tier = (f"tests.{rest[0]}",) if top == "tests" and len(rest) > 1 else ()
    return (*ALLOWED.get(top, ()), *tier)


def arrows_against_it(path, source):
    """Return the imports of a module that the rule forbids."""
    return [
        name
        for name in imported(source)
        if name.startswith(".")
        or (
            name.partition(".")[0] == "tests"
            and (not name.startswith(allowed(path)) or name.rpartition(".")[2].startswith("test_"))
        )
    ]


@pytest.mark.parametrize("path", [name for name in tracked_files() if name.endswith(".py") or name == "tools/docs"])
def test_no_module_imports_another_tier_or_a_test_module(path):
    assert arrows_against_it(path, (ROOT / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("tests/unit/cli/test_a.py", "from tests.cluster.settings import make"),
        ("tests/support/guard.py", "from tests.wire.watching import wait"),
        ("tests/wire/test_a.py", "from tests.wire.test_watcher import BAD"),
        ("tests/unit/test_a.py", "from .builders import node"),
        ("tests/conftest.py", "import tests.unit.builders"),
        ("laboratory/scene.py", "from tests.support.checkout import ROOT"),
        ("measurements/memory.py", "from tests.wire.watching import wait"),
        ("galera_sync_guard/agent.py", "import tests.support.guard"),
    ],
)
def test_the_rule_is_broken_by(path, line):
    assert len(arrows_against_it(path, line)) == 1
