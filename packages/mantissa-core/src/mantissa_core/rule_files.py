"""The instance's own rule files: tried with their tests before they are written, never in place of others unasked."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from .detect.rules.files import TESTS
from .detect.rules.rule_set import RuleSet
from .detect.rules.stages import PARTITION
from .errors import RuleError
from .state import atomic_file
from .state.audit import entry

if TYPE_CHECKING:
    from .ask.rule import RuleDraft
    from .detections import Detections

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def tried(instance: Detections, text: str, tests: str | None) -> tuple[RuleSet, str]:
    """The rules of a file as they load beside the instance's, its tests passed; and what the sources of its own are.

    Raises:
        RuleError: a document does not load, or a test fails.
    """
    with tempfile.TemporaryDirectory(prefix="mantissa-rule-") as folder:
        file = Path(folder) / "rule.yml"
        file.write_text(text, "utf-8")
        if tests is not None:
            file.with_name(f"rule{TESTS}").write_text(tests, "utf-8")
        placeholders = instance.settings.rules.placeholders
        try:
            found = RuleSet.load(False, [file], placeholders=placeholders, beside=instance.rules)
            for error in found.broken.values():
                raise error
            _test(found, instance)
        except RuleError as error:
            raise RuleError(str(error).replace(f"{file}: ", "").replace(folder, "")) from None
        return found, str(file)


def _test(found: RuleSet, instance: Detections) -> None:
    from .detect.sql_rules.trial import run_sql_tests
    from .detect.testing.rule_tests import run_tests
    from .detect.testing.sequence_run import run_sequences

    log_types = list(instance.log_types)
    verdicts = [
        *((each.test, each.passed) for each in run_tests(found.rules, log_types)),
        *((each.test.name, each.passed) for each in run_sequences(found, log_types)),
        *((each.test, each.passed) for each in run_sql_tests(found.queries, log_types)),
    ]
    if failed := sorted({name for name, passed in verdicts if not passed}):
        raise RuleError(f"{len(failed)} of its tests fail: {', '.join(failed[:5])}")


def folders(instance: Detections) -> list[Path]:
    """The folders of ``rules.paths``, those that are there."""
    places = (instance.home / each for each in instance.settings.rules.paths)
    return [each.resolve() for each in places if each.is_dir()]


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """Keep other processes from writing rules into the folder meanwhile."""
    with atomic_file.locked(folder / "rules"):
        yield


def write(path: Path, text: str, tests: str | None) -> None:
    """Put a rule and its tests into their files."""
    if tests is not None:
        atomic_file.replace(path.with_name(f"{path.stem}{TESTS}"), tests.encode(), keep_access=True)
    atomic_file.replace(path, text.encode(), keep_access=True)


def add(instance: Detections, draft: RuleDraft, name: str, file: Path | None, by: str, at: datetime) -> Path:
    """Write a rule that was made from words: as ``name`` into the first folder of ``rules.paths``, or into a file.

    Raises:
        RuleError: there is no such folder, a rule or a file of that name is there already, or its tests fail.
    """
    path = file or _folder(instance) / f"{_checked(name)}.yml"
    if path.suffix not in (".yml", ".yaml") or path.name.endswith(TESTS):
        raise RuleError(f"{path.name} is no name for a rule file: it ends with .yml")
    path.parent.mkdir(parents=True, exist_ok=True)
    with changing(path.parent):
        for document in draft.documents:
            if known := instance.rules.get(str(document["id"])):
                raise RuleError(f"the rule {known.title!r} is there already, in {known.source}")
        for each in (path, path.with_name(f"{path.stem}{TESTS}")):
            if each.exists():
                raise RuleError(f"{each} is there already: choose another name")
        tests = draft.tests_text or None
        rule = tried(instance, draft.text, tests)[0].get(draft.id)
        version = rule.version if rule else None
        made = entry(f"rule/{draft.id}", "saved", by, at, before=None, after=version, file=path.name)
        instance.state.commit(PARTITION, [made])
        write(path, draft.text, tests)
    return path


def _folder(instance: Detections) -> Path:
    paths = instance.settings.rules.paths
    if not paths:
        raise RuleError('there is no folder for rules: name one in mantissa.toml, paths = ["rules"] under [rules]')
    found = [each for each in (instance.home / path for path in paths) if each.suffix not in (".yml", ".yaml")]
    if not found:
        raise RuleError("rules.paths names files alone, no folder that a new rule could go to")
    return found[0]


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise RuleError(f"{name[:64]!r} is no name: up to 64 letters, digits, dots, dashes and underscores")
    return name
