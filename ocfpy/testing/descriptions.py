"""The checks of what an agent says of itself: its metadata, and its answer to what it cannot do."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from xml.etree import ElementTree

from ocfpy.testing.expectations import SUCCESS, UNIMPLEMENTED, CheckFailed, expect, require

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocfpy.testing.tested import TestedAgent

DTD = "/usr/share/resource-agents/ra-api-1.dtd"
SCHEMA = "/usr/share/pcs/data/ocf-{}.rng"
# The user without rights has this number everywhere.
UNPRIVILEGED = 65534
TOOLS = (
    ("pcs", "resource", "describe", "--full"),
    ("crm", "ra", "info"),
    ("crm_resource", "--show-metadata"),
)


def describes_itself(agent: TestedAgent) -> None:
    """Tools ask for the metadata on hosts where nothing is configured, and not as root: it needs no parameter."""
    root = metadata(agent)
    require(root.get("name") == agent.name, f"meta-data names the agent {root.get('name')}, its file is {agent.name}")
    actions = {action.get("name"): action for action in root.iter("action")}
    for name in ("start", "stop", "monitor", "meta-data"):
        require(name in actions, f"meta-data lacks the action {name}")
        require(bool(actions[name].get("timeout")), f"meta-data lacks the timeout of {name}")
    for parameter in root.iter("parameter"):
        for text in ("shortdesc", "longdesc"):
            require(bool(parameter.findtext(text)), f"meta-data lacks the {text} of {parameter.get('name')}")
    unknown = sorted(set(agent.parameters) - set(parameter_names(root)))
    require(not unknown, f"meta-data does not know the parameter {', '.join(unknown)}")
    if os.getuid() == 0 and _anybody_reaches(os.path.dirname(agent.path)):
        result = agent.run("meta-data", environ=agent.bare_environ(), user=pwd.getpwuid(UNPRIVILEGED))
        expect(result, SUCCESS, moment="as a user without rights")


def has_valid_metadata(agent: TestedAgent) -> None:
    """pcs and crmsh read the metadata by the schema of its OCF version, ocf-tester by the DTD of OCF 1.0."""
    text = agent.run("meta-data").stdout
    schema = SCHEMA.format("1.1" if metadata(agent).findtext("version") == "1.1" else "1.0")
    for path, options in ((DTD, ["--path", os.path.dirname(DTD), "--valid"]), (schema, ["--relaxng", schema])):
        if os.path.exists(path):
            command = ["xmllint", "--nonet", "--noout", *options, "-"]
            done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
            require(done.returncode == 0, f"meta-data is not valid for {path}: {done.stderr.strip().splitlines()[:1]}")


def is_understood_by_tools(agent: TestedAgent) -> None:
    """An administrator configures the resource with pcs or crmsh: what these do not understand cannot be set."""
    directory, _, name = agent.path.rpartition("/")
    root, _, provider = directory.rpartition("/")
    if root != "/usr/lib/ocf/resource.d":
        return  # they look nowhere else
    names = parameter_names(metadata(agent))
    for command in TOOLS:
        if shutil.which(command[0]):
            done = subprocess.run(
                [*command, f"ocf:{provider}:{name}"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            missing = [each for each in names if each not in done.stdout]
            said = done.stderr.strip().splitlines()[:1]
            require(not done.returncode and not missing, f"{' '.join(command)}: {said}, not shown: {missing}")


def refuses_unknown_actions(agent: TestedAgent) -> None:
    """Pacemaker takes 3 for "this agent does not do that"; another code is a failure of the resource."""
    expect(agent.run("no-such-action"), UNIMPLEMENTED)


def accepts_its_parameters(agent: TestedAgent) -> None:
    """Tools call validate-all before a configuration is changed: what starts must be valid."""
    expect(agent.run("validate-all"), SUCCESS)


def metadata(agent: TestedAgent) -> ElementTree.Element:
    """Return the metadata of a host where nothing is configured."""
    result = agent.run("meta-data", environ=agent.bare_environ())
    expect(result, SUCCESS)
    try:
        return ElementTree.fromstring(result.stdout)
    except ElementTree.ParseError as error:
        raise CheckFailed(f"meta-data is not XML: {error}") from None


def parameter_names(root: ElementTree.Element) -> list[str]:
    """Return the names of all parameters in metadata."""
    return [parameter.get("name", "") for parameter in root.iter("parameter")]


def _anybody_reaches(directory: str) -> bool:
    while os.stat(directory).st_mode & stat.S_IXOTH:
        if directory == "/":
            return True
        directory = os.path.dirname(directory)
    return False
