"""Findings on the parameters with which the guard watches the network of the virtual IP; pure."""

from __future__ import annotations

from collections.abc import Iterator

from galera_sync_guard.cli.cib.values import is_same_address
from galera_sync_guard.cli.findings.finding import Finding, check, error, warning
from galera_sync_guard.cli.findings.snapshot import Snapshot


@check
def vip_parameter(snapshot: Snapshot) -> Iterator[Finding]:
    guard, parameters = snapshot.guard, snapshot.parameters
    addresses = [vip.address for vip in snapshot.vips if vip.address]
    if not (guard and parameters and addresses):
        return
    fix = f"pcs resource update {guard.id} vip={addresses[0]}"
    if parameters.vip is None and parameters.watch_interval:
        yield warning(
            "no-vip-parameter",
            f"{guard.id} has no vip: a node that clients cannot reach keeps the address",
            fix,
        )
    if parameters.vip and not any(is_same_address(parameters.vip, address) for address in addresses):
        yield error(
            "other-vip-parameter",
            f"{guard.id} has vip={parameters.vip}, which none of its virtual IPs has",
            fix,
        )
