"""The environment of one call, as an agent gets it without the module os."""

import subprocess
import sys

import pytest

from tests.support.checkout import ROOT

SCRIPT = """
import os, sys
sys.path.insert(0, sys.argv[1])
from ocfpy import environment
sys.exit(0 if environment() == dict(os.environ) else ascii(environment()))
"""


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "POSIX"])
@pytest.mark.parametrize("value", [b"", b"a=b", "Grüße".encode(), b"\xff\xfe", b"two\nlines"])
def test_the_environment_is_that_of_os(locale, value):
    environ = {b"LC_ALL": locale.encode(), b"OCF_RESKEY_user": value}
    done = subprocess.run([sys.executable, "-IBS", "-c", SCRIPT, ROOT], env=environ, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
