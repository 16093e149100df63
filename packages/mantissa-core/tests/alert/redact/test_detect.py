"""How well the detectors do on the labelled set. ``just redaction`` prints the figures."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mantissa_core.alert.redact.credentials import names_a_secret
from mantissa_core.alert.redact.detect import DETECTORS, find
from mantissa_core.alert.redact.detector import Found
from mantissa_core.alert.redact.kinds import Kind

from .labelled import Labelled, read

KINDS = frozenset(DETECTORS) - {Kind.IP}
SET = read()


def spans(each: Labelled) -> set[tuple[str, int, int]]:
    return {(found.kind.value, found.start, found.end) for found in find(each.text, KINDS, each.field)}


def test_the_labelled_set_has_strings_of_every_kind_and_as_many_traps() -> None:
    counts = Counter(kind for each in SET for kind, *_ in each.values)
    assert len(SET) >= 500
    assert len([each for each in SET if not each.values]) >= 200
    assert {kind for kind, count in counts.items() if count >= 20} == {kind.value for kind in KINDS}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_of_each_kind_nearly_all_is_found_and_nearly_nothing_else(kind: Kind) -> None:
    found = {(number, each) for number, labelled in enumerate(SET) for each in spans(labelled) if each[0] == kind}
    wanted = {(number, each) for number, labelled in enumerate(SET) for each in labelled.values if each[0] == kind}
    missed, wrong = wanted - found, found - wanted
    assert len(missed) <= 0.02 * len(wanted), [(SET[number].text, each) for number, each in missed]
    assert len(wrong) <= 0.02 * len(found), [(SET[number].text, each) for number, each in wrong]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("from 203.0.113.17 to 10.0.0.1:443", ["203.0.113.17", "10.0.0.1"]),
        ("2001:db8::1, fe80::1", ["2001:db8::1", "fe80::1"]),
        ("version 1.2.3.4.5 of 999.1.1.1 at 09:15:02", []),
    ],
)
def test_addresses_are_found_where_they_are_asked_for(text: str, wanted: list[str]) -> None:
    assert [text[each.start : each.end] for each in find(text, {Kind.IP})] == wanted
    assert find(text, KINDS) == []


def test_what_is_found_does_not_overlap() -> None:
    text = "token=ghp_0123456789012345678901234567890123456 password=lin@example.com"
    found = find(text)
    assert [text[each.start : each.end] for each in found] == [
        "ghp_0123456789012345678901234567890123456",
        "lin@example.com",
    ]
    assert {each.kind for each in found} == {Kind.SECRET}


def thorough(text: str, field: str) -> list[Found]:
    """The same as :func:`find` by asking every detector, whatever the text promises."""
    if text and names_a_secret(field):
        return [Found(0, len(text), Kind.SECRET)]
    taken: list[Found] = []
    for found in (each for kind in DETECTORS for detector in DETECTORS[kind] for each in detector.find(text, field)):
        if all(found.end <= other.start or other.end <= found.start for other in taken):
            taken.append(found)
    return sorted(taken, key=lambda each: each.start)


PIECES = st.one_of(
    st.sampled_from([each.text for each in SET]),
    st.text(alphabet="aZ0 5-:=@./_+…\u017f\u0131\u212a", max_size=12),
    st.uuids().map(str),
    st.datetimes().map(lambda each: each.isoformat() + "Z"),
)
FIELDS = st.one_of(st.sampled_from(["", "patientId", "phone", "ssn", "nhs_number", "token", "eventTime", "curl"]))


@settings(max_examples=300, deadline=None)
@given(pieces=st.lists(PIECES, min_size=1, max_size=3), field=FIELDS)
def test_looking_only_for_what_the_text_promises_misses_nothing(pieces: list[str], field: str) -> None:
    text = " ".join(pieces)
    # "curl" is no part of the form that it is asked for with: without it there is nothing to find.
    known = text if "curl" in f"{text} {field}".lower() else text.replace("-u", "").replace("--user", "")
    assert find(known, field=field) == thorough(known, field)


@pytest.mark.parametrize("label", ["pa\u017f\u017fword", "PASSWORD", "p\u0131n", "to\u212aen"])
def test_letters_that_are_alike_to_a_pattern_hide_nothing(label: str) -> None:
    text = f"{label}=hunter2hunter2"
    assert [text[each.start : each.end] for each in find(text)] == ["hunter2hunter2"]
