"""Which installed plugins and log types passed their conformance kit: ``pytest --conformance FILE`` writes it down.

With the option only the tests of kits run. Whatever a kit really had in its hands is recorded, by the name of its
entry point, with the numbers of what passed, failed and was skipped, and why. Records of what did not run are kept.
Imports nothing heavy: every test session loads this module.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

OPTION = "--conformance"
KITS = "mantissa_core.testing"
_PROPERTY = "mantissa-conformance"
_RECORD = pytest.StashKey["Record"]()


def proves(contract: object, subject: object) -> None:
    """Note what a kit's test class has in its hands: an instance of the plugin, or a log type's name."""
    kind = type(subject)
    name = subject if isinstance(subject, str) else f"{kind.__module__}:{kind.__qualname__}"
    type(contract).subject_of_the_kit = name  # type: ignore[attr-defined]  # one class tests one subject


@dataclass
class Tally:
    """The results of one test class."""

    group: str
    subject: str | None = None
    passed: int = 0
    failed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def count(self, report: pytest.TestReport) -> None:
        """Add one phase of one test. Set-up and tear-down count only where they do not pass."""
        if report.failed:
            self.failed += 1
        elif report.skipped:
            self.skipped[_reason(report)] += 1
        elif report.when == "call":
            self.passed += 1


class Record:
    """What a session found. pytest gives it every report, also those of workers."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a report of a kit's test."""
        for name, value in report.user_properties:
            if name == _PROPERTY and isinstance(value, dict):
                where = report.nodeid.rpartition("::")[0]
                tally = self.tallies.setdefault(where, Tally(value["group"]))
                tally.subject = value["subject"] or tally.subject
                tally.count(report)

    def entries(self) -> dict[str, dict[str, dict[str, Any]]]:
        """By group and name of the entry point; several classes about one plugin are added up."""
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for tally in self.tallies.values():
            if (name := _installed_as(tally)) is None:
                continue
            entry = found.setdefault(tally.group, {}).setdefault(
                name, {"date": today, "passed": 0, "failed": 0, "skipped": {}}
            )
            entry["passed"] += tally.passed
            entry["failed"] += tally.failed
            entry["skipped"] = dict(sorted((Counter(entry["skipped"]) + tally.skipped).items()))
        return found

    def write(self, file: Path) -> None:
        """Replace the entries of what ran, and leave the others."""
        known = json.loads(file.read_text("utf-8")) if file.exists() else {}
        for group, entries in self.entries().items():
            known[group] = {**known.get(group, {}), **entries}
        file.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", "utf-8")


def _installed_as(tally: Tally) -> str | None:
    """The entry point's name; a log type's own. ``None`` for a class that a test made up."""
    from mantissa_core import catalog

    if tally.group == catalog.LOG_TYPES:
        from mantissa_core.parse.log_types import LogTypes

        return tally.subject if tally.subject in LogTypes.load() else None
    return next((each.name for each in catalog.installed(tally.group) if each.target == tally.subject), None)


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


# -- pytest's hooks, which fixtures.py offers to pytest ------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("mantissa").addoption(
        OPTION, type=Path, metavar="FILE", help="Run the conformance kits only, and record in FILE what passed them."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin a record."""
    if config.getoption(OPTION):
        config.stash[_RECORD] = Record()
        config.pluginmanager.register(config.stash[_RECORD], "mantissa-conformance")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not a kit's own test."""
    if not config.getoption(OPTION):
        return
    chosen = [item for item in items if _group(item) is not None]
    config.hook.pytest_deselected(items=[item for item in items if _group(item) is None])
    items[:] = chosen


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Say in a report which kit it is of, and what was in its hands; reports travel from workers."""
    report = yield
    if item.config.getoption(OPTION) and (group := _group(item)) is not None:
        subject = getattr(item, "cls", type).__dict__.get("subject_of_the_kit")
        report.user_properties.append((_PROPERTY, {"group": group, "subject": subject}))
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the record, once: not in the workers of pytest-xdist."""
    file = session.config.getoption(OPTION)
    if file and not hasattr(session.config, "workerinput"):
        session.config.stash[_RECORD].write(file)


def _group(item: pytest.Item) -> str | None:
    """The entry-point group that the item's kit is about, where the item is a test of a kit."""
    function = getattr(item, "function", None)
    if function is None or not function.__module__.startswith(KITS):
        return None
    group: str | None = getattr(getattr(item, "cls", None), "conforms_to", None)
    return group
