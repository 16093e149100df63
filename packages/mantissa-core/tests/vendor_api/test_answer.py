from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.vendor_api import (
    Answer,
    RateLimit,
    Vendor,
    in_body,
    in_link,
    next_address,
    next_offset,
    next_page,
)

ACME = Vendor("Acme", error_code="error.code", remedies={403: "Acme wants the scope audit:read"})
REQUEST = httpx.Request("GET", "https://api.example.com/v1/audit?limit=3")


def response(content: bytes | str, status: int = 200, **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, content=content, headers=names, request=REQUEST)


def answer(content: bytes | str, **headers: str) -> Answer:
    return Answer.read(response(content, 200, **headers), "Acme")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'[{"id": 1}, {"i', b"[NaN]", b"\xff\xfe", b"[" * 100_000, b"<html></html>", b"\n <!DOCTYPE html>"],
    ids=lambda content: repr(content[:12]),
)
def test_what_is_no_json_is_tried_again(content: bytes) -> None:
    with pytest.raises(Retry, match="JSON"):
        answer(content)


def test_a_web_page_is_told_from_json_by_its_type() -> None:
    with pytest.raises(Retry, match="web page"):
        answer(b"{}", Content_Type="text/html; charset=utf-8")


@pytest.mark.parametrize(
    "content", ['{"error": "x"}', '{"data": {"items": {}}}', '{"data": {"items": [1]}}', "[]", "7"]
)
def test_a_document_without_the_list_is_tried_again(content: str) -> None:
    with pytest.raises(Retry, match=r"no list of events at data\.items"):
        answer(content).records("data.items")


def test_records_are_found_at_a_path_or_at_the_top() -> None:
    assert answer('{"data": {"items": [{"id": 9007199254740993}]}}').records("data.items") == [{"id": 2**53 + 1}]
    assert answer("[{}]").records() == [{}]


@pytest.mark.parametrize(
    ("content", "cursor"),
    [
        ('{"m": {"next": "abc"}}', "abc"),
        ('{"m": {"next": 9007199254740993}}', "9007199254740993"),
        ('{"m": {"next": ["1741078800000", "uuid"]}}', "1741078800000,uuid"),
        ('{"m": {"next": null}}', None),
        ('{"m": {"next": ""}}', None),
        ('{"m": {"next": []}}', None),
        ('{"m": null}', None),
        ("{}", None),
        ('{"m": {"next": 0}}', "0"),
    ],
)
def test_a_cursor_in_the_body_is_text(content: str, cursor: str | None) -> None:
    assert in_body(answer(content), "m.next") == cursor


@pytest.mark.parametrize("content", ['{"next": true}', '{"next": {}}', '{"next": [null]}', '{"next": 1.5}'])
def test_a_cursor_of_another_kind_is_tried_again(content: str) -> None:
    with pytest.raises(Retry, match="neither text nor a number"):
        in_body(answer(content), "next")


def test_the_cursor_of_a_link_is_taken_out_of_it() -> None:
    link = '<https://api.example.com/v1/audit?after=a%3D1&limit=3>; rel="next", <https://x.example>; rel="prev"'
    assert in_link(answer("[]", Link=link), "after") == "a=1"
    assert next_address(answer("[]", Link=link)) == "/v1/audit?after=a%3D1&limit=3"
    assert in_link(answer("[]"), "after") is None
    with pytest.raises(Retry, match="no 'page' parameter"):
        in_link(answer("[]", Link=link), "page")


@pytest.mark.parametrize("find", [lambda each: in_link(each, "after"), next_address], ids=["parameter", "address"])
@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/?after=1",
        "http://api.example.com/?after=1",
        "//evil.example/?after=1",
        "http://[",
        "https://api.example.com:444/?after=1",
        "https://api.example.com@evil.example/?after=1",
    ],
)
def test_a_link_to_another_origin_is_refused(target: str, find: Callable[[Answer], str | None]) -> None:
    with pytest.raises(Retry, match=r"another host|no address"):
        find(answer("[]", Link=f'<{target}>; rel="next"'))


def test_a_next_address_in_the_body_is_checked_too() -> None:
    assert next_address(answer('{"@odata.nextLink": "/v1/audit?$skiptoken=x"}'), "@odata.nextLink") == (
        "/v1/audit?$skiptoken=x"
    )
    assert next_address(answer("{}"), "@odata.nextLink") is None
    for document in ('{"@odata.nextLink": "https://evil.example/"}', '{"@odata.nextLink": 7}'):
        with pytest.raises(Retry, match=r"another host|no address"):
            next_address(answer(document), "@odata.nextLink")


def test_offsets_and_page_numbers_end_with_a_short_page() -> None:
    assert [next_offset(None, 3, 3), next_offset("3", 3, 3), next_offset("6", 2, 3)] == ["3", "6", None]
    assert [next_page(None, 3, 3), next_page("2", 3, 3), next_page("3", 0, 3)] == ["2", "3", None]
    assert next_page(None, 3, 3, first=0) == "1"


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, NeedsOperator, "Acme answered 400: it refuses the query"),
        (401, NeedsOperator, "it refuses the credential"),
        (403, NeedsOperator, "Acme wants the scope audit:read"),
        (404, NeedsOperator, "no such API"),
        (302, NeedsOperator, "302"),
        (408, Retry, "408"),
        (429, Retry, "rate limit is used up"),
        (500, Retry, "Acme answered 500"),
        (503, Retry, "Acme answered 503"),
    ],
)
def test_a_refusal_is_named_by_what_happens_next(status: int, kind: type[Exception], words: str) -> None:
    content = '{"error": {"code": "E17", "message": "<script>"}}'
    error = ACME.refusal(response(content, status, X_Request_Id="req-1"))
    assert type(error) is kind
    assert words in str(error)
    assert str(error).endswith("(E17, req-1)")


@pytest.mark.parametrize(
    ("code", "identifier"),
    [("<script>", "req 1"), ("x" * 65, "x" * 65), ("a\nb", ""), ("", "")],
)
def test_a_code_that_is_no_code_is_not_repeated(code: str, identifier: str) -> None:
    found = httpx.Response(500, json={"error": {"code": code}}, headers={"X-Request-Id": identifier}, request=REQUEST)
    assert str(ACME.refusal(found)) == "Acme answered 500"


def test_a_success_is_no_refusal() -> None:
    assert ACME.refusal(response("{}", 204)) is None


@pytest.mark.parametrize("headers", [{"Retry_After": "60"}, {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "60"}])
def test_a_403_that_comes_of_a_limit_is_tried_again(headers: dict[str, str]) -> None:
    vendor = Vendor("Acme", rate_limit=RateLimit(reading="delta"))
    error = vendor.refusal(response("{}", 403, **headers))
    assert isinstance(error, Retry)
    assert error.after == 60


def test_a_failure_does_not_wait_for_the_limits_reset() -> None:
    error = ACME.refusal(response("", 500, X_RateLimit_Reset="99999999999"))
    assert isinstance(error, Retry)
    assert error.after is None


@pytest.mark.parametrize(
    ("body", "limited"),
    [
        ('[{"errorCode": "REQUEST_LIMIT_EXCEEDED"}]', True),
        ('[{"errorCode": "API_DISABLED_FOR_ORG"}]', False),
        ("[]", False),
        ('{"errorCode": "REQUEST_LIMIT_EXCEEDED"}', False),
    ],
)
def test_a_403_may_say_by_its_error_code_that_it_is_a_limit(body: str, limited: bool) -> None:
    vendor = Vendor("Acme", error_code="0.errorCode", limit_codes=frozenset({"REQUEST_LIMIT_EXCEEDED"}))
    refused = response(body, 403)
    assert vendor.throttles(refused) is limited
    assert isinstance(vendor.refusal(refused), Retry if limited else NeedsOperator)
