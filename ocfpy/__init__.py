"""The OCF resource agent protocol in Python: declare an agent once, run it, describe it.

Standard library only, and knows nothing of the service that an agent manages.
"""

from ocfpy.agent import Action, Agent
from ocfpy.codes import Failure, ParameterError
from ocfpy.deadline import TimeIsUp
from ocfpy.parameters import Boolean, Choice, Integer, Parameter, Secret, SecretText, Text, Time
from ocfpy.runner import run

__all__ = [
    "Action",
    "Agent",
    "Boolean",
    "Choice",
    "Failure",
    "Integer",
    "Parameter",
    "ParameterError",
    "Secret",
    "SecretText",
    "Text",
    "Time",
    "TimeIsUp",
    "run",
]
