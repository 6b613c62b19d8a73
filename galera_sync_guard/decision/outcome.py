"""What Pacemaker gets for a verdict: the exit code of each action in each mode; pure."""

from galera_sync_guard.decision.states import POOR, UNFIT
from ocfpy.codes import OCF_ERR_GENERIC, OCF_SUCCESS

# mode -> kinds of verdict that make the action fail. A probe is not here: it only tells whether the guard is started.
# 2, 4, 5 (they ban the node), 6 (stops the guard everywhere) and 190 (stays among the failed actions) are never given
# for a verdict.
FAILS = {
    "start": {"fail": (UNFIT,), "score": ()},
    "monitor": {"fail": (POOR, UNFIT), "score": ()},
}


def exit_code(action, mode, kind):
    """Return the exit code of `action` (start or recurring monitor) for a verdict of that kind.

    1 makes Pacemaker recover the resource: with migration-threshold=1 it goes, and the virtual IP with it, to another
    node.
    """
    return OCF_ERR_GENERIC if kind in FAILS[action][mode] else OCF_SUCCESS
