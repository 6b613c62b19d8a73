"""A stand-in for attrd_updater: keeps attributes in files, records every call, and fails or hangs when told to."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

# Answers in the form of Pacemaker's own: name="guard" host="n1" value="1000". Like that one it takes the one node to
# query from OCF_RESKEY_CRM_meta_on_node, whatever -A says.
SCRIPT = """#!/bin/sh
cd "${0%/*}" || exit 70
echo "$*" >> calls
[ ! -e hang ] || exec sleep 1000
[ ! -e slow ] || sleep 2
[ ! -e code ] || { read code < code; exit "$code"; }
# Who reads a value meanwhile gets the old one or the new one.
keep() { echo "$1" > "new.$$" && mv "new.$$" "$2"; }
[ "$1" != -p ] || shift
case $1 in
-Q)
    name=$3
    for kind in value private; do
        [ ! -e "$kind.$name" ] || echo "name=\\"$name\\" host=\\"n1\\" value=\\"$(cat "$kind.$name")\\""
    done
    [ "$4" != -A ] || [ "$OCF_RESKEY_CRM_meta_on_node" ] || [ ! -e "peers.$name" ] || cat "peers.$name"
    ;;
-p)
    keep "$5" "private.$3"
    ;;
-n)
    [ ! -e lose ] || exit 0
    case $3 in
    -U) keep "$4" "value.$2" ;;
    -D) rm -f "value.$2" ;;
    esac
    ;;
esac
"""


class Attrd:
    """The directory that holds the stand-in, first in the agent's PATH. This node is n1.

    Without `join` it answers as outside a cluster: exit code 102.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        self.directory.mkdir()
        executable = self.directory / "attrd_updater"
        executable.write_text(SCRIPT)
        executable.chmod(0o755)
        resource_tool = self.directory / "crm_resource"
        resource_tool.write_text("#!/bin/sh\nexit 0\n")
        resource_tool.chmod(0o755)

    def fail(self, code: int | None) -> None:
        """Let every call fail with that code; None lets them work again."""
        file = self.directory / "code"
        if code is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(f"{code}\n")

    def hang(self, on: bool = True) -> None:
        """Let every call hang after it was recorded."""
        file = self.directory / "hang"
        file.touch() if on else file.unlink()

    def lose(self, on: bool = True) -> None:
        """Take every value and keep none, as the cluster does between two controllers."""
        file = self.directory / "lose"
        file.touch() if on else file.unlink()

    def slow(self, on: bool = True) -> None:
        """Let every call take two seconds after it was recorded."""
        file = self.directory / "slow"
        file.touch() if on else file.unlink()

    def processes(self) -> list[str]:
        """Return the processes of calls that have not ended."""
        found = []
        for process in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if process.isdigit() and os.readlink(f"/proc/{process}/cwd") == str(self.directory):
                    found.append(process)
        return found

    def peer(self, name: str, host: str, value: str) -> None:
        """Say what another node's attribute is."""
        (self.directory / ("peers." + name)).write_text(f'name="{name}" host="{host}" value="{value}"\n')

    def value(self, name: str) -> str | None:
        """Return this node's value of an attribute, None if it has none."""
        file = self.directory / ("value." + name)
        return file.read_text().strip() if file.exists() else None

    @property
    def calls(self) -> list[str]:
        """All calls so far, in order, each as its arguments in one text."""
        file = self.directory / "calls"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def updates(self) -> list[tuple[str, str]]:
        """The calls that set an attribute, as (name, value)."""
        return [(call.split()[1], call.split()[3]) for call in self.calls if call.split()[2:3] == ["-U"]]

    def forget_calls(self) -> None:
        (self.directory / "calls").unlink(missing_ok=True)
