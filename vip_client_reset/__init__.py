"""Resets the clients of a virtual IP that leaves this node, so that they reconnect instead of waiting for ever."""

__version__ = "0.1.0"
