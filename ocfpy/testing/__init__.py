"""Checks for any OCF resource agent, in whatever language it is written: what ocf-tester does not look at.

As a command: `python3 -m ocfpy.testing /path/to/agent name=value ...`. In pytest:

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_agent(check, tmp_path):
        run_check(check, TestedAgent("/path/to/agent", {"name": "value"}, str(tmp_path)))
"""

from ocfpy.testing.checks import CHECKS, CheckFailed, run_check
from ocfpy.testing.tested import Result, TestedAgent

__all__ = ["CHECKS", "CheckFailed", "Result", "TestedAgent", "run_check"]
