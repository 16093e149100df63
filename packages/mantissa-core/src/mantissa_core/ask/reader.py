"""From a question to what it means: by the offline parser, and where that abstains by the language model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from mantissa_core.errors import NeedsOperator, PluginError, Retry
from mantissa_core.state import State

from .answer import OFFLINE
from .cache import PlanCache, plan_key
from .events import OnEvent, tell
from .limits import Limits
from .parse import Abstained, Understood, parse
from .plan import Plan
from .protocols import PlanMaker
from .schema import Schema
from .usage import Usage
from .written import MARK, ONLY_A_MODEL, Written


@dataclass(frozen=True, slots=True)
class Read:
    """A question as it was read."""

    plan: Plan
    assumptions: tuple[str, ...]
    provider: str
    usage: Usage | None = None


class Reader:
    """Reads questions; remembers the plans that a language model made. Thread-safe."""

    def __init__(self, state: State, clock: Callable[[], datetime], limits: Limits, model: PlanMaker | None) -> None:
        self._clock, self._limits, self._model = clock, limits, model
        self._plans = PlanCache(state, clock)

    @property
    def model(self) -> str:
        """The label of the language model; ``offline`` where there is none."""
        return self._model.label if self._model else OFFLINE

    def read(
        self, question: str, schema: Schema, zone: str, previous: Plan | Written | None, on_event: OnEvent | None
    ) -> Read | Written | Abstained:
        """What the question means, or why it is not known. ``previous`` is what a follow-up changes."""
        now = self._clock().astimezone(UTC)
        tell(on_event, "reading", by=OFFLINE)
        offline = parse(question, schema, now, zone, previous.marked if isinstance(previous, Written) else previous)
        stands_alone = isinstance(offline, Understood) and MARK not in offline.plan.filters
        changes_sql = isinstance(previous, Written) and not stands_alone
        if isinstance(offline, Understood) and not changes_sql:
            return Read(offline.plan, offline.assumptions, OFFLINE)
        suggestions = offline.suggestions if isinstance(offline, Abstained) else ()
        unread = offline.reason if isinstance(offline, Abstained) and not changes_sql else ONLY_A_MODEL
        if self._model is None:
            return Abstained(unread, suggestions)
        try:
            return self._by_model(self._model, question, schema, now, zone, previous, on_event)
        except (Retry, NeedsOperator, PluginError) as error:
            return Abstained(f"{unread} (the language model {self.model} cannot be asked: {error})", suggestions)

    def _by_model(
        self,
        model: PlanMaker,
        question: str,
        schema: Schema,
        now: datetime,
        zone: str,
        previous: Plan | Written | None,
        on_event: OnEvent | None,
    ) -> Read | Written | Abstained:
        before = previous.sql if isinstance(previous, Written) else previous.model_dump_json() if previous else ""
        key = plan_key(question, schema.version, self._limits.schema_version, zone, model.label, before)
        if self._limits.cache and (kept := self._plans.get(key)):
            return Read(kept[0], kept[0].assumptions, kept[1])
        made = model(question, schema, now, zone, previous, on_event)
        if not isinstance(made, Understood):  # SQL is not kept: nothing says what it means at another time
            return made
        if self._limits.cache:
            self._plans.put(key, made.plan, model.label, now)
        return Read(made.plan, made.assumptions, model.label, made.usage)
