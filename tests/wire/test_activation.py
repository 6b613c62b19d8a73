"""systemd listens in place of a stopped server (mariadb.socket): the guard never starts it by a connection."""

import pytest

from tests.support.guard import in_mount_namespace
from tests.support.server import Server

# $1 has the links of running services, $2 is a stand-in for systemctl.
SYSTEMD = """
mkdir -p /run/systemd
mount -t tmpfs tmpfs /run/systemd
cp -a "$1" /run/systemd/units
mount --bind "$2" /usr/bin/systemctl
"""
SYSTEMCTL = """#!/bin/sh
echo "$*" >>"{log}"
case $1 in
list-sockets) echo "{listens} mariadb.socket mariadb.service" ;;
is-active) echo "{active}" ;;
esac
"""


@pytest.fixture
def systemd(guard, tmp_path):
    """Return a function that says what systemd has: what it listens on, how its service is, which services run."""
    (tmp_path / "units").mkdir()

    def say(listens, active, running=()):
        for name in running:
            (tmp_path / "units" / name).touch()
        (tmp_path / "systemctl").write_text(
            SYSTEMCTL.format(listens=listens, active=active, log=tmp_path / "systemctl.log")
        )
        (tmp_path / "systemctl").chmod(0o755)
        guard.before = in_mount_namespace(SYSTEMD, tmp_path / "units", tmp_path / "systemctl")

    return say


def was_asked(tmp_path):
    return (tmp_path / "systemctl.log").exists()


def test_a_stopped_server_is_down_and_is_not_started(guard, server, systemd):
    guard.started()
    connections = server.connections
    systemd(guard.parameters["socket"], "inactive", running=["invocation:mysqld_exporter.service"])
    result = guard.monitor()
    assert guard.published == ("-INFINITY", "down")
    assert "down: mariadb.service is stopped, and systemd would start it for a connection" in result.stderr
    assert server.connections == connections


def test_a_stopped_server_on_a_port_is_not_started(guard, server, systemd):
    guard.started()
    with Server() as remote:
        guard.parameters.update(host="127.0.0.1", port=str(remote.port))
        systemd(f"[::]:{remote.port}", "failed")
        guard.monitor()
        assert guard.published == ("-INFINITY", "down")
        assert remote.connections == 0


@pytest.mark.parametrize(
    ("listens", "active"),
    [("/run/other.sock", "inactive"), ("{socket}", "active"), ("{socket}", "activating"), ("{socket}", "")],
    ids=["not its socket", "active", "starting", "systemd does not answer"],
)
def test_whatever_systemd_would_not_start_is_asked(guard, server, systemd, listens, active):
    guard.started()
    systemd(listens.format(**guard.parameters), active)
    guard.monitor()
    assert guard.published == ("1000", "synced")


@pytest.mark.parametrize("unit", ["mariadb.service", "mariadb@one.service", "mysql.service"])
def test_a_service_that_runs_costs_no_question(guard, server, systemd, tmp_path, unit):
    guard.started()
    systemd(guard.parameters["socket"], "inactive", running=["invocation:" + unit])
    guard.monitor()
    assert guard.published == ("1000", "synced")
    assert not was_asked(tmp_path)


@pytest.mark.parametrize("hanging", ["list-sockets", "is-active"])
def test_a_systemctl_that_hangs_leaves_the_probe_time_to_ask_the_server(guard, server, systemd, tmp_path, hanging):
    guard.parameters["probe_timeout"] = "1s"
    guard.started()
    systemd(guard.parameters["socket"], "inactive")
    text = (tmp_path / "systemctl").read_text()
    (tmp_path / "systemctl").write_text(text.replace("case", f'[ "$1" != {hanging} ] || exec sleep 1000\ncase'))
    statements = len(server.statements)
    guard.monitor_until(lambda _: len(server.statements) > statements, within=60)
    assert was_asked(tmp_path)
