"""What became of each scheduled rule's runs, and who is at it now: one document for each rule.

A run is claimed by compare-and-set before it begins. The claim ends with the run, or after :data:`LEASE` where its
process died; then the same run may be claimed again, and its signals' commit is refused where they were stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from mantissa_core.errors import Conflict
from mantissa_core.model import Put
from mantissa_core.state.documents import State

RUNS = "schedule-runs"

LEASE = timedelta(minutes=10)
LONGEST = 500
"""Characters of an error that are kept."""


@dataclass(frozen=True, slots=True)
class Run:
    """The state of a scheduled rule. Times are ISO 8601.

    ``reached`` is the scheduled time up to which runs are done with, whatever came of them, ``succeeded`` the last
    that went well. ``last_executed``, ``rows``, ``signals`` and ``error`` tell of the last run, ``failures`` how many
    failed in a row. ``claim`` and ``until`` are those of a run under way.
    """

    reached: str
    succeeded: str
    last_executed: str | None = None
    rows: int = 0
    signals: int = 0
    milliseconds: int = 0
    error: str = ""
    failures: int = 0
    claim: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run. ``rows`` were found, ``signals`` are new; ``error`` is empty where it went well."""

    executed: datetime
    rows: int
    signals: int
    milliseconds: int
    error: str = ""


class Runs:
    """The runs in a partition of the state store."""

    def __init__(self, state: State, partition: str = RUNS) -> None:
        self._state, self._partition = state, partition

    def get(self, rule_id: str) -> Run | None:
        """What is known of a rule's runs."""
        document = self._state.get(self._partition, rule_id)
        return Run(**document.value) if document else None

    def all(self) -> dict[str, Run]:
        """Every rule's, by id."""
        return {document.key: Run(**document.value) for document in self._state.scan(self._partition)}

    def begin(self, rule_id: str, now: datetime) -> None:
        """Let a schedule begin at ``now``: what would have run before is not caught up."""

        def begun(old: Mapping[str, Any] | None) -> Mapping[str, Any]:
            moment = now.isoformat()
            run = Run(**old) if old else Run(moment, moment)
            return asdict(replace(run, reached=max(moment, run.reached), succeeded=max(moment, run.succeeded)))

        self._state.update(self._partition, rule_id, begun)

    def claim(self, rule_id: str, at: datetime, now: datetime) -> str:
        """Claim the run at ``at``. Returns a token, empty where somebody else has it or it is done."""
        document = self._state.get(self._partition, rule_id)
        run = Run(**document.value) if document else None
        taken = run is not None and run.claim and datetime.fromisoformat(run.until) > now
        if document is None or run is None or taken or datetime.fromisoformat(run.reached) >= at:
            return ""
        token = uuid4().hex
        claimed = replace(run, claim=token, until=(now + LEASE).isoformat())
        try:
            self._state.commit(self._partition, [Put(rule_id, asdict(claimed))], {rule_id: document.version})
        except Conflict:
            return ""
        return token

    def renew(self, rule_id: str, token: str, now: datetime) -> bool:
        """Keep a claim for another :data:`LEASE`; False where it was lost."""
        return self._mine(rule_id, token, lambda run: replace(run, until=(now + LEASE).isoformat()))

    def release(self, rule_id: str, token: str) -> None:
        """Give a claim back: the run is still to be done."""
        self._mine(rule_id, token, lambda run: replace(run, claim="", until=""))

    def finish(self, rule_id: str, token: str, at: datetime, outcome: Outcome) -> None:
        """Record what came of the run at ``at`` and give the claim back, unless it was lost."""

        def finished(run: Run) -> Run:
            went_well = not outcome.error
            return Run(
                reached=at.isoformat(),
                succeeded=at.isoformat() if went_well else run.succeeded,
                last_executed=outcome.executed.isoformat(),
                rows=outcome.rows,
                signals=outcome.signals,
                milliseconds=outcome.milliseconds,
                error=outcome.error[:LONGEST],
                failures=0 if went_well else run.failures + 1,
            )

        self._mine(rule_id, token, finished)

    def _mine(self, rule_id: str, token: str, change: Any) -> bool:
        held = False

        def changed(old: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
            nonlocal held
            run = Run(**old) if old else None
            held = run is not None and run.claim == token
            return asdict(change(run)) if held else old

        self._state.update(self._partition, rule_id, changed)
        return held
