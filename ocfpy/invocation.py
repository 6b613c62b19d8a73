"""One call of an agent: what Pacemaker said in arguments and environment, typed."""

from __future__ import annotations

import os

from ocfpy.deadline import Deadline
from ocfpy.parameters import RESKEY, Declared, Generic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocfpy.agent import Agent
    from ocfpy.report import Report

# Pacemaker's own default when an operation has no timeout (PCMK_DEFAULT_ACTION_TIMEOUT_MS).
DEFAULT_TIMEOUT = 20.0
# What we leave of the operation's timeout for interpreter start and exit: a share of it, at most MARGIN seconds.
MARGIN = 0.5
MARGIN_SHARE = 0.2
# A number of milliseconds with more digits is none that Pacemaker sends.
MOST_DIGITS = 12


class Invocation(Generic[Declared]):
    """What an action's handler knows of the call; times are seconds. `program` is the path of the executable."""

    def __init__(
        self,
        agent: Agent[Declared],
        action: str,
        environ: Mapping[str, str],
        report: Report,
        program: str | None = None,
    ) -> None:
        self.agent = agent
        self.action = action
        self.environ = environ
        self.report = report
        self.program = program
        self.instance = environ.get("OCF_RESOURCE_INSTANCE", "default")
        self.timeout = _milliseconds(environ, "timeout") or DEFAULT_TIMEOUT
        self.interval = _milliseconds(environ, "interval")
        self.deadline = Deadline(self.timeout - min(MARGIN, self.timeout * MARGIN_SHARE))
        self._parameters: Declared | None = None

    @property
    def resource(self) -> str:
        """The resource's name without the `:N` of a clone's instance."""
        name, colon, number = self.instance.rpartition(":")
        return name if colon and number.isdigit() else self.instance

    @property
    def is_probe(self) -> bool:
        """Whether this is a monitor that does not recur: Pacemaker (or a person) asks what runs here."""
        return self.action == "monitor" and not self.interval

    @property
    def given(self) -> list[tuple[str, str]]:
        """The resource's parameters as they were given, sorted pairs of name and text, without Pacemaker's own."""
        return sorted(
            (name[len(RESKEY) :], value)
            for name, value in self.environ.items()
            if name.startswith(RESKEY) and not name.startswith(RESKEY + "CRM_meta_")
        )

    @property
    def check_level(self) -> int:
        """How deep validate-all may look: 0 at the parameters alone, 10 and more at the host too."""
        level = self.environ.get("OCF_CHECK_LEVEL", "0")
        return int(level) if level.isascii() and level.isdigit() else 0

    @property
    def state_directory(self) -> str:
        """The directory for what must outlive a call but not a reboot (HA_RSCTMP); created when it is missing."""
        directory = self.environ.get("HA_RSCTMP") or "/run/resource-agents"
        os.makedirs(directory, mode=0o755, exist_ok=True)
        return directory

    @property
    def parameters(self) -> Declared:
        """The typed parameters; raises ParameterError for the first value that is not allowed."""
        if self._parameters is None:
            self._parameters = self.agent.parse(self.environ)
        return self._parameters

    @property
    def usable_parameters(self) -> Declared:
        """The typed parameters, with the default in place of every value that is not allowed."""
        return self.agent.parse_leniently(self.environ)


def _milliseconds(environ: Mapping[str, str], name: str) -> float:
    text = environ.get("OCF_RESKEY_CRM_meta_" + name, "")
    return int(text) / 1000 if text.isascii() and text.isdigit() and len(text) < MOST_DIGITS else 0.0
