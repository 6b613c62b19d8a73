"""Resolves references, sets, templates, tags and renamed properties of a CIB as Pacemaker does; pure."""

from __future__ import annotations

import copy
from xml.etree.ElementTree import Element

from galera_sync_guard.cli.cib.values import score, seconds

# Pacemaker 3.0.2 renamed properties: the new name counts first.
RENAMED = {
    "stonith-enabled": "fencing-enabled",
    "stonith-action": "fencing-action",
    "stonith-timeout": "fencing-timeout",
    "stonith-watchdog-timeout": "fencing-watchdog-timeout",
}


def configuration_section(cib: Element) -> Element:
    """Return the section with the configuration, which may stand alone."""
    section = cib.find("configuration")
    return cib if section is None else section


def without_references(section: Element) -> Element:
    """Return a copy in which every `id-ref` is replaced by the element that it refers to."""
    by_id = {element.get("id"): element for element in section.iter() if element.get("id")}
    section = copy.deepcopy(section)
    for parent in list(section.iter()):
        for place, child in enumerate(parent):
            target = by_id.get(child.get("id-ref"))
            if target is not None and target.tag == child.tag:
                replacement = copy.deepcopy(target)
                replacement.attrib.update({name: value for name, value in child.attrib.items() if name != "id-ref"})
                parent[place] = replacement
    return section


def with_new_names(properties: dict[str, str]) -> dict[str, str]:
    """Return properties in which an old name has the value of its new one."""
    known = dict(properties)
    for old, new in RENAMED.items():
        if new in known:
            known[old] = known[new]
    return known


def tags_by_id(section: Element) -> dict[str, set[str]]:
    """Return the tags of each id."""
    tagged: dict[str, set[str]] = {}
    for tag in section.iterfind("tags/tag"):
        for reference in tag.iterfind("obj_ref"):
            tagged.setdefault(reference.get("id", ""), set()).add(tag.get("id", ""))
    return tagged


def pairs(element: Element | None, kind: str) -> dict[str, str]:
    """Return the name and value of every nvpair of that kind of set below an element.

    The set with the highest score counts, among equals the last one. Sets with a rule hold at times or on some nodes
    only, and are left out.
    """
    found: dict[str, str] = {}
    sets = [each for each in (element if element is not None else ()) if each.tag == kind and each.find("rule") is None]
    for each in sorted(sets, key=lambda each: score(each.get("score"))):
        found.update((pair.get("name", ""), pair.get("value", "")) for pair in each.iterfind("nvpair"))
    return found


def inherited(kind: str, sources: list[Element]) -> dict[str, str]:
    """Return the pairs of the first source, and of the others what it has not."""
    merged: dict[str, str] = {}
    for source in reversed(sources):
        merged.update(pairs(source, kind))
    return merged


def operations_of(sources: list[Element]) -> list[dict[str, str]]:
    """Return the operations of a resource and those of its template that it does not define itself."""
    found: dict[tuple[str | None, float | None], dict[str, str]] = {}
    for source in sources:
        for op in source.iterfind("operations/op"):
            attributes = {**pairs(op, "meta_attributes"), **op.attrib}
            found.setdefault((op.get("name"), seconds(op.get("interval"), 0.0)), attributes)
    return list(found.values())
