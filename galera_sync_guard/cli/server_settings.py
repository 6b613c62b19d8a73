"""Questions to the local server that go beyond the monitor's, by the probe's own means; nothing here judges."""

import time

from galera_sync_guard.decision.facts import GRANTS
from galera_sync_guard.server import probe

# What check looks at, besides the monitor's variables.
SETTINGS = (
    "bind_address",
    "skip_networking",
    "port",
    "version",
    "wsrep_provider_options",
    "wsrep_provider",
    "wsrep_provider_pc_ignore_sb",
    "wsrep_provider_pc_ignore_quorum",
)
SHOW_SETTINGS = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ({})".format(", ".join(f"'{name}'" for name in SETTINGS))
SHOW_GRANTS = "SHOW GRANTS"

# A path that exists on no machine: the server is asked during maintenance too.
NO_FILE = "/dev/null/none"


class Settings(probe.Question):
    """Asks for the settings and the login's rights too."""

    def show(self):
        values = super().show()
        self.step = "it should answer SHOW VARIABLES"
        values.update((name.lower(), value) for name, value in self.rows(SHOW_SETTINGS))
        self.step = "it should answer SHOW GRANTS"
        values[GRANTS] = "\n".join(row[0] for row in self.rows(SHOW_GRANTS))
        return values


def stopwatch(steps):
    """Return a Question that notes in `steps` how long each of its steps takes, by name, in seconds."""

    class Timed(probe.Question):
        @property
        def step(self):
            return self._step

        @step.setter
        def step(self, name):
            now = time.monotonic()
            self.finish(now)
            self._step, self._since = name, now

        def finish(self, now):
            if hasattr(self, "_step"):
                name = NAMES.get(self._step, self._step)
                steps[name] = steps.get(name, 0.0) + now - self._since

        def ask(self):
            try:
                return super().ask()
            finally:
                self.finish(time.monotonic())

    return Timed


# The probe's steps say what was under way when time ran out.
NAMES = {
    probe.PREPARING: "prepare",
    probe.DIALLING: "log in",
    probe.LOGGING_IN: "log in",
    "it should answer SHOW STATUS": "SHOW STATUS",
    "it should answer SHOW VARIABLES": "SHOW VARIABLES",
}


def settings(guard):
    """Return the Facts of a guard's node with the settings and rights among the values."""
    parameters = guard.parameters
    kept, parameters.maintenance_file = parameters.maintenance_file, NO_FILE
    try:
        return probe.observe(parameters, guard.invocation.deadline, parameters.probe_timeout, question_type=Settings)
    finally:
        parameters.maintenance_file = kept
