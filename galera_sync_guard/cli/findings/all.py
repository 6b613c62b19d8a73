"""Asks every registered check about a snapshot."""

from __future__ import annotations

from galera_sync_guard.cli.findings import client_reset, constraints, corosync, mariadb, network, properties, resources
from galera_sync_guard.cli.findings.finding import CHECKS, SEVERITIES, Finding
from galera_sync_guard.cli.findings.snapshot import Snapshot

# Each of these registers its checks when it is imported.
MODULES = (resources, constraints, properties, network, client_reset, corosync, mariadb)


def find_all(snapshot: Snapshot) -> list[Finding]:
    """Return all findings on a snapshot, the worst first."""
    found = [finding for check in CHECKS for finding in check(snapshot)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))
