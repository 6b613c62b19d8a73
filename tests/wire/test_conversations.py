"""Thousands of generated conversations: whatever a server sends, a probe ends in time, with little memory, right."""

import collections
import json
import os
import random
import struct
import subprocess

import pytest

from galera_sync_guard.decision.states import FIT, UNFIT
from tests.support.galera import HEALTHY
from tests.support.guard import CHECKOUT
from tests.support.server import Server, ask_for_password_by, error, hang_up_midway, text, truncated

# How many conversations: CONVERSATIONS=10000 for a thorough run.
COUNT = int(os.environ.get("CONVERSATIONS", "1000"))
SECONDS = 0.3
# For a busy machine, in seconds; in MB.
SLACK = 1.5
MEMORY = 40

# Values with which an application can work, or cannot; with any other nobody can tell.
USABLE = {
    "wsrep_local_state": ["4"],
    "wsrep_local_state_comment": ["Synced", "Synced (6)", "", None, "x" * 300, "\x1b[31m"],
    "wsrep_cluster_status": ["Primary", "PRIMARY", "primary"],
    "wsrep_ready": ["ON", "on"],
    "wsrep_on": ["ON"],
    "wsrep_cluster_size": ["1", "3", "", None, "many"],
    "wsrep_local_recv_queue": ["0", "12", "9" * 30, None],
    "Threads_connected": ["1", "150"],
    "wsrep_reject_queries": ["NONE"],
    "wsrep_desync": ["OFF", "ON", None],  # it is the local state that counts
    "read_only": ["OFF", "0", "off"],
    "super_read_only": ["OFF", None],
    "tx_read_only": ["OFF", "0", None],
    "transaction_read_only": ["OFF", None],
    "offline_mode": ["OFF", None],
    "pxc_maint_mode": ["DISABLED", None],
    "extra_port": ["0", "3307", "", None],
    "max_connections": ["151", "100000"],
}
REFUSING = {
    "wsrep_local_state": ["0", "1", "5"],
    "wsrep_cluster_status": ["non-Primary", "Disconnected"],
    "wsrep_ready": ["OFF"],
    "wsrep_on": ["OFF"],
    "wsrep_reject_queries": ["ALL", "ALL_KILL"],
    "read_only": ["ON", "1", "NO_LOCK", "NO_LOCK_NO_ADMIN"],
    "super_read_only": ["ON"],
    "tx_read_only": ["ON"],
    "transaction_read_only": ["1"],
    "offline_mode": ["ON"],
    "pxc_maint_mode": ["MAINTENANCE", "SHUTDOWN"],
    "Threads_connected": ["4000000000"],
}
UNCLEAR = ["", None, "-1", "4" * 5000, "9" * 70_000, "\0", "NULL", "é", "0x4", "4.0"]
ERRORS = (1040, 1045, 1047, 1053, 1130, 1184, 1193, 1205, 1290, 1698, 1927, 1969, 3032, 65535)


class Generator:
    """Makes one conversation after the other out of a seed."""

    def __init__(self, server, seed):
        self.server = server
        self.dice = random.Random(seed)

    def prepare(self):
        """Set the server up; return which kinds of verdict are wrong for it."""
        server, dice = self.server, self.dice
        server.values, server.trouble, server.unknown_variables = dict(HEALTHY), {}, set()
        wrong = {UNFIT}
        for name in dice.sample(sorted(USABLE), dice.randrange(6)):
            server.values[name] = dice.choice(USABLE[name])
        if dice.random() < 0.3:
            name = dice.choice(sorted(REFUSING))
            server.values[name] = dice.choice(REFUSING[name])
            wrong = {FIT}
        if dice.random() < 0.2:
            self._garble(wrong)
        if dice.random() < 0.3:
            step = dice.choice(("greeting", "login", "session", "status", "variables"))
            server.trouble[step] = dice.choice(
                (self.flip, self.table, self.cut, self.late, hang_up_midway, truncated, self.error, self.plugin)
            )
            wrong.discard(UNFIT)
        return wrong

    def _garble(self, wrong):
        """Make a value unclear or leave it out: then the rest must not make the node unfit."""
        decides = ("wsrep_local_state", "Threads_connected", "max_connections")
        name = self.dice.choice(decides)
        if self.dice.random() < 0.5:
            self.server.values.pop(name)
        else:
            self.server.values[name] = self.dice.choice(UNCLEAR)
        wrong.add(FIT)
        if name == "wsrep_local_state" and FIT in wrong:
            wrong.discard(UNFIT)  # a server without a provider has none either

    def flip(self, conversation, data):
        data = bytearray(data)
        for _ in range(self.dice.randint(1, 4)):
            data[self.dice.randrange(len(data))] = self.dice.randrange(256)
        conversation.peer.sendall(data)

    def cut(self, conversation, data):
        conversation.peer.sendall(data[: self.dice.randrange(len(data))])
        raise ConnectionError("as scripted")

    def late(self, conversation, data):
        conversation.server.closing.wait(self.dice.choice((0.01, 0.05, 2 * SECONDS)))
        conversation.peer.sendall(data)

    def error(self, conversation, data):
        error(self.dice.choice(ERRORS), "x" * self.dice.choice((0, 10, 3000)), self.dice.choice(("", "HY000")))(
            conversation, data
        )

    def plugin(self, conversation, data):
        plugin = self.dice.choice(("mysql_native_password", "mysql_clear_password", "dialog", "ed25519", "x" * 300))
        ask_for_password_by(plugin)(conversation, data)

    def table(self, conversation, data):
        """Send a table of random shape: types, character sets, order, NULLs, numbers of columns and rows."""
        dice, conversation.sequence = self.dice, data[3]
        columns = dice.choice((1, 2, 2, 2, 3, 200))
        end = b"\xfe\0\0\2\0"
        payloads = [bytes([columns]) if columns < 251 else b"\xfc\xfb\0"]
        for _ in range(columns):
            kind, charset = dice.randrange(256), dice.choice((0, 8, 33, 45, 63, 65000))
            payloads.append(
                b"".join(map(text, ("def", "", "", "", "name", "name")))
                + struct.pack("<BHIBHBH", 12, charset, 1024, kind, 0, 0, 0)
            )
        rows = list(conversation.server.values.items()) * dice.choice((1, 1, 3))
        dice.shuffle(rows)
        payloads += [end, *(b"".join(map(text, (row * columns)[:columns])) for row in rows), end]
        conversation.peer.sendall(b"".join(map(conversation.packet, payloads)))


@pytest.fixture
def prober(tmp_path):
    """A process that probes the server at tmp_path/s.sock."""
    command = ["/usr/bin/python3", "-BS", "-m", "tests.wire.prober", str(tmp_path / "s.sock"), str(SECONDS)]
    with subprocess.Popen(
        command, cwd=CHECKOUT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        yield process
        process.stdin.close()


@pytest.mark.parametrize("seed", range(4))
def test_generated_conversations(prober, tmp_path, seed):
    kinds = collections.Counter()
    longest = most = 0.0
    with Server(tmp_path / "s.sock") as server:
        generator = Generator(server, seed)
        for number in range(COUNT // 4):
            wrong = generator.prepare()
            print("probe", file=prober.stdin, flush=True)
            line = prober.stdout.readline()
            assert line, prober.stderr.read()
            found = json.loads(line)
            case = f"conversation {number} of seed {seed}: {found}, values {server.values}, trouble {server.trouble}"
            if found["seconds"] < SECONDS:  # else the server was late, by plan or by a busy machine
                assert found["kind"] not in wrong, case
            assert found["seconds"] < SECONDS + SLACK, case
            assert found["memory"] < MEMORY, case
            assert len(found["reason"]) < 500, case
            kinds[found["kind"]] += 1
            longest, most = max(longest, found["seconds"]), max(most, found["memory"])
    print(f"\nseed {seed}: {dict(sorted(kinds.items()))}, longest {longest:.2f} s of {SECONDS} s, memory {most:.1f} MB")
    assert set(kinds) == {"fit", "poor", "unfit", "unknown"}
