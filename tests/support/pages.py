"""Reads the commands of a documentation page: which block is typed where, in the order of the page."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """A block of commands; `chapter` is the heading above it, `place` what the page says before it: "On PLACE:"."""

    chapter: str
    place: str
    text: str


def blocks(page: str) -> list[Block]:
    """Return the blocks of commands of a page that says before each block where to type it."""
    found = []
    chapter = place = ""
    for part in re.split(r"\n\n(?! {4})", page):
        head, _, code = part.partition("\n\n    ")
        if heading := re.match(r"#+ (.+)", head):
            chapter = heading[1]
        if where := re.fullmatch(r"On (.+):", head):
            place = where[1]
        if code:
            assert where, f"the page does not say where to type:\n{code}"
            found.append(Block(chapter, place, re.sub(r"^ {4}", "", "    " + code, flags=re.M)))
    return found
