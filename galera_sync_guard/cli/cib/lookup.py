"""Which guard of this node is meant, with which parameters: what Pacemaker would run, from the CIB or the defaults."""

from __future__ import annotations

import io

from galera_sync_guard.agent import AGENT
from galera_sync_guard.cli.cib import tools
from galera_sync_guard.cli.cib.model import GUARD, Configuration, Resource
from galera_sync_guard.cli.exit_codes import CommandError, ExitCode
from galera_sync_guard.cli.host import Host
from ocfpy.codes import ParameterError
from ocfpy.invocation import Invocation
from ocfpy.report import Report

DEFAULTS = "these are the default parameters"


class NodeGuard:
    """One guard as it is called on this node.

    `configuration` is None when no CIB could be read. `note` then says why, or that the CIB is the one that a stopped
    Pacemaker left. `error` is the ParameterError of a value that is not allowed; `parameters` then has its default.
    """

    def __init__(
        self,
        host: Host,
        name: str,
        given: dict[str, str],
        node: str | None = None,
        configuration: Configuration | None = None,
        note: str | None = None,
    ) -> None:
        self.name = name
        self.given = given
        self.node = node
        self.configuration = configuration
        self.note = note
        environ = {key: value for key, value in host.environ.items() if not key.startswith("OCF_")}
        environ["OCF_RESOURCE_INSTANCE"] = name
        environ.update(("OCF_RESKEY_" + key, value) for key, value in given.items())
        feature_set = configuration.cib.get("crm_feature_set") if configuration else None
        if feature_set:
            # Pacemaker passes it among the parameters, and so it is in the key of the guard's memory.
            environ["OCF_RESKEY_crm_feature_set"] = feature_set
        if node:
            environ["OCF_RESKEY_CRM_meta_on_node"] = node
        self.invocation = Invocation(AGENT, "monitor", environ, Report(AGENT.name, environ, io.StringIO()))
        self.parameters = self.invocation.usable_parameters
        self.error: ParameterError | None = None
        try:
            self.parameters = self.invocation.parameters
        except ParameterError as error:
            self.error = error

    @property
    def attribute(self) -> str:
        """The node attribute that carries its score."""
        return self.parameters.attribute or self.name

    @property
    def virtual_ips(self) -> list[Resource]:
        """What it guards, empty when the configuration does not tell."""
        resource = self.configuration.resource(self.name) if self.configuration else None
        return self.configuration.virtual_ips(resource) if self.configuration and resource else []


def find(host: Host, name: str | None = None, overrides: dict[str, str] | None = None) -> NodeGuard:
    """Return the guard of that name, or the only one; without a CIB one with the default parameters.

    CommandError when there are several to choose from or none of that name.
    """
    overrides = overrides or {}
    _refuse_unknown(overrides)
    try:
        cib, note = tools.cib_or_what_is_left(host)
    except CommandError as error:
        return NodeGuard(host, name or GUARD, overrides, note=f"{error}; {DEFAULTS}")
    configuration = Configuration(cib)
    if note:
        note += "; these are the parameters that it left on disk"
    node = tools.local_node(host)
    guards = {resource.id: resource for resource in configuration.guards}
    if name and name not in guards:
        others = f", only {', '.join(guards)}" if guards else ""
        raise CommandError(f"there is no guard {name} in the cluster's configuration{others}")
    if not guards:
        return NodeGuard(host, GUARD, overrides, node, configuration, f"the cluster has no guard yet; {DEFAULTS}")
    if not name and len(guards) > 1:
        raise CommandError(f"there are several guards, choose one with --resource: {', '.join(guards)}", ExitCode.USAGE)
    resource = guards[name] if name else next(iter(guards.values()))
    return NodeGuard(host, resource.id, {**resource.parameters, **overrides}, node, configuration, note)


def _refuse_unknown(overrides: dict[str, str]) -> None:
    known = [parameter.name for parameter in AGENT.parameters]
    for name in overrides:
        if name not in known:
            raise CommandError(f"unknown parameter {name}; known: {', '.join(known)}", ExitCode.USAGE)
