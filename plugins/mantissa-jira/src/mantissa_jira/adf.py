"""Nodes of the Atlassian Document Format, in which Jira keeps rich text.

Text is text there: what stands in a ``text`` node is never parsed, so log contents need no escaping.
Reference: https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Node = dict[str, Any]


def document(*content: Node) -> Node:
    """The whole."""
    return {"version": 1, "type": "doc", "content": list(content)}


def heading(value: str) -> Node:
    """A heading between parts."""
    return {"type": "heading", "attrs": {"level": 3}, "content": [text(value)]}


def paragraph(*content: Node) -> Node:
    """A paragraph of texts."""
    return {"type": "paragraph", "content": list(content)}


def text(value: str, mark: str = "") -> Node:
    """A text, which may not be empty; ``mark`` is ``strong``, ``em`` or ``code``."""
    return {"type": "text", "text": value, **({"marks": [{"type": mark}]} if mark else {})}


def code_block(value: str) -> Node:
    """Lines as they are."""
    return {"type": "codeBlock", "content": [text(value)]}


def table(rows: Iterable[tuple[str, str]]) -> Node:
    """Names on the left, values on the right."""
    return {"type": "table", "content": [_row(name, value) for name, value in rows]}


def _row(name: str, value: str) -> Node:
    cells = [
        {"type": "tableHeader", "content": [paragraph(text(name))]},
        {"type": "tableCell", "content": [paragraph(text(value))]},
    ]
    return {"type": "tableRow", "content": cells}
