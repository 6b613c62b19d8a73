"""Three real Galera nodes without Pacemaker, with the package installed, shared by all tests of this tier."""

import contextlib

import pytest

from laboratory import mariadb
from laboratory.laboratory import Laboratory
from tests.mariadb.guard import Guard


@pytest.fixture(scope="session")
def laboratory(deb):
    """The running laboratory."""
    with Laboratory() as laboratory:
        laboratory.up(pacemaker=False, deb=deb)
        yield laboratory


@pytest.fixture
def node(laboratory):
    """The node under test, Synced with its two peers before and after the test."""
    wait_whole(laboratory)
    yield laboratory.nodes[0]
    wait_whole(laboratory)


@pytest.fixture
def peer(laboratory):
    """Another node of the cluster."""
    return laboratory.nodes[1]


@pytest.fixture
def guard(node):
    """Start a guard on the node; whatever it is given are its parameters. It is stopped after the test."""
    guards = []

    def start(**parameters):
        guards.append(Guard(node, **parameters))
        guards[-1].start()
        return guards[-1]

    yield start
    for started in guards:
        started.stop()


def wait_whole(laboratory):
    """Wait until every node is Synced with all others: a node that was away may not know it yet itself."""
    for node in laboratory.nodes:
        mariadb.wait_synced(node, len(laboratory.nodes), timeout=20)


@contextlib.contextmanager
def restarted_with(node, options):
    """Restart the node's server with more options; it is restarted without them afterwards."""
    extra = "/etc/mysql/mariadb.conf.d/99-more.cnf"
    node.write(extra, "[mariadbd]\n" + options)
    mariadb.stop(node)
    mariadb.start(node)
    mariadb.wait_synced(node, 3)
    try:
        yield
    finally:
        node.shell(f"rm {extra}")
        mariadb.stop(node)
        mariadb.start(node)
