"""YAML as rules are written in it: several documents a file, no key twice, errors with their line."""

from __future__ import annotations

from typing import Any

import yaml

from mantissa_core.errors import RuleError


class _Loader(yaml.CSafeLoader):
    """libyaml's safe loader, which lets the last of two equal keys win; a rule would lose a selection by it."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[tuple[str, Any]] = set()
        for key, _ in node.value:
            if (named := (key.tag, str(key.value))) in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(named)
        return super().construct_mapping(node, deep)


MOST = 100_000
"""Values of a document once its aliases are written out."""


def documents(text: str) -> list[Any]:
    """Every document in the text that is not empty.

    Raises:
        RuleError: broken YAML; names the line, from 1.
    """
    try:
        _refuse_bombs(text)
        # _Loader extends the safe loader: it makes plain values only.
        found = [each for each in yaml.load_all(text, Loader=_Loader) if each is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise RuleError(f"line {mark.line + 1 if mark else '?'}: broken YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RuleError(f"broken YAML: {error}") from error
    if not found:
        raise RuleError("empty, expected a rule")
    return found


def _refuse_bombs(text: str) -> None:
    """Aliases of aliases: a few lines that are billions of values to whoever walks through them."""
    if "&" not in text or "*" not in text:
        return
    for document in yaml.compose_all(text, Loader=yaml.CSafeLoader):
        if document is not None and (size := _size(document, {})) > MOST:
            line = document.start_mark.line + 1
            told = "an endless number of" if size == float("inf") else f"more than {MOST}"
            raise RuleError(f"line {line}: {told} values with all aliases written out")


def _size(node: yaml.Node, known: dict[int, float]) -> float:
    """How many values the node is; infinite where it contains itself."""
    if id(node) not in known:
        known[id(node)] = float("inf")
        below = [each for pair in node.value for each in pair] if isinstance(node, yaml.MappingNode) else node.value
        known[id(node)] = 1 + (sum(_size(each, known) for each in below) if not isinstance(below, str) else 0)
    return known[id(node)]
