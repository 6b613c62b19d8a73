"""The language of ocfpy: that of Python 3.9, which EL 9 has."""

import ast

import pytest

from tests.support.checkout import ROOT

FILES = sorted((ROOT / "ocfpy").rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_3_9_reads_it(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    # New in 3.10, and no matter of syntax.
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "strict"]
    assert not [node for node in ast.walk(tree) if type(node).__name__ == "Match"]


def test_there_are_files():
    assert len(FILES) > 20
