"""Three real Galera nodes without Pacemaker, with the package installed, shared by all tests of this tier."""

import contextlib

import pytest

from laboratory import mariadb
from laboratory.laboratory import Laboratory
from tests.mariadb.guard import Guard


@pytest.fixture(scope="session")
def laboratories(deb):
    """Return a function that gives the running laboratory: another one when a test has left it broken."""
    with contextlib.ExitStack() as running:
        kept = []

        def whole():
            if not (kept and is_whole(kept[0])):
                running.close()
                kept[:] = [running.enter_context(Laboratory())]
                kept[0].up(pacemaker=False, deb=deb)
            return kept[0]

        yield whole


@pytest.fixture
def laboratory(laboratories):
    """The running laboratory, whole before and after the test."""
    laboratory = laboratories()
    yield laboratory
    assert is_whole(laboratory), "the test has left a node that is not Synced"


@pytest.fixture
def node(laboratory):
    """The node under test."""
    return laboratory.nodes[0]


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


def is_whole(laboratory):
    """Return whether every node gets Synced with all others: a node that was away may not know it yet itself."""
    try:
        for node in laboratory.nodes:
            mariadb.wait_synced(node, len(laboratory.nodes), timeout=40)
    except TimeoutError:
        return False
    return True


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
