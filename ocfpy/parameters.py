"""Parameters, declared once: their kinds, which parse a text or say what is allowed, and time spans."""

from ocfpy.codes import ParameterError

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


def parse_seconds(text):
    """Return the seconds that `text` means, as a float; raise ValueError for anything that is no time span.

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


def format_seconds(seconds):
    """Return a span of seconds as an administrator writes it: `2s`, `200ms`, `1.5s`."""
    if 0 < seconds < 1:
        return f"{round(seconds * 1000, 3):g}ms"
    return f"{round(seconds, 1):g}s"


class Text:
    """Any text on one line."""

    content_type = "string"
    allowed = "one line of text"

    def parse(self, text):
        if any(ord(character) < 32 for character in text):
            raise ValueError(text)
        return text


class AbsolutePath(Text):
    """The path of a file or directory, which must be absolute because an agent has no working directory of its own."""

    allowed = "an absolute path"

    def parse(self, text):
        if not text.startswith("/"):
            raise ValueError(text)
        return super().parse(text)


class Address(Text):
    """An IPv4 or IPv6 address or localhost; never a name that a name server would have to know."""

    allowed = "an IP address or localhost"

    def parse(self, text):
        from _socket import AF_INET, AF_INET6, inet_pton

        if text != "localhost":
            try:
                inet_pton(AF_INET6 if ":" in text else AF_INET, text)
            except OSError:
                raise ValueError(text) from None
        return text


class Integer:
    """A whole number within limits, both included; `maximum` None means no upper limit."""

    content_type = "integer"

    def __init__(self, minimum=0, maximum=None):
        self.minimum = minimum
        self.maximum = maximum
        self.allowed = f"a whole number of at least {minimum}"
        if maximum is not None:
            self.allowed = f"a whole number from {minimum} to {maximum}"

    def parse(self, text):
        if not (text.isascii() and text.strip().removeprefix("-").isdigit()):  # int() takes 1_000 and other digits too
            raise ValueError(text)
        value = int(text)
        if value < self.minimum or (self.maximum is not None and value > self.maximum):
            raise ValueError(text)
        return value


class Time:
    """A time span in Pacemaker's syntax; the value is in seconds, as a float."""

    content_type = "string"

    def __init__(self, positive=False):
        self.positive = positive
        self.allowed = "a time such as 10s, 200ms, 2min or 5 (seconds)" + (", above zero" if positive else "")

    def parse(self, text):
        seconds = parse_seconds(text)
        if self.positive and not seconds:
            raise ValueError(text)
        return seconds


class Boolean:
    """True or False, in the words that Pacemaker takes for them (crm_str_to_boolean)."""

    content_type = "boolean"
    allowed = "true, yes, on, y, 1 or false, no, off, n, 0"
    words = dict.fromkeys(("true", "yes", "on", "y", "1"), True) | dict.fromkeys(
        ("false", "no", "off", "n", "0"), False
    )

    def parse(self, text):
        if text.lower() not in self.words:
            raise ValueError(text)
        return self.words[text.lower()]


class Choice:
    """One of a few words. The content type is string: Pacemaker's DTD of OCF 1.0 knows no `select`."""

    content_type = "string"

    def __init__(self, *words):
        self.words = words
        self.allowed = " or ".join((", ".join(words[:-1]), words[-1]))

    def parse(self, text):
        if text not in self.words:
            raise ValueError(text)
        return text


class Secret:
    """A text that neither repr, str nor a format shows; `reveal()` is the only way to it."""

    __slots__ = ("_text",)

    def __init__(self, text):
        self._text = text

    def reveal(self):
        return self._text

    def __repr__(self):
        return "<secret>"


class SecretText(Text):
    """A text that must not be shown; the value is a Secret, and an error names the parameter without the value."""

    def parse(self, text):
        return Secret(super().parse(text))


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
