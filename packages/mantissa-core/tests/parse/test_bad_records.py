"""Records that are no usable events become dead letters that say why; their neighbours are kept."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from mantissa_core.model import LogType
from mantissa_core.parse.json_text import MAX_DEPTH
from mantissa_core.parse.rows import RowBuilder

NOW = datetime(2025, 3, 4, tzinfo=UTC)
LOG_TYPE = LogType.model_validate(
    {
        "name": "test.bad",
        "title": "t",
        "columns": [{"path": "a"}, {"path": "o.x"}, {"path": "j", "type": "json"}, {"path": "f", "type": "double"}],
    }
)


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.fixture(scope="module")
def builder() -> Iterator[RowBuilder]:
    with RowBuilder(LOG_TYPE) as builder:
        yield builder


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"", "not JSON"),
        (b"   ", "not JSON"),
        (b"\x0b", "not JSON"),
        (b"\xc2\xa0", "not JSON"),
        (b"plain text", "not JSON"),
        (b'{"a": "x"', "not JSON"),
        (b'{"a": "x"} {"a": "y"}', "not JSON"),
        (b'{"j": [1,]}', "not JSON"),
        (b'{"a": "line\nfeed"}', "not JSON"),
        (b'{"j": "\\x"}', "not JSON"),
        (b"[]", "not a JSON object but an array"),
        (b'"text"', "not a JSON object but a string"),
        (b"5", "not a JSON object but a number"),
        (b"null", "not a JSON object but null"),
        (b'{"a": "\xff"}', "not UTF-8: byte 0xff at offset 7"),
        (b'{"j": {"k": "\xc3"}}', "not UTF-8"),
        (b'{"undeclared": "\xff"}', "not UTF-8"),
        (b'\xef\xbb\xbf{"a": "x"}', "not JSON"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"j": "\\udc00x"}', "surrogate"),
        (b'{"undeclared": {"\\ud83d": 1}}', "surrogate"),
        (b'{"f": NaN}', "NaN is no JSON number"),
        (b'{"j": [Infinity]}', "Infinity is no JSON number"),
        (b'{"f": 1e400}', "beyond the range of a double"),
        (b'{"a": "x", "a": "y"}', "repeats the key 'a' in the event"),
        (b'{"o": {"x": "1", "x": "2"}}', "repeats the key 'x' in o"),
        (b'{"undeclared": 1, "undeclared": 2}', "repeats the key 'undeclared'"),
        (b'{"j": ' + nested(MAX_DEPTH) + b"}", "nested deeper than 200 levels"),
        (b'{"u": ' + nested(MAX_DEPTH) + b"}", "nested deeper than 200 levels"),
        (b'{"j": ' + nested(5_000) + b"}", "nested deeper than 200 levels"),
        (b'{"u": ' + nested(100_000) + b"}", "nested deeper than 200 levels"),
        (b"[" * 100_000, "nested deeper than 200 levels"),
        (b'{"j": ' + b"9" * 5000 + b"}", "a number of more than 4300 digits"),
        (b'{"u": ' + b"9" * 5000 + b"}", "a number of more than 4300 digits"),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_a_bad_record_is_a_dead_letter_and_its_neighbours_are_rows(
    builder: RowBuilder, record: bytes, reason: str
) -> None:
    records = [b'{"a":"before"}', record, b'{"a":"after","zz":1}']
    parsed = builder.build(records, [3, 14, 159], origin="file-1", source="label", ingest_time=NOW)
    assert parsed.rows["a"].to_pylist() == ["before", "after"]
    (letter,) = parsed.dead
    assert reason in letter.reason
    assert (letter.raw, letter.size, letter.position) == (record, len(record), 14)
    assert (letter.origin, letter.source, letter.log_type) == ("file-1", "label", "test.bad")


@pytest.mark.parametrize(
    "record",
    [
        b'{"j": ' + nested(MAX_DEPTH - 1) + b"}",
        b'{"u": ' + nested(MAX_DEPTH - 1) + b"}",
        b'{"j": "' + b"[" * 500 + b'"}',
        b'{"j": [' + b",".join([b"{}"] * 500) + b"]}",
        b'{"j": ' + b"9" * 400 + b"}",
        b'{"j": "' + b"9" * 5000 + b'"}',
        b'{"j": {"k": 1, "k": 2}}',
        b'{"u": {"k": 1, "k": 2}}',
        b'{"j": "\\ud83d\\ude00", "a": "\\u0000"}',
    ],
    ids=lambda value: repr(value[:30]),
)
def test_what_only_looks_bad_is_kept(builder: RowBuilder, record: bytes) -> None:
    parsed = builder.build([record], [0], origin="o", source="s", ingest_time=NOW)
    assert (len(parsed.rows), parsed.dead) == (1, [])


def test_keys_repeated_inside_free_values_are_kept_as_they_stand(builder: RowBuilder) -> None:
    records = [b'{"j":{"k":1,"k":2}}', b'{"j":{"k":1,"k":2},"u":{"k":1,"k":2}}']
    parsed = builder.build(records, [0, 1], origin="o", source="s", ingest_time=NOW)
    assert parsed.rows["j"].to_pylist() == ['{"k":1,"k":2}'] * 2
    assert parsed.rows["m_extra"].to_pylist() == [None, '{"u":{"k":1,"k":2}}']
