from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.testing.collector import CollectorContract, Event

from fake_acme import FakeAcme
from mantissa_acme.collector import Gadget

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))


@pytest.fixture
def fake() -> Iterator[FakeAcme]:
    with FakeAcme() as server:
        yield server


def settings(fake: FakeAcme) -> dict[str, Any]:
    return {"url": fake.url, "token": fake.token, "page_size": fake.page_size, "timeout": 3.0}


def ids(pages: Iterable[Page]) -> list[str]:
    return [event["id"] for page in pages for event in page.records]  # type: ignore[index, call-overload]


class TestContract(CollectorContract):
    secrets = ("s3cret-of-the-tests",)

    @pytest.fixture
    def source(self, fake: FakeAcme) -> FakeAcme:
        return fake

    def collector(self, source: FakeAcme) -> Any:
        return Gadget(Gadget.Config.model_validate(settings(source)))


def test_it_starts_as_the_runtime_starts_it(fake: FakeAcme, start_plugin: Callable[..., Any]) -> None:
    fake.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(7)])
    given = {**settings(fake), "token": "secret://token"}
    collector = start_plugin(Collector, "acme.gadget", given, token=fake.token)
    (stream,) = collector.streams()
    pages = list(collector.read(stream, WINDOW, {}))
    assert ids(pages) == [f"e{number}" for number in range(7)]
    assert [page.complete_until for page in pages] == [None, None, WINDOW.end]


def test_a_cursor_that_has_expired_begins_the_walk_again(fake: FakeAcme) -> None:
    fake.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(7)])
    collector = Gadget(Gadget.Config.model_validate(settings(fake)))
    (stream,) = collector.streams()
    first = next(collector.read(stream, WINDOW, {}))
    fake.forget_cursors()
    assert len(ids(collector.read(stream, WINDOW, first.next_state))) == 7
