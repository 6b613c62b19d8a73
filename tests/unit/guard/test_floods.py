"""What arrives without an end, faster than it is read: whoever reads it goes on with its work."""

import socket

import pytest

from galera_sync_guard.host.link import LinkEvents
from galera_sync_guard.host.neighbours import ARP, ARPOP_REPLY, PACKET_HOST, Neighbours

FAR_TOO_OFTEN = 100_000
REPLY = ARP.pack(1, 0x800, 6, 4, ARPOP_REPLY, b"mac...", b"host", b"mac...", b"mine")
SOURCE = ("eth0", 0x806, PACKET_HOST, 1, b"mac...")


class Flood:
    """A socket with always one more packet, or always an error."""

    family = socket.AF_PACKET

    def __init__(self, error=None):
        self.error = error
        self.reads = 0

    def recvfrom(self, size):
        self.reads += 1
        assert self.reads < FAR_TOO_OFTEN
        if self.error:
            raise self.error
        return REPLY, SOURCE

    def recv(self, size):
        return self.recvfrom(size)[0]


class Interface:
    name, index = "eth0", 1


ERRORS = pytest.mark.parametrize("error", [None, OSError(100, "Network is down")], ids=["packets", "errors"])


@ERRORS
def test_answers_of_neighbours(error):
    found = Neighbours(Flood(error)).answers(Interface)
    assert set(found) == (set() if error else {(b"host", b"mac...")})


@ERRORS
def test_events_of_the_link(error, monkeypatch):
    monkeypatch.setattr(LinkEvents, "__init__", lambda self: setattr(self, "_socket", Flood(error)))
    assert LinkEvents().take()
