"""What a monitor may import, and what it imports."""

import subprocess

# Modules that a monitor with nothing to publish may import. Each one is paid for every second. That of a guard that
# watches:
WATCHING = {
    "galera_sync_guard",
    "galera_sync_guard.agent",
    "galera_sync_guard.decision",
    "galera_sync_guard.watcher",
    "galera_sync_guard.watcher.client",
    "galera_sync_guard.decision.states",
    "galera_sync_guard.parameters",
    "ocfpy",
    "ocfpy.agent",
    "ocfpy.codes",
    "ocfpy.deadline",
    "ocfpy.invocation",
    "ocfpy.parameters",
    "ocfpy.report",
    "ocfpy.runner",
    "__future__",
    "_socket",
    "gc",
}

# What looks at the server itself needs these as well, up to the greeting.
DIALLING = WATCHING | {
    "galera_sync_guard.cluster.peers",
    "galera_sync_guard.decision.memory",
    "galera_sync_guard.host",
    "galera_sync_guard.host.clock",
    "galera_sync_guard.host.state_file",
    "_struct",
    "struct",
    "galera_sync_guard.decision.classify",
    "galera_sync_guard.decision.judge",
    "galera_sync_guard.cluster",
    "galera_sync_guard.cycle",
    "galera_sync_guard.server",
    "galera_sync_guard.decision.facts",
    "galera_sync_guard.host.maintenance",
    "galera_sync_guard.server.connection",
    "galera_sync_guard.server.credentials",
    "galera_sync_guard.server.probe",
    "galera_sync_guard.server.questions",
    "galera_sync_guard.cluster.attributes",
    "_collections_abc",
    "_stat",
    "errno",
    "genericpath",
    "os",
    "posixpath",
    "select",
    "stat",
}

# And what asks it, of PyMySQL and below it.
DRIVERS = """
    pymysql pymysql._auth pymysql.charset pymysql.connections pymysql.constants pymysql.constants.CLIENT
    pymysql.constants.COMMAND pymysql.constants.CR pymysql.constants.ER pymysql.constants.FIELD_TYPE
    pymysql.constants.SERVER_STATUS pymysql.converters pymysql.cursors pymysql.err pymysql.optionfile
    pymysql.protocol pymysql.times
"""

# What PyMySQL imports of the standard library and we cannot avoid. The last line: Python 3.13's own.
BELOW = """
    _blake2 _collections _datetime _decimal _functools _md5 _operator _sha1 _sha256 _sha3 _sha512 _sre collections
    collections.abc configparser contextlib copyreg datetime decimal enum functools hashlib itertools keyword math
    numbers operator re re._casefix re._compiler re._constants re._parser reprlib types warnings
    _colorize _sha2
"""

ASKING = (
    DIALLING | {"galera_sync_guard.server.client", "galera_sync_guard.server.driver"} | set((DRIVERS + BELOW).split())
)

# Asked for and refused by a None in sys.modules: -X importtime lists the attempt. Had ssl or getpass been imported,
# _ssl and termios would be there.
REFUSED = {"_hashlib", "cryptography.hazmat", "cryptography.hazmat.backends", "getpass", "ssl"}

# The most expensive ones, each of which once crept in; none may be allowed by accident.
NEVER = {
    "_ssl",
    "argparse",
    "asyncio",
    "cryptography",
    "dataclasses",
    "getpass",
    "importlib.metadata",
    "inspect",
    "json",
    "linecache",
    "logging",
    "pathlib",
    "random",
    "selectors",
    "shutil",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "termios",
    "traceback",
    "typing",
    "urllib",
    "xml",
}


def imported_by_monitor(guard):
    """Return the modules that one monitor imports after the interpreter's own start."""
    interpreter = guard.executable.read_text().splitlines()[0].removeprefix("#!").split()
    guard.before = (*interpreter, "-X", "importtime")
    result = guard.monitor()
    assert result.code == 0, result
    bare = subprocess.run([*guard.before, "-c", ""], capture_output=True, text=True, check=True)
    return imported(result.stderr) - imported(bare.stderr)


def imported(report):
    return {line.rpartition("|")[2].strip() for line in report.splitlines() if line.startswith("import time:")}
