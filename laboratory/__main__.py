"""The laboratory by hand: `python3 -m laboratory --help`."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path

from laboratory import mariadb, pacemaker
from laboratory.faults import FAULTS, heal, strike
from laboratory.laboratory import Laboratory, running, sweep


def _up(args: argparse.Namespace) -> int:
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)

    Laboratory(args.id, owned=False, say=say).up(
        args.nodes,
        pacemaker=not args.without_pacemaker,
        deb=args.deb,
        freezable=args.freezable,
        quorum=pacemaker.RECOMMENDED_QUORUM if args.recommended else None,
    )
    say("all nodes are Synced" if args.without_pacemaker else "all nodes are Synced and online")
    return 0


def _down(args: argparse.Namespace) -> int:
    Laboratory.attach(args.id).down()
    sweep()
    return 0


def _status(args: argparse.Namespace) -> int:
    laboratory = Laboratory.attach(args.id)
    for node in laboratory.nodes:
        seen = mariadb.status(node) if node.running else {}
        print(
            f"{node.name} {node.address} power={'on' if node.running else 'off'}",
            *(
                f"{name.removeprefix('wsrep_')}={seen.get(name, '-')}"
                for name in ("wsrep_local_state_comment", "wsrep_cluster_status", "wsrep_cluster_size", "wsrep_ready")
            ),
        )
    if laboratory.has_pacemaker:
        first = next((node for node in laboratory.nodes if node.running), None)
        if first:
            print(
                first.run(
                    ["crm_mon", "--one-shot", "--inactive", "--show-node-attributes", "--failcounts"], check=False
                ).stdout
            )
    return 0


def _exec(args: argparse.Namespace) -> int:
    machine = Laboratory.attach(args.id).machine(args.node)
    # In the caller's session, so that it has the terminal.
    with machine.spawn(args.command, stdin=None, start_new_session=False) as process:
        return process.wait()


def _sql(args: argparse.Namespace) -> int:
    print(mariadb.sql(Laboratory.attach(args.id).machine(args.node), args.statement))
    return 0


def _fault(args: argparse.Namespace) -> int:
    laboratory = Laboratory.attach(args.id)
    {"fault": strike, "heal": heal}[args.verb](laboratory, args.name, laboratory.machine(args.node))
    return 0


def _list(_: argparse.Namespace) -> int:
    print(*running(), sep="\n")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    width = max(map(len, FAULTS))
    top = argparse.ArgumentParser(
        prog="python3 -m laboratory",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="A Galera, Corosync and Pacemaker cluster in namespaces of this machine.",
        epilog="faults:\n" + "\n".join(f"  {name:{width}}  {fault.description}" for name, fault in FAULTS.items()),
    )
    top.add_argument("--id", default="hand", help="which laboratory (default: %(default)s)")
    verbs = top.add_subparsers(dest="verb", required=True)

    up = verbs.add_parser("up", help="bring it up; it stays until down")
    up.add_argument("--nodes", type=int, default=3)
    up.add_argument("--deb", type=Path, action="append", default=[], help="install this package on every machine")
    up.add_argument("--without-pacemaker", action="store_true")
    up.add_argument("--freezable", action="store_true", help="datadirs that the fault stall can freeze")
    up.add_argument("--recommended", action="store_true", help="Corosync's quorum options as recommended")
    up.set_defaults(call=_up)
    verbs.add_parser("down", help="end it and all that belongs to it").set_defaults(call=_down)
    verbs.add_parser("status", help="show nodes and cluster").set_defaults(call=_status)
    verbs.add_parser("list", help="show the ids of all laboratories").set_defaults(call=_list)
    command = verbs.add_parser("exec", help="run a command in a machine")
    command.add_argument("node")
    command.add_argument("command", nargs=argparse.REMAINDER)
    command.set_defaults(call=_exec)
    sql = verbs.add_parser("sql", help="run SQL as root on a node")
    sql.add_argument("node")
    sql.add_argument("statement")
    sql.set_defaults(call=_sql)
    for verb, text in (("fault", "break something on a node"), ("heal", "undo it")):
        fault = verbs.add_parser(verb, help=text)
        fault.add_argument("name", choices=FAULTS, metavar="NAME")
        fault.add_argument("node")
        fault.set_defaults(call=_fault)
    return top


def main() -> int:
    """Run one command; what fails says why in one line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    args = parser().parse_args()
    try:
        return int(args.call(args))
    except FileNotFoundError as error:
        print(f"no laboratory {args.id!r}: {error}", file=sys.stderr)
    except (RuntimeError, OSError, TimeoutError, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
