"""How a watcher waits between two cycles; its life as a process is in the wire tier."""

import pytest

from galera_sync_guard.host.clock import boot_clock
from galera_sync_guard.watcher.process import Watcher


class World:
    """Stands for the server's connection, the network and the peers of a watcher; `news` is what has come in."""

    def __init__(self, news):
        self.news = news
        self.waited = []
        self.looked = 0

    def wait(self, seconds, others):
        self.waited.append(seconds)
        return self.news == "the server"

    def process(self):
        return self.news == "the network"

    def process_messages(self):
        self.looked += 1
        return self.news == "a peer"

    def sources(self):
        return []

    def seconds_until_due(self, limit):
        return limit

    seconds_until_query = seconds_until_due


def watcher(news=None):
    """Return a watcher that has nothing but what it needs to wait, and its world."""
    world = World(news)
    watcher = Watcher.__new__(Watcher)
    watcher._was_signalled = False
    watcher._network = watcher._peers = world
    watcher._sampler = type("Sampler", (), {"connection": world})
    return watcher, world


@pytest.mark.parametrize("late", [0, 5])
def test_what_peers_have_sent_is_looked_at_after_a_cycle_that_took_too_long(late):
    waiting, world = watcher()
    waiting._wait(boot_clock() - late)
    assert world.looked == 1
    assert world.waited == [0]


@pytest.mark.parametrize("news", ["the server", "the network", "a peer"])
def test_news_end_the_wait(news):
    waiting, world = watcher(news)
    waiting._wait(boot_clock() + 1000)
    assert len(world.waited) == 1


def test_a_wait_without_news_lasts_to_its_end():
    waiting, world = watcher()
    until = boot_clock() + 0.01
    waiting._wait(until)
    assert boot_clock() >= until
    assert world.looked > 1
