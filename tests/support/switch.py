"""A switch with other hosts behind it, joined by a cable to the network namespace of a test."""

import subprocess

from tests.support.network import Network

LOSE_ALL = """
table bridge loss {
  chain in { type filter hook prerouting priority 0; %s drop; }
  chain out { type filter hook postrouting priority 0; %s drop; }
}
"""


class Switch(Network):
    """A context manager: this thread's host has an eth0 with `address`, whose cable ends in a port of the switch.

    The other hosts are addresses of the switch itself, so that they answer for as long as their frames pass the port.
    """

    def __init__(self, address, *others):
        super().__init__()
        self.address = address
        self._others = others

    def __enter__(self):
        super().__enter__()
        self._process = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo ready; exec sleep infinity"], stdout=subprocess.PIPE, text=True
        )
        self._process.stdout.readline()
        # A port that is closed must not answer for the addresses of the switch.
        self.inside("sh", "-c", "echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore")
        self.inside("ip", "link", "add", "lan", "up", "type", "bridge")
        self.plug_in()
        for other in self._others:
            self.add_host(other)
        return self

    def __exit__(self, *exception):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        super().__exit__(*exception)

    def inside(self, *command, rules=None):
        """Run a command where the switch is."""
        subprocess.run(["nsenter", "--net", "-t", str(self._process.pid), *command], check=True, input=rules, text=True)

    def asked(self, *command):
        """Run a command where the switch is, and return what it prints."""
        inside = ["nsenter", "--net", "-t", str(self._process.pid), *command]
        return subprocess.run(inside, check=True, stdout=subprocess.PIPE, text=True).stdout

    def plug_in(self, name="eth0", port="port", address=None):
        """Give this host an interface with a cable to the switch."""
        self.ip("link", "add", name, "type", "veth", "peer", "name", port, "netns", str(self._process.pid))
        self.inside("ip", "link", "set", port, "master", "lan", "up")
        self.ip("address", "add", address or self.address, "dev", name, *nodad(self.address))
        self.ip("link", "set", name, "up")

    def ip(self, *arguments):
        """Change this host's network."""
        subprocess.run(["ip", *arguments], check=True)

    def pull_cable(self):
        """Take the carrier from this host's interface."""
        self.inside("ip", "link", "set", "port", "down")

    def put_cable_back(self):
        """Give it back."""
        self.inside("ip", "link", "set", "port", "up")

    def close_port(self):
        """Drop every frame in both directions, with the carrier up."""
        self.inside("ip", "link", "set", "port", "nomaster")

    def open_port(self):
        """Pass them again."""
        self.inside("ip", "link", "set", "port", "master", "lan")

    def lose(self, direction):
        """Drop the frames that this host sends ("out") or those that it would receive ("in")."""
        rule = {"out": ('iifname "port"', 'oifname "none"'), "in": ('iifname "none"', 'oifname "port"')}[direction]
        self.inside("nft", "-f", "-", rules=LOSE_ALL % rule)

    def add_host(self, address):
        """Have another host in the network."""
        self.inside("ip", "address", "add", address, "dev", "lan", *nodad(address))

    def remove_host(self, address):
        """Have it no more."""
        self.inside("ip", "address", "del", address, "dev", "lan")


def nodad(address):
    return ["nodad"] if ":" in address else []
