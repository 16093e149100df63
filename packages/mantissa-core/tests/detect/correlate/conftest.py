"""A lake with two sources, rules from files, and matches made by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from mantissa_core.detect.follow.engine import Engine
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.signals import SIGNALS, signals_from_rows
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.spec import table_spec
from mantissa_core.model import LogType, Signal
from mantissa_core.parse.json_text import dumps
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.parse.rows import RowBuilder
from mantissa_core.state.documents import State
from mantissa_core.state.sqlite import SQLite

START = datetime(2026, 1, 2, tzinfo=UTC)
DAY = 86_400


def _log_type(name: str, product: str, service: str, columns: Sequence[str], user: str) -> LogType:
    return LogType.model_validate(
        {
            "name": name,
            "title": name,
            "time": {"path": "at"},
            "id": {"native": ["key"]},
            "columns": [{"path": "key"}, {"path": "at"}, *({"path": each} for each in columns)],
            "overlay": {"user": [user]},
            "sigma": {"logsources": [{"product": product, "service": service}]},
        }
    )


LOG_TYPES = {
    "okta": _log_type("test.okta", "okta", "authentication", ["outcome", "user_email", "bytes", "ip"], "user_email"),
    "apm": _log_type("test.apm", "apm", "traces", ["service_name", "status_code", "account"], "account"),
}


class World:
    """An instance in small: events go in, rules stand in files, signals come out."""

    log_types = LogTypes(LOG_TYPES.values())

    def __init__(self, folder: Path, builders: Mapping[str, RowBuilder]) -> None:
        self.folder, self._builders = folder, builders
        self.lake = Lake.open(folder / "lake")
        self.state = State(SQLite(SQLite.Config(path=folder / "state.sqlite")))
        self.lateness = timedelta()
        (folder / "rules").mkdir()

    def rules(self, *documents: str | Mapping[str, Any]) -> RuleSet:
        """Write the documents to one file and load it; all must hold."""
        texts = [each if isinstance(each, str) else yaml.safe_dump(dict(each)) for each in documents]
        (self.folder / "rules" / "rules.yml").write_text("\n---\n".join(texts))
        found = self.loaded()
        assert found.broken == {}
        return found

    def loaded(self) -> RuleSet:
        return RuleSet.load(packs=False, paths=[self.folder / "rules"])

    def ingest(self, *events: Mapping[str, Any], source: str = "okta") -> None:
        """Commit events as one version. ``second`` is their time, ``key`` their id (the second, by default)."""
        log_type = LOG_TYPES[source]
        records = []
        for event in events:
            at = START + timedelta(seconds=event["second"])
            rest = {name: value for name, value in event.items() if name != "second"}
            records.append(dumps({"at": at.isoformat(), "key": f"e{event['second']}", **rest}).encode())
        table = self.lake.ensure(table_spec(log_type))
        version = table.version() + 1
        parsed = self._builders[source].build(
            records, range(len(records)), origin=f"file {version}", source="test", ingest_time=START + timedelta(days=9)
        )
        assert not parsed.dead
        table.commit(table.stage(parsed.rows), {"test": version})

    def engine(self, **options: Any) -> Engine:
        return Engine(self.lake, self.state, self.loaded(), self.log_types, lateness=self.lateness, **options)

    def detect(self, rule: str | None = None) -> list[Signal]:
        """Run a fresh engine; the signals of one rule, or all, in the order of time."""
        found = [each for each in self.engine().run() if rule in (None, each.rule_id)]
        return sorted(found, key=lambda each: (each.time, each.id))

    def seconds(self, rule: str) -> list[int]:
        """Run a fresh engine; when the signals of one rule were, in seconds since the start."""
        return [self.second(each) for each in self.detect(rule)]

    def stored(self, rule: str) -> list[Signal]:
        table = self.lake.table(SIGNALS.name)
        found = [signal for batch in table.read(table.live()) for signal in signals_from_rows(batch)]
        return sorted((each for each in found if each.rule_id == rule), key=lambda each: (each.time, each.id))

    @staticmethod
    def base(name: str, outcome: str | None = None, **more: Any) -> dict[str, Any]:
        """A rule that matches one outcome (its name, by default) in the source okta."""
        return {
            "title": f"Rule {name}",
            "id": f"rule-{name}",
            "name": name,
            "logsource": {"product": "okta", "service": "authentication"},
            "detection": {"selection": {"outcome": outcome or name}, "condition": "selection"},
            **more,
        }

    @staticmethod
    def correlation(kind: str, rules: Iterable[str], rule_id: str = "c", **section: Any) -> dict[str, Any]:
        """A correlation over 10 seconds; ``group_by`` stands for ``group-by``."""
        named = {name.replace("_", "-"): value for name, value in section.items()}
        return {
            "title": f"Correlation {rule_id}",
            "id": rule_id,
            "name": rule_id,
            "level": "high",
            "correlation": {"type": kind, "rules": list(rules), "timespan": "10s", **named},
        }

    @staticmethod
    def second(signal: Signal) -> int:
        return int((signal.time - START).total_seconds())

    @staticmethod
    def at(second: int, outcome: str = "fail", **more: Any) -> dict[str, Any]:
        return {"second": second, "outcome": outcome, **more}


@pytest.fixture(scope="session")
def builders() -> Iterator[Mapping[str, RowBuilder]]:
    with RowBuilder(LOG_TYPES["okta"]) as okta, RowBuilder(LOG_TYPES["apm"]) as apm:
        yield {"okta": okta, "apm": apm}


@pytest.fixture
def world(tmp_path: Path, builders: Mapping[str, RowBuilder]) -> World:
    return World(tmp_path, builders)


@pytest.fixture
def new_world(tmp_path: Path, builders: Mapping[str, RowBuilder]) -> Callable[[], World]:
    """Worlds that know nothing of each other, for one test."""
    made: list[World] = []

    def make() -> World:
        folder = tmp_path / f"world{len(made)}"
        folder.mkdir()
        made.append(World(folder, builders))
        return made[-1]

    return make


@pytest.fixture(scope="session")
def world_class() -> type[World]:
    return World
