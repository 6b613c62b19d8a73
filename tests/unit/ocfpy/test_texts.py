"""What is made from the declaration: metadata, man page and the table of parameters."""

import io
from xml.etree import ElementTree

import pytest

from galera_sync_guard.agent import AGENT
from ocfpy import REQUIRED, Action, Agent, Boolean, Choice, Integer, ParameterSet, Text, Time, run
from ocfpy.manpage import man_page, parameter_table
from ocfpy.metadata import metadata
from ocfpy.parameters import parse_seconds

ACTIONS = [Action(name, None, "10s") for name in ("start", "stop")]
NASTY = """.first <a href="x">&amp; 'it' \\fBs\\fR -1 > 0"""


class Example(ParameterSet):
    text = Text(NASTY, NASTY, NASTY)
    number = Integer("5", "Number", "A number.", minimum=1, maximum=9, reloadable=False, unique=True)
    needed = Choice(REQUIRED, "Needed", "Needed.", words=("a", "b"))
    flag = Boolean("no", "Flag", "A flag.")
    time = Time("200ms", "Time", "A time.")


EXAMPLE = Agent(
    "example",
    "1.0",
    NASTY,
    "One\nparagraph.\n\n.second paragraph\n\n'third " + NASTY,
    Example,
    (
        Action("start", None, timeout="20s"),
        Action("stop", None, timeout="20s"),
        Action("monitor", None, timeout="10s", interval="1s"),
    ),
)
AGENTS = pytest.mark.parametrize("agent", [AGENT, EXAMPLE], ids=lambda agent: agent.name)


def parsed(agent):
    return ElementTree.fromstring(metadata(agent))


@AGENTS
def test_metadata_is_xml_with_the_texts_as_declared(agent):
    root = parsed(agent)
    assert (root.tag, root.get("name"), root.get("version")) == ("resource-agent", agent.name, agent.version)
    assert root.findtext("version") == "1.1"
    assert (root.findtext("shortdesc"), root.findtext("longdesc")) == (agent.short, agent.long)


@pytest.mark.parametrize("action", ["meta-data", "--help"])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_texts_do_not_depend_on_the_locale(action, encoding):
    class Foreign(ParameterSet):
        text = Text("ß", "Größe → 1", "Größe → 1")

    output = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    agent = Agent("example", "1", "Größe → 1", "l", Foreign, EXAMPLE.actions)
    assert run(agent, ["example", action], {}, output, io.StringIO()) == 0
    if action == "meta-data":
        assert ElementTree.fromstring(output.buffer.getvalue()).findtext("shortdesc") == "Größe → 1"


@AGENTS
def test_metadata_has_every_parameter_as_declared(agent):
    elements = parsed(agent).findall("parameters/parameter")
    assert [element.get("name") for element in elements] == [parameter.name for parameter in agent.parameters]
    for number, parameter in enumerate(agent.parameters):
        element = elements[number]
        assert (element.findtext("shortdesc"), element.findtext("longdesc")) == (parameter.short, parameter.long)
        content = element.find("content")
        assert (content.get("type"), content.get("default")) == (parameter.content_type, parameter.default)
        for name in ("unique", "required", "reloadable"):
            assert element.get(name) == ("1" if getattr(parameter, name) else "0")
        assert element.get("unique-group") == (parameter.name if parameter.unique else None)


@AGENTS
def test_metadata_has_every_action_with_a_timeout(agent):
    elements = {element.get("name"): element.attrib for element in parsed(agent).findall("actions/action")}
    assert list(elements) == [action.name for action in agent.actions] + ["meta-data"]
    for attributes in elements.values():
        assert parse_seconds(attributes["timeout"]) > 0
    assert elements["monitor"] == {"name": "monitor", "timeout": "10s", "interval": "1s", "depth": "0"}


def test_a_monitor_for_each_depth_and_role_stands_in_the_metadata():
    monitors = [
        Action("monitor", None, "10s", "10s"),
        Action("monitor", None, "30s", "60s", depth=10),
        Action("monitor", None, "10s", "9s", role="Promoted"),
    ]
    agent = Agent("example", "1", "s", "l", Example, [*ACTIONS, *monitors])
    assert [element.attrib for element in parsed(agent).iterfind("actions/action[@name='monitor']")] == [
        {"name": "monitor", "timeout": "10s", "interval": "10s", "depth": "0"},
        {"name": "monitor", "timeout": "30s", "interval": "60s", "depth": "10"},
        {"name": "monitor", "timeout": "10s", "interval": "9s", "depth": "0", "role": "Promoted"},
    ]


def test_parameters_that_are_unique_together_name_their_group():
    class Endpoint(ParameterSet):
        host = Text(None, "Host", "A host.", unique="endpoint")
        port = Text(None, "Port", "A port.", unique="endpoint")

    root = parsed(Agent("example", "1", "s", "l", Endpoint, EXAMPLE.actions))
    assert [(each.get("unique"), each.get("unique-group")) for each in root.iter("parameter")] == [
        ("0", "endpoint")
    ] * 2


@AGENTS
def test_metadata_has_its_elements_in_the_order_of_the_dtd(agent):
    root = parsed(agent)
    assert [child.tag for child in root] == ["version", "longdesc", "shortdesc", "parameters", "actions"]
    for parameter in root.find("parameters"):
        assert [child.tag for child in parameter] == ["longdesc", "shortdesc", "content"]


@AGENTS
def test_metadata_uses_only_content_types_of_the_dtd(agent):
    assert {content.get("type") for content in parsed(agent).iter("content")} <= {"boolean", "integer", "string"}


@AGENTS
def test_metadata_ends_with_a_newline_and_has_no_blank_before_its_first_line(agent):
    assert metadata(agent).startswith("<?xml ")
    assert metadata(agent).endswith("</resource-agent>\n")


@AGENTS
@pytest.mark.parametrize("make", [lambda agent: man_page(agent, "custom"), parameter_table], ids=["man", "table"])
def test_every_parameter_and_its_default_stand_in(make, agent):
    text = make(agent).replace("\\-", "-").replace("\\e", "\\")
    for parameter in agent.parameters:
        assert parameter.name in text
        assert parameter.allowed in text
        assert parameter.default is None or parameter.default in text


REQUESTS = (".TH ", ".SH ", ".PP", ".TP", ".sp")


@AGENTS
def test_no_text_is_taken_for_a_request_of_the_man_page(agent):
    lines = man_page(agent, "custom", [("FILES", ".x\n\n'y")]).splitlines()
    for line in lines:
        assert not line.startswith("'")
        assert not line.startswith(".") or line.startswith(REQUESTS)


def test_the_man_page_has_its_sections_and_names_every_action():
    page = man_page(AGENT, "custom", [("SEE ALSO", "pcs(8)")])
    sections = [line for line in page.splitlines() if line.startswith(".SH")]
    assert sections == [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH PARAMETERS", ".SH ACTIONS", ".SH SEE ALSO"]
    for action in AGENT.actions:
        assert action.name in page.replace("\\-", "-")
    assert page.startswith('.TH "OCF_CUSTOM_GALERA_SYNC_GUARD" "7"')


@AGENTS
def test_every_row_of_the_parameter_table_has_its_four_cells(agent):
    lines = parameter_table(agent).splitlines()
    assert len(lines) == 2 + len(agent.parameters)
    assert {line.count("|") for line in lines} == {5}


def test_every_text_of_the_guard_is_a_sentence_for_administrators():
    for parameter in AGENT.parameters:
        assert parameter.short[0].isupper() or parameter.short.startswith("os_"), parameter.name
        assert not parameter.short.endswith("."), parameter.name
        assert len(parameter.short) < 70, parameter.name
        assert parameter.long.endswith("."), parameter.name
        assert parameter.name == parameter.name.lower()


@AGENTS
def test_names_are_unique(agent):
    names = [parameter.name for parameter in agent.parameters]
    assert len(set(names)) == len(names)
