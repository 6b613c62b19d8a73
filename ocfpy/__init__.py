"""The OCF resource agent protocol in Python: declare an agent once, run it, describe it.

Standard library only, and knows nothing of the service that an agent manages.
"""

from ocfpy.agent import Action, Agent, Parameter
from ocfpy.deadline import TimeIsUp
from ocfpy.errors import Failure, ParameterError
from ocfpy.kinds import Boolean, Choice, Integer, Secret, SecretText, Text, Time
from ocfpy.run import run

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
