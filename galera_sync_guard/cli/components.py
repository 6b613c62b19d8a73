"""Whether the nodes serve as one Galera cluster, by what their guards have published of their servers."""

from __future__ import annotations

import time

from galera_sync_guard.cli.cib import tools
from galera_sync_guard.cli.host import Host
from galera_sync_guard.decision.facts import CLUSTER_ID, CLUSTER_SIZE, COMPONENT

# States in which the last sample tells of the component too.
SERVING = ("synced", "lagging", "donor")
# While a node leaves, it and the others do not tell it at the same moment, in seconds.
SETTLE = 3.0

# node -> name -> value
Settings = dict[str, dict[str, str]]


def settings(host: Host, attribute: str) -> Settings:
    """Return the settings that each guard published last, by node; those of its component only while it serves."""
    published = tools.attribute(host, f"{attribute}-settings")
    states = tools.attribute(host, f"{attribute}-state") if published else {}
    told = {node: dict(pair.partition("=")[::2] for pair in text.split("; ")) for node, text in published.items()}
    return {
        node: {
            name: value for name, value in told[node].items() if name not in COMPONENT or states.get(node) in SERVING
        }
        for node in sorted(told)
    }


def settled(host: Host, attribute: str) -> Settings:
    """Return the settings, after a second look where the first one shows several clusters."""
    found = settings(host, attribute)
    if several(found):
        with host.waiting(f"the nodes to tell of one Galera cluster, {SETTLE:g} s"):
            time.sleep(SETTLE)
        found = settings(host, attribute)
    return found


def several(found: Settings) -> str:
    """Return that there is more than one Primary component, and what shows it; empty when there may be only one."""
    told = {node: values for node, values in found.items() if all(name in values for name in COMPONENT)}
    sizes = [int(values[CLUSTER_SIZE]) for values in told.values() if values[CLUSTER_SIZE].isdigit()]
    is_one = len({values[CLUSTER_ID] for values in told.values()}) <= 1 and all(size >= len(told) for size in sizes)
    if is_one:
        return ""
    shown = ", ".join(
        f"{node} is in a cluster of {values[CLUSTER_SIZE]} ({values[CLUSTER_ID].partition('-')[0]})"
        for node, values in told.items()
    )
    return f"there is more than one Galera cluster, each with data of its own: {shown}"
