"""Which rules of a tree are brought in: those that load, whose log source is installed and that the filters want."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from mantissa_core.errors import RuleError
from mantissa_core.model import LogType, Severity
from mantissa_core.model.log_type import LogSource

from .origin import inside
from .route import answers
from .rule_yaml import documents
from .rules import LARGEST, TESTS, Placeholders, RuleSet

STATUSES = ("stable", "test", "experimental")
"""What is brought in unless the operator says otherwise; not ``deprecated``, not ``unsupported``."""


_FACTS = ("id", "title", "author", "status", "level", "license", "date", "modified")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be brought in. ``every`` includes rules whose log source is not installed."""

    statuses: Sequence[str] = STATUSES
    level: Severity = Severity.INFORMATIONAL
    every: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """One file to bring in: its name below the tree, its content and what it says of itself."""

    name: str
    content: bytes
    facts: dict[str, Any]


@dataclass
class Plan:
    """What a tree holds. ``left`` counts rules that were left out by reason, ``refused`` has files by reason."""

    chosen: dict[str, Chosen] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def plan(tree: Path, wanted: Wanted, log_types: Sequence[LogType], placeholders: Placeholders | None = None) -> Plan:
    """Look through ``tree``. Links are not followed, hidden files and folders not looked at."""
    result = Plan()
    for file in _walk(tree, tree, result):
        name = file.relative_to(tree).as_posix()
        try:
            inside(tree, name)
            content = file.read_bytes()
            parsed = [each for each in documents(_text(content)) if isinstance(each, Mapping)]
            if reason := _left_out(parsed, wanted, log_types):
                result.left[reason] = result.left.get(reason, 0) + 1
                continue
            for error in RuleSet.load(packs=False, paths=[file], placeholders=placeholders).broken.values():
                raise error
            result.chosen[name] = Chosen(name, content, _facts(parsed[0]))
            _add_tests(result, file, name)
        except (RuleError, OSError) as error:
            result.refused[name] = str(error).removeprefix(f"{file}: ")
    return result


def _text(content: bytes) -> str:
    if len(content) > LARGEST:
        raise RuleError(f"{len(content)} bytes, expected a rule of at most {LARGEST}")
    return content.decode("utf-8-sig", "replace")


def _left_out(parsed: Sequence[Mapping[str, Any]], wanted: Wanted, log_types: Sequence[LogType]) -> str:
    """Why a file is not wanted; empty where some document of it is."""
    reasons = [_unwanted(document, wanted, log_types) for document in parsed]
    return "" if not all(reasons) else next(iter(reasons), "")


def _unwanted(document: Mapping[str, Any], wanted: Wanted, log_types: Sequence[LogType]) -> str:
    status = str(document.get("status") or "experimental")
    if status not in wanted.statuses:
        return f"status {status}"
    level = document.get("level") or Severity.MEDIUM
    if level in list(Severity) and Severity(level).rank < wanted.level.rank:
        return f"below level {wanted.level}"
    if not wanted.every and not _installed(document.get("logsource"), log_types):
        return "log source not installed"
    return ""


def _installed(section: object, log_types: Sequence[LogType]) -> bool:
    if not isinstance(section, Mapping):
        return True  # loading it says what is wrong
    asked = LogSource(**{part: str(section[part]) for part in LogSource.model_fields if section.get(part)})
    return any(answers(each, asked) for log_type in log_types for each in log_type.sigma.logsources)


def _add_tests(result: Plan, file: Path, name: str) -> None:
    tests = file.with_name(file.stem + TESTS)
    if tests.is_file() and not tests.is_symlink() and tests.stat().st_size <= LARGEST:
        beside = PurePosixPath(name).with_name(tests.name).as_posix()
        result.chosen[beside] = Chosen(beside, tests.read_bytes(), {"tests_of": name})


def _facts(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the manifest says of a rule besides its file; of several documents the first."""
    return {key: str(document[key]) for key in _FACTS if document.get(key) is not None}


def _walk(folder: Path, top: Path, result: Plan) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        path = Path(entry.path)
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_symlink():
            result.refused[path.relative_to(top).as_posix()] = "a link: links are not followed"
        elif entry.is_dir(follow_symlinks=False):
            yield from _walk(path, top, result)
        elif entry.name.endswith((".yml", ".yaml")) and not entry.name.endswith(TESTS):
            yield path
