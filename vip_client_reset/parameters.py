"""Every parameter of the agent, declared once; metadata, man page and parsing come from here."""

from __future__ import annotations

from ocfpy.parameters import REQUIRED, Default, Parameter, ParameterSet
from vip_client_reset.address import Address


class VirtualIP(Parameter[Address, Default]):
    """The parameter ip of the IPaddr2 resource; the value is an Address."""

    allowed = "an IPv4 or IPv6 address without a prefix length"

    def convert(self, text: str) -> Address:
        return Address.parse(text)


class Ports(Parameter[tuple[int, ...], Default]):
    """TCP ports; the value is a tuple of numbers."""

    allowed = "port numbers from 1 to 65535, separated by commas or blanks"

    def convert(self, text: str) -> tuple[int, ...]:
        words = text.replace(",", " ").split()
        if not words or not all(word.isascii() and word.isdigit() and 0 < int(word) < 65536 for word in words):
            raise ValueError(text)
        return tuple(sorted({int(word) for word in words}))


class ResetParameters(ParameterSet):
    """The parameters of the agent vip_client_reset, in the order of its metadata."""

    ip = VirtualIP(
        REQUIRED,
        "The virtual IP",
        "The virtual IP whose clients are to be reset: the same address as the parameter ip of the IPaddr2 resource.",
    )
    ports = Ports(
        None,
        "Only connections to these TCP ports",
        "TCP ports of this node, separated by commas or blanks: only connections to them are reset, and only new"
        " connections to them are blocked. Default: all ports.",
    )
