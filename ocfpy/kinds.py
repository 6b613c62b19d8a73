"""The types a parameter can have: each parses a text to a value or says what is allowed, and knows its OCF content type."""

from ocfpy import times


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
        self.allowed = f"a whole number of at least {int(minimum)}"
        if maximum is not None:
            self.allowed = f"a whole number from {int(minimum)} to {int(maximum)}"

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
        seconds = times.parse(text)
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
