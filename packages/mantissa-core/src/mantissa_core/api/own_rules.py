"""The rules of the instance's own folder: checked as ``mantissa rules test`` does, then replaced whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mantissa_core.detect.rules.files import TESTS
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.rule_files import changing, folders, tried, write

from .problem import Problem

if TYPE_CHECKING:
    from mantissa_core.detect.correlate.correlation import Correlation
    from mantissa_core.detect.rules.rule import Rule
    from mantissa_core.detect.sql_rules import SqlRule
    from mantissa_core.runtime import Runtime

    AnyRule = Rule | Correlation | SqlRule

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


class OwnRules:
    """The rule files below the folders of ``rules.paths``; new ones go into the first of them."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._folders = folders(runtime)

    def file(self, rule: AnyRule) -> Path | None:
        """The file of a rule that may be changed: one of the instance's own, alone in its file."""
        path = Path(rule.source)
        if not path.is_file():  # of a package, or one of several documents of a file
            return None
        path = path.resolve()
        return path if any(path.is_relative_to(each) for each in self._folders) else None

    def save(self, rule_id: str, text: str, tests: str | None, note: Callable[[AnyRule], None]) -> AnyRule:
        """Write a rule and its tests where both are right; returns it as it loads. ``note`` hears of it just before.

        Raises:
            RuleError: it does not load, or a test fails. Problem: 409, it is not the instance's own; 422, its id is
            another, or it is none.
        """
        with self._changing():
            path = self._place(rule_id)
            beside = path.with_name(f"{path.stem}{TESTS}")
            if tests is None and beside.is_file():
                tests = beside.read_text("utf-8")
            rule = self._checked(rule_id, text, tests)
            note(rule)
            write(path, text, tests)
        self._runtime.reload_rules()
        return self._runtime.rules.get(rule_id) or rule

    def delete(self, rule: AnyRule, note: Callable[[AnyRule], None]) -> None:
        """Remove a rule's file, and its tests. ``note`` hears of it just before.

        Raises:
            Problem: 409, it is not the instance's own.
        """
        path = self.file(rule)
        if path is None:
            raise _not_own(rule.id)
        with self._changing():
            note(rule)
            path.unlink(missing_ok=True)
            path.with_name(f"{path.stem}{TESTS}").unlink(missing_ok=True)
        self._runtime.reload_rules()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        if not self._folders:
            raise Problem(409, "the instance has no folder for rules", place="rules.paths",
                          remedy="name one in mantissa.toml: paths = [\"rules\"] under [rules]")  # fmt: skip
        with changing(self._folders[0]):
            yield

    def _place(self, rule_id: str) -> Path:
        known = self._runtime.rules.get(rule_id)
        if known is not None:
            path = self.file(known)
            if path is None:
                raise _not_own(rule_id)
            return path
        if not _FILE_NAME.fullmatch(rule_id):
            raise Problem(422, "the id: expected up to 128 letters, digits, '_', '-' or '.'", place="path: id")
        path = self._folders[0] / f"{rule_id}.yml"
        if path.exists():
            raise Problem(409, f"{path.name} is there already, with another rule or one that does not load",
                          remedy="look at it on the server: 'mantissa rules lint'")  # fmt: skip
        return path

    def _checked(self, rule_id: str, text: str, tests: str | None) -> AnyRule:
        return _the_one(*tried(self._runtime, text, tests), rule_id)


def _the_one(found: RuleSet, source: str, rule_id: str) -> AnyRule:
    sent = [each for each in found.all if each.source == source]
    if len(sent) != 1 or found.filters:
        raise Problem(422, f"expected one rule, found {len(sent)}", place="body: rule")
    if sent[0].id != rule_id:
        raise Problem(422, f"the rule's id is {sent[0].id!r}, the path names another", place="body: rule: id")
    return sent[0]


def _not_own(rule_id: str) -> Problem:
    return Problem(409, f"{rule_id} does not stand alone in a file of the instance's own folder",
                   remedy="a filter, 'rules.disabled' or a copy with another id")  # fmt: skip
