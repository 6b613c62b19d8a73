"""Fixtures of the contract tier."""

from tests.support.fixtures import compiled, guard, server

__all__ = ["compiled", "guard", "server"]
