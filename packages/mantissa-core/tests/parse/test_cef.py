"""core.cef: headers, escapes, extensions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from mantissa_core.parse.cef import CEF, extension, translate
from mantissa_core.testing.parser import Decoder, ParserContract, ParserSample

ARRIVED = datetime(2026, 3, 4, 12, tzinfo=UTC)
CONTEXT = {"received": ARRIVED.isoformat()}
HEADER = {
    "version": "0",
    "device_vendor": "Acme",
    "device_product": "Wall",
    "device_version": "1.2",
    "signature_id": "100",
    "name": "blocked",
    "severity": "7",
}


def said(text: str) -> dict[str, Any] | None:
    record = translate(text, UTC, ARRIVED, {})
    return None if record is None else json.loads(record)


class TestCEF(ParserContract):
    translated = True
    plain_text = True
    samples = (
        ParserSample(
            b"<134>Mar  4 09:15:02 fw-1 CEF:0|Acme|Wall|1.2|100|blocked|7|src=192.0.2.1 msg=two words\n"
            b"no event\n"
            b"CEF:0|Acme|Wall|1.2|100|blocked|7|rt=1772615702003 spt=80\n",
            records=(
                {
                    **HEADER,
                    "extension": {"src": "192.0.2.1", "msg": "two words"},
                    "timestamp": "2026-03-04T09:15:02Z",
                    "hostname": "fw-1",
                    "priority": 134,
                    **CONTEXT,
                },
                {
                    **HEADER,
                    "extension": {"rt": "1772615702003", "spt": "80"},
                    "timestamp": "2026-03-04T09:15:02.003Z",
                    **CONTEXT,
                },
            ),
            rejected=1,
            context=CONTEXT,
        ),
    )

    def make_parser(self) -> Decoder:
        return CEF(CEF.Config())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("act=blocked a | dst=192.0.2.9", {"act": "blocked a |", "dst": "192.0.2.9"}),
        (r"msg=a \= b c\\d line\nnext dst=192.0.2.9", {"msg": "a = b c\\d line\nnext", "dst": "192.0.2.9"}),
        ("request=https://example.com/?a=b&c=d act=ok", {"request": "https://example.com/?a=b&c=d", "act": "ok"}),
        ("cs1Label=Rule Name cs1=Deny all", {"cs1Label": "Rule Name", "cs1": "Deny all"}),
        ("  src=192.0.2.1   dst=192.0.2.2  ", {"src": "192.0.2.1", "dst": "192.0.2.2"}),
        (r"fname=c:\\new\\run.exe x=", {"fname": r"c:\new\run.exe", "x": ""}),
        ("ad.field-1=1 arr[0]=2", {"ad.field-1": "1", "arr[0]": "2"}),
        ("", {}),
    ],
)
def test_extensions(text, expected):
    assert extension(text) == (expected, "")


def test_what_is_no_pair_is_kept():
    assert extension("no pairs at all") == ({}, "no pairs at all")
    assert extension("some text src=192.0.2.1") == ({"src": "192.0.2.1"}, "some text")


def test_pipes_in_the_header_may_be_escaped():
    found = said(r"CEF:1|A\|B|P\\|1|id|na\|me|High|act=a|b")
    assert found is not None
    assert [found[name] for name in ("version", "device_vendor", "device_product", "name", "severity")] == [
        "1",
        "A|B",
        "P\\",
        "na|me",
        "High",
    ]
    assert found["extension"] == {"act": "a|b"}


@pytest.mark.parametrize(
    ("prefix", "host"),
    [
        ("<134>1 2026-03-04T09:15:02Z fw-1 app - - - ", "fw-1"),
        ("2026-03-04T09:15:02Z fw-1 ", "fw-1"),
        ("Mar 04 09:15:02 fw-1 ", "fw-1"),
        ("<134>Mar  4 09:15:02 fw-1 cefagent[7]: ", "fw-1"),
    ],
)
def test_a_syslog_header_before_it_gives_host_and_time(prefix, host):
    found = said(f"{prefix}CEF:0|a|b|c|d|e|f|")
    assert found is not None
    assert (found["hostname"], found["timestamp"]) == (host, "2026-03-04T09:15:02Z")


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ("rt=Mar 04 2026 09:15:02", "2026-03-04T09:15:02Z"),
        ("rt=Mar 04 2026 09:15:02.123 UTC", "2026-03-04T09:15:02.123Z"),
        ("rt=1772615702003", "2026-03-04T09:15:02.003Z"),
        ("start=1772615700000 end=1772615702003", "2026-03-04T09:15:02.003Z"),
        ("rt=yesterday start=2026-03-04T09:15:02Z", "2026-03-04T09:15:02Z"),
        ("rt=99999999999999", "5138-11-16T09:46:39.999Z"),
    ],
)
def test_the_event_says_when(pairs, expected):
    found = said(f"CEF:0|a|b|c|d|e|f|{pairs}")
    assert found is not None
    assert found["timestamp"] == expected


@pytest.mark.parametrize("text", ["", "CEF:0|a|b", "LEEF:1.0|a|b|c|d|", "CEF:" + "|" * 4])
def test_what_has_no_header_is_refused(text):
    assert said(text) is None
