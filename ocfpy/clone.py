"""What a clone needs of Pacemaker: the announcements of notify as typed values, and the promotion score."""

from __future__ import annotations

from ocfpy.parameters import RESKEY
from ocfpy.process import run_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocfpy.invocation import Invocation
    from ocfpy.parameters import Declared

NOTIFY = RESKEY + "CRM_meta_notify_"


class Notification:
    """What Pacemaker announces to every instance of a clone before (`is_pre`) and after an operation.

    The lists are pairs of an instance and its node, such as ("db:0", "node1"): `active`, `inactive`, `promoted` and
    `unpromoted` as they were before the operation, the others as the operation changes them.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.is_pre = environ.get(NOTIFY + "type") == "pre"
        self.operation = environ.get(NOTIFY + "operation", "")
        self.starting = self._pairs("start")
        self.stopping = self._pairs("stop")
        self.promoting = self._pairs("promote")
        self.demoting = self._pairs("demote")
        self.active = self._pairs("active")
        self.inactive = self._environ.get(NOTIFY + "inactive_resource", "").split()
        self.promoted = self._pairs("promoted", "master")
        self.unpromoted = self._pairs("unpromoted", "slave")

    def _pairs(self, *names: str) -> list[tuple[str, str]]:
        """Return the pairs under the first of the names that Pacemaker sent: the older ones are those before 2.1."""
        for name in names:
            instances = self._environ.get(f"{NOTIFY}{name}_resource", "").split()
            nodes = self._environ.get(f"{NOTIFY}{name}_uname", "").split()
            if instances:
                # What Pacemaker sends is not ours to refuse: what has no node is left out.
                return [(instances[number], nodes[number]) for number in range(min(len(instances), len(nodes)))]
        return []


def set_promotion_score(invocation: Invocation[Declared], score: int | None) -> bool:
    """Tell Pacemaker how good this node is for the promoted role, None for not at all; return whether that worked.

    The highest score is promoted. Pacemaker never promotes an instance without a score. The score goes when the node
    leaves the cluster.
    """
    change = ("--delete",) if score is None else ("--update", str(score))
    command = ("crm_attribute", f"--promotion={invocation.resource}", "--lifetime=reboot", *change)
    try:
        code, _ = run_command(command, invocation.environ, invocation.deadline.remaining() / 2)
    except OSError:
        return False
    return code == 0
