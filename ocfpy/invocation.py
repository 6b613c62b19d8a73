"""One call of an agent: what Pacemaker said in arguments and environment, typed."""

from __future__ import annotations

import posix  # os without its part in Python (docs/dev/cost.md)
import sys

from ocfpy.deadline import Deadline
from ocfpy.parameters import RESKEY, Boolean, Declared, Generic, Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocfpy.agent import Agent
    from ocfpy.clone import Notification
    from ocfpy.report import Report

META = RESKEY + "CRM_meta_"
# Pacemaker's own default when an operation has no timeout (PCMK_DEFAULT_ACTION_TIMEOUT_MS).
DEFAULT_TIMEOUT = 20.0
# What we leave of the operation's timeout for interpreter start and exit: a share of it, at most MARGIN seconds.
MARGIN = 0.5
MARGIN_SHARE = 0.2
# A number of milliseconds with more digits is none that Pacemaker sends.
MOST_DIGITS = 12

# The names of the roles before and since Pacemaker 2.1.
ROLES = {"Master": "Promoted", "Slave": "Unpromoted", "Promoted": "Promoted", "Unpromoted": "Unpromoted"}


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
        self.margin = min(MARGIN, self.timeout * MARGIN_SHARE)
        self.deadline = Deadline(self.timeout - self.margin)
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
    def given(self) -> list[tuple[str, str | Secret]]:
        """The resource's parameters as they were given, sorted pairs of name and text, without Pacemaker's own."""
        secrets = self.agent.secrets(self.environ)
        return [
            (name[len(RESKEY) :], Secret(value) if value in secrets else value)
            for name, value in sorted(self.environ.items())
            if name.startswith(RESKEY) and not name.startswith(META)
        ]

    @property
    def child_environ(self) -> dict[str, str]:
        """The environment for a process that this action starts: without parameters, so without secrets."""
        from ocfpy.process import clean_environment

        return clean_environment(self.environ)

    @property
    def check_level(self) -> int:
        """How deep validate-all may look: 0 at the parameters alone, 10 and more at the host too."""
        level = self.environ.get("OCF_CHECK_LEVEL", "0")
        return int(level) if level.isascii() and level.isdigit() and len(level) < MOST_DIGITS else 0

    @property
    def role(self) -> str | None:
        """The role that the operation is configured for, "Promoted" or "Unpromoted"; None when it is for any."""
        return ROLES.get(self.environ.get(META + "role", ""))

    @property
    def is_promotable(self) -> bool:
        """Whether the resource is a promotable clone."""
        return self.environ.get(META + "promotable", "").lower() in Boolean.TRUE

    @property
    def node(self) -> str | None:
        """The name of this node in the cluster; None where no cluster called."""
        return self.environ.get(META + "on_node")

    @property
    def migration_source(self) -> str | None:
        """The node that the resource leaves, in migrate_to and migrate_from."""
        return self.environ.get(META + "migrate_source")

    @property
    def migration_target(self) -> str | None:
        """The node that the resource goes to, in migrate_to and migrate_from."""
        return self.environ.get(META + "migrate_target")

    @property
    def notification(self) -> Notification:
        """What Pacemaker announces, in an action notify."""
        from ocfpy.clone import Notification

        return Notification(self.environ)

    @property
    def state_directory(self) -> str:
        """The directory for what must outlive a call but not a reboot (HA_RSCTMP); created when it is missing."""
        directory = self.environ.get("HA_RSCTMP") or "/run/resource-agents"
        _make_directory(directory)
        return directory

    @property
    def parameters(self) -> Declared:
        """The typed parameters; raises ParameterError for the first value that is not allowed.

        In stop it raises for such a value only when that value is read: the rest is enough to stop.
        """
        if self._parameters is None:
            parse = self.agent.parse_lazily if self.action == "stop" else self.agent.parse
            self._parameters = parse(self.environ)
        return self._parameters

    def validate(self) -> Declared:
        """Return the typed parameters; raise ParameterError unless every value is allowed."""
        self._parameters = self.agent.parse(self.environ)
        return self._parameters

    @property
    def usable_parameters(self) -> Declared:
        """The typed parameters, with the default in place of every value that is not allowed."""
        return self.agent.parse_leniently(self.environ)


def environment() -> dict[str, str]:
    """Return this process's environment as os.environ has it, without the cost of importing os."""
    encoding, errors = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
    return {name.decode(encoding, errors): value.decode(encoding, errors) for name, value in posix.environ.items()}


def _make_directory(path: str) -> None:
    try:
        posix.mkdir(path, 0o755)
    except FileExistsError:
        return
    except FileNotFoundError:
        import os

        os.makedirs(path, mode=0o755, exist_ok=True)


def _milliseconds(environ: Mapping[str, str], name: str) -> float:
    text = environ.get(META + name, "")
    return int(text) / 1000 if text.isascii() and text.isdigit() and len(text) < MOST_DIGITS else 0.0
