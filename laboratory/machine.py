"""One machine of a laboratory: power, network plug, commands and files; it knows no database and no cluster."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from laboratory.ground import BRIDGE, CLUSTER_BRIDGE, GATEWAY, GUEST, Ground, birth, children, command, only_child

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Value = TypeVar("Value")

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TERM": os.environ.get("TERM", "dumb"),
    "DEBIAN_FRONTEND": "noninteractive",
}
VOLUME_SIZE = 1 << 30
LOOP_MAJOR = 7
# Replaces the file $1 by what it reads, with the owner $2 and the mode $3.
WRITE = 'mkdir -p "${1%/*}"; cat >"$1.$$"; chown "$2" "$1.$$"; chmod "$3" "$1.$$"; mv -fT "$1.$$" "$1"'
FIREWALL = """
table inet laboratory
delete table inet laboratory
table inet laboratory {
    chain in { type filter hook input priority 0; iifname "eth*" %(protocol)s dport { %(ports)s } drop
                                                  iifname "eth*" %(protocol)s sport { %(ports)s } drop; }
    chain out { type filter hook output priority 0; oifname "eth*" %(protocol)s dport { %(ports)s } drop
                                                    oifname "eth*" %(protocol)s sport { %(ports)s } drop; }
}
"""


class CommandError(RuntimeError):
    """A command inside a machine failed; `done` is its CompletedProcess."""

    def __init__(self, machine: str, done: subprocess.CompletedProcess[str]):
        super().__init__(f"{machine}: {' '.join(done.args)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        self.done = done


def wait_until(condition: Callable[[], Value | None], timeout: float, what: str, interval: float = 0.1) -> Value:
    """Poll `condition` every `interval` seconds and return its first true value; TimeoutError after `timeout` s."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout:g} s")
        time.sleep(interval)


class Machine:
    """A machine with namespaces of its own on `ground`, its files an overlay of `layers` (topmost first)."""

    def __init__(
        self,
        ground: Ground,
        name: str,
        layers: Sequence[Path],
        address: str | None = None,
        volume: str | None = None,
        second_address: str | None = None,
        systemd: bool = True,
    ):
        """`volume`: directory that gets a file system (ext4) of its own; only such a one can be frozen.

        `second_address`: that of eth1, in a network which the machine has for its cluster alone.
        Without `systemd` no unit runs: enough for apt, and for a root filesystem that has no systemd.
        """
        self.ground = ground
        self.name = name
        self.layers = list(layers)
        self.address = address
        self.volume = volume
        self.second_address = second_address
        self.systemd = systemd
        self._power: subprocess.Popen[str] | None = None

    def __repr__(self) -> str:
        return f"Machine({self.name!r}, {'on' if self.running else 'off'})"

    @property
    def pid(self) -> int:
        """Return the machine's first process as the host numbers it, 0 when the power is off.

        It is noted beside the disk: a machine may be switched off and on by another process.
        """
        try:
            pid, born = (self.ground.view(self.name) / "pid").read_text().split()
        except FileNotFoundError:
            return 0
        return int(pid) if birth(int(pid)) == born else 0

    @property
    def running(self) -> bool:
        """Tell whether the machine has power."""
        return self.pid != 0

    # Power and plug

    def boot(self) -> None:
        """Switch the machine on, with what its disk held at the last power off; returns when its units have started.

        RuntimeError with the console's text, or with the units that failed.
        """
        private = self.ground.private_network
        disk = self.ground.disk(self.name)
        self._power = subprocess.Popen(
            [
                *self.ground.entrance(),
                "unshare",
                "--mount",
                "--uts",
                "--ipc",
                "--pid",
                "--fork",
                *(["--net"] if private else []),
                "sh",
                GUEST / "boot",
                self.name,
                disk,
                self.ground.group(self.name),
                ":".join(map(str, self.layers)),
                "/dev/null" if private else "/etc/resolv.conf",
                "systemd" if self.systemd else "shell",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env=ENVIRONMENT,
        )
        assert self._power.stdout is not None
        console: list[str] = []
        while "ready\n" not in console:
            line = self._power.stdout.readline()
            if not line:
                raise RuntimeError(f"{self.name} did not boot:\n{''.join(console)}")
            console.append(line)
        self._power.stdout.close()
        pid = only_child(only_child(self._power.pid))
        (self.ground.view(self.name) / "pid").write_text(f"{pid} {birth(pid)}")
        if private and self.address:
            self._connect(pid)
        if self.volume:
            self._mount_volume(self.volume)
        if self.systemd:
            self._wait_started()

    def _wait_started(self) -> None:
        """Wait until every unit that starts at boot has started; RuntimeError with what failed."""
        socket = Path(f"/proc/{self.pid}/root/run/systemd/private")
        wait_until(socket.exists, 30, f"systemd of {self.name} answers", 0.02)
        state = self.run(["systemctl", "is-system-running", "--wait"], check=False, timeout=90).stdout.strip()
        if state != "running":
            failed = self.run(["systemctl", "--failed", "--no-pager"], check=False).stdout
            raise RuntimeError(f"{self.name} is {state} after its boot:\n{failed}")

    @property
    def cluster_address(self) -> str | None:
        """Return the address for the traffic between the nodes."""
        return self.second_address or self.address

    @property
    def _ports(self) -> dict[str, str]:
        """The names of the machine's ports, and their bridges."""
        return {self.name: BRIDGE} | ({f"{self.name}-1": CLUSTER_BRIDGE} if self.second_address else {})

    def _connect(self, pid: int) -> None:
        self.ground.connect(self.name, pid, f"{self.address}/24")
        if self.second_address:
            self.ground.connect(f"{self.name}-1", pid, f"{self.second_address}/24", "eth1", CLUSTER_BRIDGE)
            command("nsenter", "-t", str(pid), "--net", "ip", "route", "add", "default", "via", GATEWAY)

    def _mount_volume(self, directory: str) -> None:
        image = self.ground.view(self.name) / "volume"
        if not image.exists():
            image.touch()
            os.truncate(image, VOLUME_SIZE)
            command("mkfs.ext4", "-q", image)
        device = command("losetup", "--find", "--show", image).strip()
        try:
            minor = os.minor(Path(device).stat().st_rdev)
            self.shell(
                f"mkdir -p {directory}; [ -e {device} ] || mknod {device} b {LOOP_MAJOR} {minor}; "
                f"mount {device} {directory}; rm -rf {directory}/lost+found"
            )
        finally:
            command("losetup", "--detach", device)  # takes effect when the last mount goes

    def power_off(self) -> None:
        """Cut the power: no packet leaves any more, then every process is gone at once. The disk stays."""
        pid = self.pid
        if not pid:
            return
        if self.ground.private_network:
            self.unplug()
        os.kill(pid, signal.SIGKILL)
        self.wait_off(10)

    def wait_off(self, timeout: float = 120) -> None:
        """Wait until the machine has switched itself off, as it does for a reboot; TimeoutError after `timeout` s."""
        wait_until(lambda: not self.running, timeout, f"{self.name} is off", 0.01)
        if self._power is not None:
            self._power.wait()
        if self.ground.private_network:
            self.ground.disconnect(*self._ports)

    def freeze(self) -> None:
        """Let every write to the volume hang, as on a storage that does not answer any more.

        A process of the host thaws it on thaw() and at the end of the machine, however that comes:
        processes that wait for a frozen file system cannot be killed.
        """
        flag = self.ground.view(self.name) / "frozen"
        flag.touch()
        command("setsid", "--wait", "sh", GUEST / "freeze", f"/proc/{self.pid}/root{self.volume}", flag)

    def thaw(self) -> None:
        """Let the volume's storage answer again."""
        (self.ground.view(self.name) / "frozen").unlink()

    def hang(self) -> None:
        """Let no process of the machine run any more; its kernel goes on answering the network."""
        self._freeze_group(True)

    def wake(self) -> None:
        """Let them run again."""
        self._freeze_group(False)

    def _freeze_group(self, frozen: bool) -> None:
        group = self.ground.view("groups") / self.name
        (group / "cgroup.freeze").write_text(str(int(frozen)))
        wait_until(lambda: f"frozen {frozen:d}" in (group / "cgroup.events").read_text(), 10, f"{self.name} hangs")

    def unplug(self) -> None:
        """Pull every network cable out of its switch; the machine's own links stay up."""
        for port in self._ports:
            self.ground.unplug(port)

    def plug(self) -> None:
        """Put the network cables back."""
        for port, bridge in self._ports.items():
            self.ground.plug(port, bridge)

    def throttle(self, rate: str | None) -> None:
        """Let no more than `rate` (as tc writes it) come in through the network, None: as much as can."""
        self.ground.throttle(self.name, rate)

    def block(self, protocol: str, *ports: int) -> None:
        """Drop all packets of these ports to and from other machines, in place of an earlier block."""
        self._nft(FIREWALL % {"protocol": protocol, "ports": ", ".join(map(str, ports))})

    def unblock(self) -> None:
        """Let all packets pass again."""
        self._nft("table inet laboratory\ndelete table inet laboratory\n")

    def _nft(self, rules: str) -> None:
        self.run(["nft", "-f", "-"], input=rules)

    # Commands and files

    def entrance(self) -> list[str]:
        """Return the host's command prefix that starts a process inside the machine; RuntimeError when it is off."""
        pid = self.pid
        if not pid:
            raise RuntimeError(f"{self.name} is switched off")
        return [
            "nsenter",
            "-t",
            str(pid),
            "-m",
            "-u",
            "-i",
            "-p",
            "-r",
            "-w",
            "-C",
            *(["-n"] if self.ground.private_network else []),
            "--",
        ]

    def spawn(self, argv: Sequence[str | Path], **options: Any) -> subprocess.Popen[str]:
        """Start a command in the machine and return its Popen; options are Popen's.

        The Popen is the host's side of it: to end the command kill the process group, it has its own.
        """
        settings: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "text": True,
            "errors": "replace",
            "env": ENVIRONMENT,
            "start_new_session": True,
            "bufsize": 1,
        } | options
        return subprocess.Popen([*self.entrance(), *map(str, argv)], **settings)

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        check: bool = True,
        timeout: float = 60,
        input: str | None = None,
        env: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the machine to its end; text output.

        CommandError when it fails and `check` is set; subprocess.TimeoutExpired after `timeout`
        seconds, the command's process group is killed then.
        """
        argv = [str(arg) for arg in argv]
        process = self.spawn(
            argv,
            stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT | (env or {}),
        )
        try:
            output, errors = process.communicate(input, timeout)
        except BaseException:
            end(process)
            raise
        done = subprocess.CompletedProcess(argv, process.returncode, output, errors)
        if check and done.returncode:
            raise CommandError(self.name, done)
        return done

    def shell(self, script: str, **options: Any) -> str:
        """Run a script of sh in the machine and return its output; options are run's."""
        return self.run(["sh", "-euc", script], **options).stdout

    def read(self, path: str | Path) -> str:
        """Return the text of a file in the machine; CommandError when there is none."""
        return self.run(["cat", path]).stdout

    def journal(self, since: float = 0) -> str:
        """Return what daemons and resource agents told the system's log from this time (of the wall clock) on."""
        return self.run(["journalctl", "--quiet", f"--since=@{since:.6f}"]).stdout

    def write(self, path: str | Path, text: str, mode: int = 0o644, owner: str = "root:root") -> None:
        """Replace a file in the machine in one step; its directories are made."""
        self.run(["sh", "-euc", WRITE, "sh", path, owner, f"{mode:o}"], input=text)

    def copy_in(self, source: Path, target: str) -> None:
        """Copy a file, or the contents of a directory, of the host to `target`, with owners, modes and times.

        No part of `target` may be a symbolic link: it would be followed on the host.
        """
        inside = f"/proc/{self.pid}/root{target}"
        command("cp", "-a", "--reflink=auto", f"{source}/." if source.is_dir() else source, inside)


def end(process: subprocess.Popen[str]) -> None:
    """Kill a command started by Machine.spawn with its process group, and reap it.

    What runs inside goes first, so that nsenter reaps it: as an orphan it would fall to the host's
    init, which may take a second, and no machine is gone before its last process is reaped.
    """
    if process.poll() is not None:
        return
    deadline = time.monotonic() + 1
    # Another thread may reap it at any time.
    with contextlib.suppress(ChildProcessError, ProcessLookupError):
        while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            for child in children(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            if time.monotonic() > deadline:
                break
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
