"""The agent's manual: a man page (troff) and a Markdown table of its parameters, from the same declaration."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ocfpy.agent import Agent, AnyParameter
    from ocfpy.parameters import Declared


def man_page(agent: Agent[Declared], provider: str, sections: Iterable[tuple[str, str]] = ()) -> str:
    """Return the troff source of ocf_PROVIDER_NAME(7); `sections` are further (heading, text) pairs."""
    title = f"ocf_{provider}_{agent.name}"
    lines = [
        f'.TH "{title.upper()}" "7" "" "{agent.name} {agent.version}" "OCF resource agents"',
        ".SH NAME",
        f"{title} \\- {escape_troff(agent.short)}",
        ".SH SYNOPSIS",
        f"\\fB{agent.name}\\fR {{{'|'.join(agent.action_names)}}}",
        ".SH DESCRIPTION",
        *_paragraphs(agent.long),
        ".SH PARAMETERS",
    ]
    for parameter in agent.parameters:
        lines += [".TP", f"\\fB{parameter.name}\\fR", *_paragraphs(parameter.long), ".sp"]
        lines.append(f"({'; '.join(escape_troff(fact) for fact in _facts(parameter))})")
    lines.append(".SH ACTIONS")
    for action in agent.actions:
        suggested = f"timeout {action.timeout}" + (f", interval {action.interval}" if action.interval else "")
        lines += [".TP", f"\\fB{escape_troff(action.name)}\\fR", f"Suggested: {suggested}."]
    for heading, text in sections:
        lines += [f".SH {heading}", *_paragraphs(text)]
    return "\n".join(lines) + "\n"


def parameter_table(agent: Agent[Declared]) -> str:
    """Return the parameters as a Markdown table."""
    rows = ["| parameter | default | allowed | meaning |", "|---|---|---|---|"]
    for parameter in agent.parameters:
        default = "" if parameter.default is None else f"`{parameter.default}`"
        rows.append(f"| `{parameter.name}` | {default} | {parameter.allowed} | {parameter.long} |")
    return "\n".join(rows) + "\n"


def _facts(parameter: AnyParameter) -> list[str]:
    return [
        "required" if parameter.required else "optional",
        f"default {parameter.default}" if parameter.default is not None else "no default",
        parameter.allowed,
        "a change reloads" if parameter.reloadable else "a change restarts the resource",
    ]


def _paragraphs(text: str) -> list[str]:
    lines: list[str] = []
    for paragraph in text.strip().split("\n\n"):
        lines += (
            [".PP", escape_troff(" ".join(paragraph.split()))] if lines else [escape_troff(" ".join(paragraph.split()))]
        )
    return lines


def escape_troff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + escaped if escaped.startswith((".", "'")) else escaped
