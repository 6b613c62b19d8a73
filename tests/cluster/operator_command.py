"""What the command galera-sync-guard says on a node, and whether the commands that it prints mend what it found."""

import json

from laboratory import pacemaker
from laboratory.machine import wait_until

SETUP = ["galera-sync-guard", "setup", "--vip", pacemaker.VIP + "/32", "--apply"]
EVERY_NODE = "# on every node"


def guard_says(node, *words):
    """Return the exit code and the answer of the command with these words, which may say nothing else."""
    done = node.run(["galera-sync-guard", *words, "--json"], check=False, timeout=300)
    assert done.stderr == "", done.stderr
    return done.returncode, json.loads(done.stdout)


def found(node):
    """Return what check finds on a node, by name."""
    return {each["name"]: each for each in guard_says(node, "check")[1]["findings"]}


def mend(laboratory, node, name):
    """Carry out what check prints for a finding, where it says so, until it is found no more; return the finding."""
    finding = found(node)[name]
    for command in finding["commands"]:
        only = [each for each in laboratory.nodes if command.endswith(f"# on {each.name}")]
        for machine in laboratory.nodes if command.endswith(EVERY_NODE) else only or [node]:
            machine.run(["sh", "-exc", command], timeout=120)
    wait_until(lambda: name not in found(node), 30, f"{name} is mended")
    return finding
