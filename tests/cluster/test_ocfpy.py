"""Two agents of examples/ under Pacemaker: a promotable clone, and a daemon that does not want to end."""

from laboratory import pacemaker
from laboratory.laboratory import each
from laboratory.machine import wait_until
from tests.support.checkout import ROOT

DIRECTORY = "/usr/lib/ocf/resource.d/custom"
PACEMAKER_LOG = "/var/log/pacemaker/pacemaker.log"
STUBBORN = """sh -c "trap '' TERM; while :; do sleep 1; done" """.strip()


def install(laboratory, name):
    text = (ROOT / "examples" / name).read_text(encoding="utf-8")
    each(lambda node: node.write(f"{DIRECTORY}/{name}", text, mode=0o755), laboratory.nodes)


def roles(node, resource):
    """Return the nodes and roles of a resource's running instances."""
    seen = pacemaker.status(node)
    return {
        name: instance.role
        for instance in (seen.resources if seen else ())
        if instance.id.split(":")[0] == resource
        for name in instance.nodes
    }


def test_a_promotable_clone(score):
    install(score, "promotable_marker")
    first = score.nodes[0]
    monitors = "op monitor interval=2s OCF_CHECK_LEVEL=10 op monitor interval=3s role=Promoted"
    create = f"resource create role ocf:custom:promotable_marker {monitors} promotable notify=true"
    try:
        pacemaker.apply(first, [create.split()])
        wait_until(
            lambda: sorted(roles(first, "role").values()) == ["Promoted", "Unpromoted", "Unpromoted"], 30, "promotion"
        )
        holder = next(name for name, role in roles(first, "role").items() if role == "Promoted")
        for node in score.nodes:
            wait_until(lambda node=node: f"INFO: {holder} is promoted now" in node.read(PACEMAKER_LOG), 30, "notify")
        other = next(node for node in score.nodes if node.name != holder)
        other.shell("printf nonsense >/run/resource-agents/promotable_marker-role")
        reason = "/run/resource-agents/promotable_marker-role says "  # crm_mon escapes the quotes after it twice
        wait_until(
            lambda: any(reason in failure.reason for failure in pacemaker.status(first).failures), 30, "its reason"
        )
        wait_until(lambda: len(roles(first, "role")) == 3, 30, "recovery")
    finally:
        pacemaker.pcs(first, "resource", "delete", "role")


def test_a_daemon_that_ignores_sigterm_is_killed_within_its_grace(score):
    install(score, "background_program")
    first = score.nodes[0]
    create = ["resource", "create", "daemon", "ocf:custom:background_program", f"command={STUBBORN}", "stop_grace=1s"]
    try:
        pacemaker.apply(first, [create])
        wait_until(lambda: roles(first, "daemon"), 30, "its start")
        (name,) = roles(first, "daemon")
        holder = next(node for node in score.nodes if node.name == name)
        assert "trap" in holder.shell("ps -eo args")
        pacemaker.apply(first, [["resource", "disable", "daemon"]])
        assert not roles(first, "daemon")
        assert "trap" not in holder.shell("ps -eo args")
    finally:
        pacemaker.pcs(first, "resource", "delete", "daemon")
