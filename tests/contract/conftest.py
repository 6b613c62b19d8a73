from tests.support.fixtures import compiled, guard, server  # noqa: F401  (fixtures)
