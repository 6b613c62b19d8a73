"""All checks: each is a promise of an agent to its cluster, and its docstring says why the cluster needs it."""

from __future__ import annotations

from ocfpy.testing.descriptions import (
    accepts_its_parameters,
    describes_itself,
    has_valid_metadata,
    is_understood_by_tools,
    refuses_unknown_actions,
)
from ocfpy.testing.faults import ends_in_time, survives_kills, survives_kills_at_commands
from ocfpy.testing.life import (
    gives_one_reason,
    keeps_its_secrets,
    lets_its_caller_go,
    monitors_side_by_side,
    probes_without_a_trace,
    promotes_and_demotes,
    starts_and_stops,
    stops_whatever_the_values,
    takes_notices,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from ocfpy.testing.tested import TestedAgent

    Check: TypeAlias = Callable[[TestedAgent], None]

CHECKS: tuple[Check, ...] = (
    describes_itself,
    has_valid_metadata,
    is_understood_by_tools,
    refuses_unknown_actions,
    accepts_its_parameters,
    starts_and_stops,
    promotes_and_demotes,
    takes_notices,
    probes_without_a_trace,
    stops_whatever_the_values,
    survives_kills,
    survives_kills_at_commands,
    ends_in_time,
    lets_its_caller_go,
    monitors_side_by_side,
    gives_one_reason,
    keeps_its_secrets,
)


def run_check(check: Check, agent: TestedAgent) -> None:
    """Run one check and leave nothing behind; raise CheckFailed."""
    try:
        check(agent)
    finally:
        agent.clean_up()
