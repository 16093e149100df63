"""Rule files below folders and in packages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources.abc import Traversable
from pathlib import Path

from mantissa_core.errors import RuleError

LARGEST = 1 << 20
"""Bytes of a rule file; larger ones are no rules."""

TESTS = ".tests.yml"
"""What the name of a rule's test file ends with."""


def read_text(file: Traversable) -> str:
    """A rule file's text.

    Raises:
        RuleError: it cannot be read, is too large, or no UTF-8.
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise RuleError(f"cannot be read: {error.strerror or error}") from error
    if len(raw) > LARGEST:
        raise RuleError(f"{len(raw)} bytes, expected a rule of at most {LARGEST}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise RuleError(f"line {line}: not UTF-8") from error


def rule_files(roots: Iterable[Traversable]) -> Iterator[Traversable]:
    """Rule files below ``roots``, each once, though roots may overlap. A root that is absent is yielded as it is."""
    seen: set[str] = set()
    for root in roots:
        for file in _walk(root) if root.is_dir() else [root]:
            if (place := str(file.resolve()) if isinstance(file, Path) else str(file)) not in seen:
                seen.add(place)
                yield file


def _walk(folder: Traversable) -> Iterator[Traversable]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            yield from _walk(entry)
        elif entry.name.endswith((".yml", ".yaml")) and not entry.name.endswith(TESTS):
            yield entry
