"""docs/from-scratch.md, typed word for word on three machines that have Debian and nothing else."""

import pytest

from laboratory import pacemaker, rootfs
from laboratory.ground import command
from laboratory.laboratory import NETWORK, Laboratory, each
from laboratory.machine import CommandError, wait_until
from laboratory.scene import abnormal, wait_normal
from tests.support.checkout import ROOT
from tests.support.pages import blocks

PAGE = (ROOT / "docs" / "from-scratch.md").read_text(encoding="utf-8")
PASSWORD = "PASSWORD"
ADDRESSES = {f"192.168.1.1{n}": f"{NETWORK}.{n}" for n in (1, 2, 3)} | {"192.168.1.199": pacemaker.VIP}


def typed(text):
    """Return commands of the page with the laboratory's addresses."""
    for printed, ours in ADDRESSES.items():
        text = text.replace(printed, ours)
    return text


def layers(deb, suite):
    """Return a root filesystem with all that the page installs, downloaded: the machines have no way out."""
    base = rootfs.base("bare", suite)
    lines = [line for block in blocks(PAGE) for line in block.text.splitlines() if line.startswith("apt-get install")]
    with rootfs.cached(f"layer-{rootfs.fingerprint(base.name, *lines, deb.read_bytes())}") as (entry, work):
        if work:
            with rootfs.plain_machine([base]) as machine:
                machine.copy_in(deb, f"/root/{deb.name}")
                machine.run(["apt-get", "update", "--quiet"], timeout=300)
                for line in lines:
                    machine.shell(line.replace(" install ", " install --download-only --quiet "), timeout=900)
                command("cp", "-a", machine.ground.view(machine.name) / "upper", work / "files")
    return [entry / "files", base]


class Reader:
    """Types the page's commands where the page says, and looks whether what it promises comes true."""

    def __init__(self, laboratory):
        self.laboratory = laboratory
        # Where the last command was typed that took the address from its node.
        self.last_holder = None

    def machines(self, place):
        """Return the machines that the page means."""
        if place == "every node":
            return self.laboratory.nodes
        if place == "the node that has the address":
            self.last_holder = self.laboratory.vip_node
            return [self.last_holder]
        if place in ("the node without MariaDB", "the node in standby"):
            return [self.last_holder]
        return [self.laboratory.machine(place)]

    def type(self, block):
        """Type a block, and return its output."""
        machines = self.machines(block.place)
        output = {}

        def run(machine):
            try:
                output[machine] = machine.shell(typed(block.text), input=f"{PASSWORD}\n", timeout=900)
            except CommandError:
                print(machine.shell("journalctl --quiet --lines=40"))
                raise

        each(run, machines)
        return output[machines[0]]

    def left(self):
        """Tell whether another node than the last has the address."""
        return self.laboratory.vip_node not in (None, self.last_holder)


@pytest.mark.matrix
@pytest.mark.seconds(250)
@pytest.mark.parametrize("suite", rootfs.SUITES)
def test_the_page_leads_to_an_address_that_moves(deb, suite):
    with Laboratory(suite=suite).bare(layers(deb, suite)) as laboratory:
        laboratory.has_pacemaker = True
        for node in laboratory.nodes:  # as Debian's installer leaves it
            node.write("/etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {node.name}\n")
        reader = Reader(laboratory)
        for block in blocks(PAGE):
            print(f"{block.place}# {block.text.splitlines()[-1]}", flush=True)
            output = reader.type(block)
            match block.text.splitlines():
                case [*_, "mariadb -e \"SHOW STATUS LIKE 'wsrep_cluster_size'\""]:
                    assert output.split()[-1] == "3"
                case [*_, "pcs status"]:
                    laboratory.wait_online()
                case ["galera-sync-guard setup --vip 192.168.1.199/24 --apply --yes"]:
                    wait_normal(laboratory)
                case ["galera-sync-guard status"]:
                    assert output.count("synced") >= len(laboratory.nodes) - 1
                case ["systemctl stop mariadb"] | ["pcs node standby"]:
                    wait_until(reader.left, 60, "the address has left its node")
                case ["systemctl start mariadb"] | ["pcs node unstandby"] if block.chapter == "Try it":
                    wait_normal(laboratory)
                case ["pcs resource move VirtualIP node3"]:
                    assert laboratory.vip_node is laboratory.machine("node3")
                    assert abnormal(laboratory) == []
                case ["systemctl reboot"]:
                    reader.last_holder.wait_off()
                    wait_until(reader.left, 60, "the address has left its node")
                    reader.last_holder.boot()
                    wait_normal(laboratory)
