"""Parameters, declared once as typed attributes of a class: their kinds, their texts and their values."""

from __future__ import annotations

from ocfpy.codes import DeclarationError, ParameterError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import ClassVar, Self, TypedDict, TypeVar, Unpack, overload
    from typing import Generic as Generic

    Value = TypeVar("Value")
    Default = TypeVar("Default", bound="str | Required | None")
    Declared = TypeVar("Declared", bound="ParameterSet")

    class Options(TypedDict, total=False):
        """What every kind takes besides default and texts."""

        reloadable: bool
        unique: bool | str
        advice: str
        cost: str
        replaced_by: str
else:
    Value = Default = Declared = None

    class Generic:
        """Stands for typing.Generic, whose import costs more than the rest of a monitor."""

        def __class_getitem__(cls, item):
            return cls


# What the names of parameters begin with in the environment.
RESKEY = "OCF_RESKEY_"

# Keep in step with crm_get_msec() in Pacemaker's lib/common/strings.c: unit -> seconds.
UNITS = {
    "ms": 0.001,
    "msec": 0.001,
    "us": 0.000001,
    "usec": 0.000001,
    "": 1,
    "s": 1,
    "sec": 1,
    "m": 60,
    "min": 60,
    "h": 3600,
    "hr": 3600,
}


def parse_seconds(text: str) -> float:
    """Return the seconds that `text` means; raise ValueError for anything that is not a time span.

    Digits and one unit, nothing else: no sign, no fraction (Pacemaker takes none), no ISO 8601.
    """
    stripped = text.strip()
    digits = stripped.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    unit = stripped[len(digits) :].strip().lower()
    if not (digits.isascii() and digits.isdigit()) or unit not in UNITS:
        raise ValueError(text)
    seconds = float(digits) * UNITS[unit]
    if seconds == float("inf"):
        raise ValueError(text)
    return seconds


def format_seconds(seconds: float) -> str:
    """Return a span of seconds as an administrator writes it: `2s`, `200ms`, `1.5s`."""
    if 0 < seconds < 1:
        return f"{round(seconds * 1000, 3):g}ms"
    return f"{round(seconds, 1):g}s"


class Required:
    """The type of REQUIRED."""


# In place of a default: the user must set this parameter.
REQUIRED = Required()


class Parameter(Generic[Value, Default]):
    """One parameter, declared once in a ParameterSet: parsing, metadata, man page and tables come from here.

    `default` is a text in the syntax of a user's value, None for unset, or REQUIRED. `reloadable` tells Pacemaker that
    a change needs reload-agent and no restart. `unique` is true when no two resources may have the same value, or names
    the group of parameters that are unique together. `advice` and `cost` are for documentation: when to change the value, and
    what the change costs. `replaced_by` is the name of the parameter that takes the value of this deprecated one. A kind
    is a subclass with `content_type`, `allowed` and `convert`.
    """

    content_type = "string"
    allowed = ""

    def __init__(
        self,
        default: Default,
        short: str,
        long: str,
        *,
        reloadable: bool = True,
        unique: bool | str = False,
        advice: str = "",
        cost: str = "",
        replaced_by: str = "",
    ) -> None:
        self.name = ""
        self.required = default is REQUIRED
        self.default: str | None = None if isinstance(default, Required) else default
        self.default_value: Value | None = None
        self.short = short
        self.long = long
        self.reloadable = reloadable
        self.unique = unique
        self.advice = advice
        self.cost = cost
        self.replaced_by = replaced_by

    def convert(self, text: str) -> Value:
        """Return the typed value of `text`; raise ValueError if it is not allowed."""
        raise NotImplementedError

    def parse(self, text: str) -> Value:
        """Return the typed value of `text`; raise ParameterError, with code 6, if it is not allowed."""
        try:
            return self.convert(text)
        except ValueError:
            raise ParameterError(self.name, self._shown(text), self.allowed) from None

    def missing(self) -> ParameterError:
        """Return the error for a required parameter without a value."""
        return ParameterError(self.name, None, "set: it is required")

    def _shown(self, text: str) -> str | Secret:
        return text

    def check_declaration(self) -> None:
        """Raise DeclarationError unless the declaration is right; find the typed value of the default."""
        if not (isinstance(self.short, str) and isinstance(self.long, str)):
            raise DeclarationError(f"parameter {self.name}: short and long must be texts")
        if self.default is not None:
            if not isinstance(self.default, str):
                raise DeclarationError(f"parameter {self.name}: default must be a text, not {self.default!r}")
            try:
                self.default_value = self.convert(self.default)
            except ValueError:
                raise DeclarationError(
                    f"parameter {self.name}: the default {self.default!r} is not allowed, must be {self.allowed}"
                ) from None

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    if TYPE_CHECKING:

        @overload
        def __get__(self, values: None, owner: type) -> Self: ...
        @overload
        def __get__(self: Parameter[Value, None], values: ParameterSet, owner: type) -> Value | None: ...
        @overload
        def __get__(self, values: ParameterSet, owner: type) -> Value: ...
        def __get__(self, values: ParameterSet | None, owner: type) -> object: ...
    else:

        def __get__(self, values, owner):
            """Return the default; a value that the user gave is an attribute of `values`, which Python finds first."""
            if values is None:
                return self
            if self.name in values.wrong:
                raise values.wrong[self.name]
            if self.required:
                raise self.missing()
            return self.default_value


class _Body(dict[str, object]):
    """The body of a class that declares parameters: a name that stands there twice is a mistake."""

    def __setitem__(self, name: str, value: object) -> None:
        if isinstance(self.get(name), Parameter):
            raise DeclarationError(f"parameter {name}: declared twice")
        super().__setitem__(name, value)


class _Declaration(type):
    @classmethod
    def __prepare__(cls, name: str, bases: tuple[type, ...]) -> _Body:  # type: ignore[override]  # no keywords
        return _Body()


class ParameterSet(metaclass=_Declaration):
    """The typed values of one call, as attributes; a subclass declares the parameters, in the order of the metadata.

    `given` names those that the user set to a value that is allowed. A required parameter without a value, and one
    whose value stands in `wrong`, raise ParameterError when they are read.
    """

    declared: ClassVar[tuple[Parameter[object, str | Required | None], ...]] = ()

    def __init__(self, given: Mapping[str, object], wrong: Mapping[str, ParameterError] | None = None) -> None:
        self.__dict__.update(given)
        self.given = frozenset(given)
        self.wrong = wrong or {}

    def __init_subclass__(cls) -> None:
        own = [value for value in vars(cls).values() if isinstance(value, Parameter)]
        for parameter in own:
            if parameter.name in RESERVED or parameter.name.startswith(("_", "CRM_meta_")):
                raise DeclarationError(f"parameter {parameter.name}: this name is reserved")
            parameter.check_declaration()
        # Of the sets that it inherits from, each parameter is where it was first declared, as it was last declared.
        names = {each.name: each for base in reversed(cls.__mro__) for each in vars(base).get("declared", ())}
        names.update((parameter.name, parameter) for parameter in own)
        cls.declared = tuple(names.values())
        for parameter in own:
            if parameter.replaced_by and parameter.replaced_by not in names:
                raise DeclarationError(
                    f"parameter {parameter.name}: replaced by {parameter.replaced_by}, which is unknown"
                )


# The attributes of a set that are not parameters; other names that begin with an underscore are Python's.
RESERVED = ("declared", "given", "wrong")


class Text(Parameter[str, Default]):
    """Any text on one line."""

    allowed = "one line of text"

    def convert(self, text: str) -> str:
        return _one_line(text)


def _one_line(text: str) -> str:
    if any(ord(character) < 32 for character in text):
        raise ValueError(text)
    return text


def _absolute(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError(text)
    return _one_line(text)


class AbsolutePath(Text[Default]):
    """The path of a file or directory, which must be absolute because an agent has no working directory of its own."""

    allowed = "an absolute path"

    def convert(self, text: str) -> str:
        return _absolute(text)


class AbsolutePaths(Parameter["tuple[str, ...]", Default]):
    """Paths that must be absolute, separated by colons."""

    allowed = "an absolute path, or several with colons between them"

    def convert(self, text: str) -> tuple[str, ...]:
        return tuple(map(_absolute, text.split(":")))


class Address(Text[Default]):
    """An IPv4 or IPv6 address or localhost; never a name that a name server would have to know."""

    allowed = "an IP address or localhost"

    def convert(self, text: str) -> str:
        from _socket import AF_INET, AF_INET6, inet_pton

        if text != "localhost":
            try:
                inet_pton(AF_INET6 if ":" in text else AF_INET, text)
            except OSError:
                raise ValueError(text) from None
        return text


class Integer(Parameter[int, Default]):
    """A whole number within limits, both included; `maximum` None means no upper limit."""

    content_type = "integer"

    def __init__(
        self,
        default: Default,
        short: str,
        long: str,
        *,
        minimum: int = 0,
        maximum: int | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(default, short, long, **options)
        self.minimum = minimum
        self.maximum = maximum
        self.allowed = f"a whole number of at least {minimum}"
        if maximum is not None:
            self.allowed = f"a whole number from {minimum} to {maximum}"

    def convert(self, text: str) -> int:
        if not (text.isascii() and text.strip().removeprefix("-").isdigit()):  # int() takes 1_000 and other digits too
            raise ValueError(text)
        value = int(text)
        if value < self.minimum or (self.maximum is not None and value > self.maximum):
            raise ValueError(text)
        return value


class Time(Parameter[float, Default]):
    """A time span in Pacemaker's syntax; the value is in seconds."""

    def __init__(
        self, default: Default, short: str, long: str, *, positive: bool = False, **options: Unpack[Options]
    ) -> None:
        super().__init__(default, short, long, **options)
        self.positive = positive
        self.allowed = "a time such as 10s, 200ms, 2min or 5 (seconds)" + (", above zero" if positive else "")

    def convert(self, text: str) -> float:
        seconds = parse_seconds(text)
        if self.positive and not seconds:
            raise ValueError(text)
        return seconds


class Boolean(Parameter[bool, Default]):
    """True or False, in the words that Pacemaker takes for them (crm_str_to_boolean)."""

    content_type = "boolean"
    allowed = "true, yes, on, y, 1 or false, no, off, n, 0"
    TRUE = ("true", "yes", "on", "y", "1")
    FALSE = ("false", "no", "off", "n", "0")

    def convert(self, text: str) -> bool:
        word = text.lower()
        if word not in self.TRUE and word not in self.FALSE:
            raise ValueError(text)
        return word in self.TRUE


class Choice(Parameter[str, Default]):
    """One of a few words. The content type is string: Pacemaker's DTD of OCF 1.0 does not know `select`."""

    def __init__(
        self, default: Default, short: str, long: str, *, words: tuple[str, ...], **options: Unpack[Options]
    ) -> None:
        super().__init__(default, short, long, **options)
        self.words = words
        self.allowed = " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))

    def check_declaration(self) -> None:
        if not self.words or isinstance(self.words, str):
            raise DeclarationError(f"parameter {self.name}: words must be a tuple of at least one word")
        super().check_declaration()

    def convert(self, text: str) -> str:
        if text not in self.words:
            raise ValueError(text)
        return text


class Secret:
    """A text that neither repr, str nor a format shows; `reveal()` is the only way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __repr__(self) -> str:
        return "<secret>"


class SecretText(Parameter[Secret, Default]):
    """A text on one line that must not be shown: the value is a Secret, and an error does not name the value."""

    allowed = Text.allowed

    def convert(self, text: str) -> Secret:
        return Secret(_one_line(text))

    def _shown(self, text: str) -> Secret:
        return Secret(text)
