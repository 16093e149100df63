"""Rules that fail again and again: counted one by one, and told about once for as long as they go on failing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from mantissa_core.detect.signals import SIGNALS, commit_signals, signal_id
from mantissa_core.lake.lake import Lake
from mantissa_core.model import Severity, Signal
from mantissa_core.state.documents import State

FAILING = "detect-failing"
"""The state partition: one document for each rule whose last evaluation failed, by its id."""

LIMIT = 3
"""Evaluations in a row that fail until somebody is told."""

RULE_ID = "mantissa-rule-failing"
"""The built-in rule whose alerts say that another rule fails."""

TITLE = "Detection rule keeps failing"
LONGEST = 500
"""Characters of an error that are kept."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Failing:
    """A rule (or correlation, SQL rule, detector) whose last ``failures`` evaluations failed, the first at ``since``.

    Times are ISO 8601. ``told``: there is a signal about it.
    """

    rule: str
    title: str
    table: str
    failures: int
    since: str
    last: str
    error: str
    told: bool = False


class FailingRules:
    """Counts failures in the state store. Safe to share between threads."""

    def __init__(self, state: State, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._state, self._clock = state, clock
        self._known: set[str] = set()
        self.refresh()

    def refresh(self) -> None:
        """Learn what others counted."""
        self._known = {document.key for document in self._state.scan(FAILING)}

    def failed(self, rule: str, title: str, table: str, error: str) -> None:
        """Count one evaluation that failed."""
        now = self._clock().isoformat()

        def count(old: Mapping[str, Any] | None) -> Mapping[str, Any]:
            known = Failing(**old) if old else None
            return asdict(
                Failing(
                    rule,
                    title,
                    table,
                    (known.failures if known else 0) + 1,
                    known.since if known else now,
                    now,
                    error[:LONGEST],
                    known.told if known else False,
                )
            )

        self._state.update(FAILING, rule, count)
        self._known.add(rule)

    def worked(self, rules: Iterable[str]) -> None:
        """Forget the failures of rules that were evaluated."""
        for rule in self._known.intersection(rules):
            self._state.update(FAILING, rule, lambda _old: None)
            self._known.discard(rule)
            _log.info("rule works again", rule=rule)

    def all(self) -> list[Failing]:
        """The rules whose last evaluation failed, those that fail longest first."""
        found = [Failing(**document.value) for document in self._state.scan(FAILING)]
        return sorted(found, key=lambda each: (each.since, each.rule))

    def tell(self, lake: Lake) -> Iterator[Signal]:
        """Store one signal about each rule that failed :data:`LIMIT` times in a row, and yield it."""
        if not self._known:
            return
        for each in self.all():
            if each.failures >= LIMIT and not each.told:
                since = datetime.fromisoformat(each.since)
                version = (since - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
                table, transaction = lake.ensure(SIGNALS), f"detect:failing/{each.rule}"
                if table.committed(transaction) < version:
                    yield from commit_signals(table, [_signal(each)], transaction, version)
                self._state.update(FAILING, each.rule, lambda old: {**old, "told": True} if old else None)


def _signal(failing: Failing) -> Signal:
    return Signal(
        id=signal_id(RULE_ID, f"{failing.rule}\0{failing.since}"),
        rule_id=RULE_ID,
        rule_name=TITLE,
        severity=Severity.MEDIUM,
        summary=f"{TITLE}: {failing.title}",
        time=datetime.fromisoformat(failing.last),
        table=failing.table,
        event_ids=(),
        group={"rule": failing.rule},
        evidence={
            "rule": failing.rule,
            "error": failing.error,
            "failures": failing.failures,
            "since": failing.since,
        },
    )
