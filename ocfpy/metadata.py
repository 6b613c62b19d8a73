"""The agent's metadata as XML: valid for the OCF 1.1 schema and, by its DOCTYPE, for ocf-tester's DTD of OCF 1.0."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocfpy.agent import Action, Agent, AnyParameter
    from ocfpy.parameters import Declared

# ra-api-1.dtd knows neither `reloadable` nor reload-agent: the internal subset adds them, so that one text satisfies
# ocf-tester (xmllint with that DTD), the OCF 1.1 schema of pcs, crmsh and crm_resource. No encoding is declared: crmsh
# 4.4 refuses a text that declares one.
HEADER = """<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd" [
<!ATTLIST parameter unique-group CDATA #IMPLIED reloadable (1|0) #IMPLIED>
<!ATTLIST action name CDATA #REQUIRED>
]>
"""


def metadata(agent: Agent[Declared]) -> str:
    """Return the metadata of an agent, as XML that ends with a newline."""
    lines = [
        f'<resource-agent name="{_escape(agent.name)}" version="{_escape(agent.version)}">',
        "<version>1.1</version>",
        *_texts(agent),
        "<parameters>",
        *(line for parameter in agent.parameters for line in _parameter(parameter)),
        "</parameters>",
        "<actions>",
        *(_action(action) for action in agent.actions),
        '<action name="meta-data" timeout="5s"/>',
        "</actions>",
        "</resource-agent>",
    ]
    return HEADER + "\n".join(lines) + "\n"


def _parameter(parameter: AnyParameter) -> list[str]:
    attributes = {"name": parameter.name}
    # A group of several parameters is not unique for OCF 1.0, where each would have to differ from all others.
    flags = {"unique": parameter.unique is True, "required": parameter.required, "reloadable": parameter.reloadable}
    attributes.update((name, "1" if flag else "0") for name, flag in flags.items())
    if parameter.unique:
        attributes["unique-group"] = parameter.name if parameter.unique is True else parameter.unique
    content = {"type": parameter.content_type}
    if parameter.default is not None:
        content["default"] = parameter.default
    return [_tag("parameter", attributes, ">"), *_texts(parameter), _tag("content", content), "</parameter>"]


def _action(action: Action[Declared]) -> str:
    attributes = {"name": action.name, "timeout": action.timeout}
    if action.interval:
        attributes["interval"] = action.interval
    if action.interval or action.depth:
        attributes["depth"] = str(action.depth)
    if action.role:
        attributes["role"] = action.role
    return _tag("action", attributes)


def _texts(subject: Agent[Declared] | AnyParameter) -> list[str]:
    long = subject.long
    if replaced_by := getattr(subject, "replaced_by", ""):
        # In words, since the DTD of OCF 1.0 does not know the element `deprecated`.
        long = f"Deprecated: use {replaced_by}. {long}"
    return [
        f'<longdesc lang="en">{_escape(long)}</longdesc>',
        f'<shortdesc lang="en">{_escape(subject.short)}</shortdesc>',
    ]


def _tag(name: str, attributes: dict[str, str], end: str = "/>") -> str:
    return "<{}{}{}".format(name, "".join(f' {key}="{_escape(value)}"' for key, value in attributes.items()), end)


def _escape(text: str) -> str:
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(character, entity)
    # In ASCII, whatever the locale of the caller can show.
    return text.encode("ascii", "xmlcharrefreplace").decode("ascii")
