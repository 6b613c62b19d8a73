"""Questions to the local server that go beyond the monitor's, by the probe's own means; nothing here judges."""

from __future__ import annotations

import time

from galera_sync_guard.decision.facts import GRANTS, Facts
from galera_sync_guard.server import probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from galera_sync_guard.cli.cib.lookup import NodeGuard
    from galera_sync_guard.server.client import Client

# What check looks at, besides the monitor's variables.
SETTINGS = (
    "skip_networking",
    "port",
    "version",
    "wsrep_provider_options",
    "wsrep_provider",
    "wsrep_provider_pc_ignore_sb",
    "wsrep_provider_pc_ignore_quorum",
    "wsrep_notify_cmd",
)
SHOW_SETTINGS = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ({})".format(", ".join(f"'{name}'" for name in SETTINGS))
SHOW_GRANTS = "SHOW GRANTS"

# The step in which the server is asked for the login's rights.
SHOWING_GRANTS = "it should answer SHOW GRANTS"

# The probe's steps say what was under way when time ran out; here they are what took the time.
NAMES = {
    probe.PREPARING: "prepare",
    probe.CONNECTING: "log in",
    probe.LOGGING_IN: "log in",
    probe.SHOWING_STATUS: "SHOW STATUS",
    probe.SHOWING_VARIABLES: "SHOW VARIABLES",
}


class Settings(probe.ProbeSession):
    """Asks for the settings and the login's rights too."""

    def show(self, client: Client) -> dict[str, str]:
        values = super().show(client)
        self.begin_step(probe.SHOWING_VARIABLES)
        values.update(client.pairs(SHOW_SETTINGS))
        self.begin_step(SHOWING_GRANTS)
        values[GRANTS] = "\n".join(row[0] or "" for row in client.execute(SHOW_GRANTS))
        return values


class Stopwatch:
    """Notes in `steps` how long each step of a probe takes, by name, in seconds."""

    def __init__(self, steps: dict[str, float]) -> None:
        self._steps = steps
        self._name = ""
        self._began = 0.0

    def begin_step(self, step: str) -> None:
        """End the step before and begin another; the probe calls it."""
        self.finish()
        self._name, self._began = NAMES.get(step, step), time.monotonic()

    def finish(self) -> None:
        """End the last step."""
        if self._name:
            self._steps[self._name] = self._steps.get(self._name, 0.0) + time.monotonic() - self._began
            self._name = ""


def settings(guard: NodeGuard) -> Facts:
    """Return the Facts of a guard's node with the settings and rights among the values; during maintenance too."""
    parameters = guard.parameters
    return probe.probe_node(
        parameters,
        guard.invocation.deadline,
        parameters.probe_timeout,
        session_type=Settings,
        ignore_maintenance=True,
    )
