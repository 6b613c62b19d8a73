"""The installed agent as Pacemaker runs it on a laboratory machine, and what a user sees of a call."""

from dataclasses import dataclass

AGENT = "/usr/lib/ocf/resource.d/custom/galera_sync_guard"
REASON = "ocf-exit-reason:"


@dataclass(frozen=True)
class Seen:
    """The exit code, the exit reason (empty without one) and everything else on stderr."""

    code: int
    reason: str
    log: str


class Guard:
    """One guard resource on a machine."""

    def __init__(self, machine, name="galera-guard", **parameters):
        self.machine = machine
        self.environment = {"OCF_ROOT": "/usr/lib/ocf", "OCF_RESOURCE_INSTANCE": name}
        self.environment |= {f"OCF_RESKEY_{name}": str(value) for name, value in parameters.items()}

    def call(self, action, *, expect=None, **environment):
        """Run one action; AssertionError when its exit code is not the expected one."""
        done = self.machine.run([AGENT, action], check=False, timeout=30, env=self.environment | environment)
        lines = done.stderr.splitlines()
        seen = Seen(
            done.returncode,
            "".join(line[len(REASON) :] for line in lines if line.startswith(REASON)),
            "\n".join(line for line in lines if not line.startswith(REASON)),
        )
        assert "Traceback" not in done.stderr
        assert expect in (None, seen.code), seen
        return seen

    def start(self):
        """Start the guard, which must succeed."""
        return self.call("start", expect=0)

    def stop(self):
        """Stop the guard, which must succeed."""
        return self.call("stop", expect=0)

    def monitor(self, expect=None):
        """Run the recurring monitor of one second."""
        return self.call(
            "monitor", expect=expect, OCF_RESKEY_CRM_meta_interval="1000", OCF_RESKEY_CRM_meta_timeout="10000"
        )
