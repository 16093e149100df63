"""Countries of addresses, as the configured enrichers know them: for questions about tables that do not say them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .model import Alert, Severity

if TYPE_CHECKING:
    from .alert.enrich.source import Answer, Source
    from .ask.located import Place

SECONDS = 30.0
"""How long one question waits for all of its addresses."""
SIDE_BY_SIDE = 16
"""Addresses that an enricher is asked about at a time."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Places:
    """Asks each source about the addresses that those before it did not know. What they say is remembered.

    ``open_sources`` is called at the first question: enrichers start then.
    """

    def __init__(
        self, open_sources: Callable[[], Sequence[Source]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._open, self._clock = open_sources, clock

    @cached_property
    def _sources(self) -> Sequence[Source]:
        return self._open()

    def __call__(self, addresses: Sequence[str]) -> Mapping[str, Place]:
        """The place of each. Private addresses, and what is none, are not asked about."""
        from .alert.enrich.addresses import address_of, is_public
        from .ask.located import Place

        parsed = {text: address_of(text) for text in addresses}
        found = {
            text: Place(private=address is not None and not is_public(address)) for text, address in parsed.items()
        }
        left = [text for text, address in parsed.items() if address is not None and is_public(address)]
        end = self._clock() + SECONDS
        for source in self._sources if left else ():
            for at in range(0, len(left), SIDE_BY_SIDE):
                found |= self._asked(source, left[at : at + SIDE_BY_SIDE], end)
            left = [text for text in left if not found[text].country and not found[text].code]
        return found

    def _asked(self, source: Source, addresses: Sequence[str], end: float) -> dict[str, Place]:
        from .ask.located import Place

        if self._clock() >= end:
            return {each: Place(failure=f"not within {SECONDS:.0f} s") for each in addresses}
        futures = [(each, source.ask(_about(each))) for each in addresses]
        until = self._clock() + source.limits.budget
        return {each: _place(each, self._answer(source, future, until)) for each, future in futures}

    def _answer(self, source: Source, future: Future[Answer], until: float) -> Answer:
        try:
            return future.result(timeout=max(0.0, until - self._clock()))
        except TimeoutError:
            return source.late()


def _place(address: str, answer: Answer) -> Place:
    """What the facts say under ``ips``; nothing where they have another shape."""
    from .ask.located import Place

    if answer.failure:
        return Place(failure=answer.failure)
    facts = _object(_object(answer.facts).get("ips")).get(address)
    said = [_object(facts).get(name) for name in ("country", "country_code")]
    country, code = (each if isinstance(each, str) else "" for each in said)
    return Place(country, code)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _about(address: str) -> Alert:
    """Enrichers are asked about alerts: this one has the address and nothing else."""
    return Alert(
        id="",
        rule_id="",
        rule_name="",
        severity=Severity.INFORMATIONAL,
        summary="",
        description="",
        status="open",
        count=0,
        first_seen=_NEVER,
        last_seen=_NEVER,
        created=_NEVER,
        entities={"src_ip": (address,)},
    )
