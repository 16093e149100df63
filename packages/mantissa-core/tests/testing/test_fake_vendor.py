"""The fake vendor: collectors of every style of paging and of an expiring token pass the kit against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Page, Stream, Window
from mantissa_core.testing.collector import CollectorContract
from mantissa_core.testing.fake_tokens import FakeTokens
from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Fault, Request, Served
from mantissa_core.vendor_api import (
    Auth,
    Batch,
    Bearer,
    ClientCredentials,
    OAuth,
    RateLimit,
    TokenEndpoint,
    Vendor,
    VendorClient,
    Walk,
    WindowReader,
    in_body,
    next_address,
    next_offset,
    next_page,
)
from mantissa_core.vendor_api.http import http_client
from pydantic import SecretStr

TOKEN = "t0ken-of-the-tests"
ACME = Vendor("Acme", rate_limit=RateLimit(reading="delta"))
SIZE = 3
START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)


class FakeAcme(FakeVendor):
    """Pages in the style that it is told."""

    reading = "delta"

    def __init__(self, style: str) -> None:
        super().__init__()
        self.style = style
        self.tokens = FakeTokens("client", TOKEN)
        if style in ("offset", "number"):  # these know no cursors that could be wrong
            self.faults = FakeVendor.faults - {Fault.ENDLESS, Fault.BIG_CURSORS, Fault.EMPTY_PAGE}
        if style == "oauth":
            self.faults = frozenset(Fault)

    def other(self, request: Request) -> Answer | None:
        return self.tokens.answer(request) if request.route == "/token" else None

    def authorised(self, request: Request) -> bool:
        if self.style == "oauth":
            return self.tokens.accepts(request)
        return request.headers.get("authorization") == f"Bearer {TOKEN}"

    def lapse(self) -> None:
        self.tokens.lapse()

    def events(self, request: Request) -> Answer:
        query = request.query
        since, until = (datetime.fromisoformat(query[name]) for name in ("from", "to"))
        served = self._served(self.ledger.between(since, until), query)
        body: dict[str, Any] = {"events": [{"id": event.id, "at": event.time.isoformat()} for event in served.events]}
        if served.cursor and self.style == "link":
            body["next"] = str(httpx.URL(self.url + request.path).copy_set_param("cursor", served.cursor))
        elif served.cursor and self.style in ("cursor", "oauth"):
            body["next"] = served.cursor
        return Answer(200, body)

    def _served(self, found: Sequence[Event], query: Mapping[str, str]) -> Served:
        if self.style == "offset":
            return self.slice(found, int(query.get("offset", "0")), SIZE)
        if self.style == "number":
            return self.slice(found, (int(query.get("page", "1")) - 1) * SIZE, SIZE)
        return self.page(found, query.get("cursor"), SIZE)


class Acme:
    """Reads any style of :class:`FakeAcme`."""

    def __init__(self, fake: FakeAcme) -> None:
        self._style = fake.style
        self._api = VendorClient(ACME, fake.url, self._auth(fake), timeout=3)
        self._reader = WindowReader("Acme", self._fetch, timedelta(minutes=10))

    @hookimpl
    def check(self) -> None:
        self._fetch(Walk(START, START + timedelta(seconds=1)))

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        return [Stream("audit", "acme.audit", overlap=timedelta(minutes=10))]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        return self._reader.read(window, state)

    def _auth(self, fake: FakeAcme) -> Auth:
        if self._style != "oauth":
            return Bearer(SecretStr(TOKEN))
        endpoint = TokenEndpoint(ACME, f"{fake.url}/token", http_client("test", 1))
        return OAuth(ClientCredentials(endpoint, "client", SecretStr(TOKEN)))

    def _fetch(self, walk: Walk) -> Batch:
        query = {"from": walk.since.isoformat(), "to": walk.until.isoformat()}
        if walk.cursor is not None and self._style == "link":
            answer = self._api.get(walk.cursor, cursor_refused={400})
        elif walk.cursor is not None:
            name = {"offset": "offset", "number": "page"}.get(self._style, "cursor")
            answer = self._api.get("/audit", {**query, name: walk.cursor}, cursor_refused={400})
        else:
            answer = self._api.get("/audit", query)
        events = answer.records("events")
        if self._style == "offset":
            return Batch(events, next_offset(walk.cursor, min(len(events), SIZE), SIZE))
        if self._style == "number":
            return Batch(events, next_page(walk.cursor, len(events), SIZE))
        return Batch(events, next_address(answer, "next") if self._style == "link" else in_body(answer, "next"))


class TestACursorInTheBodyAndAnExpiringToken(CollectorContract):
    secrets = (TOKEN,)
    style = "oauth"

    @pytest.fixture
    def source(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAcme]:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with FakeAcme(self.style) as fake:
            yield fake

    def collector(self, source: FakeAcme) -> Any:
        return Acme(source)


class TestAnOpaqueAddress(TestACursorInTheBodyAndAnExpiringToken):
    style = "link"


class TestOffsets(TestACursorInTheBodyAndAnExpiringToken):
    style = "offset"


class TestPageNumbers(TestACursorInTheBodyAndAnExpiringToken):
    style = "number"


@pytest.fixture
def acme() -> Iterator[FakeAcme]:
    with FakeAcme("cursor") as fake:
        yield fake


def ask(fake: FakeAcme, **query: str) -> httpx.Response:
    bounds = {"from": START.isoformat(), "to": (START + timedelta(hours=1)).isoformat()}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(trust_env=False, timeout=3) as client:
        return client.get(f"{fake.url}/audit", params={**bounds, **query}, headers=headers)


def ids(response: httpx.Response) -> list[str]:
    return [event["id"] for event in response.json()["events"]]


def test_an_event_is_seen_when_it_is_published(acme: FakeAcme) -> None:
    acme.ledger.now = START
    acme.put([Event("e0", START)])
    acme.put([Event("late", START)], published=START + timedelta(minutes=5))
    assert ids(ask(acme)) == ["e0"]
    acme.ledger.now = START + timedelta(minutes=5)
    assert ids(ask(acme)) == ["e0", "late"]
    assert acme.ledger.ids().total() == 2


def test_a_fault_is_met_after_so_many_good_answers_and_until_it_is_healed(acme: FakeAcme) -> None:
    acme.inject(Fault.SERVER_ERROR, after=2)
    assert [ask(acme).status_code for _ in range(4)] == [200, 200, 500, 500]
    acme.heal()
    assert ask(acme).status_code == 200


def test_each_fault_is_what_it_says(acme: FakeAcme) -> None:
    acme.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(7)])
    acme.inject(Fault.SKEWED_CLOCK)
    limited = ask(acme)
    assert limited.status_code == 429
    assert limited.headers["X-RateLimit-Remaining"] == "0"
    acme.inject(Fault.EMPTY_PAGE)
    assert ask(acme).json() == {"events": [], "next": "c_0"}
    assert ids(ask(acme, cursor="c_0")) == ["e0", "e1", "e2"]
    acme.inject(Fault.BIG_CURSORS)
    assert int(ask(acme).json()["next"]) > 2**53
    acme.inject(Fault.ENDLESS)
    assert ask(acme).json()["next"] == ask(acme, cursor="endless").json()["next"] == "endless"
    acme.inject(Fault.SHUFFLED)
    assert ids(ask(acme)) != ["e0", "e1", "e2"]
    acme.inject(Fault.DUPLICATES)
    first = ask(acme)
    assert ids(ask(acme, cursor=first.json()["next"])) == ["e1", "e2", "e3", "e4", "e5"]
    for fault, kind in ((Fault.RESET, httpx.RemoteProtocolError), (Fault.TIMEOUT, httpx.ReadTimeout)):
        acme.inject(fault)
        with pytest.raises(kind):
            ask(acme)


def test_a_cursor_of_nobody_is_refused(acme: FakeAcme) -> None:
    assert ask(acme, cursor="c_99").status_code == 400


DOCS = Path(__file__).parents[4] / "docs"


@pytest.mark.skipif(not DOCS.exists(), reason="the documentation is not here")
class TestTheExamplesOfTheDocumentation(CollectorContract):
    """The collector of one page against the fake of the other."""

    secrets = ("t0ken",)

    @pytest.fixture
    def source(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with example("vendor-api.md", "class FakeAcme")["FakeAcme"]() as fake:
            fake.faults -= {Fault.TIMEOUT}  # the example waits for half a minute
            yield fake

    def collector(self, source: Any) -> Any:
        audit = example("hooks/collector.md", "class Audit")["Audit"]
        return audit(audit.Config(url=source.url, token="t0ken"))


def example(page: str, holding: str) -> dict[str, Any]:
    blocks = (block.partition("```")[0] for block in (DOCS / page).read_text().split("```python\n")[1:])
    namespace: dict[str, Any] = {}
    exec(compile(next(each for each in blocks if holding in each), page, "exec", dont_inherit=True), namespace)
    return namespace
