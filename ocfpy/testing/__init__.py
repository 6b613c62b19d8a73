"""Checks for any OCF resource agent, in whatever language it is written: what ocf-tester does, and what it does not.

As a command: `python3 -m ocfpy.testing /path/to/agent name=value ...`. In pytest, with `-p ocfpy.testing.plugin`:

    def test_agent(ocf_check, tmp_path):
        ocf_check(TestedAgent("/path/to/agent", {"name": "value"}, tmp_path))
"""

from ocfpy.testing.checks import CHECKS, run_check
from ocfpy.testing.expectations import CheckFailed
from ocfpy.testing.tested import Result, TestedAgent

__all__ = ["CHECKS", "CheckFailed", "Result", "TestedAgent", "run_check"]
