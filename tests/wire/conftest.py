"""Fixtures of the wire tier."""

from tests.support.fixtures import compiled, guard, server

__all__ = ["compiled", "guard", "server"]
