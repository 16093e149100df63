"""Rule files against the JSON Schema of Sigma documents: ``sigma.schema.json`` beside this module.

It is about the form of what is there. What a rule must have to be evaluated at all, :mod:`.rules` says by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError

from .yaml_text import documents

SCHEMA = "sigma.schema.json"
LONGEST = 60
"""Characters of a value that are shown."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that is not as the schema wants it. ``document`` and ``line`` count from 1."""

    document: int
    line: int
    message: str


def flaws(text: str) -> Iterator[Flaw]:
    """Check the documents of a rule file that are rules, correlations or filters.

    Raises:
        RuleError: broken YAML.
    """
    found = documents(text)
    for number, document in enumerate(found, start=1):
        if not isinstance(document, dict) or not document.keys() & {"detection", "correlation", "filter"}:
            continue  # of another kind
        for error in sorted(_validator().iter_errors(_plain(document)), key=lambda each: list(map(str, each.path))):
            for each in _told(error):
                yield Flaw(number, _line(text, number, list(each.absolute_path)), _message(each))


def flaws_of(texts: Mapping[str, str]) -> Iterator[tuple[str, Flaw]]:
    """The flaws of files, by their names; texts that are not at hand are left out."""
    for file, text in texts.items():
        for flaw in flaws(text) if text else ():
            yield file, flaw


def _told(error: ValidationError) -> Iterator[ValidationError]:
    """The errors behind one that only collects others; of alternatives the error itself."""
    if error.context and error.validator in {"allOf", "if"}:
        for each in error.context:
            yield from _told(each)
    else:
        yield error


def _message(error: ValidationError) -> str:
    place = ".".join(map(str, error.absolute_path))
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        return f"{place + '.' if place else ''}{missing}: missing"
    if error.validator == "additionalProperties":
        return f"{place}: {error.message}"
    shown = json.dumps(error.instance, ensure_ascii=False)
    shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"
    return f"{place or 'the document'}: found {shown}, expected {error.schema.get('description', error.message)}"


def _plain(value: Any) -> Any:
    """YAML's values as JSON has them: days as texts, keys as texts."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def _line(text: str, number: int, path: Sequence[str | int]) -> int:
    """The line of the deepest part of ``path`` that there is."""
    # Composing makes nodes and no objects.
    nodes = [each for each in yaml.compose_all(text, Loader=yaml.CSafeLoader) if _says_something(each)]
    node: yaml.Node = nodes[number - 1]
    line = node.start_mark.line
    for part in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line
            continue
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        pair = next((each for each in pairs if str(each[0].value) == str(part)), None)
        if pair is None:
            break
        line, node = pair[0].start_mark.line, pair[1]
    return int(line) + 1


def _says_something(node: yaml.Node | None) -> bool:
    return node is not None and node.tag != "tag:yaml.org,2002:null"


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads(resources.files(__package__).joinpath(SCHEMA).read_text("utf-8"))
    return Draft202012Validator(schema)
