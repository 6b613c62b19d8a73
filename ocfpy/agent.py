"""The declaration of an agent: its texts, parameters and actions, from which everything else is derived."""

from ocfpy.codes import ParameterError
from ocfpy.parameters import Parameters


class Action:
    """One action: its handler, and the operation's timeout and interval that the metadata suggests.

    `handler(invocation)` returns one of `ocfpy.codes` or raises Failure. Unless `validates` is false, wrong
    parameters keep it from being called. After an error each of `rescues`, a `rescue(invocation, error)`, is tried in
    turn until one returns a code; one that cannot help raises the error again.
    """

    def __init__(self, name, handler, timeout, interval=None, validates=True, rescues=()):
        self.name = name
        self.handler = handler
        self.timeout = timeout
        self.interval = interval
        self.validates = validates
        self.rescues = rescues


class Agent:
    """An OCF resource agent: name, texts, parameters, actions and a check across parameters.

    `check(parameters)` raises ParameterError for values that are each allowed but contradict each other. `programs`
    are what the agent's executable runs beside actions, by name: processes that an action leaves behind. Nobody is
    told of them; `program(argv)` returns the exit code.
    """

    def __init__(self, name, version, short, long, parameters, actions, check=None, programs=None):
        self.name = name
        self.version = version
        self.short = short
        self.long = long
        self.parameters = parameters
        self.actions = actions
        self.check = check
        self.programs = programs or {}

    def action(self, name):
        """Return the declared action of that name, None if there is none."""
        return next((action for action in self.actions if action.name == name), None)

    def parse(self, environ):
        """Return the typed Parameters of an environment; raise ParameterError for the first value not allowed.

        An empty value counts as not given, as in every shell agent.
        """
        values = {}
        given = {}
        for parameter in self.parameters:
            text = environ.get("OCF_RESKEY_" + parameter.name, "")
            if text:
                given[parameter.name] = text
                values[parameter.name] = parameter.parse(text)
            elif parameter.required:
                raise ParameterError(parameter.name, "''", "set: it is required")
            else:
                values[parameter.name] = parameter.default_value
        parameters = Parameters(values, frozenset(given))
        if self.check:
            self.check(parameters)
        return parameters

    def parse_leniently(self, environ):
        """Return typed Parameters in which every value that is not allowed is replaced by its default.

        For actions that must work whatever the configuration says, such as stop.
        """
        values = {}
        given = set()
        for parameter in self.parameters:
            values[parameter.name] = parameter.default_value
            text = environ.get("OCF_RESKEY_" + parameter.name, "")
            try:
                if text:
                    values[parameter.name] = parameter.parse(text)
                    given.add(parameter.name)
            except ParameterError:
                continue
        return Parameters(values, frozenset(given))
