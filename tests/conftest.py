"""What several tiers share: the package that they install, built once."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from galera_sync_guard import __version__
from tests.support.checkout import OLD, ROOT

# A shell that runs the tests in the background makes them ignore interrupts, and so would all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def deb():
    """The Debian package of this checkout: built here, or once for all processes of the runner."""
    if path := os.environ.get("TEST_DEB"):
        return Path(path)
    subprocess.run([ROOT / "tools" / "build-deb"], check=True, stdout=subprocess.DEVNULL)
    (package,) = (ROOT / "build").glob("*.deb")
    return package


@pytest.fixture(scope="session")
def old_deb(deb, tmp_path_factory):
    """The same package with the version OLD."""
    tree = tmp_path_factory.mktemp("old") / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", deb, tree], check=True)
    for name in ("DEBIAN/control", "usr/lib/python3/dist-packages/ocfpy/__init__.py"):
        text = (tree / name).read_text()
        assert __version__ in text
        (tree / name).write_text(text.replace(__version__, OLD))
    package = tree.with_name("galera-sync-guard_old.deb")
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, package], check=True, stdout=subprocess.DEVNULL)
    return package
