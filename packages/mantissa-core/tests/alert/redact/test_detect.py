"""How well the detectors do on the labelled set. ``just redaction`` prints the figures."""

from __future__ import annotations

from collections import Counter

import pytest
from mantissa_core.alert.redact.detect import DETECTORS, find
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
