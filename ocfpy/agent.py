"""The declaration of an agent: its texts, parameters and actions, from which everything else is derived."""

from __future__ import annotations

from ocfpy.codes import ParameterError
from ocfpy.parameters import RESKEY, Declared, Generic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    from ocfpy.invocation import Invocation
    from ocfpy.parameters import Parameter, Required

    AnyParameter: TypeAlias = Parameter[object, str | Required | None]
    Handler: TypeAlias = Callable[[Invocation[Declared]], int]
    Rescue: TypeAlias = Callable[[Invocation[Declared], BaseException], int]
    Program: TypeAlias = Callable[[Sequence[str]], int]


class Action(Generic[Declared]):
    """One action: its handler, and the operation's timeout and interval that the metadata suggests.

    `handler(invocation)` returns one of `ocfpy.codes` or raises Failure. Unless `validates` is false, wrong
    parameters keep it from being called. After an error each of `rescues`, a `rescue(invocation, error)`, is tried in
    turn until one returns a code; one that cannot help raises the error again.
    """

    def __init__(
        self,
        name: str,
        handler: Handler[Declared],
        timeout: str,
        interval: str | None = None,
        validates: bool = True,
        rescues: Sequence[Rescue[Declared]] = (),
    ) -> None:
        self.name = name
        self.handler = handler
        self.timeout = timeout
        self.interval = interval
        self.validates = validates
        self.rescues = rescues


class Agent(Generic[Declared]):
    """An OCF resource agent: name, texts, parameters, actions and a check across parameters.

    `check(parameters)` raises ParameterError for values that are each allowed but contradict each other. `programs`
    are what the agent's executable runs beside actions, by name: processes that an action leaves behind. The usage
    text does not name them; `program(argv)` returns the exit code.
    """

    def __init__(
        self,
        name: str,
        version: str,
        short: str,
        long: str,
        parameters: type[Declared],
        actions: Sequence[Action[Declared]],
        check: Callable[[Declared], None] | None = None,
        programs: Mapping[str, Program] | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.short = short
        self.long = long
        self.parameters = parameters.declared
        self.actions = actions
        self.programs = programs or {}
        self._values = parameters
        self._check = check

    def action(self, name: str | None) -> Action[Declared] | None:
        """Return the declared action of that name, None if there is none."""
        return next((action for action in self.actions if action.name == name), None)

    def parse(self, environ: Mapping[str, str]) -> Declared:
        """Return the typed parameters of an environment; raise ParameterError for the first value not allowed.

        An empty value counts as not given, as in every shell agent.
        """
        given = {}
        for parameter in self.parameters:
            text = environ.get(RESKEY + parameter.name, "")
            if text:
                given[parameter.name] = parameter.parse(text)
            elif parameter.required:
                raise ParameterError(parameter.name, None, "set: it is required")
        values = self._values(given)
        if self._check:
            self._check(values)
        return values

    def parse_leniently(self, environ: Mapping[str, str]) -> Declared:
        """Return typed parameters in which every value that is not allowed is replaced by its default.

        For actions that must work whatever the configuration says, such as stop.
        """
        given = {}
        for parameter in self.parameters:
            text = environ.get(RESKEY + parameter.name, "")
            try:
                if text:
                    given[parameter.name] = parameter.parse(text)
            except ParameterError:
                continue
        return self._values(given)
