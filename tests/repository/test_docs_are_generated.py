"""The documents that come from the code say what the code does now."""

import subprocess
import sys

import pytest

from tests.support.checkout import ROOT

DOCS = ROOT / "docs"


@pytest.mark.parametrize(
    "name", ["decision-table.md", "parameters.md", "reasons.md", "setup.md", "dev/cost.md", "dev/matrix.md"]
)
def test_document_is_what_the_generator_prints(name):
    # The interpreter of the tests has PyMySQL, wherever that comes from.
    command = [sys.executable, "-B", ROOT / "tools" / "docs", name]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert (DOCS / name).read_text(encoding="utf-8") == printed, "run: make docs"
