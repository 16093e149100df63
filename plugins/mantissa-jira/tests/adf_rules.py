"""What of the JSON schema of the Atlassian Document Format (``@atlaskit/adf-schema``) concerns what a sink writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

BLOCKS = frozenset({"paragraph", "heading", "codeBlock", "table"})
CONTENT: Mapping[str, frozenset[str]] = {
    "doc": BLOCKS,
    "paragraph": frozenset({"text"}),
    "heading": frozenset({"text"}),
    "codeBlock": frozenset({"text"}),
    "table": frozenset({"tableRow"}),
    "tableRow": frozenset({"tableHeader", "tableCell"}),
    "tableHeader": BLOCKS - {"table"},
    "tableCell": BLOCKS - {"table"},
}
MARKS = frozenset({"strong", "em", "code"})
_MEMBERS: Mapping[str, frozenset[str]] = {
    "doc": frozenset({"type", "version", "content"}),
    "heading": frozenset({"type", "attrs", "content"}),
    "text": frozenset({"type", "text", "marks"}),
}


def problems(node: Any, allowed: frozenset[str] = frozenset({"doc"}), within: str = "") -> Iterator[str]:
    """What is wrong with a document; nothing, where Jira would take it."""
    kind = node.get("type") if isinstance(node, dict) else None
    if kind not in allowed:
        yield f"{kind!r} may not stand in {within or 'a field'}"
        return
    if unknown := set(node) - _MEMBERS.get(kind, frozenset({"type", "content"})):
        yield f"{kind} has {sorted(unknown)}"
    if kind == "doc" and node.get("version") != 1:
        yield "no version 1"
    if kind == "heading" and node.get("attrs", {}).get("level") not in range(1, 7):
        yield "a heading has a level from 1 to 6"
    if kind == "text":
        yield from _text(node, within)
        return
    content = node.get("content")
    if not isinstance(content, list) or not content:
        yield f"{kind} is empty"
        return
    for each in content:
        yield from problems(each, CONTENT[kind], kind)


def _text(node: Mapping[str, Any], within: str) -> Iterator[str]:
    if not isinstance(node.get("text"), str) or not node["text"]:
        yield "an empty text"
    marks = [each.get("type") for each in node.get("marks", ())]
    if set(marks) - MARKS or len(set(marks)) != len(marks):
        yield f"marks {marks}"
    if "code" in marks and len(marks) > 1:
        yield "code with another mark"
    if within == "codeBlock" and marks:
        yield "a mark in a code block"
