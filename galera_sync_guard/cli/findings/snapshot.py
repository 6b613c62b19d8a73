"""All that the findings look at: what was read of the cluster, the server and the kernel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from galera_sync_guard.cli.cib.model import Configuration, Resource, attribute_of
from galera_sync_guard.decision.facts import Facts
from ocfpy.codes import ParameterError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from galera_sync_guard.parameters import GuardParameters


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One guard with all that surrounds it; a part that could not be read is None, and its findings are silent."""

    configuration: Configuration | None = None
    guard: Resource | None = None  # None when the cluster has none
    parameters: GuardParameters | None = None
    error: ParameterError | None = None  # of a parameter's value that is not allowed
    corosync: dict[str, str] | None = None  # the keys of cmap
    server: Facts | None = None  # with settings and grants among the values
    versions: dict[str, str] = field(default_factory=dict)  # of the guard, by node
    features: dict[str, str] = field(default_factory=dict)  # of Pacemaker, by node
    resets_clients: bool = False  # whether the agent vip_client_reset is installed here
    destroys_sockets: bool | None = None  # whether the kernel has SOCK_DESTROY
    listening: list[str] | None = None  # on which addresses sockets listen for MariaDB's port
    node_settings: dict[str, dict[str, str]] = field(default_factory=dict)  # what nodes must have in common, by node
    checks_link: bool = False  # whether IPaddr2 gives a node up whose link is down

    @property
    def attribute(self) -> str:
        """The node attribute that carries the guard's score."""
        return attribute_of(self.guard) if self.guard else ""

    @property
    def mode(self) -> str | None:
        """The guard's mode, None without a guard."""
        return self.guard.parameters.get("mode", "fail") if self.guard else None

    @property
    def vips(self) -> list[Resource]:
        """What the guard guards."""
        return self.configuration.virtual_ips(self.guard) if self.configuration and self.guard else []

    @property
    def guarded(self) -> Iterator[tuple[Configuration, Resource, Resource]]:
        """Yield the configuration, the guard and each virtual IP of it."""
        if self.configuration and self.guard:
            for vip in self.vips:
                yield self.configuration, self.guard, vip

    @property
    def watched(self) -> list[Resource]:
        """The guard and what it guards."""
        return [self.guard, *self.vips] if self.guard else []

    @property
    def settings(self) -> dict[str, str]:
        """The server's variables, empty when it did not answer."""
        return self.server.values if self.server else {}

    @property
    def provider(self) -> dict[str, str]:
        """Galera's own options by name."""
        pairs = (part.partition("=") for part in self.settings.get("wsrep_provider_options", "").split(";"))
        return {name.strip(): value.strip() for name, equals, value in pairs if equals}
