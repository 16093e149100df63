# ruff: noqa: D102  # a test's name is the promise that it checks
"""Conformance kit for enrichers: subclass :class:`EnricherContract` in a test module.

The author supplies a fake of the source of facts, and an alert whose entities it knows::

    class TestReputation(EnricherContract):
        secrets = ("s3cret",)

        @pytest.fixture
        def source(self):
            with FakeReputation(known="198.51.100.7") as fake:
                yield fake

        def enricher(self, source):
            return Reputation(Reputation.Config(url=source.url, token="s3cret", timeout=2))

        def known(self, source):
            return an_alert(src_ip="198.51.100.7")

What the fake cannot do (:attr:`Facts.faults`) is skipped; an enricher that asks nobody has no faults.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, ClassVar, Protocol

import pytest

from mantissa_core.errors import MantissaError, NeedsOperator, Retry
from mantissa_core.hookspecs import PROJECT, Enricher
from mantissa_core.model import Alert, Enrichment

from .alert_sink import delivery
from .fake_http import Fault

__all__ = ["EnricherContract", "Facts", "Fault", "an_alert"]

FACTS_LIMIT = 16 * 1024
"""Bytes of JSON that the facts about one alert may have: they are stored with it."""


class Facts(Protocol):
    """The fake of where the facts come from."""

    faults: frozenset[Fault]

    def inject(self, fault: Fault) -> None:
        """Misbehave until :meth:`heal`."""

    def heal(self) -> None:
        """Behave again."""


def an_alert(**entities: str) -> Alert:
    """An alert about these entities (``user``, ``src_ip``, ``target``…)."""
    return delivery(entities={name: (value,) for name, value in entities.items()}).alert


class EnricherContract:
    """What every enricher must do. Override :meth:`source`, :meth:`enricher` and :meth:`known`."""

    secrets: ClassVar[tuple[str, ...]] = ()
    """The credentials that :meth:`enricher` configures."""
    deadline: ClassVar[float] = 5.0
    """Seconds that a call may take when the source hangs; the runtime gives no more."""

    @pytest.fixture
    def source(self) -> Iterator[Facts]:
        """Yield a fresh fake."""
        raise NotImplementedError("override the fixture 'source'")

    def enricher(self, source: Any) -> Any:
        """Build the plugin, so that it asks ``source``."""
        raise NotImplementedError("override 'enricher'")

    def known(self, source: Any) -> Alert:
        """An alert that there are facts about."""
        raise NotImplementedError("override 'known'")

    def unknown(self, source: Any) -> Alert:
        """An alert of the same kind that there are no facts about."""
        return an_alert(user="nobody-knows@example.invalid", src_ip="192.0.2.254", target="nothing")

    def test_the_hook_is_marked_with_hookimpl(self, source: Any) -> None:
        assert hasattr(self.enricher(source).enrich, f"{PROJECT}_impl"), "decorate 'enrich' with @hookimpl"

    def test_a_known_entity_yields_facts_that_are_json(self, source: Any) -> None:
        found = self.enricher(source).enrich(self.known(source))
        assert isinstance(found, Enrichment)
        assert found.facts, "where there is nothing to say, return None"
        text = json.dumps(dict(found.facts), allow_nan=False)
        assert json.loads(text) == dict(found.facts), "keys are texts, and values survive JSON"
        assert len(text) <= FACTS_LIMIT, f"facts are stored with the alert: at most {FACTS_LIMIT} bytes"

    def test_an_unknown_entity_yields_none(self, source: Any) -> None:
        assert self.enricher(source).enrich(self.unknown(source)) is None

    def test_an_alert_without_entities_does_no_harm(self, source: Any) -> None:
        found = self.enricher(source).enrich(an_alert())
        assert found is None or isinstance(found, Enrichment)

    def test_what_an_attacker_chose_as_a_name_does_no_harm(self, source: Any) -> None:
        for name in ("", "' OR '1'='1", "../../etc/passwd", "a\r\nHost: evil", "x" * 10_000, "\x00", "\U0001f525"):
            found = self.enricher(source).enrich(an_alert(user=name, src_ip=name, target=name))
            assert found is None, f"nothing is known about {name[:30]!r}"

    def test_the_alert_is_left_as_it_is(self, source: Any) -> None:
        alert = self.known(source)
        before = deepcopy(alert)
        self.enricher(source).enrich(alert)
        assert alert == before

    def test_asking_twice_yields_the_same(self, source: Any) -> None:
        enricher, alert = self.enricher(source), self.known(source)
        assert enricher.enrich(alert) == enricher.enrich(alert)

    @pytest.mark.parametrize("fault", [Fault.BUSY, Fault.SERVER_ERROR, Fault.TRUNCATED])
    def test_a_passing_failure_is_a_retry(self, source: Any, fault: Fault) -> None:
        enricher = self.enricher(source)
        error = self._failure(source, fault, enricher)
        assert isinstance(error, Retry), f"{fault.name} must raise Retry, not {error!r}"
        source.heal()
        assert enricher.enrich(self.known(source)), "after a failure it works again"

    def test_a_refused_credential_needs_the_operator(self, source: Any) -> None:
        assert isinstance(self._failure(source, Fault.REFUSED, self.enricher(source)), NeedsOperator)

    def test_a_source_that_hangs_is_given_up_within_the_deadline(self, source: Any) -> None:
        self._needs(source, Fault.TIMEOUT)
        enricher, alert = self.enricher(source), self.known(source)
        source.inject(Fault.TIMEOUT)
        raised: list[BaseException] = []

        def enrich() -> None:
            try:
                enricher.enrich(alert)
            except MantissaError as error:
                raised.append(error)

        thread = threading.Thread(target=enrich, daemon=True)
        thread.start()
        thread.join(self.deadline)
        hangs = thread.is_alive()
        source.heal()
        assert not hangs, f"still waiting after {self.deadline} s: set a timeout on every request"
        assert [type(error) for error in raised] == [Retry]

    def test_secrets_stay_out_of_sight(self, source: Any, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        enricher = self.enricher(source)
        shown = [repr(enricher), repr(vars(enricher)), repr(enricher.enrich(self.known(source)))]
        refusals = {Fault.BUSY, Fault.SERVER_ERROR, Fault.REFUSED, Fault.REJECTED}
        for fault in sorted(source.faults & refusals, key=lambda each: each.name):
            shown.append(repr(self._failure(source, fault, self.enricher(source))))
            source.heal()
        text = "\n".join([*shown, caplog.text])
        assert not [secret for secret in self.secrets if secret in text], "a secret is in an error, a log or a repr"

    def _needs(self, source: Any, fault: Fault) -> None:
        if fault not in source.faults:
            pytest.skip(f"the fake source cannot produce {fault.name}")

    def _failure(self, source: Any, fault: Fault, enricher: Enricher) -> MantissaError:
        self._needs(source, fault)
        source.inject(fault)
        with pytest.raises(MantissaError) as caught:
            enricher.enrich(self.known(source))
        return caught.value
