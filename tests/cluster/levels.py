"""Divides a table of parameters: make check runs at least one of each capability, make matrix the others."""

import pytest


def check_runs(values, *names, name=str):
    """Return parameters of which make check runs those with these names; `name` gives the name of a value."""
    unknown = set(names) - {name(value) for value in values}
    assert not unknown, unknown
    return [
        pytest.param(
            *(value if isinstance(value, tuple) else (value,)), marks=() if name(value) in names else pytest.mark.matrix
        )
        for value in values
    ]
