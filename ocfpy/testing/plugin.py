"""The pytest plugin: a test that takes `ocf_check` runs once for each check, and calls it with an agent.

@pytest.mark.ocf_except("ends_in_time", reason="its commands never hang")
def test_agent(ocf_check, tmp_path):
    ocf_check(TestedAgent("/path/to/agent", {"name": "value"}, tmp_path))
"""

from __future__ import annotations

from functools import partial

import pytest

from ocfpy.testing.checks import CHECKS, run_check

MARKER = "ocf_except(name, ..., reason): the checks that a test leaves out, and why"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with `ocf_check` once for each check."""
    if "ocf_check" not in metafunc.fixturenames:
        return
    exempt: set[str] = set()
    for marker in metafunc.definition.iter_markers("ocf_except"):
        if not marker.kwargs.get("reason"):
            raise pytest.UsageError(f"{metafunc.definition.nodeid}: ocf_except needs a reason")
        exempt.update(marker.args)
    names = {check.__name__ for check in CHECKS}
    if unknown := exempt - names:
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: no check has the name {', '.join(sorted(unknown))}")
    chosen = [check for check in CHECKS if check.__name__ not in exempt]
    metafunc.parametrize(
        "ocf_check", [partial(run_check, check) for check in chosen], ids=[check.__name__ for check in chosen]
    )
