"""Fixtures of the wire tier."""

from tests.support.fixtures import compiled, executable, guard, server

__all__ = ["compiled", "executable", "guard", "server"]
