"""Where a message leads: the pages as the package installs them."""

from __future__ import annotations

DOCUMENTS = "/usr/share/doc/galera-sync-guard/"
OPERATIONS = DOCUMENTS + "docs/operations.md"
MONITOR_USER = DOCUMENTS + "examples/monitor-user.sql"

ALL_DOWN = "All nodes are down"
NO_PRIMARY = "No Primary component"
WAITING = "They wait for each other"
ALL_STOPPED = "All are stopped"
NO_QUORUM = "Pacemaker has no quorum"
TWO_CLUSTERS = "Two Galera clusters"
CHAPTERS = (ALL_DOWN, NO_PRIMARY, WAITING, ALL_STOPPED, NO_QUORUM, TWO_CLUSTERS)


def chapter(heading: str) -> str:
    """Return where a chapter of the operations page is."""
    return f'"{heading}" in {OPERATIONS}'
