"""Which rules of a tree are brought in: those that load, whose log source is installed and that the filters want."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from mantissa_core.detect.ir.compile import Placeholders
from mantissa_core.detect.match.route import answers
from mantissa_core.detect.rules.files import LARGEST, TESTS
from mantissa_core.detect.rules.lines import file_of
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.rules.yaml_text import documents
from mantissa_core.errors import RuleError
from mantissa_core.model import LogType, Severity
from mantissa_core.model.log_type import LogSource

from .origin import inside

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
    """Look through ``tree``. Links are not followed, hidden files and folders not looked at.

    References are resolved across the whole tree: what a chosen correlation refers to comes in with it.
    """
    result = Plan()
    files = list(_read(tree, result))
    known = _Tree(files)
    left = {each.name: known.left_out(each, wanted, log_types) for each in files}
    chosen = known.with_referred(each for each in files if not left[each.name])
    for reason in (left[each.name] for each in files if each.name not in chosen):
        result.left[reason] = result.left.get(reason, 0) + 1
    loaded = RuleSet.load(packs=False, paths=[each.path for each in chosen.values()], placeholders=placeholders)
    broken = {file_of(source): error for source, error in reversed(loaded.broken.items())}
    for each in chosen.values():
        if (error := broken.get(str(each.path))) is not None:
            result.refused[each.name] = str(error).removeprefix(f"{each.path}: ")
        else:
            result.chosen[each.name] = Chosen(each.name, each.content, _facts(each.parsed[0]))
            _add_tests(result, each.path, each.name)
    return result


@dataclass(frozen=True, slots=True)
class _File:
    """A rule file of the tree and its documents."""

    name: str
    path: Path
    content: bytes
    parsed: Sequence[Mapping[str, Any]]


class _Tree:
    """The files of a tree, and where the rules are that their correlations refer to."""

    def __init__(self, files: Sequence[_File]) -> None:
        self._homes: dict[str, _File] = {}
        for file in files:
            for document in file.parsed:
                for key in ("id", "name"):
                    if document.get(key) is not None:
                        self._homes.setdefault(str(document[key]).strip().lower(), file)

    def left_out(self, file: _File, wanted: Wanted, log_types: Sequence[LogType]) -> str:
        """Why a file is not wanted; empty where some document of it is."""
        reasons = [_unwanted(document, wanted) for document in file.parsed]
        if all(reasons):
            return next(iter(reasons), "no rule in it")
        if wanted.every or any(_installed(each.get("logsource"), log_types) for each in self._sources(file)):
            return ""
        return "log source not installed"

    def with_referred(self, files: Iterable[_File]) -> dict[str, _File]:
        """The files and those that their correlations refer to, directly or not, by name."""
        found: dict[str, _File] = {}
        waiting = list(files)
        while waiting:
            file = waiting.pop(0)
            if file.name not in found:
                found[file.name] = file
                waiting += self._referred(file)
        return dict(sorted(found.items()))

    def _referred(self, file: _File) -> list[_File]:
        names = (name.strip().lower() for document in file.parsed for name in _references(document))
        return [self._homes[name] for name in names if name in self._homes]

    def _sources(self, file: _File) -> list[Mapping[str, Any]]:
        """The plain rules in a file; where it has correlations alone, those that they rest upon."""
        own = [each for each in file.parsed if "correlation" not in each]
        if own:
            return own
        below = [each for other in self.with_referred([file]).values() for each in other.parsed]
        return [each for each in below if "correlation" not in each] or list(file.parsed)


def _references(document: Mapping[str, Any]) -> Iterator[str]:
    section = document.get("correlation")
    if not isinstance(section, Mapping):
        return
    listed, condition = section.get("rules"), section.get("condition")
    if isinstance(listed, list | str):
        yield from ([listed] if isinstance(listed, str) else (str(each) for each in listed))
    elif isinstance(condition, str):
        yield from re.findall(r"[^\s()]+", condition)


def _read(tree: Path, result: Plan) -> Iterator[_File]:
    for path in _walk(tree, tree, result):
        name = path.relative_to(tree).as_posix()
        try:
            inside(tree, name)
            content = path.read_bytes()
            parsed = [each for each in documents(_text(content)) if isinstance(each, Mapping)]
        except (RuleError, OSError) as error:
            result.refused[name] = str(error).removeprefix(f"{path}: ")
        else:
            yield _File(name, path, content, parsed)


def _text(content: bytes) -> str:
    if len(content) > LARGEST:
        raise RuleError(f"{len(content)} bytes, expected a rule of at most {LARGEST}")
    return content.decode("utf-8-sig", "replace")


def _unwanted(document: Mapping[str, Any], wanted: Wanted) -> str:
    status = str(document.get("status") or "experimental")
    if status not in wanted.statuses:
        return f"status {status}"
    level = document.get("level") or Severity.MEDIUM
    if level in list(Severity) and Severity(level).rank < wanted.level.rank:
        return f"below level {wanted.level}"
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
