"""Dead letters keep what was there, so that it can be replayed."""

from datetime import UTC, datetime

from mantissa_core.model import Rejected
from mantissa_core.parse.dead_letter import (
    DEAD_LETTER_CLUSTER,
    DEAD_LETTER_SCHEMA,
    DeadLetter,
    dead_letter_rows,
    raw_of,
)

NOW = datetime(2025, 3, 4, 12, tzinfo=UTC)


def letter(raw: bytes, position: int = 7, size: int | None = None) -> DeadLetter:
    rejected = Rejected(raw, "no record", position, len(raw) if size is None else size)
    return DeadLetter.of(rejected, log_type="acme.audit", origin="bucket/key", source="acme-prod", name="key")


def test_rows_have_the_schema_and_say_where_it_was() -> None:
    table = dead_letter_rows([letter(b'{"a": ')], ingest_time=NOW)
    assert table.schema.equals(DEAD_LETTER_SCHEMA)
    (row,) = table.to_pylist()
    assert (row["m_time"], row["m_ingest_time"], row["dt"], row["m_source"]) == (NOW, NOW, "2025-03-04", "acme-prod")
    assert (row["log_type"], row["origin"], row["name"], row["position"]) == ("acme.audit", "bucket/key", "key", 7)
    assert (row["reason"], row["raw"], row["raw_base64"], row["truncated"]) == ("no record", '{"a": ', None, False)
    assert row["parser_version"]
    assert set(DEAD_LETTER_CLUSTER) <= set(DEAD_LETTER_SCHEMA.names)


def test_bytes_that_are_no_text_are_readable_and_replayable() -> None:
    (row,) = dead_letter_rows([letter(b'{"a": "\xff"}')], ingest_time=NOW).to_pylist()
    assert row["raw"] == '{"a": "\\xff"}'
    assert raw_of(row) == b'{"a": "\xff"}'
    (plain,) = dead_letter_rows([letter(b"caf\xc3\xa9")], ingest_time=NOW).to_pylist()
    assert raw_of(plain) == b"caf\xc3\xa9"


def test_what_was_cut_says_so() -> None:
    (row,) = dead_letter_rows([letter(b"begin", size=10**9)], ingest_time=NOW).to_pylist()
    assert (row["size"], row["truncated"]) == (10**9, True)


def test_one_place_has_one_id() -> None:
    same = dead_letter_rows([letter(b"x"), letter(b"x")], ingest_time=NOW)["m_id"].to_pylist()
    assert same[0] == same[1]
    assert letter(b"x", position=8).id != letter(b"x").id


def test_no_letters_make_an_empty_table() -> None:
    assert dead_letter_rows([], ingest_time=NOW).schema.equals(DEAD_LETTER_SCHEMA)
