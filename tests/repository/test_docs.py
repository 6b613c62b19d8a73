"""What the documents name exists: links, commands, make targets, parameters, messages, sections of the README."""

import ast
import re
import shlex

import pytest

from galera_sync_guard.agent import AGENT
from galera_sync_guard.cli.main import parser
from galera_sync_guard.decision import judge
from galera_sync_guard.decision.states import STATES
from tests.support.checkout import ROOT
from vip_client_reset.agent import AGENT as RESET

DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
}
# Where the package puts what a link may lead to, by packaging/debian/docs, install and examples.
PACKAGED = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "RELEASE.md",
    "SECURITY.md",
    "docs/*.md",
    "docs/*.svg",
    "docs/dev/*.md",
    "measurements/cost/results/*.svg",
    "measurements/cost/results/*.txt",
    "examples/*",
)
EVERY_DOCUMENT = pytest.mark.parametrize("name", DOCUMENTS)


def code(text):
    """Return the lines of all code blocks and all inline code of a document."""
    blocks = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    inline = re.findall(r"`([^`\n]+)`", "\n".join(line for line in text.splitlines() if not line.startswith("    ")))
    return blocks + inline


def anchors(text):
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(text):
    """Return the (path, anchor) of every link that leads to a file or a heading of ours."""
    targets = re.findall(r"\]\(([^)]+)\)", text)
    return [target.partition("#")[::2] for target in targets if "://" not in target]


def without_comment(line):
    return shlex.split(line, comments=True)


@EVERY_DOCUMENT
def test_links_lead_somewhere_in_the_source_and_in_the_package(name):
    for path, anchor in links(DOCUMENTS[name]):
        target = (ROOT / name).parent.joinpath(path).resolve() if path else ROOT / name
        assert target.is_file(), path
        relative = target.relative_to(ROOT)
        assert any(relative.match(pattern) for pattern in PACKAGED), f"{path} is not in the package"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{path}#{anchor}"


def test_readme_says_how_long_a_peer_of_a_desynced_node_must_have_been_synced():
    said = f"synced for {judge.PEER_HOLD_DESYNCED:g} s and {judge.PEER_HOLD_DESYNCED_INTERVALS:g} intervals"
    assert said in " ".join(DOCUMENTS["README.md"].split())


def test_index_leads_to_every_document():
    led = {(ROOT / "docs" / path).resolve() for path, _ in links(DOCUMENTS["docs/README.md"])}
    assert {(ROOT / name).resolve() for name in DOCUMENTS if name != "docs/README.md"} <= led


@EVERY_DOCUMENT
def test_commands_are_understood(name):
    for line in code(DOCUMENTS[name]):
        words = without_comment(line) if line.startswith("galera-sync-guard ") else []
        if words and not re.match(r"galera-sync-guard \d", line):
            parser().parse_args(words[1:])


@EVERY_DOCUMENT
def test_make_has_every_target(name):
    targets = set(re.findall(r"^([a-z ]+):", (ROOT / "Makefile").read_text(), re.M))
    known = {word for target in targets for word in target.split()}
    for line in code(DOCUMENTS[name]):
        words = re.sub(r"^(\w+=\w+ )+", "", line).split()
        if len(words) > 1 and words[0] == "make":
            assert words[1] in known, line


@EVERY_DOCUMENT
def test_values_of_parameters_are_allowed(name):
    parameters = {parameter.name: parameter for agent in (AGENT, RESET) for parameter in agent.parameters}
    for line in code(DOCUMENTS[name]):
        line = line.partition(" op ")[0]
        if re.match(r"pcs resource (update galera-guard|create galera-guard) ", line):
            words = [word for word in without_comment(line)[4:] if "=" in word]
        else:
            words = [line] if re.fullmatch(r"[a-z_]+=\S+", line) and line.partition("=")[0] in parameters else []
        for word in words:
            parameter, _, value = word.partition("=")
            assert parameter in parameters, line
            parameters[parameter].parse(value)


@pytest.mark.parametrize("parameter", AGENT.parameters, ids=lambda parameter: parameter.name)
def test_every_parameter_says_when_to_change_it(parameter):
    assert parameter.advice


@EVERY_DOCUMENT
def test_quoted_reasons_are_the_code_s(name):
    states = "|".join(state.name for state in STATES)
    written = DOCUMENTS["docs/reasons.md"]
    for line in code(DOCUMENTS[name]):
        reason = re.search(rf"(?:^|exitreason='|: )((?:{states}): [^'(]+)", line)
        assert not reason or reason[1].strip() in written, f"not in docs/reasons.md: {line}"


def messages():
    """Return every text in the programs, with ... where they fill something in."""
    texts = set()
    for package in ("galera_sync_guard", "vip_client_reset", "ocfpy"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    texts.add(re.sub(r"%[a-z.\d]*[sdgr]", "...", node.value))
    return texts


def test_reasons_of_the_watcher_are_the_code_s():
    rows = re.findall(r"^\| ((?:the|watcher) [^|]+) \|", DOCUMENTS["docs/reasons.md"], re.M)
    assert len(rows) >= 4
    for row in rows:
        assert any(row.strip(". ").partition(" ...")[0] in text for text in messages()), row


def test_every_state_has_a_reason_in_the_documents():
    rows = re.findall(r"^\| `([\w-]+)` \| \w+ \| `\1: ", DOCUMENTS["docs/reasons.md"], re.M)
    assert rows == [state.name for state in STATES]
