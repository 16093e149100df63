"""No value of the labelled set reaches what is sent or kept about it: outbox, digests, dead letters, history."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mantissa_core.alert.alerts import Alerts
from mantissa_core.alert.enrich.enrichers import Enriched
from mantissa_core.alert.hold import Digest
from mantissa_core.alert.outbox import Outbox
from mantissa_core.alert.redact.kinds import Kind, Treatment
from mantissa_core.alert.redact.policy import SECRETS_ONLY, Redaction
from mantissa_core.alert.redact.redactor import Redactor
from mantissa_core.alert.route import Route
from mantissa_core.alert.summaries import Summaries
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Delivery, Receipt, Severity, Signal
from mantissa_core.state.documents import State
from mantissa_core.state.sqlite import SQLite

from .labelled import Labelled, read

FREE = [each for each in read() if each.values and not each.field]
BOUND = [each for each in read() if each.values and each.field]
SHORTEST = 6
"""Characters; what is shorter occurs in ids and times by chance."""
PLACES = ("summary", "entity", "value", "key", "list", "fact", "fact's key", "reason")


class Says:
    """A destination that repeats what it got in whatever it says."""

    def __init__(self, error: type[Exception] | None = None) -> None:
        self._error = error

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        said = f"{delivery.alert.summary} {dict(delivery.alert.entities)}"
        if self._error:
            raise self._error(said)
        return Receipt(said)


SINKS = {"good": Says(), "down": Says(Retry), "closed": Says(NeedsOperator), "digest": Says()}
DIGESTS = {"digest": Digest(timedelta(hours=1))}
TOMORROW = datetime.now(UTC) + timedelta(days=1)


def policies() -> st.SearchStrategy[Redaction]:
    """Any policy that can be configured."""
    kinds = [kind for kind in Kind if kind is not Kind.SECRET]
    treatments = {kind.value: st.sampled_from(list(Treatment)) for kind in kinds}
    drawn = st.fixed_dictionaries(treatments).map(lambda each: Redaction(**each, hash_key="env:KEY"))
    return st.one_of(st.just(Redaction()), st.just(SECRETS_ONLY), drawn)


def placed(where: list[tuple[str, Labelled]], bound: list[Labelled]) -> tuple[dict[str, Any], Enriched]:
    """The fields of a signal with each text in its place, and what enrichers say."""
    said: dict[str, list[str]] = {place: [] for place in PLACES}
    for place, each in where:
        said[place].append(each.text)
    nested: dict[str, Any] = {}
    for each in bound:
        inner = nested
        *path, name = each.field.split(".")
        for part in path:
            inner = inner.setdefault(part, {})
        inner[name] = each.text
    evidence = {f"f{n}": text for n, text in enumerate(said["value"])} | dict.fromkeys(said["key"], 1)
    facts = {"facts": [{"note": text} for text in said["fact"]], **dict.fromkeys(said["fact's key"], "known")}
    changes = {
        "summary": "; ".join(said["summary"]) or "s",
        "entities": {f"e{n}": text for n, text in enumerate(said["entity"])},
        "evidence": evidence | {"deep": [{"list": said["list"]}], **nested},
    }
    return changes, Enriched({"directory": facts}, {"geo": " ".join(said["reason"])} if said["reason"] else {})


def texts(value: Any) -> Iterator[str]:
    """Every text in a document, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def forbidden(all_placed: list[Labelled], policy: Redaction) -> set[str]:
    """The values that a policy does not let out. What another text holds as something harmless is left aside."""
    rest = "\0".join(_without_values(each) for each in all_placed)
    found = {
        each.text[start:end]
        for each in all_placed
        for kind, start, end in each.values
        if policy.treatments[Kind(kind)] is not Treatment.KEEP
    }
    return {value for value in found if len(value) >= SHORTEST and value not in rest}


def _without_values(each: Labelled) -> str:
    text = each.text
    for _, start, end in reversed(each.values):
        text = f"{text[:start]}\0{text[end:]}"
    return text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    where=st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(FREE)), min_size=1, max_size=8),
    bound=st.lists(st.sampled_from(BOUND), max_size=3, unique_by=lambda each: each.field.partition(".")[0]),
    policy=policies(),
)
def test_no_value_of_the_labelled_kinds_reaches_the_outbox_the_dead_letters_or_the_history(
    tmp_path_factory: pytest.TempPathFactory,
    signal: Callable[..., Signal],
    where: list[tuple[str, Labelled]],
    bound: list[Labelled],
    policy: Redaction,
) -> None:
    state = State(SQLite(SQLite.Config(path=tmp_path_factory.mktemp("state") / "state.sqlite")))
    changes, enriched = placed(where, bound)
    routes = [Route(label, redactor=Redactor(policy, "k"), digest=DIGESTS.get(label)) for label in SINKS]
    signals = [signal(rule, rule_id=rule, severity=Severity.LOW, **changes) for rule in ("a", "b")]
    Alerts(state, enrich=lambda _alert: enriched).apply(signals, routes)
    secrets = forbidden([*(each for _, each in where), *bound], policy)
    assert "held" in _assert_none(state, secrets, "queued")
    assert Summaries(state, clock=lambda: TOMORROW).tell() == 1
    Outbox(state, SINKS, clock=lambda: TOMORROW).dispatch()  # type: ignore[arg-type]
    kept = _assert_none(state, secrets, "sent")
    assert kept == {"outbox", "dead", "deliveries"}


def _assert_none(state: State, secrets: set[str], when: str) -> set[str]:
    """No document about sending holds any of them; returns the kinds of documents that there were."""
    kinds = set()
    for document in state.scan("alerts"):
        kind = document.key.partition("/")[0]
        if kind in {"outbox", "dead", "deliveries", "held"}:
            kinds.add(kind)
            told = "\0".join(texts(json.loads(json.dumps(document.value))))
            assert not [secret for secret in secrets if secret in told], (when, document.key)
    return kinds
