from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mantissa_core.alert.enrich import values
from mantissa_core.alert.enrich.addresses import public_addresses
from mantissa_core.alert.enrich.remembered import MOST, SECONDS, Remembered
from mantissa_core.errors import Retry
from mantissa_core.testing.enricher import an_alert


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("203.0.113.7", "203.0.113.7"),
        ("2001:0DB8::0001", "2001:db8::1"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("::ffff:10.0.0.1", None),
        ("172.16.0.1", None),
        ("100.64.0.1", None),
        ("169.254.169.254", None),
        ("0.0.0.0", None),
        ("255.255.255.255", None),
        ("240.0.0.1", None),
        ("239.1.1.1", None),
        ("ff0e::1", None),
        ("fd00::1", None),
        ("::1", None),
        ("2606:4700::1111%eth0", None),
        ("8.8.8.8:443", None),
        ("08.8.8.8", None),
        ("8.8.8.8 ", None),
        ("134744072", None),
        ("1" * 100_000, None),
    ],
    ids=lambda each: str(each)[:40],
)
def test_public_addresses_are_found_in_canonical_form(text: str, canonical: str | None) -> None:
    assert public_addresses(an_alert(src_ip=text), 9) == ({text: canonical} if canonical else {})


def test_no_more_than_asked_for_come_and_each_once() -> None:
    alert = replace(
        an_alert(), entities={"src_ip": ("10.0.0.1", "8.8.8.8", "9.9.9.9"), "dst_ip": ("8.8.8.8", "1.1.1.1")}
    )
    assert list(public_addresses(alert, 2)) == ["8.8.8.8", "9.9.9.9"]
    assert list(public_addresses(alert, 9)) == ["8.8.8.8", "9.9.9.9", "1.1.1.1"]


def test_answers_are_kept_for_a_while_and_errors_are_not() -> None:
    asked: list[str] = []
    now = 0.0

    def ask(value: str) -> str | None:
        asked.append(value)
        if len(asked) == 1:
            raise Retry("later")
        return None if value == "unknown" else value.upper()

    remembered = Remembered(ask, clock=lambda: now)
    with pytest.raises(Retry):
        remembered("a")
    assert [remembered(each) for each in ("a", "a", "unknown", "unknown")] == ["A", "A", None, None]
    now += SECONDS
    assert remembered("a") == "A"
    assert asked == ["a", "a", "unknown", "a"]


def test_the_oldest_answers_go_first() -> None:
    asked: list[str] = []
    remembered = Remembered(lambda value: asked.append(value))
    for number in range(MOST + 1):
        remembered(str(number))
    asked.clear()
    remembered(str(MOST))
    remembered("0")
    assert asked == ["0"]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        *[("AS64496", "AS64496"), ("as64496", "AS64496"), (64496, "AS64496"), ("64496", "AS64496"), (0, None)],
        *[("AS64496 Example", None), ("٤", None), (None, None), (6.5, None), ("1" * 5000, None), (True, None)],
    ],
    ids=lambda each: str(each)[:20],
)
def test_autonomous_systems_are_written_alike(value: Any, wanted: str | None) -> None:
    assert values.asn(value) == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (1, 1),
        (-1.5, -1.5),
        ("-10.25", -10.25),
        ("1e9", None),
        ("", None),
        (True, None),
        (float("inf"), None),
        (float("nan"), None),
        (10**400, None),
        ("٤", None),
        ([], None),
        ("9" * 400, None),
    ],
    ids=lambda each: str(each)[:20],
)
def test_numbers_are_finite(value: Any, wanted: float | None) -> None:
    assert values.number(value) == wanted


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.just(10**400), st.floats(), st.text())


@given(st.one_of(SCALARS, st.lists(SCALARS), st.dictionaries(st.text(), SCALARS)), SCALARS)
def test_whatever_a_vendor_says_becomes_small_json_or_nothing(value: Any, other: Any) -> None:
    said = [values.text(value), values.number(value), values.count(value), values.asn(value)]
    document = json.dumps([*said, values.coordinates(value, other)], allow_nan=False)
    assert len(document) < 2000
    assert document.encode()


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(" a\n b ", "a b"), ("", None), ("\n", None), (7, None), ("\x1b[31m", "\\x1b[31m"), ("x" * 101, "x" * 99 + "…")],
    ids=["lines", "empty", "blank", "number", "escape", "long"],
)
def test_texts_are_short_lines(value: Any, wanted: str | None) -> None:
    assert values.text(value) == wanted
