"""What analysts say about alerts, and what that says about the rules.

State partition ``alerts``: ``verdict/<alert>`` holds the last verdict; the former ones are audit entries of the subject
``alert/<alert>``, committed with it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import Any
from urllib.parse import unquote

from mantissa_core.errors import MantissaError
from mantissa_core.model.alert import Alert
from mantissa_core.model.document import Put
from mantissa_core.state import audit
from mantissa_core.state.documents import State

from . import keys
from .codec import time_from_json, time_to_json
from .product import CANARY

LONGEST_NOTE = 4000
"""Characters."""
_PAGE = 500
_Z = 1.96  # of the normal distribution, for 95 %


class Verdict(StrEnum):
    """An attack; not what the rule is about; what the rule is about, and allowed."""

    TRUE_POSITIVE = "true_positive"
    FALSE_POSITIVE = "false_positive"
    BENIGN = "benign"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One verdict on one alert: who, when (UTC) and, in a note, why."""

    alert: str
    rule: str
    verdict: Verdict
    by: str
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Precision:
    """A rule's alerts, and how many of them have each verdict."""

    rule: str
    alerts: int
    true: int = 0
    false: int = 0
    benign: int = 0

    @property
    def unjudged(self) -> int:
        """Alerts without a verdict."""
        return self.alerts - self.true - self.false - self.benign

    @property
    def decided(self) -> int:
        """What the precision is a share of: true and false positives. Benign ones are apart."""
        return self.true + self.false

    @property
    def share(self) -> float | None:
        """True positives among the decided; ``None`` where there are none."""
        return self.true / self.decided if self.decided else None

    @property
    def likely(self) -> tuple[float, float] | None:
        """Where the share of many more alerts would lie, with 95 % confidence: Wilson's score interval.

        https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval
        """
        if self.share is None:
            return None
        n, z2 = self.decided, _Z * _Z
        middle = (self.share + z2 / (2 * n)) / (1 + z2 / n)
        half = _Z / (1 + z2 / n) * math.sqrt(self.share * (1 - self.share) / n + z2 / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)


class Verdicts:
    """The verdicts in a state store."""

    def __init__(self, state: State, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._state, self._clock = state, clock

    def record(self, alert: Alert, verdict: Verdict, *, by: str, note: str = "") -> Judgement:
        """Store a verdict; the last one counts, and those before stay in the history.

        Raises:
            MantissaError: the note is too long.
            Conflict: somebody else judged the alert at the same moment.
        """
        if len(note) > LONGEST_NOTE:
            raise MantissaError(f"note: {len(note)} characters, expected at most {LONGEST_NOTE}")
        made = Judgement(alert.id, alert.rule_id, verdict, by, self._clock(), note)
        key = keys.verdict(alert.id)
        known = self._state.get(keys.PARTITION, key)
        facts = {"rule": made.rule, "verdict": str(verdict), "note": note}
        told = audit.entry(f"alert/{alert.id}", "verdict", by, made.at, **facts)
        value = {**facts, "by": by, "at": time_to_json(made.at)}
        self._state.commit(keys.PARTITION, [Put(key, value), told], {key: known.version if known else 0})
        return made

    def get(self, alerts: Sequence[str]) -> Mapping[str, Judgement]:
        """The last verdict on each of these alerts (ids) that has one."""
        found: dict[str, Judgement] = {}
        rest = iter(alerts)
        while page := list(islice(rest, _PAGE)):
            documents = self._state.get_many(keys.PARTITION, [keys.verdict(each) for each in page])
            found |= {
                each: _judgement(each, documents[key].value)
                for each in page
                if (key := keys.verdict(each)) in documents
            }
        return found

    def history(self, alert: str) -> list[Judgement]:
        """Every verdict on an alert (id), oldest first."""
        entries = audit.entries(self._state, keys.PARTITION, f"alert/{alert}")
        return [_judgement(alert, each) for each in entries if each["action"] == "verdict"]

    def precision(self) -> list[Precision]:
        """For each rule that opened alerts what became of them; most alerts first. Test alerts do not count."""
        alerts = Counter(unquote(each.key.split("/")[1]) for each in self._state.scan(keys.PARTITION, "by-rule/"))
        judged = self._state.scan(keys.PARTITION, keys.verdict(""))
        counts = Counter((each.value["rule"], each.value["verdict"]) for each in judged)
        found = [_precision(rule, alerts[rule], counts) for rule in alerts if rule != CANARY]
        return sorted(found, key=lambda each: (-each.alerts, each.rule))


def _precision(rule: str, alerts: int, counts: Mapping[tuple[str, str], int]) -> Precision:
    true, false, benign = (counts.get((rule, str(verdict)), 0) for verdict in Verdict)
    return Precision(rule, alerts, true, false, benign)


def _judgement(alert: str, value: Mapping[str, Any]) -> Judgement:
    at = time_from_json(value["at"])
    return Judgement(alert, value["rule"], Verdict(value["verdict"]), value["by"], at, value["note"])
