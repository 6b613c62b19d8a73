"""Every parameter of the agent, declared once; metadata, man page and parsing come from here."""

import socket

from ocfpy.parameters import Parameter


class Address:
    """An IPv4 or IPv6 address; `packed` is its bytes in network order, `text` its canonical form."""

    content_type = "string"
    allowed = "an IPv4 or IPv6 address without a prefix length"

    def __init__(self, family=None, packed=None):
        self.family = family
        self.packed = packed
        self.text = packed and socket.inet_ntop(family, packed)

    def parse(self, text):
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                return Address(family, socket.inet_pton(family, text.strip()))
            except OSError:
                continue
        raise ValueError(text)


class Ports:
    """TCP ports; the value is a tuple of numbers."""

    content_type = "string"
    allowed = "port numbers from 1 to 65535, separated by commas or blanks"

    def parse(self, text):
        words = text.replace(",", " ").split()
        if not words or not all(word.isascii() and word.isdigit() and 0 < int(word) < 65536 for word in words):
            raise ValueError(text)
        return tuple(sorted({int(word) for word in words}))


PARAMETERS = (
    Parameter(
        "ip",
        Address(),
        None,
        "The virtual IP",
        "The virtual IP whose clients are to be reset: the same address as the parameter ip of the IPaddr2 resource.",
        required=True,
    ),
    Parameter(
        "ports",
        Ports(),
        None,
        "Only connections to these TCP ports",
        "TCP ports of this node, separated by commas or blanks: only connections to them are reset, and no others are"
        " held off. Default: all ports.",
    ),
)
