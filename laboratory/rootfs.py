"""Root filesystems of Debian packages and layers with our package on top, cached; it starts no daemon."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from laboratory.ground import Ground, command, interruptible
from laboratory.machine import CommandError, Machine

CACHE = Path("/var/cache/galera-sync-guard")
SUITES = ("bookworm", "trixie")
SUITE = os.environ.get("SUITE", SUITES[0])
PACKAGES = {
    "minimal": ["mount"],
    "bare": ["systemd-sysv", "dbus", "udev", "iproute2", "netbase", "procps"],
    "cluster": [
        "mariadb-server",
        "mariadb-client",
        "mariadb-backup",
        "galera-4",
        "galera-arbitrator-4",
        "rsync",
        "corosync",
        "corosync-qdevice",
        "corosync-qnetd",
        "pacemaker",
        "pacemaker-cli-utils",
        "pcs",
        "crmsh",
        "resource-agents",
        "iproute2",
        "iptables",
        "nftables",
        "libxml2-utils",
        "procps",
        "util-linux",
        "mount",
        "kmod",
        "openssl",
        "strace",
        "systemd-sysv",
        "dbus",
    ],
}
# No service starts during an installation; the laboratory brings a datadir of its own.
NO_SERVICE = r"""
printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
chmod 755 "$1/usr/sbin/policy-rc.d"
find "$1/var/lib/mysql" -mindepth 1 -delete 2>/dev/null || :
"""
# No node needs the units that are masked: they would look for hardware, for people who log in, or for work to do once a
# day. Each that watches a path takes one of the 128 inotify instances that all machines of a host share. What a test
# wants to run, it starts.
SYSTEMD = r"""
mkdir -p "$1/var/log/journal"
systemd="$1/etc/systemd/system"
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer getty.target console-getty.service systemd-logind.service systemd-update-utmp.service \
    systemd-random-seed.service systemd-sysctl.service systemd-modules-load.service systemd-binfmt.service \
    systemd-tmpfiles-clean.timer modprobe@.service dev-hugepages.mount dev-mqueue.mount \
    sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
    systemd-ask-password-console.path systemd-ask-password-wall.path
do
    ln -sf /dev/null "$systemd/$unit"
done
ln -sf /lib/systemd/system/multi-user.target "$systemd/default.target"
rm -f "$systemd"/multi-user.target.wants/*
"""
HOOKS = {"minimal": NO_SERVICE, "cluster": NO_SERVICE + SYSTEMD, "bare": SYSTEMD}
# A layer may be in use by a laboratory for this long, in seconds, after it was asked for.
IN_USE = 4 * 3600

Say = Callable[[str], None]


def silent(_: str) -> None:
    """Report no progress."""


def fingerprint(*parts: str | bytes) -> str:
    """Return a short hash of the parts, for a name in the cache."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\0")
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def cached(name: str) -> Iterator[tuple[Path, Path | None]]:
    """Yield (entry, where to build it), the latter None when the cache has it.

    What was built becomes the entry when the block ends without an error. One process at a time
    builds an entry, others wait for it.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    entry = CACHE / name
    with open(CACHE / f".{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if entry.exists():
            os.utime(entry)
            yield entry, None
            return
        work = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=CACHE))
        try:
            work.chmod(0o755)
            yield entry, work
            work.rename(entry)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def base(kind: str = "cluster", suite: str = SUITE, say: Say = silent) -> Path:
    """Return the root filesystem of a kind in PACKAGES, made by mmdebstrap when the cache lacks it (1 min).

    The environment's LAB_MIRROR is mmdebstrap's mirror argument: an address or a file of sources.
    """
    packages, hook = PACKAGES[kind], HOOKS[kind]
    with cached(f"rootfs-{kind}-{suite}-{fingerprint(suite, *packages, hook)}") as (entry, work):
        if work:
            say(f"building a root filesystem of {suite} packages ({kind}), about a minute")
            mirror = os.environ.get("LAB_MIRROR")
            done = interruptible(
                "mmdebstrap",
                "--quiet",
                "--variant=apt",
                *(["--include=" + ",".join(packages)] if packages else []),
                "--skip=cleanup/apt/lists",
                f"--customize-hook={hook}",
                suite,
                work,
                *([mirror] if mirror else []),
            )
            if done.returncode:
                raise RuntimeError(f"mmdebstrap failed:\n{done.stdout}")
    return entry


def with_packages(debs: Iterable[Path], kind: str = "cluster", suite: str = SUITE, say: Say = silent) -> list[Path]:
    """Return the layers (topmost first) of a root filesystem in which apt has installed these packages.

    apt fetches what they depend on: a wrong Depends fails here, with apt's words in a CommandError.
    """
    root = base(kind, suite, say)
    debs = list(debs)
    if not debs:
        return [root]
    with cached(f"layer-{fingerprint(root.name, *(deb.read_bytes() for deb in debs))}") as (entry, work):
        if work:
            say(f"installing {', '.join(deb.name for deb in debs)}")
            with plain_machine([root]) as machine:
                install(machine, debs)
                machine.run(["apt-get", "clean"])
                command("cp", "-a", machine.ground.view(machine.name) / "upper", work / "files")
    _forget_layers()
    return [entry / "files", root]


def install(machine: Machine, debs: Iterable[Path]) -> None:
    """Install packages of the host in a machine with `apt-get install ./x.deb`; CommandError with apt's words."""
    names = []
    for deb in debs:
        machine.copy_in(deb, f"/tmp/{deb.name}")
        names.append(f"/tmp/{deb.name}")
    apt = ["apt-get", "install", "--yes", "--quiet", *names]
    try:
        machine.run(apt, timeout=300)
    except CommandError:
        machine.run(["apt-get", "update", "--quiet"], timeout=300)
        machine.run(apt, timeout=300)


@contextlib.contextmanager
def plain_machine(layers: Iterable[Path], name: str = "plain") -> Iterator[Machine]:
    """Yield one machine without systemd that has the host's network, for apt's sake; it is gone when the block ends."""
    ground = Ground.start(private_network=False)
    try:
        machine = Machine(ground, name, list(layers), systemd=False)
        machine.boot()
        yield machine
    finally:
        ground.stop()


def _forget_layers() -> None:
    for old in (*CACHE.glob("layer-*"), *CACHE.glob("recipe-*")):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - old.stat().st_mtime < IN_USE:
                continue
        shutil.rmtree(old, ignore_errors=True)
        (CACHE / f".{old.name}.lock").unlink(missing_ok=True)
