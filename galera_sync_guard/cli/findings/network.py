"""Findings on the network of the virtual IP: how the guard watches it, and what IPaddr2 does with it; pure."""

from __future__ import annotations

from collections.abc import Iterator

from galera_sync_guard.cli.cib.recipe import ADDRESS_AGENT
from galera_sync_guard.cli.cib.values import is_same_address, is_true, seconds
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
        text = f"{guard.id} has no vip: a node that clients cannot reach keeps the address"
        yield warning("no-vip-parameter", text, fix)
    if parameters.vip and not any(is_same_address(parameters.vip, address) for address in addresses):
        text = f"{guard.id} has vip={parameters.vip}, which none of its virtual IPs has"
        yield error("other-vip-parameter", text, fix)


@check
def address_agent(snapshot: Snapshot) -> Iterator[Finding]:
    parameters = snapshot.parameters
    is_announced = parameters and parameters.vip and parameters.watch_interval  # the watcher does it again and again
    for configuration, _, vip in snapshot.guarded:
        if vip.agent != ADDRESS_AGENT:
            continue
        checks_link = snapshot.checks_link and is_true(vip.parameters.get("check_link_status", "true"))
        if checks_link and not seconds(configuration.meta(vip, "failure-timeout")):
            yield warning(
                "link-check",
                f"IPaddr2 reports a link that is down as an agent that is not installed: {vip.id} may not return to such a"
                " node until pcs resource cleanup",
                f"pcs resource meta {vip.id} failure-timeout=60s",
            )
        is_ipv4 = vip.address is not None and ":" not in vip.address
        if is_ipv4 and not is_announced and vip.parameters.get("arp_count_refresh", "0") == "0":
            yield note(
                "announced-once",
                f"IPaddr2 announces {vip.address} to the network only when it starts: a switch that misses that sends clients"
                " to the old node until its own entry expires",
                f"pcs resource update {vip.id} arp_count_refresh=1",
            )
