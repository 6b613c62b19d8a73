"""What watchers tell each other of the virtual IP's network: their own address there, and whether anything answers."""

from __future__ import annotations

# Seconds: how often a watcher reports without a change, how old a report may be that says that something answers, and
# how old one that names an address.
REPORT_INTERVAL = 5.0
REPORT_MAX_AGE = 15.0
ADDRESS_MAX_AGE = 3600.0
# More addresses than a cluster has nodes.
MAX_REPORTS = 32


class NetworkReports:
    """This node's report and those of the others; pure. Times are seconds on the boot clock."""

    def __init__(self) -> None:
        self._own: bytes | None = None
        self._next_at = 0.0
        self._own_address = ""
        # address -> when its node was heard, and when it last said that something answers it
        self._received: dict[str, tuple[float, float | None]] = {}

    def set_own(self, address: str, reaches: bool) -> None:
        """Set what this node reports, "" for no address; a change is due at once."""
        report = f"{address or '-'} {int(reaches)}".encode()
        self._own_address = address
        if report != self._own:
            self._own, self._next_at = report, 0.0

    def seconds_until_due(self, limit: float, now: float) -> float:
        """Return the seconds until there is a report to send, `limit` at most."""
        return limit if self._own is None else min(limit, max(0.0, self._next_at - now))

    def take_due(self, now: float) -> bytes | None:
        """Return the report if it is due, and count it as sent."""
        if self._own is None or now < self._next_at:
            return None
        self._next_at = now + REPORT_INTERVAL
        return self._own

    def receive(self, report: bytes, now: float) -> None:
        """Note another node's report; this node's own comes back too and is not one."""
        address, _, reaches = report.decode("ascii", "replace").partition(" ")
        if report == self._own or address == self._own_address:
            return
        for old in [each for each, (heard_at, _) in self._received.items() if now - heard_at > ADDRESS_MAX_AGE]:
            del self._received[old]
        if address in self._received or len(self._received) < MAX_REPORTS:
            self._received[address] = now, now if reaches == "1" else None

    def addresses(self) -> tuple[str, ...]:
        """Return the other nodes' addresses, in a fixed order."""
        return tuple(sorted(address for address in self._received if address != "-"))

    def others_reach(self, now: float) -> bool:
        """Return whether something answers another node."""
        return any(at is not None and now - at < REPORT_MAX_AGE for _, at in self._received.values())
