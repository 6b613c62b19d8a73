"""A laboratory: nodes, a client and the services on them, brought up and always taken down as a whole."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent import futures
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from laboratory import arbitrator, mariadb, network, pacemaker, rootfs
from laboratory import fencing as fence_device
from laboratory.ground import RUN, Ground
from laboratory.machine import Machine

if TYPE_CHECKING:
    from types import TracebackType

NETWORK = "10.77.0"
CLUSTER_NETWORK = "10.78.0"
CLIENT = "client"

Options = Mapping[str, str] | None


def each(action: Callable[[Machine], object], machines: Iterable[Machine]) -> None:
    """Run `action` on the machines side by side; the first error is raised when all have ended."""
    together(*(partial(action, machine) for machine in machines))


def together(*actions: Callable[[], object]) -> None:
    """Run the actions side by side; the first error is raised when all have ended, an interrupt at once."""
    pool = futures.ThreadPoolExecutor(len(actions) or 1)
    try:
        running = [pool.submit(action) for action in actions]
        futures.wait(running)
        for future in running:
            future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class Laboratory:
    """Three (or so) nodes and a client on a network of their own.

    Use it as a context manager, or call up() and down(). An owned laboratory ends with the Python
    process that made it, whatever ends that; one that is not owned stays until a caller calls
    Laboratory.attach(id).down(). `say` is told what takes long.
    """

    def __init__(
        self, id: str | None = None, *, suite: str = rootfs.SUITE, owned: bool = True, say: rootfs.Say = rootfs.silent
    ):
        self.id = id or f"{os.getpid():x}-{time.monotonic_ns() & 0xFFFFFF:x}"
        self.suite = suite
        self.owned = owned
        self.say = say
        self.nodes: list[Machine] = []
        self.client: Machine | None = None
        self.arbitrator: Machine | None = None
        self.switch: fence_device.PowerSwitch | None = None
        self.has_pacemaker = False
        self._ground: Ground | None = None

    # Life

    def up(
        self,
        nodes: int = 3,
        *,
        pacemaker: bool = True,
        deb: Path | Iterable[Path] | None = None,
        freezable: bool = False,
        two_networks: bool = False,
        with_arbitrator: bool = False,
        fencing: bool = False,
        mariadb_options: Options = None,
        provider_options: Options = None,
        totem: Options = None,
        quorum: Options = None,
        properties: Options = None,
    ) -> Laboratory:
        """Make the machines and start Galera and, if wanted, Corosync and Pacemaker on the nodes.

        `deb`: a package or several, installed with what they depend on, on every machine.
        `freezable`: datadirs are file systems of their own, for the fault `stall`.
        `two_networks`: Galera and Corosync have a network of their own, and the clients' one has a gateway.
        `with_arbitrator`: a machine beside the nodes votes in Galera and in Corosync.
        `fencing`: there is a power switch for a fence device, fencing is on, and a node that boots starts its cluster.
        `mariadb_options`, `provider_options`: see mariadb.config. `totem`, `quorum`, `properties`:
        see pacemaker.configure. Returns when every node is Synced and online; no resource is
        configured. On any error everything is taken down again.
        """
        sweep()
        if self.directory.exists():
            raise FileExistsError(f"laboratory {self.id} is up already")
        debs = [deb] if isinstance(deb, Path) else list(deb or [])
        self.has_pacemaker = pacemaker
        if fencing:
            properties = fence_device.PROPERTIES | dict(properties or {})
        try:
            layers = rootfs.with_packages(debs, "cluster", self.suite, self.say)
            datadir = mariadb.template(layers[-1], self.say)
            self.say("switching the machines on")
            self._make_machines(nodes, layers, mariadb.DATADIR if freezable else None, two_networks, with_arbitrator)
            each(self._install, self.machines)
            if self.arbitrator:
                arbitrator.configure(self.arbitrator, self.nodes, provider_options)
            if fencing:
                assert self.client is not None
                each(fence_device.install, self.nodes)
                self.switch = fence_device.PowerSwitch(self.client, self.nodes)
            each(
                lambda node: self._configure(
                    node, datadir, mariadb_options, provider_options, totem, quorum, properties
                ),
                self.nodes,
            )
            self._start()
        except BaseException:
            self.down()
            raise
        return self

    def bare(self, layers: list[Path], nodes: int = 3) -> Laboratory:
        """Switch machines on that have these files and nothing of a cluster; the client stays off."""
        sweep()
        try:
            self._make_machines(nodes, layers, None, False)
            each(Machine.boot, self.nodes)
        except BaseException:
            self.down()
            raise
        return self

    def _make_machines(
        self,
        count: int,
        layers: list[Path],
        volume: str | None,
        two_networks: bool,
        with_arbitrator: bool = False,
    ) -> None:
        ground = self._ground = Ground.start(owned=self.owned)
        self.nodes = [
            Machine(
                ground,
                f"node{n}",
                layers,
                f"{NETWORK}.{n}",
                volume,
                f"{CLUSTER_NETWORK}.{n}" if two_networks else None,
            )
            for n in range(1, count + 1)
        ]
        self.client = Machine(ground, CLIENT, layers, f"{NETWORK}.10")
        if with_arbitrator:
            self.arbitrator = Machine(ground, arbitrator.NAME, layers, f"{NETWORK}.{arbitrator.HOST}")
        if two_networks:
            network.add_gateway(ground)
        self._remember()

    def _install(self, machine: Machine) -> None:
        machine.boot()
        machine.write(
            "/etc/hosts",
            "127.0.0.1 localhost\n" + "".join(f"{peer.cluster_address} {peer.name}\n" for peer in self.machines),
        )

    def _configure(
        self,
        node: Machine,
        datadir: Path,
        mariadb_options: Options,
        provider_options: Options,
        totem: Options,
        quorum: Options,
        properties: Options,
    ) -> None:
        mariadb.seed(node, datadir)
        node.write(mariadb.CONFIG, mariadb.config(node, self.nodes, mariadb_options, provider_options))
        if self.has_pacemaker:
            device = ""
            if self.arbitrator:
                device = arbitrator.DEVICE.format(address=self.arbitrator.address)
                arbitrator.use(node)
            pacemaker.configure(
                node,
                self.nodes,
                totem=totem,
                quorum=quorum,
                properties=properties,
                device=device,
            )

    def _start(self) -> None:
        names = [node.name for node in self.nodes]
        parts: list[Callable[[], object]] = [self.start_galera]
        if self.arbitrator:
            arbitrator.start(self.arbitrator, arbitrator.QNETD)
        self.say(f"starting Galera{' and Pacemaker' if self.has_pacemaker else ''} on {', '.join(names)}")
        if self.has_pacemaker:
            parts += [partial(pacemaker.start, node) for node in self.nodes]
        together(*parts)
        if self.has_pacemaker:
            self.wait_online()

    def start_galera(self, timeout: float = 60) -> None:
        """Bootstrap the first node, let the others join and wait until all are Synced."""
        first, *others = self.nodes
        mariadb.bootstrap(first)
        each(mariadb.start, others)
        if self.arbitrator:
            arbitrator.start(self.arbitrator, arbitrator.GARBD)
        self.wait_synced(timeout)

    def size(self, databases: int) -> int:
        """Return of how many members Galera's cluster is with so many databases."""
        return databases + bool(self.arbitrator and arbitrator.has_garbd(self.arbitrator))

    def wait_synced(self, timeout: float = 60) -> None:
        """Wait until all nodes whose mariadbd runs are Synced in one component; TimeoutError after `timeout` seconds.

        A node alone may say so for seconds after the others have given it up.
        """
        running = [node for node in self.nodes if node.running and mariadb.running(node)]
        size = self.size(len(running))
        each(lambda node: mariadb.wait_synced(node, size, timeout), running)

    def wait_online(self, timeout: float = 60) -> None:
        """Wait until all nodes that have power see each other online in Pacemaker; TimeoutError after `timeout` s."""
        running = [node for node in self.nodes if node.running]
        each(lambda node: pacemaker.wait_online(node, [peer.name for peer in running], timeout), running)

    def power_on(self, node: Machine, *, galera: bool = True, timeout: float = 90) -> None:
        """Switch a node on and start what it runs at boot; returns when it is Synced and its Pacemaker started.

        Without `galera` mariadbd stays down, as on a machine whose database is slow to come.
        """
        node.boot()
        parts: list[Callable[[], object]] = []
        if galera:
            parts.append(lambda: mariadb.start(node, timeout))
        if self.has_pacemaker:
            parts.append(lambda: pacemaker.start(node))
        together(*parts)
        if galera:
            self.wait_synced(timeout)

    def down(self) -> None:
        """End every process of the laboratory; nothing of it stays. Harmless when it is down already."""
        if self.switch is not None:
            self.switch.stop()
        if self._ground is not None:
            self._ground.stop()
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Laboratory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    # Looking around

    @property
    def machines(self) -> list[Machine]:
        """Return the nodes, the client and the arbitrator."""
        return [*self.nodes, *(machine for machine in (self.client, self.arbitrator) if machine)]

    def machine(self, name: str) -> Machine:
        """Return the machine of that name; KeyError when there is none."""
        return {machine.name: machine for machine in self.machines}[name]

    def peers(self, node: Machine) -> list[Machine]:
        """Return the other nodes."""
        return [peer for peer in self.nodes if peer is not node]

    @property
    def vip_node(self) -> Machine | None:
        """Return the node that has the VIP's address on its interface, None when there is none."""
        for node in self.nodes:
            if node.running and pacemaker.VIP in node.run(["ip", "-o", "address", "show"]).stdout:
                return node
        return None

    # State for other processes

    @property
    def directory(self) -> Path:
        """Return where the laboratory's state is kept on the host."""
        return RUN / self.id

    def _remember(self) -> None:
        assert self._ground is not None
        self.directory.mkdir(parents=True)
        new = self.directory / "state.json.new"
        new.write_text(
            json.dumps(
                {
                    "suite": self.suite,
                    "ground": [self._ground.pid, self._ground.born],
                    "pacemaker": self.has_pacemaker,
                    "volume": self.nodes[0].volume,
                    "layers": [str(layer) for layer in self.nodes[0].layers],
                    "nodes": {node.name: [node.address, node.second_address] for node in self.nodes},
                    "client": {CLIENT: self.client.address if self.client else None},
                },
                indent=1,
            )
        )
        new.rename(self.directory / "state.json")

    @classmethod
    def attach(cls, id: str, say: rootfs.Say = rootfs.silent) -> Laboratory:
        """Return the laboratory that another process brought up; FileNotFoundError when there is none."""
        state = json.loads((RUN / id / "state.json").read_text())
        laboratory = cls(id, suite=state["suite"], owned=False, say=say)
        ground = laboratory._ground = Ground(*state["ground"])
        layers = [Path(layer) for layer in state["layers"]]
        laboratory.has_pacemaker = state["pacemaker"]
        laboratory.nodes = [
            Machine(ground, name, layers, address, state["volume"], second_address)
            for name, (address, second_address) in state["nodes"].items()
        ]
        laboratory.client = Machine(ground, CLIENT, layers, state["client"][CLIENT])
        return laboratory


def running() -> list[str]:
    """Return the ids of the laboratories that are up on this host."""
    states = {path.parent.name: json.loads(path.read_text()) for path in RUN.glob("*/state.json")}
    return sorted(id for id, state in states.items() if Ground(*state["ground"]).alive)


def sweep() -> None:
    """Forget the laboratories whose processes are gone."""
    alive = running()
    for path in RUN.glob("*/state.json"):
        if path.parent.name not in alive:
            shutil.rmtree(path.parent, ignore_errors=True)
