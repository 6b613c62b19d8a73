"""A time limit may end the loading of the driver anywhere; a watcher that lives on can load it again."""

import subprocess
import sys

import pytest

# Interrupts the first import of one module, before or after it was loaded.
SCRIPT = """
import sys
sys.path += [".", "/usr/lib/python3/dist-packages"]
from galera_sync_guard.server.credentials import Login
from galera_sync_guard.server.driver import load_client
from ocfpy.deadline import TimeIsUp
from ocfpy.parameters import Secret

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            sys.meta_path.remove(self)
            raise TimeIsUp

sys.meta_path.insert(0, Interrupting())
try:
    load_client(with_tls=False)
except TimeIsUp:
    print("interrupted")
class parameters:
    ssl_ca = ssl_cert = ssl_key = None
client = load_client(with_tls=False)(Login("root", Secret(""), parameters), None)
print(type(client).__name__)
"""


@pytest.mark.parametrize(
    "module",
    [
        "pymysql",
        "pymysql.err",
        "pymysql.connections",
        "pymysql.cursors",
        "pymysql.constants",
        "decimal",
        "configparser",
    ],
)
def test_an_interrupted_load_is_done_again(module):
    done = subprocess.run([sys.executable, "-B", "-c", SCRIPT, module], capture_output=True, text=True, check=False)
    assert (done.stderr, done.stdout.split()) == ("", ["interrupted", "Client"])
