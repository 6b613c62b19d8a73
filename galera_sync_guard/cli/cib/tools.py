"""Reads the cluster through the XML of Pacemaker's tools, and says in one line why a tool gives no answer."""

from __future__ import annotations

import subprocess
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from galera_sync_guard.cli.cib.crm_mon import ClusterStatus
from galera_sync_guard.cli.exit_codes import CommandError
from galera_sync_guard.cli.host import Host

# Where Pacemaker keeps the configuration while it is stopped, and Corosync's own.
CIB_FILE = "/var/lib/pacemaker/cib/cib.xml"
COROSYNC_CONF = "/etc/corosync/corosync.conf"

# Where OCF agents are, by provider and name.
AGENTS = "/usr/lib/ocf/resource.d/"

# Exit codes of Pacemaker's tools (crm_exit_t in include/crm/common/results.h).
NO_RIGHTS = 4
BAD_CONFIGURATION = 78
NO_SUCH_FILE = 105
DISCONNECTED = 102


def cib(host: Host) -> Element:
    """Return the running cluster's CIB as XML; CommandError says in one line why there is none."""
    return parsed(_asked(host, "cibadmin", "--query").stdout, "cibadmin")


def cib_or_what_is_left(host: Host) -> tuple[Element, str | None]:
    """Return (CIB, None), or (the CIB that a stopped Pacemaker left on disk, why it is that one).

    CommandError when there is neither, or when there are no rights to read it.
    """
    try:
        return cib(host), None
    except CommandError as error:
        text = host.read(CIB_FILE) if "CIB_file" not in host.environ else None
        if not text:
            raise
        return parsed(text, CIB_FILE), str(error)


def cluster_status(host: Host) -> ClusterStatus:
    """Return the cluster as crm_mon shows it."""
    command = ("crm_mon", "--one-shot", "--inactive", "--include=bans,failcounts", "--output-as=xml")
    return ClusterStatus(parsed(_asked(host, *command).stdout, "crm_mon"))


def attribute(host: Host, name: str, is_needed: bool = False) -> dict[str, str]:
    """Return a transient node attribute by node, empty when no node has it.

    Also empty when attrd_updater does not answer; CommandError if it `is_needed`.
    """
    try:
        root = parsed(
            host.run("attrd_updater", "--query", "--all", "--name", name, "--output-as=xml").stdout, "attrd_updater"
        )
    except CommandError:
        if is_needed:
            raise
        return {}
    return {item.get("host", ""): item.get("value", "") for item in root.iterfind("attribute") if item.get("value")}


def local_node(host: Host) -> str | None:
    """Return this node's name in the cluster, None when no cluster runs here."""
    try:
        done = host.run("crm_node", "--name")
    except CommandError:
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def _asked(host: Host, *command: str) -> subprocess.CompletedProcess[str]:
    done = host.run(*command)
    if done.returncode == 0 and "<error>" not in done.stdout[-500:]:
        return done
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    raise CommandError(_reason(host, done.returncode, said[0] if said else f"exit code {done.returncode}"))


def _reason(host: Host, code: int, said: str) -> str:
    if "CIB_file" in host.environ:
        return f"the configuration in {host.environ['CIB_file']} cannot be used: {said}"
    if not host.is_root and (code in (NO_RIGHTS, DISCONNECTED) or "ermission" in said or "not connected" in said):
        return "no rights to ask Pacemaker: run this as root, or as a member of the group haclient"
    if code == BAD_CONFIGURATION:
        return f"the cluster's configuration is broken: {said}"
    if not host.exists(COROSYNC_CONF):
        return f"this machine belongs to no cluster: there is no {COROSYNC_CONF}"
    if code in (DISCONNECTED, NO_SUCH_FILE) or "onnect" in said:
        return "Pacemaker does not run on this node: systemctl start pacemaker"
    return f"Pacemaker does not answer: {said}"


def parsed(text: str, source: str) -> Element:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise CommandError(f"{source} is not valid XML: {error}") from None
