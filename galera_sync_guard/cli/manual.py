"""The man page galera-sync-guard(8) as troff, from the command line's own declaration."""

import argparse

from galera_sync_guard import __version__
from galera_sync_guard.cli.exit_codes import MEANINGS
from galera_sync_guard.cli.main import parser

DESCRIPTION = """galera-sync-guard is for the administrator of a MariaDB Galera cluster whose virtual IP is guarded by
the OCF resource agent galera_sync_guard. It uses the same probe and the same judgement as the agent's monitor, with the
parameters in the cluster's configuration, so that it never says anything else than the guard does.

Colours appear on a terminal only, and not when NO_COLOR is set. Pacemaker's tools do not answer everybody: run it as
root, or as a member of the group haclient for what only looks at the cluster."""

FILES = (
    (
        "/var/lib/galera-sync-guard/maintenance",
        "The maintenance file, unless the guard's parameter maintenance_file"
        " names another; its first line is the reason.",
    ),
    (
        "/usr/share/doc/galera-sync-guard/examples",
        "The recipes as scripts for pcs and crmsh, and the SQL for a database user with no privileges.",
    ),
)


def man_page():
    """Return the page."""
    top = parser()
    commands = next(action for action in top._actions if isinstance(action, argparse._SubParsersAction)).choices
    lines = [
        f'.TH "GALERA\\-SYNC\\-GUARD" "8" "" "galera-sync-guard {__version__}" "System administration"',
        ".SH NAME",
        "galera\\-sync\\-guard \\- set up, check and explain the guard of a virtual IP",
        ".SH SYNOPSIS",
    ]
    for command in commands.values():
        lines += [_escaped(" ".join(command.format_usage().removeprefix("usage: ").split())), ".br"]
    lines += [".SH DESCRIPTION", *_paragraphs(DESCRIPTION), ".SH COMMANDS"]
    for name, command in commands.items():
        lines += [f".SS {_escaped(name)}", *_paragraphs(command.description)]
        for action in command._actions:
            if not isinstance(action, argparse._HelpAction):
                lines += [".TP", f"\\fB{_escaped(_shown(action))}\\fR", _escaped(action.help or "")]
    lines.append(".SH EXIT STATUS")
    for code, meaning in MEANINGS.items():
        lines += [".TP", f"\\fB{code}\\fR", _escaped(meaning)]
    lines.append(".SH FILES")
    for path, meaning in FILES:
        lines += [".TP", f"\\fI{_escaped(path)}\\fR", _escaped(meaning)]
    lines += [".SH SEE ALSO", "ocf_custom_galera_sync_guard(7), crm_mon(8), pcs(8), crm(8)"]
    return "\n".join(lines) + "\n"


def _shown(action):
    if action.option_strings:
        value = "" if action.nargs == 0 else " " + (action.metavar or action.dest.upper())
        return ", ".join(action.option_strings) + (f"[={action.metavar}]" if action.nargs == "?" else value)
    return "|".join(action.choices) if action.choices else action.metavar or action.dest


def _paragraphs(text):
    lines = []
    for paragraph in text.strip().split("\n\n"):
        lines += [".PP"] * bool(lines) + [_escaped(" ".join(paragraph.split()))]
    return lines


def _escaped(text):
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + escaped if escaped.startswith((".", "'")) else escaped
