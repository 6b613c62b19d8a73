"""Findings on vip_client_reset and its place beside the virtual IP; pure."""

from __future__ import annotations

from collections.abc import Iterator

from galera_sync_guard.cli.cib import recipe
from galera_sync_guard.cli.cib.values import is_true
from galera_sync_guard.cli.findings.finding import Finding, cause, check, warning
from galera_sync_guard.cli.findings.snapshot import Snapshot
from galera_sync_guard.cli.rehearsal import names


@check
def client_reset(snapshot: Snapshot) -> Iterator[Finding]:
    for configuration, _, vip in snapshot.guarded if snapshot.resets_clients else ():
        reset = configuration.client_reset(vip)
        if reset is None and vip.address:
            yield warning(
                "no-client-reset",
                f"no vip_client_reset for {vip.id}: a client that waits for an answer when the"
                " address leaves hangs until its own timeout",
                recipe.client_reset(vip.address).pcs_create(),
                f"pcs constraint colocation add {recipe.CLIENT_RESET} with {vip.outermost}",
                f"pcs constraint order {vip.outermost} then {recipe.CLIENT_RESET}",
            )
        if reset is None:
            continue
        if not configuration.follows(reset, vip):
            yield warning(
                "client-reset-not-last",
                f"{reset.id} is not ordered after {vip.id}: it stops too late, when clients can no longer be told",
                f"pcs constraint order {vip.outermost} then {reset.outermost}",
            )
        if not configuration.colocation_score(reset, vip):
            add = f"pcs constraint colocation add {reset.outermost} with {vip.outermost}"
            yield warning("client-reset-elsewhere", f"{reset.id} is not colocated with {vip.id}", add)
        if is_true(configuration.meta(reset, "critical") or "true"):
            yield cause(
                "client-reset-critical",
                frozenset({names.RESET_MONITOR_FAILS}),
                f"{reset.id} has no critical=false: its failure would move {vip.id}",
                f"pcs resource meta {reset.id} critical=false",
            )
        if reset.operation("stop").get("on-fail") != "ignore":
            yield cause(
                "client-reset-stop",
                frozenset({names.RESET_STOP_FAILS}),
                f"a stop of {reset.id} that fails would keep {vip.id} on a node that must lose it",
                f"pcs resource update {reset.id} op stop timeout=20s on-fail=ignore",
                f"pcs resource meta {reset.id} failure-timeout=60s",
            )
