"""The table of faults on the VIP's node: a row says why the VIP must leave; writes and cluster must be right in all."""

import pytest

from laboratory import faults, mariadb
from laboratory.scene import Scene, check, wait_normal, wait_state
from tests.cluster.rows import BOTH, POLLING, WATCHED, move_by_a_failure, move_without_failures
from tests.support.levels import check_runs

# One of each way in which the watcher, Galera or Pacemaker learns of a fault.
CHECKED = (
    *("kill-9", "sigstop", "clean-stop", "desync", "reject", "saturate", "saturate-all"),
    *("power-off", "partition", "galera-partition", "standby", "maintenance"),
)
DONOR_CONFIG = "/etc/mysql/mariadb.conf.d/99-donor.cnf"


@pytest.mark.parametrize(
    ("recipe", "row"),
    check_runs(
        [("score", row) for row in WATCHED] + [("polling", row) for row in POLLING],
        *(f"score-{fault}" for fault in CHECKED),
        *("polling-kill-9", "polling-sigstop"),
        name=lambda value: f"{value[0]}-{value[1].fault}",
    ),
    ids=lambda value: getattr(value, "fault", value),
)
def test_mode_score_moves_the_vip_once_and_all_is_normal_again_by_itself(request, recipe, row):
    move_without_failures(request.getfixturevalue(recipe), row)


@pytest.mark.parametrize(
    "row", check_runs(BOTH, "kill-9", "desync", name=lambda row: row.fault), ids=lambda row: row.fault
)
def test_mode_fail_moves_the_vip_once_and_all_is_normal_again_by_itself(fail, row):
    move_by_a_failure(fail, row)


@pytest.mark.parametrize("row", ["reboot"])
def test_a_rebooted_machine_whose_mariadb_comes_late_gets_no_vip_and_disturbs_nobody(score, row):
    with Scene(score) as scene:
        scene.strike("power-off")
        scene.wait_moved()
        score.power_on(scene.holder, galera=False)
        wait_state(score, "down", scene.holder)
        scene.stay(10, moves=1)
        mariadb.start(scene.holder)
        wait_normal(score)
        check(scene, moves=1)


@pytest.mark.parametrize("row", ["wsrep-off"])
def test_a_node_that_keeps_writes_for_itself_loses_the_vip(score, row):
    with Scene(score) as scene:
        scene.strike("wsrep-off")
        there = scene.wait_moved()
        scene.heard("wsrep-off: wsrep_on=OFF, must be ON")
        scene.heal("wsrep-off")
        wait_normal(score)
        arrival = scene.address.wait_up(scene.struck_at, there.name).time
        # What the node acknowledged alone until the guard saw it is nowhere else: nothing outside the server can help.
        lost = {
            attempt.number
            for attempt in scene.writes.attempts
            if attempt.ok and attempt.host == scene.holder.name and attempt.ended > scene.struck_at
        }
        assert arrival - scene.struck_at < 15
        check(scene, moves=1, lost=lost)


@pytest.mark.parametrize("row", ["disk-full"])
def test_a_node_whose_disk_is_full_loses_the_vip(score, row):
    with Scene(score) as scene:
        scene.strike("disk-full")
        peer = score.peers(scene.holder)[0]
        mariadb.sql(
            peer,
            "CREATE TABLE app.large (text LONGBLOB); INSERT INTO app.large VALUES (REPEAT('x', 8000000))",
            timeout=40,
        )
        there = scene.wait_moved()
        # The log is on that disk too.
        wait_state(score, "inconsistent", scene.holder)
        scene.holder.run(["rm", faults.FILLER])
        # It needs a state transfer; a donor with the VIP would have to hand it over.
        third = next(node for node in score.nodes if node not in (scene.holder, there))
        scene.holder.write(DONOR_CONFIG, f"[mariadbd]\nwsrep_sst_donor = {third.name}\n")
        scene.heal("disk-full")
        scene.holder.run(["rm", DONOR_CONFIG])
        mariadb.sql(peer, "DROP TABLE app.large")
        wait_normal(score)
        check(scene, moves=1)


@pytest.mark.parametrize("recipe", check_runs(["score", "polling"], "score"), ids=lambda recipe: f"root-login-{recipe}")
def test_root_can_log_in_while_the_guard_looks_at_a_saturated_server(request, recipe):
    laboratory = request.getfixturevalue(recipe)
    with Scene(laboratory) as scene:
        scene.strike("saturate")
        refused = sum(bool(scene.holder.run(["mariadb", "-e", "SELECT 1"], check=False).returncode) for _ in range(60))
        assert refused <= 6, "the guard may have the administrator's connection for a moment, once a second"
        scene.wait_moved()
        scene.heal("saturate")
        wait_normal(laboratory)
        check(scene, moves=1)
