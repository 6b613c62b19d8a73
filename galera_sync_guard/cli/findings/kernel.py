"""Findings on the kernel of this node; pure."""

from __future__ import annotations

from collections.abc import Iterator

from galera_sync_guard.cli.findings.finding import Finding, check, warning
from galera_sync_guard.cli.findings.snapshot import Snapshot


@check
def sock_destroy(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.destroys_sockets is False and snapshot.resets_clients:
        yield warning(
            "sock-destroy",
            "this kernel has no CONFIG_INET_DIAG_DESTROY: vip_client_reset cannot reset"
            " connections here; Debian's own kernel has it",
            "apt-get install linux-image-$(dpkg --print-architecture)",
            "reboot",
        )
