"""The OCF resource agent protocol in Python: declare an agent once, run it, describe it.

Standard library only, and knows nothing of the service that an agent manages.
"""

from ocfpy import codes
from ocfpy.agent import Action, Agent
from ocfpy.codes import DeclarationError, Failure, ParameterError
from ocfpy.deadline import Deadline, TimeIsUp
from ocfpy.invocation import Invocation, environment
from ocfpy.parameters import (
    REQUIRED,
    AbsolutePath,
    AbsolutePaths,
    Address,
    Boolean,
    Choice,
    Integer,
    Parameter,
    ParameterSet,
    Secret,
    SecretText,
    Text,
    Time,
    format_seconds,
    parse_seconds,
)
from ocfpy.report import Report
from ocfpy.runner import main, run

__version__ = "0.1.0"

__all__ = [
    "REQUIRED",
    "AbsolutePath",
    "AbsolutePaths",
    "Action",
    "Address",
    "Agent",
    "Boolean",
    "Choice",
    "Deadline",
    "DeclarationError",
    "Failure",
    "Integer",
    "Invocation",
    "Parameter",
    "ParameterError",
    "ParameterSet",
    "Report",
    "Secret",
    "SecretText",
    "Text",
    "Time",
    "TimeIsUp",
    "codes",
    "environment",
    "format_seconds",
    "main",
    "parse_seconds",
    "run",
]
