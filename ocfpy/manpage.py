"""The agent's manual: a man page (troff) and a Markdown table of its parameters, from the same declaration."""

from ocfpy.runner import action_names


def man_page(agent, provider, sections=()):
    """Return the troff source of ocf_PROVIDER_NAME(7); `sections` are further (heading, text) pairs."""
    title = f"ocf_{provider}_{agent.name}"
    lines = [
        f'.TH "{title.upper()}" "7" "" "{agent.name} {agent.version}" "OCF resource agents"',
        ".SH NAME",
        f"{title} \\- {_troff(agent.short)}",
        ".SH SYNOPSIS",
        f"\\fB{agent.name}\\fR {{{'|'.join(action_names(agent))}}}",
        ".SH DESCRIPTION",
        *_paragraphs(agent.long),
        ".SH PARAMETERS",
    ]
    for parameter in agent.parameters:
        lines += [".TP", f"\\fB{parameter.name}\\fR", *_paragraphs(parameter.long), ".sp"]
        lines.append(f"({'; '.join((_troff(fact) for fact in _facts(parameter)))})")
    lines.append(".SH ACTIONS")
    for action in agent.actions:
        suggested = f"timeout {action.timeout}" + (f", interval {action.interval}" if action.interval else "")
        lines += [".TP", f"\\fB{_troff(action.name)}\\fR", f"Suggested: {suggested}."]
    for heading, text in sections:
        lines += [f".SH {heading}", *_paragraphs(text)]
    return "\n".join(lines) + "\n"


def parameter_table(agent):
    """Return the parameters as a Markdown table."""
    rows = ["| parameter | default | allowed | meaning |", "|---|---|---|---|"]
    for parameter in agent.parameters:
        default = "" if parameter.default is None else f"`{parameter.default}`"
        rows.append(f"| `{parameter.name}` | {default} | {parameter.kind.allowed} | {parameter.long} |")
    return "\n".join(rows) + "\n"


def _facts(parameter):
    return [
        "required" if parameter.required else "optional",
        f"default {parameter.default}" if parameter.default is not None else "no default",
        parameter.kind.allowed,
        "a change reloads" if parameter.reloadable else "a change restarts the resource",
    ]


def _paragraphs(text):
    lines = []
    for paragraph in text.strip().split("\n\n"):
        lines += [".PP", _troff(" ".join(paragraph.split()))] if lines else [_troff(" ".join(paragraph.split()))]
    return lines


def _troff(text):
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + escaped if escaped.startswith((".", "'")) else escaped
