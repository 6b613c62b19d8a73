"""The second agent through its executable, in a network of the test's own: which connections go, and which never do."""

import os
import random
import shutil
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.support.guard import CHECKOUT, Guard
from tests.support.network import Network, lives
from vip_client_reset.address import Address
from vip_client_reset.connections import Connections
from vip_client_reset.firewall import CLEAN_UP

GOLDEN = Path(__file__).with_name("vip_client_reset.xml")
REGENERATE = "agents/vip_client_reset meta-data > tests/contract/vip_client_reset.xml"
AGENT = CHECKOUT / "agents/vip_client_reset"
BLOCK_SECONDS = 3  # for which new connections are blocked

NODE, VIP, OTHER_VIP = "10.0.0.1", "10.0.0.9", "10.0.0.8"
NODE6, VIP6, OTHER_VIP6 = "fd00::1", "fd00::9", "fd00::8"
CLIENT, CLIENT6 = "10.0.0.77", "fd00::77"
EVERYWHERE = (NODE, VIP, OTHER_VIP, NODE6, VIP6, OTHER_VIP6, "127.0.0.1", "::1")


@pytest.fixture
def network():
    """A network with all the addresses and a server on 3306, IPv4 and IPv6 by one socket as MariaDB has it."""
    with Network(NODE, VIP, OTHER_VIP, CLIENT, NODE6, VIP6, OTHER_VIP6, CLIENT6) as network:
        network.listen(3306)
        network.listen(3307, "0.0.0.0")
        yield network


@pytest.fixture
def reset(tmp_path, network):
    """The resource for VIP, started, on a host whose cluster does not answer."""
    guard = Guard(tmp_path, "reset", AGENT)
    guard.parameters = {"ip": VIP}
    result = guard.start()
    assert (result.code, result.stderr) == (0, "")
    guard.state = Path(guard.environment["HA_RSCTMP"]) / "vip_client_reset-reset"
    return guard


@pytest.fixture
def plan(reset):
    """Return a function that lets crm_simulate answer with a plan."""

    def answer(*stopped):
        steps = "".join(
            '<synapse><action_set><rsc_op operation="stop">'
            f'<primitive id="{name}" type="{kind}"/><attributes ip="{VIP}"/>'
            "</rsc_op></action_set><inputs/></synapse>"
            for name, kind in stopped
        )
        simulate(f"cat >$4 <<'END'\n<transition_graph>{steps}</transition_graph>\nEND\n")

    def simulate(script):
        tool = reset.attrd.directory / "crm_simulate"
        tool.write_text("#!/bin/sh\n" + script)
        tool.chmod(0o755)

    answer.script = simulate
    return answer


def clients(network, port=3306):
    """Return a connection to every address."""
    return {
        address: network.connect(
            address, port, CLIENT6 if ":" in address and address != "::1" else CLIENT if address[:3] == "10." else None
        )
        for address in EVERYWHERE
    }


def ended(connections):
    return {address for address, connection in connections.items() if not lives(connection)}


def seconds_to_connect(network, address, port=3306):
    began = time.monotonic()
    network.connect(address, port)
    return time.monotonic() - began


@pytest.mark.parametrize("vip", [VIP, VIP6])
def test_clients_of_the_address_are_reset_and_no_others(network, reset, vip):
    reset.parameters["ip"] = vip.upper()
    connections = clients(network)
    result = reset.stop()
    assert result.code == 0
    assert ended(connections) == {vip}
    assert f"{vip} leaves this node: 1 connections reset within " in result.stderr
    with pytest.raises(ConnectionResetError):
        connections[vip].recv(1)


def test_a_server_of_ipv4_only_too(network, reset):
    connections = {address: network.connect(address, 3307, CLIENT) for address in (NODE, VIP, OTHER_VIP)}
    reset.stop()
    assert ended(connections) == {VIP}


def test_client_that_waits_for_an_answer_hears_at_once_and_so_does_its_server(network, reset):
    server = network.listen(4000)
    client = network.connect(VIP, 4000, CLIENT)
    accepted, _ = server.accept()
    client.sendall(b"question")
    assert accepted.recv(100) == b"question"
    began = time.monotonic()
    reset.stop()
    for end in (client, accepted):
        with pytest.raises((ConnectionResetError, ConnectionAbortedError)):
            end.recv(1)
    accepted.close()
    assert time.monotonic() - began < 5


LOSE_FIRST_RESET = """
table inet test {
    chain output {
        type filter hook output priority 0; tcp sport 4000 tcp flags & rst == rst quota until %d bytes drop;
    }
}
"""


@pytest.mark.parametrize(("vip", "client", "size"), [(VIP, CLIENT, 52), (VIP6, CLIENT6, 72)])
def test_client_that_does_not_take_the_first_reset_takes_the_second(network, reset, vip, client, size):
    # With packets on their way to it, the number of the first may not be the one that it expects.
    reset.parameters["ip"] = vip
    server = network.listen(4000)
    slow = network.connect(vip, 4000, client)
    accepted, _ = server.accept()
    accepted.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            accepted.send(bytes(1000))
    time.sleep(0.5)
    subprocess.run(["nft", "-f", "-"], input=LOSE_FIRST_RESET % (size + 5), text=True, check=True)
    assert reset.stop().code == 0
    time.sleep(0.2)
    assert not lives(slow)
    accepted.close()


def test_only_the_given_ports(network, reset):
    reset.parameters["ports"] = "3307, 4000"
    connections = {port: network.connect(VIP, port, CLIENT) for port in (3306, 3307)}
    reset.stop()
    assert ended(connections) == {3307}
    assert seconds_to_connect(network, VIP, 3306) < 0.9


def test_a_server_that_listens_on_the_address_alone_goes_on_listening(network, reset):
    network.listen(5000, VIP)
    client = network.connect(VIP, 5000, CLIENT)
    reset.stop()
    assert not lives(client)
    reset.start()
    assert lives(network.connect(VIP, 5000, CLIENT))


def test_two_thousand_connections_within_a_second(network, reset):
    connections = [network.connect(VIP, 3306, CLIENT) for _ in range(2000)]
    result = reset.stop()
    assert not any(map(lives, connections))
    assert "2000 connections reset" in result.stderr
    assert result.seconds < 5  # 0.1 s on a quiet machine


def test_without_the_address_nothing_is_reset_since_no_client_would_hear_of_it(network, reset):
    client = network.connect(VIP, 3306, CLIENT)
    network.remove(VIP)
    assert (reset.stop().code, lives(client)) == (0, True)


class TestRestart:
    """What Pacemaker has planned decides whether clients are reset."""

    def test_address_that_stays_keeps_its_clients(self, network, reset, plan):
        client = network.connect(VIP, 3306, CLIENT)
        plan(("reset", "vip_client_reset"))
        for action in ("stop", "start", "reload-agent", "stop"):
            assert reset.run(action).code == 0
        assert lives(client)
        assert seconds_to_connect(network, VIP) < 0.9

    def test_log_says_why(self, reset, plan):
        plan(("reset", "vip_client_reset"))
        assert f"{VIP} stays on this node: no connection is reset" in reset.stop().stderr

    def test_address_that_leaves_loses_them(self, network, reset, plan):
        client = network.connect(VIP, 3306, CLIENT)
        plan(("reset", "vip_client_reset"), ("VirtualIP", "IPaddr2"))
        reset.stop()
        assert not lives(client)

    @pytest.mark.parametrize(
        "script", ["exit 102", "echo nonsense >$4", "exec sleep 1000"], ids=["no cluster", "nonsense", "hangs"]
    )
    def test_without_an_answer_the_clients_are_reset_rather_than_left_to_hang(self, network, reset, plan, script):
        client = network.connect(VIP, 3306, CLIENT)
        plan.script(script)
        result = reset.stop()
        assert (result.code, lives(client)) == (0, False)
        assert result.seconds < 5


def tables():
    return subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout


def wait_until(is_true):
    """Return when something that is about to happen has happened."""
    end = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.05)


class TestBlock:
    """New connections are blocked for a moment, whatever becomes of the agent."""

    def test_a_client_that_comes_back_too_early_waits_until_the_block_has_ended_by_itself(self, network, reset):
        reset.stop()
        assert 0.9 < seconds_to_connect(network, VIP) < BLOCK_SECONDS + 3

    def test_start_ends_it(self, network, reset):
        reset.stop()
        reset.start()
        assert seconds_to_connect(network, VIP) < 0.9

    @pytest.mark.parametrize("address", [NODE, OTHER_VIP, NODE6, OTHER_VIP6, VIP6, "127.0.0.1"])
    def test_no_other_address_is_held_off(self, network, reset, address):
        reset.stop()
        assert seconds_to_connect(network, address) < 0.9

    def test_a_second_resource_has_its_own(self, network, reset, tmp_path):
        (tmp_path / "second").mkdir()
        second = Guard(tmp_path / "second", "second.reset:0", AGENT)
        second.parameters = {"ip": OTHER_VIP}
        assert second.start().code == 0
        reset.stop()
        assert second.stop().code == 0
        assert second.start().code == 0
        assert seconds_to_connect(network, OTHER_VIP) < 0.9
        assert seconds_to_connect(network, VIP) > 0.9

    def test_a_second_resource_whose_name_differs_in_punctuation_has_its_own(self, network, reset, tmp_path):
        (tmp_path / "second").mkdir()
        second = Guard(tmp_path / "second", "re.set", AGENT)
        second.parameters = {"ip": OTHER_VIP}
        reset.name = "re-set"
        assert second.start().code == reset.start().code == 0
        reset.stop()
        second.stop()
        second.start()
        assert seconds_to_connect(network, VIP) > 0.9

    def test_its_table_is_deleted_when_it_has_expired(self, network, reset):
        reset.stop()
        assert "vip_client_reset" in tables()
        wait_until(lambda: "vip_client_reset" not in tables())

    def test_what_deletes_the_table_leaves_a_newer_block_alone(self, network, reset):
        reset.stop()
        subprocess.run(["sh", "-c", CLEAN_UP.format(seconds=0, table="vip_client_reset-reset")], check=True)
        assert "vip_client_reset" in tables()

    def test_established_connections_go_on_through_it(self, network, reset):
        server = network.listen(4000)
        client = network.connect(VIP, 4000, CLIENT)
        accepted, _ = server.accept()
        reset.parameters["ports"] = "3306"
        reset.stop()
        client.sendall(b"x")
        assert accepted.recv(1) == b"x"
        accepted.close()

    @pytest.mark.parametrize("action", ["start", "stop"])
    def test_killed_at_any_moment_it_leaves_nothing_that_blocks_a_client_later(self, network, reset, action):
        random.seed(7)
        for _ in range(15):
            process = subprocess.Popen(
                [AGENT, action],
                env=reset.environ(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            time.sleep(random.uniform(0, 0.15))
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        time.sleep(BLOCK_SECONDS + 0.1)
        assert seconds_to_connect(network, VIP) < 0.9
        assert reset.stop().code == 0
        assert reset.start().code == 0
        assert seconds_to_connect(network, VIP) < 0.9


ATTRD = """#!/bin/sh
cd "${0%/*}" || exit 70
echo "$*" >>calls
[ ! -e hang ] || exec sleep 1000
case $1 in
-p) [ "$4" = -N ] && [ "$6" = -U ] && echo "$7" >"kept.$3.$5" ;;
-Q) for host in n1 n2 n3; do
        [ ! -e "kept.$3.$host" ] || echo "name=\\"$3\\" host=\\"$host\\" value=\\"$(cat kept.$3.$host)\\""
    done ;;
esac
"""
SILENT_RESETS = "table inet test { chain output { type filter hook output priority 0; tcp flags & rst == rst drop; }; }"

# Packets that fit no connection, as the next holder sends them: the third arrives.
LOSES_TWO_OF_THREE = """
table inet test {
    chain output { type filter hook output priority 0; tcp sequence 0 tcp ackseq 0 numgen inc mod 3 < 2 drop; }
}
"""


class TestClientList:
    """A node that dies has left the list of its clients with its peers; the next holder frees them."""

    @pytest.fixture
    def cluster(self, reset):
        """The resource is on n1, and n2 and n3 are its peers."""
        directory = reset.attrd.directory
        for name, script in (("attrd_updater", ATTRD), ("crm_node", "#!/bin/sh\necho n1 n2 n3\n")):
            (directory / name).write_text(script)
            (directory / name).chmod(0o755)
        reset.environment["OCF_RESKEY_CRM_meta_on_node"] = "n1"
        return reset

    @staticmethod
    def calls(cluster):
        file = cluster.attrd.directory / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return [line.split() for line in lines]

    @staticmethod
    def dies(cluster):
        """End the server's side of all connections without a word, and make this node the next holder."""
        subprocess.run(["nft", "-f", "-"], input=SILENT_RESETS, text=True, check=True)
        with Connections(Address.parse(cluster.parameters["ip"])) as connections:
            for connection in connections.list():
                connections.reset(connection)
        subprocess.run(["nft", "delete", "table", "inet", "test"], check=True)
        cluster.environment["OCF_RESKEY_CRM_meta_on_node"] = "n2"

    def test_list_is_left_with_each_peer_and_again_only_when_it_has_changed(self, network, cluster):
        network.connect(VIP, 3306, CLIENT)
        self.calls(cluster)
        for expected in (["n2", "n3"], []):
            assert (cluster.monitor().code, cluster.probe().code) == (0, 0)
            assert sorted(call[4] for call in self.calls(cluster) if "-U" in call) == expected
        network.connect(VIP, 3306, CLIENT)
        cluster.monitor()
        first, second = (call[6] for call in self.calls(cluster) if "-U" in call)
        assert first == second

    @pytest.mark.parametrize("mute", ["attrd_updater", "crm_node"])
    def test_list_that_did_not_arrive_is_left_by_the_next_monitor(self, network, cluster, mute):
        network.connect(VIP, 3306, CLIENT)
        tool, aside = cluster.attrd.directory / mute, cluster.attrd.directory / "aside"
        tool.rename(aside)
        tool.write_text("#!/bin/sh\nexit 1\n")
        tool.chmod(0o755)
        assert cluster.monitor().code == 0
        aside.rename(tool)
        self.calls(cluster)
        assert cluster.monitor().code == 0
        assert sorted(call[4] for call in self.calls(cluster) if "-U" in call) == ["n2", "n3"]

    @pytest.mark.parametrize(("vip", "client"), [(VIP, CLIENT), (VIP6, CLIENT6)])
    def test_next_holder_frees_the_clients(self, network, cluster, vip, client):
        cluster.parameters["ip"] = vip
        connections = [network.connect(vip, 3306, client) for _ in range(50)]
        cluster.monitor()
        self.dies(cluster)
        assert all(map(lives, connections)), "nobody has told them"
        assert cluster.start().code == 0
        time.sleep(0.2)
        assert not any(map(lives, connections))

    def test_a_client_is_freed_although_two_packets_are_lost(self, network, cluster):
        client = network.connect(VIP, 3306, CLIENT)
        cluster.monitor()
        self.dies(cluster)
        subprocess.run(["nft", "-f", "-"], input=LOSES_TWO_OF_THREE, text=True, check=True)
        assert cluster.start().code == 0
        wait_until(lambda: not lives(client))

    def test_first_monitors_try_again(self, network, cluster):
        client = network.connect(VIP, 3306, CLIENT)
        cluster.monitor()
        self.dies(cluster)
        (cluster.attrd.directory / "hang").touch()
        assert cluster.start().code == 0
        assert lives(client)
        (cluster.attrd.directory / "hang").unlink()
        cluster.monitor()
        time.sleep(0.2)
        assert not lives(client)

    def test_what_is_left_here_of_an_older_connection_keeps_no_client_waiting(self, network, cluster):
        server = network.listen(4000)
        client = network.connect(VIP, 4000, CLIENT)
        accepted, _ = server.accept()
        cluster.monitor()
        accepted.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                accepted.send(bytes(1000))
        accepted.close()  # what the client has no room for keeps this end of it for minutes
        cluster.environment["OCF_RESKEY_CRM_meta_on_node"] = "n2"
        cluster.start()
        time.sleep(0.2)
        assert not lives(client)

    def test_what_the_kernel_remembers_of_a_closed_one_keeps_no_client_waiting(self, network, cluster):
        """This node closed one within the last minute, and the client has used its port again with another node."""
        server = network.listen(4000)
        closed = network.connect(VIP, 4000, CLIENT)
        accepted, _ = server.accept()
        cluster.monitor()
        source = closed.getsockname()
        accepted.close()
        assert closed.recv(1) == b""
        closed.close()
        client = network.connection_elsewhere(source, (VIP, 4000))
        assert lives(client)
        cluster.environment["OCF_RESKEY_CRM_meta_on_node"] = "n2"
        assert cluster.start().code == 0
        time.sleep(0.2)
        assert not lives(client)

    def test_living_connection_in_the_list_goes_on_undisturbed(self, network, cluster):
        server = network.listen(4000)
        client = network.connect(VIP, 4000, CLIENT)
        accepted, _ = server.accept()
        cluster.monitor()
        cluster.environment["OCF_RESKEY_CRM_meta_on_node"] = "n2"
        cluster.start()
        for sender, receiver in ((client, accepted), (accepted, client)):
            sender.sendall(b"question")
            assert receiver.recv(100) == b"question"
        accepted.close()

    @pytest.mark.parametrize("word", ["", "nonsense", "AAAA", pytest.param("A" * 5000, id="long"), "\u0663"])
    def test_a_list_that_is_none_is_passed_over(self, cluster, word):
        (cluster.attrd.directory / "kept.reset-clients.n1").write_text(word)
        result = cluster.start()
        assert (result.code, result.stderr) == (0, "")

    def test_a_cluster_that_does_not_answer_fails_no_monitor(self, cluster):
        (cluster.attrd.directory / "hang").touch()
        result = cluster.monitor()
        assert result.code == 0
        assert result.seconds < 4

    def test_three_thousand_clients_can_be_left_behind(self, network, cluster):
        for _ in range(3000):
            network.connect(VIP, 3306, CLIENT)
        assert cluster.monitor().code == 0
        assert len((cluster.attrd.directory / "kept.reset-clients.n2").read_text()) > 30000


class TestLacks:
    """What the host cannot do is said once, and nothing fails for it."""

    @pytest.fixture
    def unprivileged(self, reset):
        """The kernel lets this agent list connections and do nothing else."""
        reset.before = ("setpriv", "--bounding-set=-net_admin")
        return reset

    def test_start_and_deep_validation_say_it(self, unprivileged):
        for result in (
            unprivileged.start(),
            unprivileged.run("validate-all", environ=unprivileged.environ() | {"OCF_CHECK_LEVEL": "10"}),
        ):
            assert result.code == 0
            assert result.stderr.count("nftables does not work") == 1

    def test_monitor_does_not(self, unprivileged):
        result = unprivileged.monitor()
        assert (result.code, result.stderr) == (0, "")

    def test_stop_succeeds_and_says_what_it_could_not_do(self, network, unprivileged):
        client = network.connect(VIP, 3306, CLIENT)
        result = unprivileged.stop()
        assert (result.code, lives(client)) == (0, True)
        assert "Operation not permitted" in result.stderr
        assert "internal error" not in result.stderr

    @pytest.mark.parametrize("script", ["exec sleep 1000", "echo 'no such table' >&2; exit 1"], ids=["hangs", "fails"])
    def test_clients_are_reset_without_nftables(self, network, reset, script):
        nft = reset.attrd.directory / "nft"
        nft.write_text(f"#!/bin/sh\n{script}\n")
        nft.chmod(0o755)
        client = network.connect(VIP, 3306, CLIENT)
        assert "nftables does not work" in reset.start().stderr
        result = reset.stop()
        assert (result.code, lives(client)) == (0, False)
        assert "cannot block new connections to " in result.stderr
        assert result.seconds < 5


class TestProtocol:
    def test_monitor_tells_whether_it_is_started(self, reset):
        assert reset.monitor().code == reset.probe().code == reset.run("reload-agent").code == 0
        assert reset.start().code == 0
        for _ in range(2):
            assert reset.stop().code == 0
            assert reset.monitor().code == reset.probe().code == reset.run("reload-agent").code == 7

    @pytest.mark.parametrize(
        "parameters",
        [{}, {"ip": "nonsense"}, {"ip": VIP, "ports": "many"}],
        ids=["no address", "wrong address", "wrong ports"],
    )
    def test_wrong_parameters_keep_it_from_starting_and_not_from_stopping(self, reset, parameters):
        reset.parameters = parameters
        assert reset.run("validate-all").code == 6
        assert reset.start().code == 2
        assert reset.monitor().code == 0
        result = reset.stop()
        assert result.code == 0
        assert "internal error" not in result.stderr

    def test_stop_lasts_a_bounded_time_also_when_everything_hangs(self, network, reset, plan):
        plan.script("exec sleep 1000")
        nft = reset.attrd.directory / "nft"
        nft.write_text("#!/bin/sh\nexec sleep 1000\n")
        nft.chmod(0o755)
        result = reset.stop()
        assert result.code == 0
        assert result.seconds < 4
        assert reset.monitor().code == 7

    def test_it_starts_and_stops_on_a_full_file_system(self, reset, tmp_path):
        assert reset.stop().code == 0
        reset.environment["HA_RSCTMP"] = str(tmp_path / "full")
        (tmp_path / "full").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", tmp_path / "full"], check=True)
        try:
            with pytest.raises(OSError, match="space"):
                (tmp_path / "full/log").write_bytes(bytes(65536))
            results = [reset.start(), reset.monitor(), reset.probe(), reset.stop(), reset.probe()]
        finally:
            subprocess.run(["umount", tmp_path / "full"], check=True)
        assert [result.code for result in results] == [0, 0, 0, 0, 7]
        assert not any(result.stderr for result in results[:3]), results

    def test_stop_does_not_depend_on_its_directory(self, reset, tmp_path):
        (tmp_path / "file").touch()
        reset.environment["HA_RSCTMP"] = str(tmp_path / "file")
        result = reset.stop()
        assert result.code == 0
        assert "Traceback" not in result.stderr


class TestMetadata:
    @pytest.fixture(scope="class")
    def text(self):
        return subprocess.run([AGENT, "meta-data"], env={}, capture_output=True, text=True, check=True).stdout

    def test_is_the_one_that_was_approved(self, text):
        assert text == GOLDEN.read_text(), "if the change is meant: " + REGENERATE

    def test_advertises_one_cheap_monitor_and_reloads_all_parameters(self, text):
        tree = ElementTree.fromstring(text)
        (monitor,) = [action for action in tree.iter("action") if action.get("name") == "monitor"]
        assert (monitor.get("interval"), monitor.get("depth")) == ("10s", "0")
        assert {
            parameter.get("name"): (parameter.get("required"), parameter.get("reloadable"))
            for parameter in tree.iter("parameter")
        } == {"ip": ("1", "1"), "ports": ("0", "1")}


# What can be wrong with a file of an installation.
DAMAGE = {
    "agent missing": ("vip_client_reset/agent.py", lambda path: path.unlink()),
    "cluster truncated": ("vip_client_reset/transition.py", lambda path: path.write_text("(")),
    "ocfpy missing": ("ocfpy", lambda path: path.rename(path.with_suffix(".dpkg-tmp"))),
}


@pytest.mark.parametrize(("file", "damage"), DAMAGE.values(), ids=DAMAGE)
def test_half_an_installation_neither_blocks_nor_moves_anything(tmp_path, file, damage):
    for name in ("agents", "ocfpy", "vip_client_reset", "setup.cfg"):
        copy = shutil.copy if name == "setup.cfg" else shutil.copytree
        copy(CHECKOUT / name, tmp_path / name)
    damage(tmp_path / file)
    reset = Guard(tmp_path, "reset", tmp_path / "agents/vip_client_reset")
    assert {action: reset.run(action).code for action in ("start", "stop", "validate-all")} == {
        "start": 1,
        "stop": 0,
        "validate-all": 1,
    }
    result = reset.monitor()
    assert result.code == 0
    assert "not completely installed" in result.reason
    assert "Traceback" not in result.stderr
