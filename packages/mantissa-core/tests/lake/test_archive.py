from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard
from mantissa_core.errors import LakeError
from mantissa_core.lake.archive import keep_raw
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.storage import Storage

NOON = datetime(2025, 1, 2, 12, 30, tzinfo=UTC)


def lines(lake: Lake, name: str) -> list[object]:
    text = zstandard.ZstdDecompressor().decompress(lake.storage.get(name))
    return [json.loads(line) for line in text.splitlines()]


def test_records_are_kept_by_log_type_and_hour_one_a_line(lake: Lake) -> None:
    name = keep_raw(lake, "aws.cloudtrail", "aws-prod/eu", 7, NOON, [b'{"a": 1.10}', b'{"b":2}'])
    assert name.startswith("aws.cloudtrail/raw/2025/01/02/12/")
    assert name.endswith("-000000000007.ndjson.zst")
    assert b'{"a": 1.10}\n' in zstandard.ZstdDecompressor().decompress(lake.storage.get(name))
    assert lines(lake, name) == [{"a": 1.1}, {"b": 2}]


def test_a_retry_overwrites_its_own_file_and_no_other(lake: Lake) -> None:
    first = keep_raw(lake, "a.b", "s", 1, NOON, [b"{}"])
    assert keep_raw(lake, "a.b", "s", 1, NOON, [b"[]"]) == first
    assert lines(lake, first) == [[]]
    assert keep_raw(lake, "a.b", "s", 2, NOON, [b"{}"]) != first
    assert keep_raw(lake, "a.b", "t", 1, NOON, [b"{}"]) != first


def test_every_record_takes_one_line_whatever_it_is(lake: Lake) -> None:
    records = [b'{\n "a":\n 1}', b"<34>Oct 11 su: 'su root' failed\nsecond line", b"\xff\xfe", b""]
    found = lines(lake, keep_raw(lake, "a.b", "s", 1, NOON, records))
    assert found[:2] == [{"a": 1}, "<34>Oct 11 su: 'su root' failed\nsecond line"]
    assert str(found[2]).encode("utf-8", "surrogateescape") == b"\xff\xfe"
    assert found[3] == ""


def test_a_stream_name_never_becomes_a_path(lake: Lake, tmp_path: Path) -> None:
    name = keep_raw(lake, "a.b", "../../../etc/passwd", 1, NOON, [b"{}"])
    assert ".." not in name
    assert Path(lake.storage.path(name)).resolve().is_relative_to(tmp_path / "lake")


def test_a_failure_names_the_file(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Storage, name: str, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Storage, "put", full)
    with pytest.raises(LakeError, match=r"a.b/raw/2025.*No space left"):
        keep_raw(lake, "a.b", "s", 1, NOON, [b"{}"])
