"""Asks Pacemaker's scheduler where the resources on this node would run if the guard were not here; changes nothing."""

from __future__ import annotations

import os
import re

from ocfpy.process import run_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocfpy.deadline import Deadline

# The question: the cluster as it is, and this constraint.
QUESTION = '<rsc_location id="galera-sync-guard-question" rsc="{}" node="{}" score="-INFINITY"/>'
NO_CONSTRAINTS = b"<constraints/>"
END_OF_CONSTRAINTS = b"</constraints>"


def destinations(
    resource: str, node: str, environ: Mapping[str, str], deadline: Deadline
) -> dict[str, str | None] | None:
    """Return where each resource would run that would leave this node, None for one that would run nowhere.

    `resource` is the guard's name. Instances of clones do not count: they run on each node by themselves. None when the
    cluster does not answer: each of two commands may take a quarter of the time that is left (0.08 s for both, measured).
    """
    try:
        code, cib = run_command(("cibadmin", "--query", "--local"), environ, deadline.remaining() / 4)
        if code != 0:
            return None
        with open(os.memfd_create("cib"), "wb+", buffering=0) as file:
            file.write(_with_question(cib.encode(), resource, node))
            file.seek(0)
            command = ("crm_simulate", "--simulate", "--output-as=xml", "--xml-file=/dev/stdin")
            seconds = deadline.remaining() / 4
            code, plan = run_command(command, environ, seconds, stdin=file.fileno())
    except OSError:
        return None
    return _moves(plan, node) if code == 0 else None


def _with_question(cib: bytes, resource: str, node: str) -> bytes:
    from xml.sax.saxutils import escape

    question = QUESTION.format(*(escape(text, {'"': "&quot;"}) for text in (resource, node))).encode()
    cib = cib.replace(NO_CONSTRAINTS, b"<constraints>" + END_OF_CONSTRAINTS)
    return cib.replace(END_OF_CONSTRAINTS, question + END_OF_CONSTRAINTS)


def _moves(plan: str, node: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for element in re.findall(r"<rsc_action ([^>]*)/>", plan):
        action = dict(re.findall(r'([\w-]+)="([^"]*)"', element))
        is_instance = re.search(r":\d+$", action.get("resource", ""))
        leaves = action.get("action") in ("stop", "move", "migrate")
        if leaves and not is_instance and node in (action.get("source"), action.get("node")):
            found[action["resource"]] = action.get("dest")
    return found
