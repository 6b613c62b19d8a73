"""Findings on the network of the virtual IP: how the guard watches it, and what IPaddr2 does with it; pure."""

from __future__ import annotations

from collections.abc import Iterator

from galera_sync_guard.cli.cib.recipe import ADDRESS_AGENT
from galera_sync_guard.cli.cib.values import is_same_address, seconds
from galera_sync_guard.cli.findings.finding import Finding, check, error, note, warning
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


@check
def link_check(snapshot: Snapshot) -> Iterator[Finding]:
    for vip in snapshot.vips if snapshot.checks_link else ():
        assert snapshot.configuration is not None
        if vip.agent == ADDRESS_AGENT and not seconds(snapshot.configuration.meta(vip, "failure-timeout")):
            yield warning(
                "link-check",
                f"IPaddr2 reports a link that is down as an agent that is not installed: {vip.id} may not return to such a"
                " node until pcs resource cleanup",
                f"pcs resource meta {vip.id} failure-timeout=60s",
            )


@check
def announced_once(snapshot: Snapshot) -> Iterator[Finding]:
    parameters = snapshot.parameters
    if parameters and parameters.vip and parameters.watch_interval:
        return  # the watcher announces it again
    for vip in snapshot.vips:
        is_ipv4 = vip.address is not None and ":" not in vip.address
        if vip.agent == ADDRESS_AGENT and is_ipv4 and vip.parameters.get("arp_count_refresh", "0") == "0":
            yield note(
                "announced-once",
                f"IPaddr2 announces {vip.address} to the network only when it starts: a switch that misses that sends clients"
                " to the old node until its own entry expires",
                f"pcs resource update {vip.id} arp_count_refresh=1",
            )
