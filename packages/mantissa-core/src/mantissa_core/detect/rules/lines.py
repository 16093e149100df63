"""Where something stands in a rule's text, for messages that name a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Protocol

import yaml

_PLACE = re.compile(r"([A-Za-z_-]+(?:\.[A-Za-z_-]+)*)[:,]")


class HasText(Protocol):
    """A rule, or anything else that stands in a rule file."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def title(self) -> str:
        """Its title."""

    @property
    def text(self) -> str:
        """Its file's text."""


def file_of(source: str) -> str:
    """The path without the number of the document."""
    return re.sub(r" \(document \d+\)$", "", source)


def document_of(source: str) -> int:
    """The number of the document in its file, from 1."""
    found = re.search(r" \(document (\d+)\)$", source)
    return int(found[1]) if found else 1


def line_of(rule: HasText, *keys: str) -> int | None:
    """The line, from 1, of the deepest of nested ``keys`` that the rule's document has; of the document without any.

    ``None`` where the text is not at hand.
    """
    node = _document(rule)
    if node is None:
        return None
    return _deepest(node, keys)


def placed(error: Exception, text: str, number: int = 1) -> str:
    """The error with the line of what it names at its beginning, such as ``detection.condition: …``.

    ``number`` is that of the document in ``text``. Of what is not there the line of the nearest that is.
    """
    documents = _composed(text)
    if str(error).startswith("line ") or not 1 <= number <= len(documents):
        return str(error)
    keys = _PLACE.match(str(error))
    return f"line {_deepest(documents[number - 1], keys[1].split('.') if keys else ())}: {error}"


def _deepest(node: yaml.Node, keys: Iterable[str]) -> int:
    line = int(node.start_mark.line)
    for key in keys:
        found = next((pair for pair in _pairs(node) if str(pair[0].value) == key), None)
        if found is None:
            break
        line, node = int(found[0].start_mark.line), found[1]
    return line + 1


def line_of_field(rule: HasText, field: str, section: str = "detection") -> int | None:
    """The line where the detection (of a filter its ``filter``) first asks for ``field``, whatever its modifiers."""
    node = _document(rule)
    detection = next((value for key, value in _pairs(node) if key.value == section), None)
    for key in _keys(detection):
        if str(key.value).partition("|")[0] == field:
            return int(key.start_mark.line) + 1
    return line_of(rule, section)


def _document(rule: HasText) -> yaml.Node | None:
    """The rule's document: of several in its file the one with its id, else with its title."""
    found = _composed(rule.text)
    for name, value in (("id", rule.id), ("title", rule.title)):
        for document in found:
            if any(key.value == name and str(each.value) == value for key, each in _pairs(document)):
                return document
    return found[0] if found else None


@lru_cache(maxsize=4)
def _composed(text: str) -> tuple[yaml.Node, ...]:
    try:
        # Composing makes nodes and no objects.
        return tuple(each for each in yaml.compose_all(text, Loader=yaml.CSafeLoader) if each is not None)
    except (yaml.YAMLError, RecursionError):
        return ()


def _pairs(node: yaml.Node | None) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from node.value


def _keys(node: yaml.Node | None) -> Iterator[yaml.Node]:
    for key, value in _pairs(node):
        yield key
        yield from _keys(value)
    if isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _keys(each)
