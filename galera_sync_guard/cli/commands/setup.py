"""setup: prints the recipe, or makes it of a running cluster in one atomic change and waits for the virtual IP."""

from __future__ import annotations

import ipaddress
import os
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from galera_sync_guard.cli.cib import change, tools
from galera_sync_guard.cli.cib.model import GUARD, RESET_AGENT, VIRTUAL_IP, Configuration
from galera_sync_guard.cli.cib.recipe import CLIENT_RESET, Recipe
from galera_sync_guard.cli.commands import explain
from galera_sync_guard.cli.exit_codes import CommandError, ExitCode
from galera_sync_guard.cli.host import Host
from galera_sync_guard.cli.screen import Cell, Screen
from galera_sync_guard.decision.facts import Cause
from galera_sync_guard.server.probe import check_host
from ocfpy.codes import Failure

# cibadmin's exit code when the CIB has changed since it was read (CRM_EX_OLD), and crm_diff's for a difference.
CHANGED_SINCE = 103
DIFFERENT = 1
# How often we plan anew then; every attribute that changes counts too.
ATTEMPTS = 20
POLL = 0.3

# What --os-user needs.
CREATE_OS_USER = "adduser --system --no-create-home --home /nonexistent %s (on every node)"
CREATE_LOGIN = 'mariadb -e "CREATE USER %s@localhost IDENTIFIED VIA unix_socket"'

# What each property means for a Galera cluster; setup never sets one without a yes.
MEANINGS = {
    "stonith-enabled": "Pacemaker starts nothing before there is a fence device or stonith-enabled=false. Without fencing"
    " a node that hangs so badly that its address cannot be stopped keeps it; the data are safe, since"
    " a Galera node without quorum refuses writes. With a fence device, configure it and leave this on.",
    "no-quorum-policy": "With stop, a node that is cut off gives the virtual IP up. With ignore, both sides of a"
    " partition hold it, with freeze the node that is cut off keeps it.",
}


def setup(host: Host, arguments: Namespace, screen: Screen) -> ExitCode:
    """Print the recipe, apply it or take it away again; return the exit code."""
    if arguments.remove:
        if arguments.vip:
            raise CommandError("--remove takes no --vip", ExitCode.USAGE)
        return _remove(host, arguments, screen)
    if not arguments.vip:
        raise CommandError("--vip ADDRESS/PREFIX is needed", ExitCode.USAGE)
    recipe = _recipe(host, arguments)
    return _apply(host, arguments, recipe, screen) if arguments.apply else _print(arguments, recipe, screen)


def _recipe(host: Host, arguments: Namespace) -> Recipe:
    try:
        interface = ipaddress.ip_interface(arguments.vip)
    except ValueError as error:
        raise CommandError(f"--vip: {error}", ExitCode.USAGE) from None
    parameters = {
        name: value
        for name, value in (("os_user", arguments.os_user), ("defaults_file", arguments.defaults_file))
        if value
    }
    return Recipe(
        str(interface.ip),
        interface.network.prefixlen,
        arguments.nic,
        parameters,
        host.exists(tools.AGENTS + RESET_AGENT.removeprefix("ocf:").replace(":", "/")),
    )


# To print


def _print(arguments: Namespace, recipe: Recipe, screen: Screen) -> ExitCode:
    if arguments.json:
        screen.json({"pcs": recipe.pcs(), "crmsh": recipe.crmsh()})
        return ExitCode.OK
    screen.line(Cell("# What the whole cluster needs, once", "dim"))
    for name, value in (("no-quorum-policy", "stop"), ("stonith-enabled", "false")):
        screen.line(Cell(f"# {name}: {MEANINGS[name]}", "dim"))
        screen.line(f"pcs property set {name}={value}")
    screen.line()
    screen.line(Cell("# The guard, the virtual IP and what binds them, with pcs", "dim"))
    for line in recipe.pcs():
        screen.line(line)
    screen.line()
    screen.line(Cell("# The same with crmsh", "dim"))
    screen.line("crm configure <<END")
    for line in recipe.crmsh():
        screen.line(line)
    screen.line("END")
    screen.line()
    screen.line(Cell(f"# galera-sync-guard setup --vip {arguments.vip} --apply does it in one change", "dim"))
    return ExitCode.OK


# To apply


def _apply(host: Host, arguments: Namespace, recipe: Recipe, screen: Screen) -> ExitCode:
    _refuse_a_login_that_fails(host, recipe)
    properties = _agreed_properties(host, arguments, screen)
    began = time.monotonic()
    added = _change(host, lambda cib: change.add(cib, recipe, properties))
    for line in added:
        screen.line("made ", line)
    if not added:
        screen.line("all of it is there already")
    screen.line(f"waiting until {arguments.vip} is up and the guard runs on each node, at most {arguments.wait:g} s")
    screen.flush()
    return _wait_until_up(host, arguments, began, screen)


def _refuse_a_login_that_fails(host: Host, recipe: Recipe) -> None:
    login = {name: value for name, value in recipe.guard.parameters.items() if name != "mode"}
    found = explain.look(host, None, login)
    trouble = found.facts.detail if found.facts.cause in (Cause.DENIED, Cause.CANNOT_OBSERVE) else ""
    if not found.guard.error:
        try:
            check_host(found.guard.parameters)  # a server that is down hides what the login lacks
        except Failure as failure:
            trouble = failure.reason
    if trouble:
        user, fix = login.get("os_user"), ""
        if user:
            fix = ": " + (CREATE_LOGIN if found.facts.cause == Cause.DENIED else CREATE_OS_USER) % user
        raise CommandError(f"the guard could not log in on this node: {trouble}{fix}", ExitCode.PROBLEM)


def _agreed_properties(host: Host, arguments: Namespace, screen: Screen) -> dict[str, str]:
    """Return the properties to set that are needed and agreed to; CommandError when the recipe cannot work without one."""
    agreed = {}
    cib = tools.cib(host)
    for name, value in change.wanted_properties(cib).items():
        now = Configuration(cib).properties.get(name, "not set")
        if arguments.yes or _answers_yes(
            host, screen, f"{name} is {now}. {MEANINGS[name]}\nSet {name}={value} for the whole cluster?"
        ):
            agreed[name] = value
        elif name == "stonith-enabled":
            raise CommandError(
                f"nothing can start while {name} is {now}: configure a fence device, or say --yes to set it to {value}",
                ExitCode.PROBLEM,
            )
    return agreed


def _answers_yes(host: Host, screen: Screen, question: str) -> bool:
    if not host.stdin.isatty():
        return False
    screen.line(question, " [y/N]")
    screen.flush()
    return host.stdin.readline().strip().lower() in ("y", "yes")


def _change(host: Host, planned: Callable[[Element], tuple[Element, list[str]]]) -> list[str]:
    """Carry out what `planned(cib)` returns as (new CIB, lines), as one patch for exactly the CIB it was planned for.

    Pacemaker applies all of the patch or nothing, and refuses it when the CIB has changed since: then it is planned
    anew. Return the lines.
    """
    for _ in range(ATTEMPTS):
        cib = tools.cib(host)
        try:
            new, lines = planned(cib)
        except change.Refusal as refusal:
            raise CommandError(f"nothing was changed: {refusal}", ExitCode.PROBLEM) from None
        if not lines:
            return []
        if _is_applied(host, cib, new):
            return lines
    raise CommandError("the cluster's configuration kept changing; nothing was changed, try again")


def _is_applied(host: Host, cib: Element, new: Element) -> bool:
    with tempfile.TemporaryDirectory() as directory:
        paths = [os.path.join(directory, name) for name in ("old.xml", "new.xml")]
        for path, tree in zip(paths, (cib, new), strict=True):
            ElementTree.ElementTree(tree).write(path, encoding="utf-8")
        error = _error_in(host, new)
        if error and not _error_in(host, cib):
            raise CommandError(f"nothing was changed, since Pacemaker would find errors: {error}")
        patch = host.run("crm_diff", "--cib", "--original", paths[0], "--new", paths[1])
        if patch.returncode != DIFFERENT:
            raise CommandError(f"crm_diff: {_last_line(patch.stderr)}")
    done = host.run("cibadmin", "--patch", "--xml-pipe", text=patch.stdout)
    if done.returncode not in (0, CHANGED_SINCE):
        raise CommandError(f"nothing was changed: cibadmin: {_last_line(done.stderr)}")
    return done.returncode == 0


def _error_in(host: Host, cib: Element) -> str | None:
    """Return what crm_verify finds wrong with a configuration, None when nothing; what runs now does not belong to it."""
    text = ElementTree.tostring(change.without_status(cib), "unicode")
    done = host.run("crm_verify", "--xml-pipe", "-V", text=text)
    return _last_line(done.stderr) if done.returncode else None


def _last_line(text: str) -> str:
    return ([line for line in text.splitlines() if "rror" in line] or text.splitlines() or ["no reason given"])[
        -1
    ].strip()


def _wait_until_up(host: Host, arguments: Namespace, began: float, screen: Screen) -> ExitCode:
    end = began + arguments.wait
    while True:
        cluster = tools.cluster_status(host)
        where = cluster.where(VIRTUAL_IP)
        online = [node for node, state in cluster.nodes.items() if state == "online"]
        missing = sorted(set(online) - set(cluster.where(GUARD)))
        if len(where) == 1 and not missing:
            screen.line(
                f"{arguments.vip} is ",
                Cell("up on " + where[0], "good"),
                f", {time.monotonic() - began:.1f} s after the start; galera-sync-guard check on every node looks at the rest",
            )
            return ExitCode.OK
        if time.monotonic() > end:
            reasons = sorted(
                {f"{failure.operation} on {failure.node}: {failure.reason or 'failed'}" for failure in cluster.failures}
            )
            what = (
                f"{arguments.vip} is {'up on ' + ' and '.join(where) if where else 'not up'} after {arguments.wait:g} s"
            )
            if missing:
                what += f", and the guard does not run on {', '.join(missing)}"
            raise CommandError(
                f"{what}{': ' * bool(reasons) + '; '.join(reasons)}; galera-sync-guard status says more",
                ExitCode.PROBLEM,
            )
        time.sleep(POLL)


# To remove


def _remove(host: Host, arguments: Namespace, screen: Screen) -> ExitCode:
    began = time.monotonic()
    planned = _planned_removal(host)
    if not planned:
        screen.line("there is nothing to remove: setup made none of the cluster's resources")
        return ExitCode.OK
    for line in planned:
        screen.line("would remove ", line)
    if not arguments.apply:
        screen.line("galera-sync-guard setup --remove --apply does it")
        return ExitCode.OK
    if not arguments.yes and not _answers_yes(host, screen, "Remove all of this from the cluster?"):
        raise CommandError("nothing was removed: --yes removes it without a question", ExitCode.PROBLEM)
    for line in _change(host, change.remove):
        screen.line("removed ", line)
    screen.line(f"waiting until all of it is stopped, at most {arguments.wait:g} s")
    screen.flush()
    while any(tools.cluster_status(host).left_on(name) for name in (CLIENT_RESET, VIRTUAL_IP, GUARD)):
        if time.monotonic() > began + arguments.wait:
            raise CommandError(
                f"removed from the configuration, but not stopped after {arguments.wait:g} s; galera-sync-guard status says more",
                ExitCode.PROBLEM,
            )
        time.sleep(POLL)
    screen.line(
        f"all of it is stopped, {time.monotonic() - began:.1f} s after the start; properties of the cluster stay as they are"
    )
    return ExitCode.OK


def _planned_removal(host: Host) -> list[str]:
    try:
        return change.remove(tools.cib(host))[1]
    except change.Refusal as refusal:
        raise CommandError(f"nothing was removed: {refusal}", ExitCode.PROBLEM) from None
