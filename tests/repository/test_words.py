"""The documents are plain technical English: short sentences, and none of the forms that readers stumble over."""

from __future__ import annotations

import re

import pytest

from tests.support.checkout import ROOT

DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tools/templates/*.md")])
}
EVERY_DOCUMENT = pytest.mark.parametrize("name", DOCUMENTS)
LONGEST = 30
BANNED = re.compile(
    r"\b(?:(?<!there )(?<!It )is no [a-z]+|mend(?:s|ed|ing)?|for ever|nobody|somebody|everybody|whoever"
    r"|meanwhile|all the same|of our own|greets|seldom|whereupon|thereby)\b",
    re.I,
)


def prose(text: str) -> list[str]:
    """Return the paragraphs and list items of a document, without code, tables, comments, headings and figures."""
    text = re.sub(r"<!-- [\w. -]+ -->\n.*?<!-- end -->", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r"^( {4}(?! *- )|\||#|!\[).*$", "", text, flags=re.M)
    text = re.sub(r"`[^`]+`", "X", text).replace("*", "")
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return [
        " ".join(part.split()) for part in re.split(r"\n\s*\n|^\s*(?:[->]|\d+\.) ", text, flags=re.M) if part.strip()
    ]


def sentences(text: str) -> list[str]:
    """Return the sentences of a document's prose."""
    return [sentence for part in prose(text) for sentence in re.split(r"(?<=[.!?])\s+", part)]


@EVERY_DOCUMENT
def test_no_sentence_has_more_than_thirty_words(name):
    assert [each for each in sentences(DOCUMENTS[name]) if len(each.split()) > LONGEST] == []


@EVERY_DOCUMENT
def test_no_form_that_readers_stumble_over(name):
    assert [found[0] for found in BANNED.finditer(DOCUMENTS[name])] == []


def test_long_sentence_is_found():
    text = (
        "# Head\n\nOne `code of many words` [link text](docs/x.md) " + "word " * 26 + "end. Two.\n\n    " + "code " * 40
    )
    assert [len(each.split()) for each in sentences(text)] == [31, 1]


PROGRAMS = [
    path
    for folder in (
        "galera_sync_guard",
        "vip_client_reset",
        "ocfpy",
        "laboratory",
        "measurements",
        "tools",
        "agents",
        "bin",
    )
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix == ".py" or (path.is_file() and path.parent.name in ("tools", "agents", "bin"))
]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_programs_use_no_such_form_either(path):
    assert [found[0] for found in BANNED.finditer(path.read_text(encoding="utf-8"))] == []
