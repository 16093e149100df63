"""The instance's questions: what may be seen of the lake, and who answers them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any

from .deliveries import Deliveries
from .hookspecs import Enricher, LLMProvider
from .model.query import CostEstimate, Query, QueryResult
from .parts import attribute_of

if TYPE_CHECKING:
    from .ask.answer import Answer
    from .ask.asker import Asker
    from .ask.events import OnEvent
    from .ask.parse import Abstained, Understood
    from .ask.plan import Plan
    from .ask.schema import Schema
    from .ask.written import Bounded, Written
    from .places import Places


class Asking(Deliveries):
    """From questions to answers."""

    clock: Callable[[], datetime]

    @cached_property
    def asker(self) -> Asker:
        """Answers questions in plain English; keeps conversations and saved questions."""
        from .ask.asker import Asker
        from .ask.limits import Limits

        ask = self.settings.ask
        rows = self.settings.query.max_result_rows
        limits = Limits(rows, ask.confirm_bytes, ask.confirm_usd, ask.cache, ask.schema_version)
        provider = ask.provider
        return Asker(
            self.state,
            AskedLake(self),
            lambda: self.clock(),
            limits,
            ModelPlans(self, provider) if provider else None,
            self.places,
        )

    @cached_property
    def places(self) -> Places | None:
        """Countries of addresses, where an enricher is configured that tells them."""
        from .alert.enrich.source import Limits, Source
        from .places import Places

        sections = {label: self.settings.enrichers[label] for label in self.labels(Enricher)}
        able = [label for label, each in sections.items() if attribute_of(Enricher, each.plugin, "locates")]

        def sources() -> list[Source]:
            return [
                Source(
                    label,
                    self.plugin(Enricher, label),
                    Limits(sections[label].budget, sections[label].ttl, sections[label].per_minute),
                    ("src_ip",),
                    partial(self._revive, Enricher),
                )
                for label in able
            ]

        return Places(sources) if able else None

    def ask(
        self,
        question: str,
        *,
        conversation: str | None = None,
        zone: str | None = None,
        user: str = "",
        allowed: Collection[str] | None = None,
        confirm: Callable[[CostEstimate], bool] | None = None,
        max_rows: int | None = None,
        explain_only: bool = False,
        execution_id: str | None = None,
        plan: Plan | None = None,
        caller: str = "",
        on_event: OnEvent | None = None,
    ) -> Answer:
        """Answer a question in plain English from the lake, or say why not. See :meth:`Asker.ask` for the arguments.

        Raises:
            QueryError: there is no such conversation or time zone, or ``max_rows`` is not between 1 and 10,000.
        """
        self._own()
        return self.asker.ask(
            question,
            conversation=conversation,
            zone=zone,
            user=user,
            allowed=allowed,
            confirm=confirm,
            max_rows=max_rows,
            explain_only=explain_only,
            execution_id=execution_id,
            plan=plan,
            caller=caller,
            on_event=on_event,
        )


class ModelPlans:
    """Plans of the language model that ``[ask] provider`` names, within the budget of ``[ask]``."""

    def __init__(self, instance: Asking, label: str) -> None:
        self._instance, self.label = instance, label

    def __call__(
        self,
        question: str,
        schema: Schema,
        now: datetime,
        zone: str,
        previous: Plan | Written | None,
        on_event: OnEvent | None = None,
    ) -> Understood | Abstained | Written:
        """Ask the model. A provider that hung and was given up is started again first."""
        from .alert.redact.policy import SECRETS_ONLY
        from .alert.redact.redactor import Redactor
        from .ask.events import Event
        from .ask.model import plan_from_model
        from .ask.parse import Abstained
        from .ask.written import ONLY_A_MODEL, Written

        def tell(kind: str, data: Mapping[str, Any]) -> None:
            if on_event:
                on_event(Event(kind, {"by": self.label, **data} if kind == "reading" else data))

        raw_sql = self._instance.settings.ask.raw_sql
        if isinstance(previous, Written) and not raw_sql:
            return Abstained(f"{ONLY_A_MODEL} (ask.raw_sql is off)")
        instance = self._instance
        if instance.host.is_quarantined(LLMProvider, self.label):
            instance.restart(LLMProvider, self.label)
        provider = instance.plugin(LLMProvider, self.label)
        model = str(instance.host.setting(LLMProvider, self.label, "model") or "")
        redactor = Redactor(SECRETS_ONLY)
        return plan_from_model(
            question,
            schema,
            provider,
            now,
            zone,
            previous,
            spending=instance.model_budget.question(model),
            redact=lambda text: redactor.text(text)[0],
            check=lambda sql: self._explained(sql, schema),
            check_sql=(lambda written: self._guarded(written, schema)) if raw_sql else None,
            tell=tell if on_event else None,
        )

    def _guarded(self, written: Written, schema: Schema) -> None:
        """Raise where the guard refuses it, or the engine would not run what the guard makes of it."""
        allowed = {each.name for each in schema.tables.values() if not each.is_view}
        self._explained(AskedLake(self._instance).bounded(written, allowed, 1).sql, schema)

    def _explained(self, sql: str, schema: Schema) -> None:
        """Raise where the engine would not run it."""
        tables = {each for each in schema.tables if each in self._instance.lake.tables()}
        self._instance.query_backend.run_query(self._instance.prepare(f"EXPLAIN {sql}", {}, 1, allowed=tables))


class AskedLake:
    """The tables of log types and the views over them, as much of them as somebody may see."""

    def __init__(self, instance: Asking) -> None:
        self._instance = instance
        # Of few users' tables: the vocabulary is made anew for each schema.
        self._schema = lru_cache(maxsize=16)(self._schema_of)

    def schema(self, allowed: Collection[str] | None) -> Schema:
        """Those that exist now."""
        seen = (each for each in self._instance.lake.tables() if allowed is None or each in allowed)
        return self._schema(frozenset(seen))

    def _schema_of(self, tables: frozenset[str]) -> Schema:
        from .ask.schema import Schema

        return Schema.of(self._instance.log_types, tables, locates=self._instance.places is not None)

    def prepare(self, sql: str, max_rows: int, allowed: Collection[str] | None, execution_id: str) -> Query:
        """A statement with the tables that it names; a view shows the rows of allowed tables alone."""
        return self._instance.prepare(sql, {}, max_rows, allowed=allowed, execution_id=execution_id)

    def bounded(self, written: Written, allowed: Collection[str] | None, max_rows: int) -> Bounded:
        """What the guard makes of a model's SQL over the tables that it was shown, as much as may be seen of them."""
        from .ask.written import Bounded
        from .query.guarded import Window, guard
        from .query.guarded.granted import granted

        instance, window = self._instance, Window(written.period.lo, written.period.hi)
        tables, _ = granted(written.sql, instance.lake, instance.log_types, window, allowed)
        shown = [each for each in tables if each.name in written.tables]
        # One row more than is returned tells that there were more.
        found = guard(written.sql, shown, max_rows=max_rows + 1, known=written.tables)
        # The windows come first: whoever asked says them once for all tables.
        return Bounded(found.sql, tuple(sorted(found.tables)), found.notes[len(found.windows) :])

    def estimate(self, query: Query) -> CostEstimate:
        """As the backend has it."""
        return self._instance.query_backend.estimate_query(query)

    def run(self, query: Query) -> QueryResult:
        """On the backend."""
        return self._instance.query_backend.run_query(query)

    def cancel(self, execution_id: str) -> bool:
        """On the backend."""
        return self._instance.query_backend.cancel_query(execution_id)
