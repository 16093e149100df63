"""A rule that was written from words: its documents, tests, and what was understood. Nothing is stored yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import yaml

_SLUG = re.compile(r"[^a-z0-9]+")
_LONGEST_NAME = 60


class CannotSay(Exception):
    """This kind of rule cannot say what the plan says. ``remedy`` is what to do instead."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule as files: ``text`` is the rule's, ``tests_text`` that of the tests beside it.

    The first document is the rule that alerts; those behind it are what it counts or orders.
    """

    kind: Literal["sigma", "sql"]
    documents: tuple[Mapping[str, Any], ...]
    tests: tuple[Mapping[str, Any], ...]
    explanation: str
    """What the rule says, in plain words."""
    assumptions: tuple[str, ...] = ()
    """What the words left open and how it was decided."""
    provider: str = "offline"
    """``offline``, or the label of the language model that read the words."""

    @property
    def id(self) -> str:
        """Id of the rule that alerts."""
        return str(self.documents[0]["id"])

    @property
    def title(self) -> str:
        """Its title."""
        return str(self.documents[0]["title"])

    @property
    def file_stem(self) -> str:
        """A file name without an end, made of the title."""
        slug = _SLUG.sub("_", self.title.lower()).strip("_")[:_LONGEST_NAME].rstrip("_")
        return slug or f"rule_{self.id[:8]}"

    @property
    def text(self) -> str:
        """The rule file: its documents as YAML."""
        return "---\n".join(map(_dump, self.documents))

    @property
    def tests_text(self) -> str:
        """The test file; empty where there are no tests."""
        return _dump({"tests": list(self.tests)}) if self.tests else ""

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "kind": self.kind,
            "id": self.id,
            "title": self.title,
            "rule": self.text,
            "tests": self.tests_text,
            "explanation": self.explanation,
            "assumptions": list(self.assumptions),
            "provider": self.provider,
        }


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and nothing as a reference to what stood before."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def _dump(document: Mapping[str, Any]) -> str:
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
