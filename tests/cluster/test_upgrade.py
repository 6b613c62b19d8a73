"""The package's life in a running cluster: an upgrade node by node moves nothing, a removal warns first."""

import re
import subprocess
import time

import pytest

from galera_sync_guard import __version__ as VERSION
from laboratory import pacemaker, recipe
from laboratory.machine import wait_until
from laboratory.pacemaker import GUARD_NAME
from laboratory.scene import Scene, abnormal, check, wait_normal
from tests.cluster.keeper import Keeper
from tests.cluster.operator_command import found
from tests.support.checkout import OLD
from tests.support.levels import check_runs

AGENT = "/usr/lib/ocf/resource.d/custom/galera_sync_guard"
RECIPES = {"score": recipe.commands("score"), "polling": recipe.polling(recipe.commands("score"))}


@pytest.fixture(scope="module")
def old(keeper, old_deb):
    """Keep one laboratory with the old package up."""
    keeper.down()
    old = Keeper(old_deb)
    yield old
    old.down()


def versions(node):
    """Return which version of the package is installed, and of which version the guard's memory is."""
    memory = node.shell(f"head -n 1 /run/resource-agents/galera_sync_guard-{GUARD_NAME}").split()[1]
    return node.shell("dpkg-query --show --showformat='${Version}' galera-sync-guard"), memory


def install(node, deb):
    """Install a package of the host on a node, as an administrator does."""
    node.copy_in(deb, "/tmp/" + deb.name)
    node.run(["apt-get", "install", "--yes", "--quiet", "--allow-downgrades", "/tmp/" + deb.name], timeout=300)


@pytest.mark.parametrize("mode", check_runs([*RECIPES], "score"))
def test_an_upgrade_node_by_node_moves_nothing(old, old_deb, deb, mode):
    laboratory = old.with_recipe(RECIPES[mode])
    for node in laboratory.nodes:
        if versions(node)[0] != OLD:
            install(node, old_deb)
        wait_until(lambda node=node: versions(node) == (OLD, OLD), 20, "the old guard has judged")
    wait_normal(laboratory)
    (upgrade,) = recipe.procedure("Upgrade this package")
    with Scene(laboratory) as scene:
        began = time.time()
        scene.begin()
        for node in (*laboratory.peers(scene.holder), scene.holder):
            node.copy_in(deb, f"/root/{deb.name}")
            node.shell("cd /root; " + upgrade, timeout=300)
            wait_until(lambda node=node: versions(node) == (VERSION, VERSION), 20, "the new guard has judged")
            scene.stay(3)
            assert abnormal(laboratory) == []
            assert ("versions-differ" in found(node)) == (node is not scene.holder), "the VIP's node is the last"
        for node in laboratory.nodes:
            said = re.findall(r"\((?:unfit|poor|unknown), score.*", node.journal(began))
            assert said == [], f"{node.name} gave a wrong verdict"
        check(scene, moves=0)


def test_a_removal_warns_while_the_agents_are_still_there(old, deb):
    laboratory = old.with_recipe(RECIPES["score"])
    node = laboratory.peers(laboratory.vip_node)[0]
    with Scene(laboratory) as scene:
        scene.begin()
        with node.spawn(
            ["apt-get", "remove", "--yes", "galera-sync-guard"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as removal:
            warning = next(line for line in removal.stdout if "WARNING" in line)
            node.run(["test", "-x", AGENT])
            removal.communicate()
        assert removal.returncode == 0
        assert warning.split(": ")[-1].split() == [GUARD_NAME, recipe.RESET_NAME]
        install(node, deb)
        pacemaker.pcs(scene.holder, "resource", "cleanup", GUARD_NAME)
        wait_normal(laboratory)
        check(scene, moves=0)
