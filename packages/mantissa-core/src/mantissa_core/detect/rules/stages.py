"""Whether a rule alerts or is on trial: what its file says, unless a command said otherwise since.

State partition ``rules``: ``stage/<id>`` holds what was commanded, beside its audit entry (subject ``rule/<id>``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote, unquote

from mantissa_core.errors import RuleError
from mantissa_core.model import Put, Signal
from mantissa_core.state import audit
from mantissa_core.state.documents import State

from .attributes import Stage

PARTITION = "rules"
LONGEST_REASON = 1000
"""Characters."""
_PREFIX = "stage/"


class Staged(Protocol):
    """A rule or a correlation."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def alert_window(self) -> timedelta | None:
        """Its own window of alerts."""

    @property
    def stage(self) -> Stage:
        """The stage in its file."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A rule's stage, and where it comes from: the file, or who commanded it, when (UTC) and why."""

    stage: Stage
    by: str = ""
    at: datetime | None = None
    reason: str = ""

    @property
    def commanded(self) -> bool:
        """Whether a command decided, and not the file."""
        return self.at is not None


class Stages:
    """The commanded stages in a state store. A command wins over the file."""

    def __init__(self, state: State, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._state, self._clock = state, clock

    def of(self, rule: Staged) -> Placed:
        """The stage of one rule."""
        document = self._state.get(PARTITION, _key(rule.id))
        return _placed(document.value) if document else Placed(rule.stage)

    def commanded(self) -> Mapping[str, Placed]:
        """By rule id what commands have decided."""
        found = self._state.scan(PARTITION, _PREFIX)
        return {unquote(each.key.removeprefix(_PREFIX)): _placed(each.value) for each in found}

    def shadows(self, rules: Iterable[Staged]) -> frozenset[str]:
        """The ids of those rules that are on trial."""
        commanded = self.commanded()
        return frozenset(rule.id for rule in rules if commanded.get(rule.id, Placed(rule.stage)).stage is Stage.SHADOW)

    def set(self, rule: Staged, stage: Stage, *, by: str, reason: str = "") -> Placed:
        """Decide a rule's stage from now on, and record who did.

        Raises:
            RuleError: the reason is too long.
            Conflict: somebody else decided at the same moment.
        """
        if len(reason) > LONGEST_REASON:
            raise RuleError(f"reason: {len(reason)} characters, expected at most {LONGEST_REASON}")
        now, known = self._clock(), self._state.get(PARTITION, _key(rule.id))
        before = _placed(known.value) if known else Placed(rule.stage)
        value = {"stage": str(stage), "by": by, "at": now.isoformat(), "reason": reason}
        told = audit.entry(f"rule/{rule.id}", "stage", by, now, before=before.stage, after=stage, reason=reason)
        self._state.commit(PARTITION, [Put(_key(rule.id), value), told], {_key(rule.id): known.version if known else 0})
        return _placed(value)


def shadowed(signals: Iterable[Signal], shadows: frozenset[str]) -> Iterator[Signal]:
    """The signals, those of rules on trial marked so. What a filter suppressed stays that."""
    for signal in signals:
        if signal.rule_id in shadows and signal.disposition is None:
            signal = replace(signal, disposition="shadow")
        yield signal


def _key(rule_id: str) -> str:
    return f"{_PREFIX}{quote(rule_id, safe='')}"


def _placed(value: Mapping[str, Any]) -> Placed:
    return Placed(Stage(value["stage"]), value["by"], datetime.fromisoformat(value["at"]), value["reason"])
