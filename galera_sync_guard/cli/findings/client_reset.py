"""Findings on vip_client_reset, its place beside the virtual IP, and what it needs of the kernel; pure."""

from __future__ import annotations

from collections.abc import Iterator

from galera_sync_guard.cli.cib import recipe
from galera_sync_guard.cli.cib.values import is_true
from galera_sync_guard.cli.findings.finding import Finding, check, error, warning
from galera_sync_guard.cli.findings.snapshot import Snapshot
from galera_sync_guard.cli.rehearsal import names


@check
def client_reset(snapshot: Snapshot) -> Iterator[Finding]:
    for configuration, _, vip in snapshot.guarded if snapshot.resets_clients else ():
        reset = configuration.client_reset(vip)
        name = reset.outermost if reset else recipe.CLIENT_RESET
        colocate = f"pcs constraint colocation add {name} with {vip.outermost}"
        order = f"pcs constraint order {vip.outermost} then {name}"
        if reset is None:
            if vip.address:
                text = (
                    f"no vip_client_reset for {vip.id}: a client that waits when it leaves hangs until its own timeout"
                )
                create = recipe.client_reset(vip.address).pcs_create()
                yield warning("no-client-reset", text, create, colocate, order)
            continue
        if not configuration.follows(reset, vip):
            text = f"{reset.id} is not ordered after {vip.id}: it stops too late, when clients can no longer be told"
            yield warning("client-reset-not-last", text, order)
        if not configuration.colocation_score(reset, vip):
            yield warning("client-reset-elsewhere", f"{reset.id} is not colocated with {vip.id}", colocate)
        if is_true(configuration.meta(reset, "critical") or "true"):
            text, fix = f"its failure would move {vip.id}", f"pcs resource meta {reset.id} critical=false"
            explains = frozenset({names.RESET_MONITOR_FAILS})
            yield error("client-reset-critical", f"{reset.id} has no critical=false: {text}", fix, explains=explains)
        if reset.operation("stop").get("on-fail") != "ignore":
            text = f"a stop of {reset.id} that fails would keep {vip.id} on a node that must lose it"
            ignore = f"pcs resource update {reset.id} op stop timeout=20s on-fail=ignore"
            forget = f"pcs resource meta {reset.id} failure-timeout=60s"
            yield error("client-reset-stop", text, ignore, forget, explains=frozenset({names.RESET_STOP_FAILS}))


@check
def sock_destroy(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.destroys_sockets is False and snapshot.resets_clients:
        text = "this kernel has no CONFIG_INET_DIAG_DESTROY as Debian's has: vip_client_reset cannot reset connections"
        yield warning("sock-destroy", text, "apt-get install linux-image-$(dpkg --print-architecture)", "reboot")
