"""The command line: which subcommands and options there are, and which function each calls."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO, TypeAlias

from galera_sync_guard import __version__
from galera_sync_guard.cli.commands.check import check
from galera_sync_guard.cli.commands.explain import explain
from galera_sync_guard.cli.commands.maintenance import maintenance
from galera_sync_guard.cli.commands.rehearse import rehearse
from galera_sync_guard.cli.commands.setup import setup
from galera_sync_guard.cli.commands.status import status
from galera_sync_guard.cli.exit_codes import CommandError, ExitCode
from galera_sync_guard.cli.host import Host
from galera_sync_guard.cli.screen import Screen

Subcommand = Callable[[Host, argparse.Namespace, Screen], ExitCode]
Subcommands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(argv: Sequence[str], environ: Mapping[str, str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> ExitCode:
    """Carry out one command line and return its exit code; what stops it is one line on stderr."""
    if isinstance(stdout, io.TextIOWrapper):
        stdout.reconfigure(errors="backslashreplace")  # a node's texts may have what this terminal's language has not
    arguments = parser().parse_args(argv[1:])
    call: Subcommand = arguments.call
    try:
        return call(Host(environ, stdin, stderr=stderr), arguments, Screen(stdout, environ))
    except CommandError as error:
        stderr.write(f"galera-sync-guard {arguments.subcommand}: {error}\n")
        return error.code
    except KeyboardInterrupt:
        return ExitCode.OK if getattr(arguments, "watch", None) else ExitCode.INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, from which the man page is made too."""
    top = argparse.ArgumentParser(
        prog="galera-sync-guard",
        allow_abbrev=False,
        description="Sets up, checks and explains the guard that keeps a virtual IP on a working Galera node.",
    )
    top.add_argument("--version", action="version", version="%(prog)s " + __version__)
    subcommands = top.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
    for add in (_add_explain, _add_status, _add_check, _add_rehearse, _add_setup, _add_maintenance):
        add(subcommands)
    return top


def _add_explain(subcommands: Subcommands) -> None:
    command = _command(
        subcommands,
        "explain",
        explain,
        "Probe this node now, exactly as the guard's monitor does, and"
        " say what it finds, what follows and how long each step takes. Publishes and changes nothing.",
    )
    _guard_option(command)
    command.add_argument(
        "parameters",
        nargs="*",
        type=_assignment,
        metavar="NAME=VALUE",
        help="parameters of the guard to try instead of those in the cluster's configuration",
    )


def _add_status(subcommands: Subcommands) -> None:
    command = _command(
        subcommands,
        "status",
        status,
        "Show the whole cluster: who holds the virtual IP, each node's state, score and reason, and the last moves.",
    )
    command.add_argument(
        "--watch",
        nargs="?",
        type=_positive,
        const=2.0,
        metavar="SECONDS",
        help="show it again and again, every 2 seconds by default and at each move, until interrupted",
    )


def _add_check(subcommands: Subcommands) -> None:
    command = _command(
        subcommands,
        "check",
        check,
        "Read the settings of the cluster, of Corosync, MariaDB and the"
        " kernel as this node has them, and list what is wrong or risky, each with the commands that fix"
        " it.",
    )
    _guard_option(command)


def _add_rehearse(subcommands: Subcommands) -> None:
    command = _command(
        subcommands,
        "rehearse",
        rehearse,
        "Show what Pacemaker would do with the virtual IP for each fault on each node, by Pacemaker's own scheduler,"
        " and where that differs from what it should do. Changes nothing.",
    )
    command.add_argument("--cib", metavar="FILE", help="a configuration in a file, in place of the cluster's")


def _add_setup(subcommands: Subcommands) -> None:
    command = _command(
        subcommands,
        "setup",
        setup,
        "Print the recommended recipe for pcs and crmsh, or make it of the"
        " running cluster in one atomic change and wait until the virtual IP is up. What is there already"
        " and as in the recipe is left alone; what is there and was not made by setup is never changed.",
    )
    command.add_argument("--vip", metavar="ADDRESS/PREFIX", help="the virtual IP, such as 192.168.1.199/32")
    command.add_argument("--nic", metavar="NAME", help="the network interface for it; by default IPaddr2 finds it")
    login = command.add_mutually_exclusive_group()
    login.add_argument(
        "--os-user",
        metavar="NAME",
        help="let the guard log in as this operating system user, by unix_socket and with least privilege",
    )
    login.add_argument("--defaults-file", metavar="FILE", help="let the guard log in with this option file's [client]")
    command.add_argument("--apply", action="store_true", help="make it so, instead of printing it")
    command.add_argument("--remove", action="store_true", help="take away what setup made; with --apply really")
    command.add_argument(
        "--yes",
        action="store_true",
        help="ask nothing: set the properties stonith-enabled and no-quorum-policy if they must be set, or remove",
    )
    command.add_argument(
        "--wait",
        type=_positive,
        default=60.0,
        metavar="SECONDS",
        help="how long to wait for the virtual IP, 60 by default",
    )


def _add_maintenance(subcommands: Subcommands) -> None:
    command = _command(
        subcommands,
        "maintenance",
        maintenance,
        "Take this node out of service for the virtual IP, also"
        " over a reboot, or back; without on or off, say which of both it is.",
    )
    command.add_argument(
        "switch", nargs="?", choices=("on", "off"), help="on waits until the virtual IP is on another node"
    )
    command.add_argument("--reason", metavar="TEXT", help="shown by status on all nodes; at most 199 bytes")
    _guard_option(command)


def _command(subcommands: Subcommands, name: str, call: Subcommand, text: str) -> argparse.ArgumentParser:
    command = subcommands.add_parser(
        name, help=text.partition(":")[0].partition(".")[0], description=text, allow_abbrev=False
    )
    command.set_defaults(call=call)
    command.add_argument("--json", action="store_true", help="print JSON, for programs")
    return command


def _guard_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--resource", metavar="NAME", help="which guard, if the cluster has several")


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value


def _positive(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return seconds
