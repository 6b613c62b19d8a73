"""The declaration of an agent: its texts, parameters and actions, from which everything else is derived."""

from ocfpy.errors import ParameterError
from ocfpy.kinds import SecretText


class Parameter:
    """One parameter, declared once: parsing, metadata, man page and tables all come from here.

    `default` is text in the same syntax as a user's value and goes through the same parser; None means unset.
    `reloadable` tells Pacemaker that a change needs reload-agent and no restart.
    """

    def __init__(self, name, kind, default, short, long, reloadable=True, unique=False, required=False):
        self.name = name
        self.kind = kind
        self.default = default
        self.short = short
        self.long = long
        self.reloadable = reloadable
        self.unique = unique
        self.required = required

    def parse(self, text):
        """Return the typed value of `text`; raise ParameterError, with code 6, if it is not allowed."""
        try:
            return self.kind.parse(text)
        except ValueError:
            shown = "the value" if isinstance(self.kind, SecretText) else text
            raise ParameterError(self.name, shown, self.kind.allowed) from None

    @property
    def default_value(self):
        """The typed value that holds when a user gives none."""
        return None if self.default is None else self.parse(self.default)


class Parameters:
    """The typed values of one call, as attributes; `given` names those that the user set."""

    def __init__(self, values, given):
        self.__dict__.update(values)
        self.given = given


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
