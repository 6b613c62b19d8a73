"""The names of the faults of a rehearsal, and groups of those that one mistake can spoil."""

from __future__ import annotations

START = "start"
CALM = "calm"
UNKNOWN = "unknown"
POOR = "poor"
UNFIT = "unfit"
NO_SCORE = "no-score"
MONITOR_FAILS = "monitor-fails"
STOP_FAILS = "stop-fails"
FAILURE_EXPIRES = "failure-expires"
ADDRESS_LOST = "address-lost"
RESET_MONITOR_FAILS = "reset-monitor-fails"
RESET_STOP_FAILS = "reset-stop-fails"
NODE_LOST = "node-lost"
STANDBY = "standby"
ALL_UNKNOWN = "all-unknown"
ALL_POOR = "all-poor"
ALL_UNFIT = "all-unfit"
ALL_NO_SCORE = "all-no-score"
CUT_OFF = "cut-off"
OTHER_UNFIT = "other-unfit"
OTHER_GUARD_FAILS = "other-guard-fails"
OTHER_LOST = "other-lost"
OTHER_RETURNS = "other-returns"

# The virtual IP must leave its node.
LEAVES = frozenset(
    (POOR, UNFIT, NO_SCORE, MONITOR_FAILS, STOP_FAILS, RESET_STOP_FAILS, NODE_LOST, STANDBY, ALL_UNFIT, ALL_NO_SCORE)
)
# The guard's verdict must make it leave.
VERDICTS = frozenset((POOR, UNFIT, NO_SCORE, RESET_STOP_FAILS, ALL_UNFIT, ALL_NO_SCORE))
GUARD_FAILS = frozenset((MONITOR_FAILS, STOP_FAILS))
# Something happens on another node: it must stay.
OTHERS = frozenset((OTHER_UNFIT, OTHER_GUARD_FAILS, OTHER_LOST, OTHER_RETURNS))
STAYS = OTHERS | {CALM, UNKNOWN, ALL_UNKNOWN, ALL_POOR, RESET_MONITOR_FAILS}
EVERYTHING = LEAVES | STAYS | {START, FAILURE_EXPIRES, ADDRESS_LOST, CUT_OFF}
