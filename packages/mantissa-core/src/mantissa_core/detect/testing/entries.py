"""What stands in ``<rule>.tests.yml``, and for which document of the rule file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from mantissa_core.detect.rules.files import TESTS
from mantissa_core.detect.rules.lines import HasText
from mantissa_core.detect.rules.yaml_text import documents
from mantissa_core.errors import RuleError

T = TypeVar("T")

_NAMES = ("id", "name", "title")

Holds = Literal["event", "sequence", "events"]
"""What an entry has: one event for a rule, a sequence of them for a correlation, or tables of them for an SQL rule."""


class HasSource(HasText, Protocol):
    """A rule or a correlation that came from a file."""

    @property
    def name(self) -> str:
        """The name that correlations may refer to it by."""

    @property
    def source(self) -> str:
        """Its file, and the document in it."""


def read_entries(rule: HasSource, holds: Holds, read: Callable[[Mapping[str, Any]], T]) -> list[T]:
    """The tests of one kind beside the rule's file that are for this rule; none where there is no such file.

    A test that names no ``rule`` is for every rule (or correlation) of the file.

    Raises:
        RuleError: the file is broken; names it and the test.
    """
    file = Path(rule.source)
    file = file.with_name(file.stem + TESTS)
    if not file.is_file():
        return []
    try:
        listed = [each for document in documents(file.read_text(encoding="utf-8")) for each in _listed(document)]
        return [read(each) for each in listed if _holds(each) == holds and _is_for(each, rule)]
    except (RuleError, UnicodeDecodeError) as error:
        raise RuleError(f"{file}: {error}") from error


def _listed(document: Any) -> list[Any]:
    tests = document.get("tests") if isinstance(document, Mapping) else None
    if not isinstance(tests, list):
        raise RuleError("tests: missing, expected a list of tests with name, match and one of event, sequence, events")
    return tests


def _holds(entry: Any) -> Holds:
    if isinstance(entry, Mapping):
        kinds: Mapping[Holds, type] = {"event": Mapping, "sequence": list, "events": Mapping}
        held = [name for name, kind in kinds.items() if isinstance(entry.get(name), kind)]
        if len(held) == 1 and len(kinds.keys() & entry.keys()) == 1:
            return held[0]
    raise RuleError(f"found {entry!r}, expected a test with name, match and one of event, sequence, events")


def _is_for(entry: Mapping[str, Any], rule: HasSource) -> bool:
    if (asked := entry.get("rule")) is None:
        return True
    if asked in {rule.id, rule.name, rule.title}:
        return True
    known = {each.get(key) for each in documents(rule.text) if isinstance(each, Mapping) for key in _NAMES}
    if asked not in known:
        raise RuleError(f"{entry.get('name', '')}: rule: found {asked!r}, expected id, name or title of a rule beside")
    return False
