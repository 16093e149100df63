"""Asks a question of a system and compares what comes with what should."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ask_baseline import Keywords
from ask_compare import Rows, same
from ask_draw import NOW
from ask_features import Features, alike, at_now, features
from ask_lake import SETTINGS, build
from ask_questions import Question
from ask_sources import SOURCES
from mantissa_core import Runtime
from mantissa_core.ask.compile import compile_plan
from mantissa_core.ask.parse import Abstained, parse
from mantissa_core.ask.schema import Schema
from mantissa_core.errors import QueryError
from mantissa_core.parse.log_types import LogTypes
from sqlglot.errors import SqlglotError

RANKED = {"top", "first", "last"}
ROWS = 10_000


@dataclass(frozen=True)
class Reading:
    """The statement that a system made of a question, or none, and what it says about it."""

    sql: str | None
    why: str = ""


System = Callable[[Question], Reading]


@dataclass(frozen=True)
class Verdict:
    """``right``, ``wrong`` or ``abstained``, with why.

    ``measures`` are those of ``ask_features``, and ``valid``: 1 where the statement ran. Empty where there was none, or
    where none should have been.
    """

    question: Question
    verdict: str
    why: str = ""
    measures: Mapping[str, float] = field(default_factory=dict)


class Judge:
    """Over one lake, for systems that know its schema."""

    def __init__(self, runtime: Runtime, *, wide: bool = False) -> None:
        self.runtime = runtime
        names = {each.replace(".", "_") for each in SOURCES} if wide else set()
        self.schema = Schema.of(LogTypes.load(), {"aws_cloudtrail", "okta_system", *names})
        self.gold_rows = cache(self._gold_rows)
        self.gold_features: Callable[[str], Features] = cache(features)

    def judge(self, question: Question, system: System | None = None) -> Verdict:
        """What becomes of a question; without a system, by the offline parser."""
        reading = (system or self.offline)(question)
        if reading.sql is None:
            return Verdict(question, "right" if question.expect else "abstained", reading.why)
        if question.expect:
            return Verdict(question, "wrong", reading.why)
        try:
            found = self.rows(reading.sql)
        except QueryError as error:
            return Verdict(question, "wrong", f"{reading.why} {error}", {"valid": 0.0})
        ranked = question.shape in RANKED
        right = any(same(self.gold_rows(each), found, ranked) for each in question.sql)
        return Verdict(question, "right" if right else "wrong", reading.why, self._measures(question, reading.sql))

    def _measures(self, question: Question, sql: str) -> Mapping[str, float]:
        try:
            return {"valid": 1.0, **alike([self.gold_features(each) for each in question.sql], features(sql))}
        except SqlglotError as error:
            raise ValueError(f"{question.id}: {error}") from error

    def offline(self, question: Question) -> Reading:
        """The product's parser."""
        previous = None
        if question.follows:
            before = parse(question.follows, self.schema, NOW)
            if isinstance(before, Abstained):
                return Reading(None, "the question before it")
            previous = before.plan
        understood = parse(question.question, self.schema, NOW, previous=previous)
        if isinstance(understood, Abstained):
            return Reading(None, understood.reason)
        sql = compile_plan(understood.plan, self.schema.table(understood.plan.source))
        return Reading(sql, understood.explanation)

    def keywords(self) -> System:
        """The reference."""
        templates = Keywords(self.schema)

        def system(question: Question) -> Reading:
            sql = templates.sql(question.question)
            return Reading(sql and at_now(sql), sql or "")

        return system

    def rows(self, sql: str) -> Rows:
        """What a statement gives."""
        found: Rows = self.runtime.query(sql, max_rows=ROWS).rows.to_pylist()
        return found

    def _gold_rows(self, sql: str) -> Rows:
        return self.rows(at_now(sql))


@contextmanager
def judge(*, wide: bool, events: int | None = None) -> Iterator[Judge]:
    """One over a lake of its own."""
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), wide=wide, **({"events": events} if events else {}))
        with Runtime.open({"home": folder, "lake": SETTINGS}) as runtime:
            yield Judge(runtime, wide=wide)
