"""Corosync and Pacemaker on laboratory machines: configuration, start and stop, pcs, status; it knows no database."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from laboratory.machine import CommandError, Machine, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LOG = "/var/log/pacemaker/pacemaker.log"
COROSYNC_PORT = 5405
VIP = "10.77.0.100"
VIP_NAME = "VirtualIP"
GUARD_NAME = "galera-guard"

# What the project recommends for corosync.conf's quorum section; Debian's own default is none of it.
RECOMMENDED_QUORUM = {"wait_for_all": "1", "last_man_standing": "1"}
# dc-deadtime: without it the first election takes 20 s. stonith-enabled: there is nothing to fence with.
PROPERTIES = {"dc-deadtime": "2s", "stonith-enabled": "false", "no-quorum-policy": "stop"}

# Corosync is a real-time process otherwise. A laboratory has three of them on these processors: while they form a
# membership, everything else would wait, also the programs that are the network.
COROSYNC_CONF = """\
system {
    sched_rr: no
    priority: max
}
totem {
    version: 2
    cluster_name: laboratory
    transport: knet
%(totem)s}
nodelist {
%(nodes)s}
quorum {
    provider: corosync_votequorum
%(quorum)s}
logging {
    to_logfile: yes
    logfile: /var/log/corosync/corosync.log
    to_syslog: no
    timestamp: hires
}
"""


@dataclass(frozen=True)
class Resource:
    """One instance of a resource as crm_mon shows it."""

    id: str
    role: str
    nodes: tuple[str, ...]
    failed: bool
    blocked: bool


@dataclass(frozen=True)
class Failure:
    """One failed action; `code` is the agent's exit code, `reason` its exit reason."""

    node: str
    operation: str
    code: int
    reason: str


@dataclass(frozen=True)
class Status:
    """What crm_mon shows from one node: that node's view of the cluster."""

    dc: str | None
    quorate: bool
    nodes: Mapping[str, str]
    resources: tuple[Resource, ...]
    attributes: Mapping[str, Mapping[str, str]]
    fail_counts: Mapping[tuple[str, str], str]
    failures: tuple[Failure, ...]

    def online(self) -> set[str]:
        """Return the names of the nodes that can run resources."""
        return {name for name, state in self.nodes.items() if state == "online"}

    def where(self, resource: str = VIP_NAME) -> list[str]:
        """Return the nodes on which the resource, or any instance of it, is started."""
        return sorted(
            node
            for instance in self.resources
            if instance.id.split(":")[0] == resource and instance.role in ("Started", "Promoted", "Unpromoted")
            for node in instance.nodes
        )


# Life


def configure(
    machine: Machine,
    nodes: Sequence[Machine],
    *,
    totem: Mapping[str, str] | None = None,
    quorum: Mapping[str, str] | None = None,
    properties: Mapping[str, str] | None = None,
    device: str = "",
) -> None:
    """Write corosync.conf and the first CIB.

    `totem` and `quorum` are options of those sections (default: Debian's, which is none);
    `properties` are Pacemaker's, on top of PROPERTIES. `device`: the section of a quorum device.
    """

    def section(options: Mapping[str, str] | None) -> str:
        return "".join(f"    {name}: {value}\n" for name, value in (options or {}).items())

    machine.write(
        "/etc/corosync/corosync.conf",
        COROSYNC_CONF
        % {
            "totem": section(totem),
            "quorum": section(quorum) + device,
            "nodes": "".join(
                f"    node {{\n        name: {node.name}\n        nodeid: {number}\n"
                f"        ring0_addr: {node.cluster_address}\n    }}\n"
                for number, node in enumerate(nodes, 1)
            ),
        },
    )
    cib = ElementTree.fromstring(machine.run(["cibadmin", "--empty"]).stdout)
    crm_config = cib.find("configuration/crm_config")
    assert crm_config is not None
    options = ElementTree.SubElement(crm_config, "cluster_property_set", id="cib-bootstrap-options")
    for name, value in (PROPERTIES | dict(properties or {})).items():
        ElementTree.SubElement(options, "nvpair", id=f"cib-bootstrap-options-{name}", name=name, value=value)
    machine.write("/var/lib/pacemaker/cib/cib.xml", ElementTree.tostring(cib, "unicode"), 0o600, "hacluster:haclient")


def start(machine: Machine) -> None:
    """Start corosync and pacemaker; returns when corosync answers."""
    machine.run(["systemctl", "start", "corosync", "pacemaker"])


def stop(machine: Machine, timeout: float = 120) -> None:
    """Stop pacemaker and corosync cleanly: resources move away first."""
    machine.run(["systemctl", "stop", "pacemaker", "corosync"], timeout=timeout)


def wait_online(machine: Machine, names: Iterable[str], timeout: float = 60) -> None:
    """Wait until `machine` sees exactly these nodes online, quorate and with a DC; TimeoutError after `timeout` s."""
    wanted = set(names)

    def settled() -> bool:
        seen = status(machine)
        return bool(seen and seen.dc and seen.quorate and seen.online() == wanted)

    wait_until(settled, timeout, f"{', '.join(sorted(wanted))} online as {machine.name} sees it")


# Commands


def pcs(machine: Machine, *args: str, timeout: float = 120) -> str:
    """Run one pcs command and return its output; CommandError with pcs's words. It takes about a second."""
    return machine.run(["pcs", *args], timeout=timeout).stdout


def apply(machine: Machine, commands: Iterable[Sequence[str]], timeout: float = 120) -> None:
    """Carry out configuration commands of pcs as one change of the CIB, then wait until it has taken effect."""
    machine.shell("cibadmin --query >/tmp/cib.xml")
    for args in commands:
        pcs(machine, "-f", "/tmp/cib.xml", *args)
    pcs(machine, "cluster", "cib-push", "/tmp/cib.xml", "--config")
    wait_idle(machine, timeout)


def wait_idle(machine: Machine, timeout: float = 120) -> None:
    """Wait until Pacemaker has nothing left to do; CommandError or TimeoutExpired if it does not get there."""
    machine.run(["crm_resource", "--wait"], timeout=timeout)


def replace(machine: Machine, cib: ElementTree.Element) -> bool:
    """Replace the cluster's resources and constraints by those of another CIB; tell whether there were resources."""
    live = ElementTree.fromstring(machine.run(["cibadmin", "--query"]).stdout)
    configuration = live.find("configuration")
    assert configuration is not None
    had_resources = configuration.find("resources/*") is not None
    for name in ("resources", "constraints"):
        section = configuration.find(name)
        assert section is not None
        section[:] = cib.iterfind(f"configuration/{name}/*")
    machine.write("/tmp/configuration.xml", ElementTree.tostring(configuration, "unicode"))
    machine.run(["cibadmin", "--replace", "--scope", "configuration", "--xml-file", "/tmp/configuration.xml"])
    return had_resources


def standby(machine: Machine, node: str, wanted: bool = True) -> None:
    """Put a node into standby, or back; `machine` is where the command runs."""
    machine.run(["crm_standby", "--node", node, *(["--update", "on"] if wanted else ["--delete"])])


def maintenance(machine: Machine, wanted: bool = True) -> None:
    """Have Pacemaker leave all resources alone, or no longer; `machine` is where the command runs."""
    machine.run(["crm_attribute", "--name", "maintenance-mode", "--update", "true" if wanted else "false"])


# Status


def status(machine: Machine, timeout: float = 10) -> Status | None:
    """Return the cluster as this node sees it, None when Pacemaker does not answer there."""
    try:
        text = machine.run(["crm_mon", "--one-shot", "--inactive", "--output-as=xml"], timeout=timeout).stdout
    except (CommandError, subprocess.TimeoutExpired):
        return None
    return parse(text)


def parse(text: str) -> Status:
    """Turn crm_mon's XML into a Status."""
    root = ElementTree.fromstring(text)
    dc = root.find("summary/current_dc")
    return Status(
        dc=dc.get("name") if dc is not None and dc.get("present") == "true" else None,
        quorate=dc is not None and dc.get("with_quorum") == "true",
        nodes={node.get("name", ""): _node_state(node) for node in root.iterfind("nodes/node")},
        resources=tuple(
            Resource(
                id=item.get("id", ""),
                role=item.get("role", ""),
                failed=item.get("failed") == "true",
                blocked=item.get("blocked") == "true",
                nodes=tuple(node.get("name", "") for node in item.iterfind("node")),
            )
            for item in root.iterfind("resources//resource")
        ),
        attributes={
            node.get("name", ""): {item.get("name", ""): item.get("value", "") for item in node}
            for node in root.iterfind("node_attributes/node")
        },
        fail_counts={
            (node.get("name", ""), item.get("id", "")): item.get("fail-count", "")
            for node in root.iterfind("node_history/node")
            for item in node.iterfind("resource_history")
            if item.get("fail-count", "0") != "0"
        },
        failures=tuple(
            Failure(
                node=item.get("node", ""),
                operation=item.get("op_key", item.get("id", "")),
                code=int(item.get("exitcode", "-1")),
                reason=item.get("exitreason", ""),
            )
            for item in root.iterfind("failures/failure")
        ),
    )


def _node_state(node: ElementTree.Element) -> str:
    if node.get("online") != "true":
        return "unclean" if node.get("unclean") == "true" else "offline"
    return next((flag for flag in ("pending", "standby", "maintenance") if node.get(flag) == "true"), "online")
