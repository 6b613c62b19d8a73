"""Watches the network of the virtual IP on this host: the link of its interface, and whether any neighbour answers."""

from __future__ import annotations

import contextlib
import socket

from galera_sync_guard.decision.facts import NetworkState
from galera_sync_guard.host.link import LinkEvents, find_gateway, find_interface
from galera_sync_guard.host.neighbours import Neighbours, family_of
from galera_sync_guard.host.reach import Reach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from galera_sync_guard.host.link import Interface

# Seconds: how long a link must have been up again before its node is better than another, and how often gateway and
# interface are looked up without an event.
SETTLING = 1.0
LOOK_INTERVAL = 10.0
# When the virtual IP is announced, in seconds after it has come; IPaddr2 does so for the first second. A host that missed
# that would send to the node before until its own entry has expired, which takes Linux half a minute and more.
ANNOUNCEMENTS = (1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 55.0)


def link_state(vip: str, nic: str | None) -> NetworkState | None:
    """Return what one look at the link shows, for a monitor that has no watcher; None when the kernel does not answer."""
    try:
        interface, fault = find_interface(*_packed(vip), nic)
    except OSError:
        return None
    return NetworkState(unplugged=interface.fault if interface else fault)


class Network:
    """The virtual IP's network for one watcher. Times are seconds on the boot clock.

    `opened` is a socket of neighbours.open_socket, None when only the link can be watched.
    """

    def __init__(self, vip: str, nic: str | None, opened: socket.socket | None, now: float) -> None:
        self._family, self._vip = _packed(vip)
        self._nic = nic
        self._events = LinkEvents()
        self._hosts = Neighbours(opened) if opened else None
        self._reach = Reach(self._hosts, now) if self._hosts else None
        self._interface: Interface | None = None
        self._fault = ""
        self._up_since: float | None = None  # None: as long as we know
        self._peers: tuple[bytes, ...] = ()
        self._gateway: bytes | None = None
        self._others_reach = False
        self._look_at = now
        self._has_vip = False
        self._announce_at: list[float] = []
        self._look(now)
        self._seen = self._fault, False

    def sources(self) -> list[LinkEvents | Reach]:
        """Return what becomes readable with news, as a list for select."""
        return [self._events, self._reach] if self._reach and self._can_ask else [self._events]

    def seconds_until_due(self, limit: float, now: float) -> float:
        """Return the seconds until process has something to do, `limit` at most."""
        due = min([self._look_at, *self._announce_at[:1]])
        if self._reach and self._can_ask and self._reach.next_at is not None:
            due = min(due, self._reach.next_at)
        return min(limit, max(0.0, due - now))

    def process(self, now: float) -> bool:
        """Take the kernel's events and the neighbours' answers, ask what is due, return whether the state changed."""
        is_due = bool(self._announce_at) and now >= self._announce_at[0]
        if self._events.take() or now >= self._look_at or is_due:
            self._look(now)
        if is_due and self._announce_at:
            self._announce()
        if self._reach and self._interface and not self._fault:
            self._reach.process(self._interface, now)
        before, self._seen = self._seen, (self._fault, self._is_silent(now))
        return self._seen != before

    def set_peers(self, addresses: tuple[str, ...], others_reach: bool) -> None:
        """Ask these addresses too; `others_reach` is whether another node has an answer from any of its neighbours."""
        peers = []
        for address in addresses:
            with contextlib.suppress(OSError):  # of another family, or not an address
                peers.append(socket.inet_pton(self._family, address))
        self._peers = tuple(peers)
        self._others_reach = others_reach
        self._set_neighbours()

    @property
    def _can_ask(self) -> bool:
        """Whether neighbours can be asked and heard: an answer that is not read must not wake the watcher."""
        return self._interface is not None and not self._fault

    @property
    def own_address(self) -> str:
        """This host's own address in the network, "" without one."""
        own = self._interface.address if self._interface else None
        return socket.inet_ntop(self._family, own) if own else ""

    def reaches(self, now: float) -> bool:
        """Return whether the link is up and a neighbour has just answered."""
        return not self._fault and self._reach is not None and self._reach.is_fresh(now)

    def summary(self, now: float) -> str:
        """Return interface, link and neighbours in a few words, for people."""
        link = self._fault or f"interface {self._name()} is up"
        return f"{link}, {self._reach.summary(now)}" if self._reach and not self._fault else link

    def state(self, now: float) -> NetworkState:
        """Return the NetworkState; silence since the start counts only if other nodes reach a neighbour."""
        if self._fault:
            return NetworkState(unplugged=self._fault)
        if self._is_silent(now):
            silent = ", ".join(socket.inet_ntop(self._family, each) for each in self._neighbours())
            return NetworkState(unreachable=f"no answer on {self._name()} from {silent}")
        if self._is_settling(now):
            return NetworkState(settling=f"interface {self._name()} is up again for less than {SETTLING:g}s")
        return NetworkState()

    def close(self) -> None:
        """Hear of no more events."""
        self._events.close()

    def _look(self, now: float) -> None:
        self._look_at = now + LOOK_INTERVAL
        was_down = bool(self._fault)
        try:
            interface, fault = find_interface(self._family, self._vip, self._nic)
        except OSError:
            return  # the interface went between two questions: an event follows
        self._interface = interface or self._interface
        self._fault = interface.fault if interface else fault
        self._plan_announcements(interface is not None and interface.has_vip, now)
        if self._fault:
            return
        if was_down:
            self._up_since = now
            if self._reach:
                self._reach.forget_questions(now)
        if interface and self._reach:
            self._gateway = find_gateway(self._family, interface.index)
            self._set_neighbours()

    def _plan_announcements(self, has_vip: bool, now: float) -> None:
        if has_vip != self._has_vip:
            self._has_vip = has_vip
            self._announce_at = [now + seconds for seconds in ANNOUNCEMENTS] if has_vip else []

    def _announce(self) -> None:
        del self._announce_at[0]
        if self._hosts and self._interface and not self._fault:
            self._hosts.announce(self._interface, self._vip)

    def _set_neighbours(self) -> None:
        if self._reach:
            self._reach.set_neighbours(self._neighbours())

    def _neighbours(self) -> tuple[bytes, ...]:
        own = self._interface.address if self._interface else None
        gateway = (self._gateway,) if self._gateway else ()
        return tuple(dict.fromkeys(each for each in gateway + self._peers if each not in (own, self._vip)))

    def _is_silent(self, now: float) -> bool:
        if not self._reach or not (self._reach.has_answered or self._others_reach):
            return False
        return self._reach.silence(now) > 0

    def _is_settling(self, now: float) -> bool:
        return self._up_since is not None and now - self._up_since < SETTLING

    def _name(self) -> str:
        return self._interface.name if self._interface else "?"


def _packed(address: str) -> tuple[int, bytes]:
    return family_of(address), socket.inet_pton(family_of(address), address)
