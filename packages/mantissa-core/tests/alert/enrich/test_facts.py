from __future__ import annotations

from typing import Any

import pytest
from mantissa_core.alert.enrich.facts import TagNames, host_address, known, one_of, told_by_tags, worth_asking
from mantissa_core.model import Alert
from mantissa_core.testing.alert_sink import delivery


def an_alert(**entities: tuple[str, ...]) -> Alert:
    return delivery(entities=entities).alert


def test_the_first_values_of_all_kinds_are_asked_about_each_once() -> None:
    alert = an_alert(user=("amara", "lin"), target=("lin", "noor", "bucket"))
    assert worth_asking(alert, ("user", "target")) == ["amara", "lin", "noor"]
    assert worth_asking(alert, ("user", "target"), most=4) == ["amara", "lin", "noor", "bucket"]


@pytest.mark.parametrize("value", ["", " ", "a\x00b", "a\r\nb", "../etc", "..\\etc", "x" * 257, " amara", "a\u202eb"])
def test_what_no_vendor_can_be_asked_about_is_left_out(value: str) -> None:
    assert worth_asking(an_alert(user=(value, "lin")), ("user",)) == ["lin"]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("", None),
        (None, None),
        ([], None),
        (["", None], None),
        ({}, None),
        (False, False),
        (0, 0),
        ("a  b\n", "a b"),
        ("x" * 300, "x" * 255 + "…"),
        (["x"] * 30, ["x"] * 20),
        ({"a": "x" * 300}, {"a": "x" * 255 + "…"}),
    ],
)
def test_facts_that_say_nothing_are_left_out_and_long_ones_are_cut(value: Any, kept: Any) -> None:
    assert known(fact=value) == ({} if kept is None else {"fact": kept})


def test_tags_are_found_by_their_names_whatever_their_case() -> None:
    tags = {"Team": "web", "OWNER": "", "Stage": "prod", "Cost": "7"}
    told = {"owner": "web", "environment": "prod", "criticality": None, "tags": tags}
    assert told_by_tags(tags, TagNames()) == told
    assert told_by_tags(tags, TagNames(owner_tags=("cost", "team")))["owner"] == "7"


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:0DB8:0::7", "2001:db8::7"),
        ("127.0.0.1", ""),
        ("::", ""),
        ("224.0.0.1", ""),
        ("fe80::1%eth0", ""),
        ("203.0.113.7/24", ""),
        ("203.0.113.7' or '", ""),
        ("", ""),
    ],
)
def test_only_addresses_of_hosts_are_asked_about(value: str, address: str) -> None:
    assert host_address(value) == address


def test_an_address_that_several_assets_have_is_told_as_such() -> None:
    assert one_of([{"name": "web-1"}]) == {"name": "web-1"}
    told = one_of([{"name": "web-1"}, {"name": "web-2"}])
    assert told == {"kind": "one of 2 assets with this address", "candidates": ["web-1", "web-2"]}
