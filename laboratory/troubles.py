"""The table of troubles: what goes wrong around a guard whose server works, no reason to move the address.

Only a watcher that is killed or stands still for long fails a monitor, which Pacemaker recovers elsewhere.
"""

from __future__ import annotations

import functools
import io
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from laboratory.faults import Action, Fault, hold, nothing, release
from laboratory.ground import GUEST
from laboratory.pacemaker import GUARD_NAME

if TYPE_CHECKING:
    from laboratory.laboratory import Laboratory
    from laboratory.machine import Machine

CHECKOUT = Path(__file__).parent.parent
# A real older build.
OLDER = "4c3eb35"
VERSIONS = {"older": "0.0.1", "newer": "9.0.0"}
# The directories of an archive of the checkout, and where their files are installed.
AGENTS, PYTHON = "usr/lib/ocf/resource.d/custom", "usr/lib/python3/dist-packages"
PLACES = {
    "agents": AGENTS,
    **{name: f"{PYTHON}/{name}" for name in ("galera_sync_guard", "ocfpy", "vip_client_reset")},
}
# What a statement needs a processor for, longer than any trouble lasts.
BUSY = "SELECT BENCHMARK(100000000000, MD5(1))"


def _shell(script: str) -> Action:
    return lambda _, node: _run(node, script)


def _run(node: Machine, script: str) -> None:
    node.shell(script, timeout=90)


# As much of /run stays as is used: nothing can be written to it.
_FILL_RUN = (
    "mount -o remount,size=$(($(df --output=used -B1K /run | tail -n 1) + 4))K /run;"
    " cat /dev/zero >/run/filler 2>/dev/null || :"
)
_EMPTY_RUN = "rm -f /run/filler; mount -o remount,size=20% /run"
_SIGNAL_WATCHER = "kill -{} $(pgrep -f 'galera_sync_guard watch') || :"
_KILL_CONNECTIONS = (
    "mariadb -N -e \"SELECT CONCAT('KILL ', ID, ';') FROM information_schema.PROCESSLIST"
    " WHERE USER <> 'system user' AND ID <> CONNECTION_ID() {}\" | mariadb --force 2>/dev/null || :"
)
_SET_PARAMETER = f"crm_resource --resource {GUARD_NAME} --set-parameter saturation_grace --parameter-value 9s"
_DELETE_PARAMETER = f"crm_resource --resource {GUARD_NAME} --delete-parameter saturation_grace"


def _stall_pool(_: Laboratory, node: Machine) -> None:
    _run(node, "mariadb -e 'SET GLOBAL thread_pool_size=1'")
    hold(node, "pool", f"for _ in 1 2; do mariadb -e '{BUSY}' & done; wait")


def _relieve_pool(_: Laboratory, node: Machine) -> None:
    _run(node, _KILL_CONNECTIONS.format("AND INFO LIKE 'SELECT BENCHMARK%'"))
    release(node, "pool")
    _run(node, "mariadb -e 'SET GLOBAL thread_pool_size=2'")


@functools.cache
def tree(build: str) -> bytes:
    """Return the Python packages of another build as a tar file: of an older commit, or these with a higher version."""
    commit = OLDER if build == "older" else "HEAD"
    command = ("git", "-c", "safe.directory=*", "archive", commit, *PLACES)
    archived = subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.PIPE).stdout
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archived)) as source, tarfile.open(fileobj=made, mode="w") as target:
        for member in source:
            content = source.extractfile(member)
            if content is None:
                continue
            text = content.read()
            if member.name == "ocfpy/__init__.py":
                text = text.replace(b'__version__ = "0.1.0"', f'__version__ = "{VERSIONS[build]}"'.encode())
            top, _, rest = member.name.partition("/")
            member.name, member.size = f"{PLACES[top]}/{rest}", len(text)
            target.addfile(member, io.BytesIO(text))
    return made.getvalue()


_RENAME = "python3 /usr/local/lib/unpack.py {};"
_UNPACK = "rm -rf /root/build; mkdir /root/build; tar -C /root/build -xf /root/{}.tar;"
_PACKAGES = " ".join(place for place in PLACES.values() if place != AGENTS)
_FILES = f"{AGENTS}/galera_sync_guard {AGENTS}/vip_client_reset $(find {_PACKAGES} -name '*.py')"
# What only the other build has, goes.
_REMOVE_OTHERS = (
    "cd /; tar -tf /root/whole.tar | LC_ALL=C sort >/root/names;"
    f" ls {_FILES} | LC_ALL=C sort | LC_ALL=C comm -13 /root/names - | xargs -r rm"
)
_RENEW = f"/{AGENTS}/galera_sync_guard renew-watchers || :"


def _unpack_half(build: str) -> Action:
    def action(_: Laboratory, node: Machine) -> None:
        with tempfile.NamedTemporaryFile() as packed:
            packed.write(tree(build))
            packed.flush()
            node.copy_in(Path(packed.name), "/root/build.tar")
        _run(node, f"cd /; tar -cf /root/whole.tar {_FILES}")
        node.write("/usr/local/lib/unpack.py", (GUEST / "unpack.py").read_text())
        _run(node, _UNPACK.format("build") + _RENAME.format("first"))

    return action


def _unpack_the_rest_and_go_back(_: Laboratory, node: Machine) -> None:
    """Complete the other build, which takes over, and install what was there before."""
    _run(node, f"{_RENAME.format('rest')} {_RENEW}; sleep 3")
    _run(node, f"{_UNPACK.format('whole')} {_RENAME.format('all')} {_REMOVE_OTHERS}; {_RENEW}")


TROUBLES = {
    "run-full": Fault("/run is full", _shell(_FILL_RUN), _shell(_EMPTY_RUN)),
    "syslog-hangs": Fault(
        "journald stands still, and its socket fills",
        _shell("kill -STOP $(pidof systemd-journald)"),
        _shell("kill -CONT $(pidof systemd-journald)"),
    ),
    "syslog-gone": Fault("/dev/log is gone", _shell("mv /dev/log /dev/log.away"), _shell("mv /dev/log.away /dev/log")),
    "watcher-killed": Fault("the watcher is killed", _shell(_SIGNAL_WATCHER.format("KILL")), nothing),
    "watcher-stopped": Fault(
        "the watcher stands still", _shell(_SIGNAL_WATCHER.format("STOP")), _shell(_SIGNAL_WATCHER.format("CONT"))
    ),
    "half-older": Fault(
        "half of an older build is unpacked, then all of it", _unpack_half("older"), _unpack_the_rest_and_go_back
    ),
    "half-newer": Fault(
        "half of a newer build is unpacked, then all of it", _unpack_half("newer"), _unpack_the_rest_and_go_back
    ),
    "parameters": Fault(
        "a parameter of the guard is changed, and back", _shell(_SET_PARAMETER), _shell(_DELETE_PARAMETER)
    ),
    "connections-killed": Fault(
        "all connections to the server are killed", _shell(_KILL_CONNECTIONS.format("")), nothing
    ),
    "pool-stalled": Fault("long statements hold the threads of the pool", _stall_pool, _relieve_pool),
}
