"""The declaration of an agent: its texts, parameters and actions, from which everything else is derived."""

from __future__ import annotations

from ocfpy.codes import DeclarationError, ParameterError
from ocfpy.parameters import RESKEY, Declared, Generic, SecretText, parse_seconds

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


# What every agent must be able to do; meta-data comes from its declaration.
REQUIRED_ACTIONS = ("start", "stop", "monitor")
# Actions that need no environment, no files and no rights: they only describe the agent.
DESCRIPTIONS = ("meta-data", "usage")


class Action(Generic[Declared]):
    """One action: its handler, and the operation's timeout and interval that the metadata suggests.

    `handler(invocation)` returns one of `ocfpy.codes` or raises Failure. If the action `validates`, wrong parameters
    keep it from being called. All actions do, except stop: a failed stop blocks the resource. After an error each of
    `rescues`, a `rescue(invocation, error)`, is tried in turn until one returns a code; one that cannot help raises the
    error again. A monitor may be declared more than once, for several depths (OCF_CHECK_LEVEL) or roles.
    """

    def __init__(
        self,
        name: str,
        handler: Handler[Declared],
        timeout: str,
        interval: str | None = None,
        validates: bool | None = None,
        rescues: Sequence[Rescue[Declared]] = (),
        depth: int = 0,
        role: str | None = None,
    ) -> None:
        self.name = name
        self.handler = handler
        self.timeout = timeout
        self.interval = interval
        self.validates = name != "stop" if validates is None else validates
        self.rescues = rescues
        self.depth = depth
        self.role = role

    def check_declaration(self) -> None:
        """Raise DeclarationError unless the declaration is right."""
        if self.name in DESCRIPTIONS:
            raise DeclarationError(f"action {self.name}: ocfpy itself answers to it")
        for what, text in (("timeout", self.timeout), ("interval", self.interval)):
            try:
                if text is not None:
                    parse_seconds(text)
            except (ValueError, AttributeError):
                raise DeclarationError(f"action {self.name}: {what} {text!r} is not a time such as '10s'") from None
        if self.role not in (None, "Promoted", "Unpromoted"):
            raise DeclarationError(f"action {self.name}: role {self.role!r} is neither 'Promoted' nor 'Unpromoted'")


class Agent(Generic[Declared]):
    """An OCF resource agent: name, texts, parameters, actions and a check across parameters.

    `check(parameters)` raises ParameterError for values that are each allowed but contradict each other. `programs`
    are what the agent's executable runs beside actions, by name: processes that an action leaves behind. The usage
    text does not name them; `program(argv)` returns the exit code. A wrong declaration raises DeclarationError.
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
        self.deprecated = [parameter for parameter in self.parameters if parameter.replaced_by]
        self._values = parameters
        self._check = check
        self._check_declaration()

    def _check_declaration(self) -> None:
        declared = set()
        for action in self.actions:
            action.check_declaration()
            key = (action.name, action.depth, action.role)
            if key in declared:
                raise DeclarationError(f"action {action.name}: declared twice for the same depth and role")
            declared.add(key)
        names = {name for name, _, _ in declared}
        missing = [name for name in REQUIRED_ACTIONS if name not in names]
        if missing:
            raise DeclarationError(f"agent {self.name}: missing {', '.join(missing)}")

    @property
    def action_names(self) -> list[str]:
        """The names of all actions that the agent answers to, in the order of the metadata."""
        return [*dict.fromkeys(action.name for action in self.actions), *DESCRIPTIONS]

    def action(self, name: str, depth: int = 0, role: str | None = None) -> Action[Declared] | None:
        """Return the action of that name, None if there is none.

        Of several, the deepest that is not deeper than `depth`, and rather one for the role than one for any role.
        """
        found = [action for action in self.actions if action.name == name]
        fitting = [action for action in found if action.depth <= depth and action.role in (None, role)]
        return max(fitting or found, key=lambda action: (action.depth, action.role == role), default=None)

    def parse(self, environ: Mapping[str, str]) -> Declared:
        """Return the typed parameters of an environment; raise ParameterError for the first value not allowed.

        An empty value counts as not given, as in every shell agent.
        """
        given, wrong = self._read(environ)
        for error in wrong.values():
            raise error
        values = self._values(given)
        if self._check:
            self._check(values)
        return values

    def parse_lazily(self, environ: Mapping[str, str]) -> Declared:
        """Return typed parameters in which a value that is not allowed raises ParameterError when it is read."""
        return self._values(*self._read(environ))

    def parse_leniently(self, environ: Mapping[str, str]) -> Declared:
        """Return typed parameters in which every value that is not allowed is replaced by its default.

        For actions that must work whatever the configuration says.
        """
        return self._values(self._read(environ)[0])

    def secrets(self, environ: Mapping[str, str]) -> list[str]:
        """Return the values that no message may contain."""
        texts = [environ.get(RESKEY + each.name, "") for each in self.parameters if isinstance(each, SecretText)]
        return [text for text in texts if text]

    def _read(self, environ: Mapping[str, str]) -> tuple[dict[str, object], dict[str, ParameterError]]:
        given: dict[str, object] = {}
        wrong: dict[str, ParameterError] = {}
        for parameter in self.parameters:
            text = environ.get(RESKEY + parameter.name, "")
            if text:
                try:
                    given[parameter.name] = parameter.parse(text)
                except ParameterError as error:
                    wrong[parameter.name] = error
            elif parameter.required:
                wrong[parameter.name] = parameter.missing()
        for old in self.deprecated:
            if old.name in given and old.replaced_by not in given:
                given[old.replaced_by] = given[old.name]
                wrong.pop(old.replaced_by, None)
        return given, wrong
