"""Conformance kit for log types: subclass :class:`LogTypeContract` in a test module.

::

    class TestAudit(LogTypeContract):
        file = files("mantissa_acme.log_types") / "acme_audit.yaml"

The log type's own examples are what is tested: give one for each kind of event that matters, with the overlay that
it must have.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mantissa_core.ask.parse import Understood, parse
from mantissa_core.ask.schema import Schema
from mantissa_core.detect.match.bind import undeclared
from mantissa_core.model import LogType
from mantissa_core.parse.layout import Layout
from mantissa_core.parse.log_types import read
from mantissa_core.parse.rebuild import Rebuilder, rebuild
from mantissa_core.parse.rows import RowBuilder

from .conformance import proves

_ASKED = datetime(2026, 1, 20, 18, tzinfo=UTC)
STRANGE = (
    "",
    "\0\U0001f600",
    [1, {"a": None}],
    {"b": [True]},
    10**18,
    -1.5,
    False,
    "9999-12-31T23:59:59Z",
    list(range(1_000)),
)
"""Values of every type, an unknown word, a time far ahead, a list that is too long."""


def rows_of(log_type: LogType, events: Sequence[Mapping[str, Any] | bytes]) -> list[dict[str, Any]]:
    """Make rows of events, as collection would. Fails where one would become a dead letter."""
    records = [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events]
    with RowBuilder(log_type) as builder:
        now = datetime.now(UTC)
        parsed = builder.build(
            records, range(len(records)), origin="test", source="test", ingest_time=now, retention_days=36_500
        )
    assert not parsed.dead, f"would be a dead letter: {parsed.dead[0].reason}"
    rows: list[dict[str, Any]] = parsed.rows.to_pylist()
    return rows


def without_nulls(value: Any) -> Any:
    """Leave out members that are null, at every depth: rows do not tell them from absent ones."""
    if isinstance(value, Mapping):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


def _with(event: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    """A copy of the event that has this value at the path."""
    first, *rest = path
    if not rest:
        return {**event, first: value}
    inner = event.get(first)
    return {**event, first: _with(inner if isinstance(inner, Mapping) else {}, rest, value)}


def _leaves(members: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in members.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key)


class LogTypeContract:
    """What every log type must be. Set ``file``."""

    conforms_to: ClassVar[str] = "mantissa.log_types"
    file: ClassVar[Path | Traversable]
    """The YAML file."""

    @pytest.fixture
    def log_type(self) -> LogType:
        """The log type."""
        log_type = read(self.file)
        proves(self, log_type.name)
        return log_type

    def test_it_has_examples(self, log_type: LogType) -> None:
        """Nothing else shows what the overlay is meant to be."""
        assert log_type.examples
        assert any(example.overlay for example in log_type.examples), "no example says its overlay"

    def test_every_example_gives_its_overlay(self, log_type: LogType) -> None:
        """The ``m_*`` columns are what the example says."""
        for row, example in zip(rows_of(log_type, self._events(log_type)), log_type.examples, strict=True):
            assert {name: row[f"m_{name}"] for name in example.overlay} == example.overlay

    def test_every_field_of_the_examples_is_declared(self, log_type: LogType) -> None:
        """With the type that it has; and the time can be read."""
        for row in rows_of(log_type, self._events(log_type)):
            undeclared = [path for path in _leaves(json.loads(row["m_extra"] or "{}")) if path not in log_type.by_path]
            assert undeclared == [], "fields that are not declared"
            assert row["m_flags"] is None, "a value is not of its declared type, or the time cannot be read"

    def test_every_example_can_be_rebuilt(self, log_type: LogType) -> None:
        """Storing loses nothing."""
        for row, event in zip(rows_of(log_type, self._events(log_type)), self._events(log_type), strict=True):
            assert without_nulls(rebuild(row, log_type)) == without_nulls(event)

    def test_copies_of_an_event_are_one_where_the_vendor_gives_it_an_id(self, log_type: LogType) -> None:
        """And two where it does not; different examples are different events."""
        events = self._events(log_type)
        first = [row["m_id"] for row in rows_of(log_type, events)]
        assert len(set(first)) == len(first), "two examples have one id"
        again = [row["m_id"] for row in rows_of(log_type, [*events, *events])][len(events) :]
        if log_type.id == "position":
            assert not set(first) & set(again)
        else:
            assert first == again, "the id is not the vendor's alone"

    def test_every_column_is_described(self, log_type: LogType) -> None:
        """People and language models read the descriptions: whole sentences or phrases, with a full stop."""
        assert [column.path for column in log_type.columns if not column.description.endswith(".")] == []

    def test_aliases_lead_to_columns(self, log_type: LogType) -> None:
        """Or into ``json`` columns. A rule that uses an alias of a path that is not declared would never match."""
        assert undeclared(log_type.sigma.aliases.values(), log_type) == ()

    def test_phrases_ask_for_their_events_and_for_nothing_else(self, log_type: LogType) -> None:
        """Every phrase of ``asked``: the offline parser must come to its conditions, on this table."""
        schema = Schema.of([log_type], {log_type.table})
        wrong = {
            phrase: read
            for asked in schema.tables[log_type.table].asked
            for phrase in asked.phrases
            if not isinstance(read := parse(f"show {phrase} today", schema, _ASKED), Understood)
            or (read.plan.source, read.plan.filters) != (log_type.table, asked.filters)
            or read.plan.measures
        }
        assert not wrong

    def test_a_value_that_nobody_expects_harms_nothing(self, log_type: LogType) -> None:
        """In whatever field: the event is kept as it came, and so are its neighbours."""
        good = self._events(log_type)[0]
        columns = [column for column in log_type.columns if log_type.json_parent(column) is None]
        odd = [_with(good, column.keys, strange) for strange in STRANGE for column in columns]
        rows = rows_of(log_type, [good, *odd, good])
        rebuilder = Rebuilder(Layout(log_type))
        for row, event in zip(rows, [good, *odd, good], strict=True):
            assert without_nulls(rebuilder.rebuild(row)) == without_nulls(event)
        assert rows[0]["m_time"] == rows[-1]["m_time"]

    def test_records_that_are_no_events_become_dead_letters_and_leave_the_others(self, log_type: LogType) -> None:
        """Cut off, no object, no UTF-8, nested without end."""
        events = [json.dumps(event).encode() for event in self._events(log_type)]
        bad = [events[0][:-1], b"[]", b"null", b"7", b"", b"\xff\xfe", b'{"a":' * 5_000 + b"1" + b"}" * 5_000]
        records = [record for pair in zip(bad, (events * len(bad))[: len(bad)], strict=True) for record in pair]
        with RowBuilder(log_type) as builder:
            now = datetime.now(UTC)
            parsed = builder.build(records, range(len(records)), origin="test", source="test", ingest_time=now)
        assert (len(parsed.dead), parsed.rows.num_rows) == (len(bad), len(bad))

    @staticmethod
    def _events(log_type: LogType) -> list[Mapping[str, Any]]:
        return [example.event for example in log_type.examples]
