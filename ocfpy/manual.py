"""The agent's manual: a man page (troff) and a Markdown table of its parameters, from the same declaration."""

from ocfpy.run import action_names


def man_page(agent, provider, sections=()):
    """Return the troff source of ocf_PROVIDER_NAME(7); `sections` are further (heading, text) pairs."""
    title = "ocf_%s_%s" % (provider, agent.name)
    lines = [
        '.TH "%s" "7" "" "%s %s" "OCF resource agents"' % (title.upper(), agent.name, agent.version),
        ".SH NAME", "%s \\- %s" % (title, _troff(agent.short)),
        ".SH SYNOPSIS", "\\fB%s\\fR {%s}" % (agent.name, "|".join(action_names(agent))),
        ".SH DESCRIPTION", *_paragraphs(agent.long),
        ".SH PARAMETERS",
    ]
    for parameter in agent.parameters:
        lines += [".TP", "\\fB%s\\fR" % parameter.name, *_paragraphs(parameter.long), ".sp"]
        lines.append("(%s)" % "; ".join(_troff(fact) for fact in _facts(parameter)))
    lines.append(".SH ACTIONS")
    for action in agent.actions:
        suggested = "timeout %s" % action.timeout + (", interval %s" % action.interval if action.interval else "")
        lines += [".TP", "\\fB%s\\fR" % _troff(action.name), "Suggested: %s." % suggested]
    for heading, text in sections:
        lines += [".SH %s" % heading, *_paragraphs(text)]
    return "\n".join(lines) + "\n"


def parameter_table(agent):
    """Return the parameters as a Markdown table."""
    rows = ["| parameter | default | allowed | meaning |", "|---|---|---|---|"]
    for parameter in agent.parameters:
        default = "" if parameter.default is None else "`%s`" % parameter.default
        rows.append("| `%s` | %s | %s | %s |" % (parameter.name, default, parameter.kind.allowed, parameter.long))
    return "\n".join(rows) + "\n"


def _facts(parameter):
    return [
        "required" if parameter.required else "optional",
        "default %s" % parameter.default if parameter.default is not None else "no default",
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
