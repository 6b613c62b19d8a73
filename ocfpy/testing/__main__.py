"""The command: run the checks against one agent, print a line for each, and end with 1 if one failed."""

from __future__ import annotations

import argparse
import sys
import tempfile

from ocfpy.testing import CHECKS, CheckFailed, TestedAgent, run_check
from ocfpy.testing.tested import TIMEOUT


def main(argv: list[str]) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m ocfpy.testing", description="Checks an OCF resource agent.")
    parser.add_argument("agent", help="path of the agent")
    parser.add_argument("parameters", nargs="*", metavar="name=value", help="parameters with which it starts")
    parser.add_argument("--secret", action="append", default=[], metavar="NAME", help="no output may have this value")
    parser.add_argument("--except", action="append", default=[], dest="exempt", metavar="CHECK", help="leave one out")
    parser.add_argument("--only", action="append", default=[], metavar="CHECK", help="run this one")
    parser.add_argument("--timeout", type=float, default=TIMEOUT, help="seconds for one action (default: %(default)g)")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="environment of the agent")
    options = parser.parse_intermixed_args(argv[1:])
    unknown = {*options.exempt, *options.only} - {check.__name__ for check in CHECKS}
    if unknown:
        parser.error(f"no check has the name {', '.join(sorted(unknown))}")
    failed = 0
    for check in CHECKS:
        name = check.__name__
        if name in options.exempt or (options.only and name not in options.only):
            print(f"skip  {name}")
            continue
        with tempfile.TemporaryDirectory() as directory:
            agent = TestedAgent(
                options.agent,
                dict(_pair(parser, word) for word in options.parameters),
                directory,
                environ=dict(_pair(parser, word) for word in options.env),
                secrets=tuple(options.secret),
                timeout=options.timeout,
            )
            try:
                run_check(check, agent)
                print(f"ok    {name}", flush=True)
            except CheckFailed as error:
                failed += 1
                print(f"FAIL  {name}: {error}\n      {check.__doc__}", flush=True)
    return 1 if failed else 0


def _pair(parser: argparse.ArgumentParser, word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        parser.error(f"{word} is not name=value")
    return name, value


if __name__ == "__main__":
    sys.exit(main(sys.argv))
