"""The collector kit, proven on a small collector that is right and on variants that are wrong in one way each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from mantissa_core.errors import MantissaError, NeedsOperator, Retry
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Page, Stream, Window
from mantissa_core.testing.collector import CollectorContract, Event, Fault

TOKEN = "token-of-the-tests"


_ALIAS = 1_000_000
"""Cursors that differ by it lead to the same place."""


class Service:
    """A source in memory: a sorted list of records, read by a cursor that counts from ``offset``."""

    faults = frozenset(Fault)
    page_size = 3

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self._fault: tuple[Fault, int] | None = None

    def put(self, events: Sequence[Event]) -> None:
        self.records += [{"id": event.id, "time": event.time.isoformat()} for event in events]

    def inject(self, fault: Fault, after: int = 0) -> None:
        self._fault = (fault, after)

    def heal(self) -> None:
        self._fault = None

    def get(self, token: str, start: datetime, end: datetime, cursor: int | None) -> tuple[int, str, int | None]:
        """Status, body and next cursor."""
        fault = self._next_fault()
        if fault is Fault.TOKEN_EXPIRED or token != TOKEN:
            return 401, "{}", None
        if fault in _STATUS:
            return _STATUS[fault], "{}", None
        if fault is Fault.ERROR_PAGE:
            return 200, "<html>", None
        if fault is Fault.ERROR_DOCUMENT:
            return 200, '{"error": "internal"}', None
        if fault is Fault.TOKEN_LAPSED:
            self.heal()
            return 401, '{"error": "expired"}', None
        base = 2**53 + 1 if fault is Fault.BIG_CURSORS else 0
        position = 0 if cursor is None else (cursor - base) // (2 if base else 1)
        if position < 0 or (base and (cursor or base) % 2 == 0):
            return 400, "{}", None
        if fault is Fault.EMPTY_PAGE:
            self.heal()
            return 200, "[]", _ALIAS + position
        position %= _ALIAS
        matching = [each for each in self.records if start <= datetime.fromisoformat(each["time"]) < end]
        matching.sort(key=lambda each: _scattered(each["id"]) if fault is Fault.SHUFFLED else each["time"])
        found = matching[position : position + self.page_size]
        after = base + (position + self.page_size) * (2 if base else 1)
        if fault is Fault.DUPLICATES:
            found = matching[max(position - 2, 0) : position + self.page_size]
        if fault is Fault.ENDLESS:
            found, after = matching[: self.page_size], 7
        last = position + self.page_size >= len(matching) and fault is not Fault.ENDLESS
        body = json.dumps(found)
        return 200, body[: len(body) // 2] if fault is Fault.TRUNCATED else body, None if last else after

    def _next_fault(self) -> Fault | None:
        if self._fault is None:
            return None
        fault, after = self._fault
        self._fault = (fault, max(after - 1, 0))
        return fault if after == 0 else None


def _scattered(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


_STATUS: Mapping[Fault | None, int] = {
    Fault.RATE_LIMIT: 429,
    Fault.SERVER_ERROR: 500,
    Fault.TIMEOUT: 504,
    Fault.RESET: 502,
    Fault.SKEWED_CLOCK: 429,
}


class Right:
    """A collector as it should be."""

    overlap = timedelta(minutes=10)

    def __init__(self, service: Service, token: str = TOKEN) -> None:
        self._service = service
        self._token = _Hidden(token)

    @hookimpl
    def check(self) -> None:
        self.fetch(Window(CollectorContract.start, CollectorContract.start), None)

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        return [Stream("audit", "acme.audit", overlap=self.overlap)]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        span, cursor = self.resume(window, state)
        while True:
            records, after = self.fetch(span, cursor)
            if after is None:
                break
            self.advance(cursor, after)
            cursor = after
            yield Page(self.state(span, cursor), records, complete_until=self.complete(span, records), more=True)
        more = span.end < window.end
        yield Page({}, records, complete_until=span.end, more=more)
        if more:
            yield from self.read(stream, Window(max(window.start, span.end - self.overlap), window.end), {})

    def resume(self, window: Window, state: Mapping[str, object]) -> tuple[Window, int | None]:
        if state:
            start, end = (datetime.fromisoformat(str(state[key])) for key in ("start", "end"))
            if start <= window.start <= end <= window.end:
                return Window(start, end), int(str(state["cursor"]))
        return window, None

    def state(self, span: Window, cursor: int) -> dict[str, Any]:
        return {"start": span.start.isoformat(), "end": span.end.isoformat(), "cursor": str(cursor)}

    def complete(self, span: Window, records: Sequence[Mapping[str, Any]]) -> datetime | None:
        return None

    def advance(self, cursor: int | None, after: int) -> None:
        if after == cursor:
            raise Retry("the same cursor twice")

    def fetch(self, span: Window, cursor: int | None) -> tuple[list[dict[str, Any]], int | None]:
        status, body, after = self._service.get(self._token.value, span.start, span.end, cursor)
        if status == 401 and "expired" in body:
            return self.renewed(span, cursor)
        if status == 401:
            raise NeedsOperator("the token is refused")
        if status != 200:
            raise Retry(f"the service answered {status}", after=30 if status == 429 else None)
        try:
            records = json.loads(body)
        except ValueError:
            raise Retry("the answer is cut off") from None
        if not isinstance(records, list):
            raise Retry("the answer is no list")
        return records, after

    def renewed(self, span: Window, cursor: int | None) -> tuple[list[dict[str, Any]], int | None]:
        return self.fetch(span, cursor)


class _Hidden:
    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "***"


class TestARightCollector(CollectorContract):
    secrets = (TOKEN,)

    @pytest.fixture
    def source(self) -> Service:
        return Service()

    def collector(self, source: Service) -> Right:
        return Right(source)


class ForgetsItsCursorOnTheWay(Right):
    """Says that it is done after each page."""

    def state(self, span: Window, cursor: int) -> dict[str, Any]:
        return {"start": span.start.isoformat(), "end": span.end.isoformat(), "cursor": str(cursor + 3)}


class SkipsWhatItFetchedButDidNotCommit(Right):
    """Keeps its position in itself instead of the state."""

    kept: dict[int, int]

    def resume(self, window: Window, state: Mapping[str, object]) -> tuple[Window, int | None]:
        positions = self._service.__dict__.setdefault("positions", {})
        return window, positions.get(window) if state else None

    def state(self, span: Window, cursor: int) -> dict[str, Any]:
        self._service.__dict__.setdefault("positions", {})[span] = cursor
        return {"kept": "elsewhere"}


class ResumesByTime(Right):
    """Goes on behind the last event's time."""

    def complete(self, span: Window, records: Sequence[Mapping[str, Any]]) -> datetime | None:
        self._last = str(records[-1]["time"])
        return None

    def state(self, span: Window, cursor: int) -> dict[str, Any]:
        return {"last": ""}

    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        if last := state.get("last"):
            start = datetime.fromisoformat(str(last)) + timedelta(milliseconds=1)
            window = Window(min(max(start, window.start), window.end), window.end)
        for page in super().read(stream, window, {}):
            times = [str(record["time"]) for record in page.records if isinstance(record, Mapping)]
            yield Page({"last": times[-1]} if times else state, page.records, more=page.more)


class PromisesTooMuch(Right):
    """Calls the window complete with the first page."""

    def complete(self, span: Window, records: Sequence[Mapping[str, Any]]) -> datetime | None:
        return span.end

    def resume(self, window: Window, state: Mapping[str, object]) -> tuple[Window, int | None]:
        return window, None


class TrustsTheOrder(Right):
    """Promises completeness up to the last event of each page, whatever the order."""

    overlap = timedelta(0)

    def complete(self, span: Window, records: Sequence[Mapping[str, Any]]) -> datetime | None:
        return max(datetime.fromisoformat(record["time"]) for record in records)

    def resume(self, window: Window, state: Mapping[str, object]) -> tuple[Window, int | None]:
        return window, None


class StopsShortOfTheLastPage(Right):
    """Drops a page that is not full."""

    def fetch(self, span: Window, cursor: int | None) -> tuple[list[dict[str, Any]], int | None]:
        records, after = super().fetch(span, cursor)
        return (records if len(records) == 3 else []), after


class LeavesAGapBetweenWindows(Right):
    """Takes the start of a window as exclusive."""

    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        start = window.start + timedelta(microseconds=1)
        yield from super().read(stream, Window(min(start, window.end), window.end), state)


class FollowsAnyCursor(Right):
    def advance(self, cursor: int | None, after: int) -> None:
        """Never look whether the cursor moved."""


class EndsSilentlyWhenTheCursorRepeats(Right):
    def fetch(self, span: Window, cursor: int | None) -> tuple[list[dict[str, Any]], int | None]:
        records, after = super().fetch(span, cursor)
        return records, None if after == cursor else after


class StoresItsCursorAsANumber(Right):
    def state(self, span: Window, cursor: int) -> dict[str, Any]:
        return {**super().state(span, cursor), "cursor": cursor}


class TakesEveryFailureForTheOperators(Right):
    def fetch(self, span: Window, cursor: int | None) -> tuple[list[dict[str, Any]], int | None]:
        try:
            return super().fetch(span, cursor)
        except Retry as error:
            raise NeedsOperator(str(error)) from None


class RetriesARefusedToken(Right):
    def fetch(self, span: Window, cursor: int | None) -> tuple[list[dict[str, Any]], int | None]:
        try:
            return super().fetch(span, cursor)
        except NeedsOperator as error:
            raise Retry(str(error)) from None


class TakesACutAnswerForAnEmptyOne(Right):
    def fetch(self, span: Window, cursor: int | None) -> tuple[list[dict[str, Any]], int | None]:
        try:
            return super().fetch(span, cursor)
        except Retry as error:
            if "cut off" in str(error):
                return [], None
            raise


class WaitsUntilTheEpoch(Right):
    """Takes the header's moment for a span."""

    def fetch(self, span: Window, cursor: int | None) -> tuple[list[dict[str, Any]], int | None]:
        try:
            return super().fetch(span, cursor)
        except Retry as error:
            raise Retry(str(error), after=1_741_078_800.0) from None


class CountsFromItsOwnClock(Right):
    """Takes the source's moment for one of this machine's clock."""

    def fetch(self, span: Window, cursor: int | None) -> tuple[list[dict[str, Any]], int | None]:
        try:
            return super().fetch(span, cursor)
        except Retry as error:
            raise Retry(str(error), after=7_230) from None


class GivesUpALapsedToken(Right):
    def renewed(self, span: Window, cursor: int | None) -> tuple[list[dict[str, Any]], int | None]:
        raise NeedsOperator("the token has expired")


class StopsAtAnEmptyPage(Right):
    def fetch(self, span: Window, cursor: int | None) -> tuple[list[dict[str, Any]], int | None]:
        records, after = super().fetch(span, cursor)
        return records, after if records else None


class AsksInLocalTime(Right):
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        start, end = (
            each.astimezone().replace(tzinfo=None, fold=0).astimezone(UTC) for each in (window.start, window.end)
        )
        return super().read(stream, Window(start, end), state)


class RemembersEveryEvent(Right):
    def state(self, span: Window, cursor: int) -> dict[str, Any]:
        return {**super().state(span, cursor), "seen": ["x" * 9_000] * (cursor // 3)}


class TellsItsToken(Right):
    def fetch(self, span: Window, cursor: int | None) -> tuple[list[dict[str, Any]], int | None]:
        try:
            return super().fetch(span, cursor)
        except NeedsOperator:
            raise NeedsOperator(f"the token {self._token.value} is refused") from None


class ChecksNothing(Right):
    def check(self) -> None:
        """Believe that all is well."""


class NamesItsStreamsAnew(Right):
    def streams(self) -> Sequence[Stream]:
        return [Stream(f"audit-{id(self)}", "acme.audit"), Stream(f"audit-{id(self)}", "acme.audit")]


class DropsLateEvents(Right):
    """Does not ask for the overlap again."""

    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        if until := state.get("until"):
            window = Window(max(window.start, datetime.fromisoformat(str(until))), window.end)
        for page in super().read(stream, window, {} if "until" in state else state):
            yield page if page.more else Page({"until": window.end.isoformat()}, page.records)


class StopsAtAKnownEvent(Right):
    """Takes a repeat for the end."""

    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        seen: set[object] = set()
        for page in super().read(stream, window, state):
            ids = {record["id"] for record in page.records if isinstance(record, Mapping)}
            if seen & ids:
                return
            seen |= ids
            yield page


class TakesSilenceForAFailure(Right):
    def fetch(self, span: Window, cursor: int | None) -> tuple[list[dict[str, Any]], int | None]:
        records, after = super().fetch(span, cursor)
        if not records:
            raise Retry("no events")
        return records, after


class KeepsADateInItsState(Right):
    def state(self, span: Window, cursor: int) -> dict[str, Any]:
        return {**super().state(span, cursor), "start": span.start}


WRONG = {
    "test_every_event_is_read": [StopsShortOfTheLastPage],
    "test_an_empty_source_is_read_without_harm": [TakesSilenceForAFailure],
    "test_repeated_events_do_no_harm": [StopsAtAKnownEvent],
    "test_a_kill_at_any_page_loses_nothing": [
        ForgetsItsCursorOnTheWay,
        SkipsWhatItFetchedButDidNotCommit,
        KeepsADateInItsState,
    ],
    "test_equal_timestamps_at_a_page_boundary_are_all_read": [ResumesByTime],
    "test_a_restart_with_the_next_window_loses_nothing": [PromisesTooMuch],
    "test_unsorted_events_are_all_read": [TrustsTheOrder, ResumesByTime],
    "test_a_second_read_finds_what_is_new": [DropsLateEvents],
    "test_adjacent_windows_leave_no_gap": [LeavesAGapBetweenWindows],
    "test_endless_pagination_is_stopped": [FollowsAnyCursor, EndsSilentlyWhenTheCursorRepeats],
    "test_cursors_beyond_2_53_survive": [StoresItsCursorAsANumber],
    "test_a_passing_failure_asks_for_a_retry": [TakesEveryFailureForTheOperators, TakesACutAnswerForAnEmptyOne],
    "test_a_refused_credential_needs_the_operator": [RetriesARefusedToken],
    "test_a_rate_limit_says_when_to_come_back": [WaitsUntilTheEpoch],
    "test_a_rate_limit_goes_by_the_sources_clock": [CountsFromItsOwnClock],
    "test_a_lapsed_token_is_replaced_on_the_way": [GivesUpALapsedToken],
    "test_an_empty_page_with_a_cursor_is_not_the_end": [StopsAtAnEmptyPage],
    "test_events_that_appear_during_a_walk_are_read_in_the_end": [DropsLateEvents],
    "test_the_hour_that_the_clocks_repeat_is_read": [AsksInLocalTime],
    "test_faults_and_kills_in_any_order_lose_nothing": [PromisesTooMuch, TakesACutAnswerForAnEmptyOne],
    "test_the_state_stays_small": [RemembersEveryEvent],
    "test_secrets_stay_out_of_sight": [TellsItsToken],
    "test_check_tells_a_good_credential_from_a_bad_one": [ChecksNothing],
    "test_streams_are_named_once_and_for_ever": [NamesItsStreamsAnew],
}
CASES = [(test, wrong) for test, collectors in WRONG.items() for wrong in collectors]
ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "test_a_passing_failure_asks_for_a_retry": {"fault": Fault.TRUNCATED, "after": 1},
    "test_a_refused_credential_needs_the_operator": {"after": 1},
    "test_a_lapsed_token_is_replaced_on_the_way": {"after": 1},
    "test_an_empty_page_with_a_cursor_is_not_the_end": {"after": 1},
    "test_faults_and_kills_in_any_order_lose_nothing": {"seed": 1},
}


def contract_for(collector: type[Right]) -> CollectorContract:
    class Contract(CollectorContract):
        secrets = (TOKEN,)

        def collector(self, source: Any) -> Right:
            return collector(source)

    return Contract()


@pytest.mark.parametrize(("test", "wrong"), CASES, ids=[wrong.__name__ for _, wrong in CASES])
def test_a_wrong_collector_fails(test: str, wrong: type[Right]) -> None:
    run = getattr(contract_for(wrong), test)
    with pytest.raises((AssertionError, pytest.fail.Exception, MantissaError)):
        run(Service(), **ARGUMENTS.get(test, {}))
    getattr(contract_for(Right), test)(Service(), **ARGUMENTS.get(test, {}))


def test_every_test_of_the_kit_is_proven_by_a_wrong_collector() -> None:
    tests = {name for name in dir(CollectorContract) if name.startswith("test_")}
    assert tests == set(WRONG)


def test_a_fault_that_the_source_cannot_produce_is_skipped() -> None:
    service = Service()
    service.faults = frozenset()
    with pytest.raises(pytest.skip.Exception):
        contract_for(Right).test_endless_pagination_is_stopped(service)


DOCS = Path(__file__).parents[4] / "docs" / "hooks" / "collector.md"


@pytest.mark.skipif(not DOCS.exists(), reason="the documentation is not here")
class TestTheExampleOfTheDocumentation(CollectorContract):
    """The page's collector, over HTTP, against the service above."""

    secrets = (TOKEN,)

    @pytest.fixture
    def source(self, monkeypatch: pytest.MonkeyPatch) -> Service:
        service = Service()
        service.faults = frozenset(Fault) - {Fault.TOKEN_LAPSED}
        client = partial(httpx.Client, transport=httpx.MockTransport(partial(answer, service)))
        monkeypatch.setattr(httpx, "Client", client)
        return service

    def collector(self, source: Service) -> Any:
        namespace: dict[str, Any] = {}
        example = DOCS.read_text().partition("```python\n")[2].partition("```")[0]
        exec(compile(example, str(DOCS), "exec", dont_inherit=True), namespace)
        audit = namespace["Audit"]
        return audit(audit.Config(url="https://api.acme.example", token=TOKEN))


def answer(service: Service, request: httpx.Request) -> httpx.Response:
    query = request.url.params
    start, end = (datetime.fromisoformat(query.get(name, "2025-03-04T00:00:00+00:00")) for name in ("from", "to"))
    token = request.headers["Authorization"].removeprefix("Bearer ")
    status, body, after = service.get(token, start, end, int(query["cursor"]) if "cursor" in query else None)
    if status == 504:
        raise httpx.ReadTimeout("no answer", request=request)
    return httpx.Response(status, text=f'{{"events": {body}, "next": {json.dumps(after and str(after))}}}')
