"""Which guard of this node is meant, with which parameters: what Pacemaker would run, from the CIB or the defaults."""

from galera_sync_guard.agent import AGENT
from galera_sync_guard.cli.cib import tools
from galera_sync_guard.cli.cib.model import GUARD, Configuration
from galera_sync_guard.cli.exit_codes import CommandError, ExitCode
from ocfpy.codes import ParameterError
from ocfpy.invocation import Invocation


class Guard:
    """One guard as it is called on this node.

    `configuration` is None when no CIB could be read, and `note` then says why, or that it is the one a stopped
    Pacemaker left. `error` is the ParameterError of a value that is not allowed; `parameters` then has its default.
    """

    def __init__(self, host, name, given, node=None, configuration=None, note=None):
        self.name = name
        self.given = given
        self.node = node
        self.configuration = configuration
        self.note = note
        environ = {key: value for key, value in host.environ.items() if not key.startswith("OCF_")}
        environ["OCF_RESOURCE_INSTANCE"] = name
        environ.update(("OCF_RESKEY_" + key, value) for key, value in given.items())
        feature_set = configuration and configuration.cib.get("crm_feature_set")
        if feature_set:
            # Pacemaker passes it among the parameters, and so it is in the key of the guard's memory.
            environ["OCF_RESKEY_crm_feature_set"] = feature_set
        if node:
            environ["OCF_RESKEY_CRM_meta_on_node"] = node
        self.invocation = Invocation(AGENT, "monitor", environ, report=None)
        self.parameters = self.invocation.usable_parameters
        self.error = None
        try:
            self.parameters = self.invocation.parameters
        except ParameterError as error:
            self.error = error

    @property
    def attribute(self):
        """The node attribute that carries its score."""
        return self.parameters.attribute or self.name


def find(host, name=None, overrides=None):
    """Return the Guard of that name, or the only one; without a CIB one with the default parameters.

    CommandError when there are several to choose from or none of that name.
    """
    overrides = overrides or {}
    _refuse_unknown(overrides)
    try:
        cib, note = tools.cib_or_what_is_left(host)
    except CommandError as error:
        return Guard(host, name or GUARD, overrides, note=f"{error}; these are the default parameters")
    configuration = Configuration(cib)
    if note:
        note += "; these are the parameters that it left on disk"
    guards = {resource.id: resource for resource in configuration.guards}
    if name and name not in guards:
        raise CommandError(
            f"there is no guard {name} in the cluster's configuration{', only ' + ', '.join(guards) if guards else ''}"
        )
    if not guards:
        return Guard(
            host,
            GUARD,
            overrides,
            tools.local_node(host),
            configuration,
            "the cluster has no guard yet; these are the default parameters",
        )
    if not name and len(guards) > 1:
        raise CommandError(f"there are several guards, choose one with --resource: {', '.join(guards)}", ExitCode.USAGE)
    resource = guards[name] if name else next(iter(guards.values()))
    return Guard(host, resource.id, {**resource.parameters, **overrides}, tools.local_node(host), configuration, note)


def _refuse_unknown(overrides):
    known = [parameter.name for parameter in AGENT.parameters]
    for name in overrides:
        if name not in known:
            raise CommandError(f"the guard has no parameter {name}, but: {', '.join(known)}", ExitCode.USAGE)
