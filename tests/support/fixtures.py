"""The fixtures of the tiers that run the agent as a process; a conftest.py imports them."""

import compileall

import pytest

from tests.support.guard import CHECKOUT, DRIVER, Guard, copy_of_tree
from tests.support.server import Server


@pytest.fixture(scope="session", autouse=True)
def compiled():
    """Byte-compile the packages, as an installation does: the agent itself writes no files."""
    for package in ("ocfpy", "galera_sync_guard", "vip_client_reset"):
        compileall.compile_dir(CHECKOUT / package, quiet=2)


@pytest.fixture(scope="session")
def executable(tmp_path_factory):
    """The agent in the checkout; if the tests shall run with another driver, the agent in a copy that has it."""
    if not DRIVER:
        return CHECKOUT / "agents/galera_sync_guard"
    executable = copy_of_tree(tmp_path_factory.mktemp("driver") / "tree")
    compileall.compile_dir(executable.parent.parent, quiet=2)
    return executable


@pytest.fixture
def guard(tmp_path, executable):
    """A guard with mode=score, not started, on a node of a cluster (n1), and no server at its socket."""
    guard = Guard(tmp_path, executable=executable)
    guard.environment["OCF_RESKEY_CRM_meta_on_node"] = "n1"
    return guard


@pytest.fixture
def server(guard):
    """A server in perfect order at the guard's socket."""
    with Server(guard.parameters["socket"]) as server:
        yield server
