"""What each construct means, in the evaluator and in the matcher."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from mantissa_core.detect.rules.rule import Rule

Decide = Callable[..., list[bool]]
MakeRule = Callable[..., Rule]

CASES: list[tuple[str, Mapping[str, Any], Mapping[str, Any], bool]] = [
    ("equality ignores case", {"name": "Alice"}, {"name": "aLICE"}, True),
    ("equality compares the whole text", {"name": "ali"}, {"name": "alice"}, False),
    ("folding is not Python's", {"name": "İSTANBUL"}, {"name": "i\u0307stanbul"}, False),
    ("a dotted capital I folds to i", {"name": "İSTANBUL"}, {"name": "istanbul"}, True),
    ("a final sigma is a sigma", {"name": "ΟΔΟΣ"}, {"name": "οδοσ"}, True),
    ("accents fold", {"name": "ÉCOLE"}, {"name": "école"}, True),
    ("a list is alternatives", {"name": ["bob", "alice"]}, {"name": "alice"}, True),
    ("a mapping is a conjunction", {"name": "alice", "user.name": "bob"}, {"name": "alice"}, False),
    ("a star matches line breaks", {"name": "a*b"}, {"name": "a\nx\nb"}, True),
    ("a question mark is one character", {"name": "a?b"}, {"name": "a\nb"}, True),
    ("a question mark is one code point", {"name": "a?b"}, {"name": "a😀b"}, True),
    ("a question mark is not none", {"name": "a?b"}, {"name": "ab"}, False),
    ("an escaped star is a star", {"name": r"a\*b"}, {"name": "axb"}, False),
    ("a wildcard pattern is anchored", {"name": "a*c*e"}, {"name": "xabcde"}, False),
    ("wildcards ignore case", {"name": "A*C?E"}, {"name": "axcxe"}, True),
    ("regex characters in a wildcard are literal", {"name": "a.(*)+[?"}, {"name": "a.(b)+[c"}, True),
    ("a backslash in a wildcard is literal", {"name": r"c:\win*\sys?"}, {"name": r"C:\Windows\sys2"}, True),
    ("a lone star is presence", {"name": "*"}, {"name": ""}, True),
    ("a lone star needs a value", {"name": "*"}, {"name": None}, False),
    ("the empty text is not null", {"name": ""}, {"name": None}, False),
    ("the empty text equals itself", {"name": ""}, {"name": ""}, True),
    ("null is absence", {"name": None}, {}, True),
    ("null is an explicit null", {"name": None}, {"name": None}, True),
    ("null is not the empty text", {"name": None}, {"name": ""}, False),
    ("null is not the word", {"name": None}, {"name": "null"}, False),
    ("an empty array has no values", {"tags": None}, {"tags": []}, True),
    ("exists", {"name|exists": True}, {"name": ""}, True),
    ("exists not", {"name|exists": False}, {"name": None}, True),
    ("a number in a number column", {"number": 4625}, {"number": 4625}, True),
    ("a number in a text", {"name": 4625}, {"name": "4625"}, True),
    ("a number in a text is compared as a number", {"name": 5}, {"name": "5.0"}, True),
    ("a number and other text", {"name": 4625}, {"name": "x4625"}, False),
    ("a number's text", {"number": "4625"}, {"number": 4625}, True),
    ("a fraction", {"ratio": 0.5}, {"ratio": 0.5}, True),
    ("an integral double's text has no fraction", {"ratio": "5"}, {"ratio": 5.0}, True),
    ("large integers are exact", {"number": 9007199254740993}, {"number": 9007199254740992}, False),
    ("a boolean", {"flag": True}, {"flag": True}, True),
    ("a boolean's text", {"flag": "TRUE"}, {"flag": True}, True),
    ("a boolean as text", {"name": True}, {"name": "True"}, True),
    ("a boolean as number", {"number": True}, {"number": 1}, True),
    ("a boolean is not its opposite", {"flag": False}, {"flag": True}, False),
    ("an hour", {"when|hour": 3}, {"when": "2026-01-02T03:04:05Z"}, True),
    ("an hour is UTC's", {"when|hour": 3}, {"when": "2026-01-02T01:04:05-02:00"}, True),
    ("a day of the month", {"when|day": [1, 2]}, {"when": "2026-01-02T03:04:05Z"}, True),
    ("a week is ISO 8601's", {"name|week": 53}, {"name": "2027-01-01"}, True),
    ("a month in a text", {"name|month": 12}, {"name": "2026-12-01 10:00"}, True),
    ("a year with nanoseconds", {"name|year": 2026}, {"name": "2026-12-01t10:00:00.123456789z"}, True),
    ("a minute is not another", {"when|minute": 5}, {"when": "2026-01-02T03:04:05Z"}, False),
    ("a number is no point in time", {"number|year": 2026}, {"number": 2026}, False),
    ("what the calendar does not have is no point in time", {"name|month": 2}, {"name": "2026-02-30"}, False),
    ("contains ignores case", {"name|contains": "LIC"}, {"name": "alice"}, True),
    ("contains takes underscores literally", {"name|contains": "Put_Bucket"}, {"name": "PutXBucket"}, False),
    ("contains takes percent signs literally", {"name|contains": "50%"}, {"name": "50x"}, False),
    ("contains takes brackets literally", {"name|contains": "[a]"}, {"name": "a"}, False),
    ("contains takes backslashes literally", {"name|contains": r"a\b"}, {"name": r"xa\by"}, True),
    ("contains takes a wildcard inside", {"name|contains": "a*c"}, {"name": "xabbcx"}, True),
    ("contains all", {"name|contains|all": ["a", "c"]}, {"name": "abc"}, True),
    ("contains all misses one", {"name|contains|all": ["a", "z"]}, {"name": "abc"}, False),
    ("all may be met by different members", {"tags|contains|all": ["a", "b"]}, {"tags": ["a1", "b1"]}, True),
    ("startswith", {"name|startswith": "AL"}, {"name": "alice"}, True),
    ("startswith is anchored", {"name|startswith": "li"}, {"name": "alice"}, False),
    ("endswith", {"name|endswith": "CE"}, {"name": "alice"}, True),
    ("regex is unanchored", {"name|re": "l.c"}, {"name": "alice"}, True),
    ("regex minds the case", {"name|re": "ALICE"}, {"name": "alice"}, False),
    ("regex sees the original case", {"name|re": "Al[A-Z]ce"}, {"name": "AlIce"}, True),
    ("regex with i", {"name|re|i": "ALICE"}, {"name": "alice"}, True),
    ("regex dot stops at line breaks", {"name|re": "a.b"}, {"name": "a\nb"}, False),
    ("regex with s", {"name|re|s": "a.b"}, {"name": "a\nb"}, True),
    ("regex with m", {"name|re|m": "^b$"}, {"name": "a\nb\nc"}, True),
    ("regex without m", {"name|re": "^b$"}, {"name": "a\nb\nc"}, False),
    ("cased", {"name|cased": "alice"}, {"name": "Alice"}, False),
    ("cased with contains", {"name|contains|cased": "LIC"}, {"name": "alice"}, False),
    ("cased before contains", {"name|cased|contains": "lic"}, {"name": "alice"}, True),
    ("cased with a wildcard", {"name|cased": "A?ice"}, {"name": "alice"}, False),
    ("cidr", {"address|cidr": "10.0.0.0/9"}, {"address": "10.127.0.1"}, True),
    ("cidr on no octet boundary", {"address|cidr": "10.0.0.0/9"}, {"address": "10.128.0.1"}, False),
    ("cidr of several networks", {"address|cidr": ["10.0.0.0/8", "fd00::/8"]}, {"address": "fd12::1"}, True),
    ("cidr of the other family", {"address|cidr": "::/0"}, {"address": "10.0.0.1"}, False),
    ("cidr and what is no address", {"address|cidr": "10.0.0.0/8"}, {"address": "10.0.0.0/8"}, False),
    ("cidr is one operand", {"name": "x", "address|cidr": "10.0.0.0/23"}, {"name": "y", "address": "10.0.1.1"}, False),
    ("lt", {"number|lt": 5}, {"number": 4}, True),
    ("lt is strict", {"number|lt": 5}, {"number": 5}, False),
    ("lte", {"number|lte": 5}, {"number": 5}, True),
    ("gt on a text", {"name|gt": 5}, {"name": "10"}, True),
    ("gte on what is no number", {"name|gte": 0}, {"name": "ten"}, False),
    ("gte on an absent field", {"name|gte": 0}, {}, False),
    ("gt with a fraction", {"ratio|gt": 0.25}, {"ratio": 0.5}, True),
    ("fieldref", {"user.name|fieldref": "name"}, {"name": "Alice", "user": {"name": "alice"}}, True),
    ("fieldref of absent fields", {"user.name|fieldref": "name"}, {}, False),
    ("fieldref of one absent field", {"user.name|fieldref": "name"}, {"name": "alice"}, False),
    ("fieldref among members", {"tags|fieldref": "name"}, {"name": "b", "tags": ["a", "B"]}, True),
    (
        "fieldref with startswith",
        {"name|fieldref|startswith": "user.name"},
        {"name": "alice2", "user": {"name": "Alice"}},
        True,
    ),
    (
        "fieldref with endswith",
        {"name|fieldref|endswith": "user.name"},
        {"name": "alice2", "user": {"name": "Alice"}},
        False,
    ),
    ("windash", {"name|windash|contains": " -x"}, {"name": "cmd /x"}, True),
    ("windash with an en dash", {"name|windash|contains": " -x"}, {"name": "cmd –x"}, True),
    ("windash is one operand", {"user.name": "a", "name|windash": "-x"}, {"name": "/x"}, False),
    ("base64offset", {"name|base64offset|contains": "foobar"}, {"name": "eHhmb29iYXI="}, True),
    ("wide and base64", {"name|wide|base64|contains": "ab"}, {"name": "xYQBiAA==y"}, True),
    ("any member of an array", {"tags": "B"}, {"tags": ["a", "b"]}, True),
    ("not is over all members", {"tags|exists": True}, {"tags": ["a"]}, True),
    ("arrays of objects fan out", {"items.id": "2"}, {"items": [{"id": 1}, {"id": 2}]}, True),
    ("an object's JSON text", {"params|contains": '"a":"b"'}, {"params": {"x": 1, "a": "b"}}, True),
    ("an object of columns", {"user|contains": '"name":"bob"'}, {"user": {"type": "x", "name": "bob"}}, True),
    ("an object is present", {"user": "*"}, {"user": {"name": "bob"}}, True),
    ("a field inside a json column", {"params.deep.key": "v"}, {"params": {"deep": {"key": "V"}}}, True),
    ("a promoted field", {"params.userName": "bob"}, {"params": {"userName": "Bob"}}, True),
    ("a promoted field's members", {"params.userName": "bob"}, {"params": {"userName": ["al", "bob"]}}, True),
    ("a promoted field that is an object", {"params.userName|contains": "x"}, {"params": {"userName": {"x": 1}}}, True),
    ("a promoted float", {"params.userName": "5"}, {"params": {"userName": 5.0}}, True),
    ("an array of json objects", {"params.id": "2"}, {"params": [{"id": 1}, {"id": 2}]}, True),
    ("an undeclared field", {"other.field": "x"}, {"other": {"field": "X"}}, True),
    ("a drifted field", {"number": "many"}, {"number": "Many"}, True),
    ("a drifted parent", {"user.name": "bob"}, {"user": [{"name": "al"}, {"name": "bob"}]}, True),
    ("a literal dotted key", {"user.name": "bob"}, {"user.name": "bob"}, True),
    ("a declared dotted key", {"dotted.key": "x"}, {"dotted.key": "x"}, True),
    ("a second spelling", {"color": "red"}, {"colour": "red"}, True),
    ("the first spelling wins", {"colour": "red"}, {"color": "blue", "colour": "red"}, False),
    ("a literal dotted spelling is the first too", {"city": "Rome"}, {"place.city": "Rome", "city": "Oslo"}, True),
    ("a second spelling below an object", {"place.city": "Oslo"}, {"place": {"zip": 1}, "city": "Oslo"}, True),
    ("an alias", {"source.ip": "10.0.0.1"}, {"address": "10.0.0.1"}, True),
    ("an alias of a spelling", {"hue": "red"}, {"color": "red"}, True),
    ("a declared path in another case", {"User.Name": "bob"}, {"user": {"name": "bob"}}, True),
    ("a timestamp's text", {"when|startswith": "2026-01-0"}, {"when": "2026-01-02T03:04:05Z"}, True),
    ("a null member of an array", {"other": None}, {"other": [None]}, True),
]


@pytest.mark.parametrize(("selection", "event", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_a_selection_means(
    selection: Mapping[str, Any], event: Mapping[str, Any], expected: bool, decide: Decide, make_rule: MakeRule
) -> None:
    assert decide(make_rule({"selection": selection}), [event]) == [expected]


@pytest.mark.parametrize(("selection", "event", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_not_is_the_exact_opposite(
    selection: Mapping[str, Any], event: Mapping[str, Any], expected: bool, decide: Decide, make_rule: MakeRule
) -> None:
    rule = make_rule({"selection": selection, "condition": "not selection"})
    assert decide(rule, [event, {}, event])[::2] == [not expected] * 2


def test_a_filter_on_an_absent_field_filters_nothing(decide: Decide, make_rule: MakeRule) -> None:
    rule = make_rule(
        {
            "selection": {"name": "x"},
            "filter": {"user.type": "service"},
            "condition": "selection and not filter",
        }
    )
    events = [{"name": "x"}, {"name": "x", "user": {"type": "Service"}}, {"name": "y"}]
    assert decide(rule, events) == [True, False, False]


def test_conditions_combine_selections_by_name_and_pattern(decide: Decide, make_rule: MakeRule) -> None:
    sections = {"sel_a": {"name": "a"}, "sel_b": {"user.name": "b"}, "other": {"flag": True}}
    events = [{"name": "a"}, {"name": "a", "user": {"name": "b"}}, {"flag": True}, {}]
    expected = {
        "1 of sel_*": [True, True, False, False],
        "all of sel_*": [False, True, False, False],
        "1 of them": [True, True, True, False],
        "all of them": [False, False, False, False],
        "(sel_a or other) and not sel_b": [True, False, True, False],
        "not 1 of sel_*": [False, False, True, True],
    }
    got = {text: decide(make_rule({**sections, "condition": text}), events) for text in expected}
    assert got == expected


def test_several_conditions_are_alternatives(decide: Decide, make_rule: MakeRule) -> None:
    rule = make_rule({"a": {"name": "a"}, "b": {"flag": True}, "condition": ["a", "b"]})
    assert decide(rule, [{"name": "a"}, {"flag": True}, {}]) == [True, True, False]


def test_a_list_of_mappings_is_alternatives(decide: Decide, make_rule: MakeRule) -> None:
    rule = make_rule({"selection": [{"name": "a", "flag": True}, {"number": 5}]})
    assert decide(rule, [{"name": "a", "flag": True}, {"number": 5}, {"name": "a"}]) == [True, True, False]


@pytest.mark.parametrize(
    ("keywords", "event", "expected"),
    [
        (["needle"], {"name": "a NEEDLE here"}, True),
        (["needle"], {"needle": "a name is no text"}, False),
        (["needle"], {"tags": ["x", "needles"]}, True),
        (["needle"], {"params": {"deep": [{"er": "xneedlex"}]}}, True),
        (["needle"], {"unknown": {"field": "needle"}}, True),
        (["a*b"], {"name": "xxaxxbxx"}, True),
        ([4625], {"number": 4625}, True),
        ([True], {"flag": True}, True),
        ({"|all": ["one", "two"]}, {"name": "one", "other": "two"}, True),
        ({"|all": ["one", "two"]}, {"name": "one"}, False),
        ({"|re": "N[0-9]"}, {"name": "xN5"}, True),
        ({"|re": "N[0-9]"}, {"name": "xn5"}, False),
        (["bob"], {"colour": "bob"}, True),
        (["2026-01-02"], {"when": "2026-01-02T03:04:05Z"}, True),
        (["x"], {}, False),
        (["*"], {}, False),
        (["*"], {"name": ""}, True),
    ],
)
def test_keywords_are_looked_for_in_every_scalar(
    keywords: Any, event: Mapping[str, Any], expected: bool, decide: Decide, make_rule: MakeRule
) -> None:
    assert decide(make_rule({"selection": keywords}), [event]) == [expected]


@pytest.mark.parametrize("modifier", ["", "|contains", "|startswith", "|endswith", "|cased"])
@pytest.mark.parametrize("literal", ["Straße", "ÀÉÎ", "ΣΊΣΥΦΟΣ", "İ", "日本語", "a\u0301"])
def test_text_outside_ascii_matches_itself(literal: str, modifier: str, decide: Decide, make_rule: MakeRule) -> None:
    assert decide(make_rule({"selection": {f"name{modifier}": literal}}), [{"name": literal}]) == [True]


def test_pinned_rules_see_every_row_with_the_value(decide: Decide, make_rule: MakeRule) -> None:
    events = [{"name": name, "number": number} for number in range(40) for name in ("Put", "put", "get", "list")]
    rule = make_rule({"selection": {"name": ["PUT", "list"], "number|gte": 20}})
    assert sum(decide(rule, events)) == 60
