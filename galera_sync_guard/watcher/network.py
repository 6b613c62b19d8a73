"""The virtual IP's network inside a watcher: an error in what watches it never ends the watcher."""

from __future__ import annotations

from galera_sync_guard.host.clock import boot_clock
from ocfpy.codes import describe
from ocfpy.runner import guarded

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import TypeVar

    from galera_sync_guard.cluster.network_reports import NetworkReports
    from galera_sync_guard.decision.facts import NetworkState
    from galera_sync_guard.host.link import LinkEvents
    from galera_sync_guard.host.network import Network
    from galera_sync_guard.host.reach import Reach
    from galera_sync_guard.parameters import GuardParameters
    from ocfpy.report import Report

    Result = TypeVar("Result")

# How long after an error the network is watched again, in seconds.
RETRY_INTERVAL = 10.0


class WatchedNetwork:
    """The Network of the parameter vip: nothing is known of it without one, nor for a while after an error."""

    def __init__(
        self, policy: GuardParameters, neighbours: socket.socket | None, reports: NetworkReports, report: Report
    ) -> None:
        self._vip = policy.vip
        self._nic = policy.nic
        self._neighbours = neighbours
        self._reports = reports
        self._report = report
        self._network: Network | None = None
        self._open_at = boot_clock()

    def process(self) -> bool:
        """Do what is due, and return whether the network's state changed."""
        return self._attempt(lambda network: network.process(boot_clock()), False)

    def state(self) -> NetworkState | None:
        """Return the NetworkState, None when nothing is known."""
        return self._attempt(lambda network: network.state(boot_clock()), None)

    def summary(self) -> str:
        """Return interface, link and neighbours in a few words, "" when nothing is known."""
        return self._attempt(lambda network: network.summary(boot_clock()), "")

    def sources(self) -> list[LinkEvents | Reach]:
        """Return what becomes readable with news, as a list for select."""
        return self._attempt(lambda network: network.sources(), [])

    def seconds_until_due(self, limit: float) -> float:
        """Return the seconds until process has something to do, `limit` at most."""
        return self._attempt(lambda network: network.seconds_until_due(limit, boot_clock()), limit)

    def exchange_reports(self) -> None:
        """Tell the peers what is known here, and take in what they have told."""
        self._attempt(self._exchange, None)

    def _exchange(self, network: Network) -> None:
        now = boot_clock()
        network.set_peers(self._reports.addresses(), self._reports.others_reach(now))
        self._reports.set_own(network.own_address, network.reaches(now))

    def _attempt(self, call: Callable[[Network], Result], default: Result) -> Result:
        """Return what a call returns for the network, the default without a network; an error closes the network."""
        if not self._vip:
            return default
        if self._network is None:
            if boot_clock() < self._open_at:
                return default
            self._open_at = boot_clock() + RETRY_INTERVAL
            opened = guarded(self._report, self._open)
            if isinstance(opened, BaseException):
                return self._close(opened, default)
            self._network = opened
        result = guarded(self._report, call, self._network)
        return self._close(result, default) if isinstance(result, BaseException) else result

    def _open(self) -> Network:
        from galera_sync_guard.host.network import Network

        assert self._vip
        return Network(self._vip, self._nic, self._neighbours, boot_clock())

    def _close(self, error: BaseException, default: Result) -> Result:
        self._report.error(f"the network of vip={self._vip} is not watched: {describe(error)}")
        network, self._network = self._network, None
        if network:
            guarded(self._report, network.close)
        return default
