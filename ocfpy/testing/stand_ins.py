"""Stand-ins for the commands of a system, first in the PATH of an agent: they note each call, and may hang at one."""

from __future__ import annotations

import os

DIRECTORIES = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
# An agent is written in these, or waits with them: where they hang, the agent itself does.
INTERPRETERS = frozenset(("sh", "bash", "dash", "env", "perl", "python3", "sleep"))

SCRIPT = r"""#!/bin/sh
name=${0##*/}
echo "$name" >>'%DIRECTORY%/called'
hang=
[ -e '%DIRECTORY%/hang' ] && read -r hang <'%DIRECTORY%/hang'
case $hang in
'#'*)
    number=0
    while read -r _; do number=$((number + 1)); done <'%DIRECTORY%/called'
    [ "$hang" = "#$number" ] && hang=$name
    ;;
esac
if [ "$hang" = "$name" ]; then
    : >'%DIRECTORY%/reached'
    exec /bin/sleep 1000
fi
for directory in /usr/sbin /usr/bin /sbin /bin; do
    [ -x "$directory/$name" ] && exec "$directory/$name" "$@"
done
exit 127
"""


class StandIns:
    """A directory with a stand-in for every command of this machine. A command that is called by its path has none."""

    def __init__(self, directory: str) -> None:
        self.path = os.path.join(directory, "bin")
        self._called = os.path.join(directory, "called")
        self._hang = os.path.join(directory, "hang")
        self._reached = os.path.join(directory, "reached")
        os.makedirs(self.path)
        script = os.path.join(directory, "stand-in")
        with open(script, "w", encoding="utf-8") as file:
            file.write(SCRIPT.replace("%DIRECTORY%", directory))
        os.chmod(script, 0o755)
        for name in {name for each in DIRECTORIES if os.path.isdir(each) for name in os.listdir(each)}:
            os.symlink(script, os.path.join(self.path, name))

    def let_hang(self, command: str = "", call: int = 0) -> None:
        """Forget all calls; from now on a command hangs, or the call of this number, from 1 on, or none."""
        for path in (self._called, self._reached, self._hang):
            if os.path.exists(path):
                os.unlink(path)
        if command or call:
            with open(self._hang, "w", encoding="utf-8") as file:
                file.write(f"{command or f'#{call}'}\n")

    def calls(self) -> list[str]:
        """Return the names of the commands that were called, in their order."""
        if not os.path.exists(self._called):
            return []
        with open(self._called, encoding="utf-8") as file:
            return file.read().split()

    def has_hung(self) -> bool:
        """Return whether the command that is to hang was called."""
        return os.path.exists(self._reached)
