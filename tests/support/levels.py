"""Divides a table of parameters: make check runs at least one of each capability, make matrix the others."""

import pytest
from _pytest.mark import ParameterSet


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


def check_runs_every(step, values):
    """Return parameters of which make check runs each `step`th; those that are pytest's own keep their names."""
    parameters = [value if isinstance(value, ParameterSet) else pytest.param(value) for value in values]
    return [
        parameter if number % step == 0 else pytest.param(*parameter.values, id=parameter.id, marks=pytest.mark.matrix)
        for number, parameter in enumerate(parameters)
    ]
