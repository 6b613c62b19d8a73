"""The namespaces that one laboratory lives in: whatever is started there ends with one process."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

BRIDGE = "lan"
GATEWAY = "10.77.0.254"
CLUSTER_BRIDGE = "cluster"  # where machines have a network of their own for Galera and Corosync
GUEST = Path(__file__).with_name("guest")
RUN = Path("/run/galera-sync-guard-lab")  # on the host: state files; in the ground: the machines' disks
DISK_SIZE = "2g"


class GroundError(RuntimeError):
    """A namespace, mount or link could not be made; the text is what the command said."""


def birth(pid: int) -> str | None:
    """Return the start time of process `pid` in clock ticks since boot, None when it is gone.

    A pid may be given to another process; pid and birth together are never reused.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else fields[18]


def children(pid: int) -> list[int]:
    """Return the pids of the children of `pid`; none when it is gone."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def only_child(pid: int) -> int:
    """Return the pid of the one child of `pid`; GroundError when there is none."""
    found = children(pid)
    if len(found) != 1:
        raise GroundError(f"process {pid} has {len(found)} children, not 1")
    return found[0]


def command(*argv: str | Path, stdin: str | None = None) -> str:
    """Run one command on the host and return its output; GroundError when it fails."""
    done = subprocess.run([str(arg) for arg in argv], input=stdin or "", capture_output=True, text=True, check=False)
    if done.returncode:
        raise GroundError(f"{' '.join(map(str, argv))}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def interruptible(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command on the host that may take minutes; output and errors together in its stdout.

    An interrupt of this process ends it with all that it has started by SIGTERM, and waits until it
    has removed its traces.
    """
    with subprocess.Popen(
        [str(arg) for arg in argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, output)


class Ground:
    """Process, mount and (unless shared with the host) network namespaces below all machines.

    Its first process is the parent of every machine's namespace: the kernel ends all of them with
    it, and their mounts and links with them. Nothing is left on the host to be cleaned up.
    """

    def __init__(
        self,
        pid: int,
        born: str | None = None,
        *,
        private_network: bool = True,
        keeper: subprocess.Popen[str] | None = None,
    ):
        self.pid = pid
        self.born = born or birth(pid)
        self.private_network = private_network
        self._keeper = keeper

    @classmethod
    def start(cls, *, owned: bool = True, private_network: bool = True) -> Ground:
        """Make the namespaces and, in a private network, the bridge.

        An owned ground also ends when this Python process does, however that happens: its first
        process waits for the end of a pipe that we hold open.
        """
        first = ["cat"] if owned else ["sleep", "infinity"]
        network = "--net" if private_network else ""
        keeper = subprocess.Popen(
            ["unshare", "--mount", "sh", GUEST / "ground", RUN, network, *first],
            stdin=subprocess.PIPE if owned else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert keeper.stdout is not None
        said = keeper.stdout.readline()
        if said != "ready\n":
            raise GroundError(f"no namespaces: {said.strip()}")
        keeper.stdout.close()
        ground = cls(only_child(only_child(keeper.pid)), private_network=private_network, keeper=keeper)
        if private_network:
            ground._enter("--net", "ip", "link", "set", "lo", "up")
            ground._enter("--net", "ip", "link", "add", BRIDGE, "up", "type", "bridge")
        return ground

    @property
    def alive(self) -> bool:
        """Tell whether the namespaces still exist."""
        return self.born is not None and birth(self.pid) == self.born

    def stop(self) -> None:
        """End every process of the laboratory and wait until they are gone."""
        if self.alive:
            os.kill(self.pid, signal.SIGKILL)
        while self.alive:  # the kernel ends the namespace's processes first, which no signal can hold up
            time.sleep(0.01)
        if self._keeper is not None:
            if self._keeper.stdin:
                self._keeper.stdin.close()
            self._keeper.wait()

    def entrance(self) -> list[str]:
        """Return the command prefix that starts a process inside the ground."""
        return ["nsenter", "-t", str(self.pid), "--mount", "--pid"]

    def disk(self, name: str) -> Path:
        """Mount the disk of a machine unless it is there, and return its path in the ground.

        It outlives the machine's power.
        """
        path = RUN / name
        self._enter(
            "--mount",
            "sh",
            "-c",
            'mountpoint -q "$1" || { mkdir "$1" && mount -t tmpfs -o size="$2",mode=755 disk "$1"; }',
            "sh",
            path,
            DISK_SIZE,
        )
        return path

    def group(self, name: str) -> Path:
        """Return where a machine's control group is, as a path in the ground."""
        return RUN / "groups" / name

    def view(self, name: str) -> Path:
        """Return where the host sees a machine's disk."""
        return Path(f"/proc/{self.pid}/root{RUN}") / name

    def connect(self, name: str, pid: int, address: str, interface: str = "eth0", bridge: str = BRIDGE) -> None:
        """Give the machine with first process `pid` an interface with `address` (with /prefix) on a bridge.

        The bridge's port is called `name`.
        """
        peer = ["peer", "name", interface, "netns", str(pid)]
        command("ip", "link", "add", "name", name, "netns", str(self.pid), "type", "veth", *peer)
        self.in_network("ip", "link", "set", name, "master", bridge, "up")
        script = 'ip link set lo up && ip address add "$1" dev "$2" && ip link set "$2" up'
        command("nsenter", "-t", str(pid), "--net", "sh", "-c", script, "sh", address, interface)

    def disconnect(self, *names: str) -> None:
        """Remove the ports of a machine that is gone, unless the kernel has done so already."""
        for name in names:
            self.in_network(
                "sh", "-c", 'ip link del "$1" 2>/dev/null || ! ip link show "$1" >/dev/null 2>&1', "sh", name
            )

    def unplug(self, name: str) -> None:
        """Take the machine's port off the bridge: nothing comes in or goes out, its link stays up."""
        self.in_network("ip", "link", "set", name, "nomaster")

    def plug(self, name: str, bridge: str = BRIDGE) -> None:
        """Put the machine's port back on the bridge."""
        self.in_network("ip", "link", "set", name, "master", bridge)

    def throttle(self, name: str, rate: str | None) -> None:
        """Let the machine receive no more than `rate` (tc's units), None: as much as it can."""
        if rate:
            self.in_network(
                "tc",
                "qdisc",
                "replace",
                "dev",
                name,
                "root",
                "tbf",
                "rate",
                rate,
                "burst",
                "128k",
                "latency",
                "100ms",
            )
        else:
            self.in_network("tc", "qdisc", "del", "dev", name, "root")

    def in_network(self, *argv: str | Path, rules: str | None = None) -> str:
        """Run a command of the host in the bridges' network namespace, `rules` being its stdin; return its output."""
        return command("nsenter", "-t", str(self.pid), "--net", *argv, stdin=rules)

    def _enter(self, namespace: str, *argv: str | Path) -> str:
        return command("nsenter", "-t", str(self.pid), namespace, *argv)
