"""What the other suite may answer in another way: the command, and ocf-tester."""

from tests.cluster.operator_command import SETUP, guard_says

AGENT = "/usr/lib/ocf/resource.d/custom/galera_sync_guard"


def test_setup_finds_the_recipe_complete_and_check_nothing_wrong(score):
    for node in score.nodes:
        assert guard_says(node, "check")[0] == 0
    assert "all of it is there already" in score.nodes[0].run(SETUP, timeout=120).stdout


def test_ocf_tester_passes_beside_a_running_guard(score):
    done = score.nodes[0].run(["ocf-tester", "-n", "tested", AGENT], check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
