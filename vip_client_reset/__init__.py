"""Resets the clients of a virtual IP that leaves this node, so that they reconnect instead of waiting forever."""

from ocfpy import __version__

__all__ = ["__version__"]
