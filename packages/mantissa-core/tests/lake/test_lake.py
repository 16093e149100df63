from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, Field
from deltalake.schema import PrimitiveType
from mantissa_core.errors import LakeError
from mantissa_core.lake.lake import FORMAT, MARKER, Lake
from mantissa_core.lake.spec import TableSpec
from mantissa_core.lake.types import ROW_KEYS


def test_an_empty_place_becomes_a_lake_and_keeps_its_identity(tmp_path: Path) -> None:
    first = Lake.open(tmp_path / "home" / "lake")
    again = Lake.open(f"file://{tmp_path}/home/lake", create=False)
    assert first.id == again.id
    assert first.tables() == []


def test_a_folder_with_something_else_in_it_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis.odt").write_text("mine")
    with pytest.raises(LakeError, match=r"is no lake: it has no mantissa-lake.json but holds 'thesis.odt'; set"):
        Lake.open(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.odt"]


def test_a_draft_that_a_crash_left_behind_does_not_make_a_folder_foreign(tmp_path: Path) -> None:
    (tmp_path / ".mantissa-0123456789abcdef").write_text("{")
    assert Lake.open(tmp_path).tables() == []


def test_nothing_is_created_where_creating_is_off(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="is no lake yet: run 'mantissa init'"):
        Lake.open(tmp_path / "lake", create=False)
    assert not (tmp_path / "lake").exists()


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    marker = tmp_path / "lake" / MARKER
    marker.write_text(json.dumps({"format": FORMAT + 1, "id": lake.id}))
    with pytest.raises(LakeError, match="upgrade mantissa-core"):
        Lake.open(tmp_path / "lake")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1, "id": "no uuid"}', '{"format": "x"}'])
def test_a_damaged_marker_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / MARKER).write_text(content)
    with pytest.raises(LakeError, match="is damaged"):
        Lake.open(tmp_path)


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(LakeError, match="not ftp://"):
        Lake.open("ftp://example.com/lake")


def test_a_table_is_found_again_with_all_that_its_specification_says(lake: Lake, spec: TableSpec) -> None:
    lake.ensure(spec)
    found = Lake.open(lake.url).table("events").spec
    assert found == spec
    assert lake.tables() == ["events"]


def test_a_table_that_does_not_exist_is_an_error(lake: Lake) -> None:
    with pytest.raises(LakeError, match="has no table 'nothing'"):
        lake.table("nothing")


@pytest.mark.parametrize("name", ["", "../events", "a b", "a/b", "ä", "x" * 201])
def test_a_table_name_never_becomes_another_path(lake: Lake, name: str) -> None:
    with pytest.raises(LakeError, match="is no table name"):
        lake.table(name)


@pytest.mark.parametrize(
    ("schema", "partition"),
    [
        (pa.schema([("a", pa.string()), ("dt", pa.string())]), ["dt"]),
        (pa.schema([*ROW_KEYS, ("dt", pa.string())]), []),
    ],
)
def test_a_delta_table_of_somebody_else_is_refused(lake: Lake, schema: pa.Schema, partition: list[str]) -> None:
    DeltaTable.create(lake.storage.url("tables/events"), schema=schema, partition_by=partition)
    with pytest.raises(LakeError, match="table events is not of this lake"):
        lake.table("events")


def test_a_table_with_features_that_readers_may_lack_is_refused(lake: Lake) -> None:
    schema = pa.schema([*ROW_KEYS, ("dt", pa.string()), ("naive", pa.timestamp("us"))])
    DeltaTable.create(lake.storage.url("tables/events"), schema=schema, partition_by=["dt"])
    with pytest.raises(LakeError, match="needs reader 3 and writer 7"):
        lake.table("events")


def test_a_table_needs_no_feature_of_any_reader(lake: Lake, spec: TableSpec) -> None:
    protocol = DeltaTable(lake.ensure(spec).url).protocol()
    assert (protocol.min_reader_version, protocol.min_writer_version) == (1, 2)


def test_new_columns_are_added_and_old_files_read_as_null_there(
    lake: Lake, specify: Callable[..., TableSpec], rows: Callable[..., pa.Table]
) -> None:
    table = lake.ensure(specify())
    table.commit(table.stage(rows(1)), {"s": 1})
    wider = lake.ensure(specify(colour=pa.string(), **{"@odd": pa.date32()}))
    assert wider is table
    table.commit(table.stage(rows(2, colour=["red"])), {"s": 2})
    found = pa.Table.from_batches(table.read(table.live(), ["number", "colour", "@odd"])).sort_by("number")
    assert found.to_pylist() == [
        {"number": 1, "colour": None, "@odd": None},
        {"number": 2, "colour": "red", "@odd": None},
    ]


def test_a_column_that_another_process_added_is_seen_by_readers(
    lake: Lake, specify: Callable[..., TableSpec], rows: Callable[..., pa.Table]
) -> None:
    reader = lake.ensure(specify())
    writer = Lake.open(lake.url).ensure(specify(colour=pa.string()))
    writer.commit(writer.stage(rows(1, colour=["red"])), {"s": 1})
    assert pa.Table.from_batches(reader.read(reader.live())).column("colour").to_pylist() == ["red"]


def test_a_column_of_a_foreign_type_is_refused_by_name(lake: Lake, spec: TableSpec) -> None:
    url = lake.ensure(spec).url
    DeltaTable(url).alter.add_columns([Field("price", PrimitiveType("decimal(10, 2)"))])
    with pytest.raises(LakeError, match=r"table events, column price: Arrow type decimal128\(10, 2\) is not stored"):
        Lake.open(lake.url).table("events")


def test_a_narrower_specification_keeps_the_columns_that_are_there(
    lake: Lake, specify: Callable[..., TableSpec], rows: Callable[..., pa.Table]
) -> None:
    lake.ensure(specify(colour=pa.string()))
    table = Lake.open(lake.url).ensure(specify())
    assert "colour" in table.schema().names
    table.commit(table.stage(rows(1)), {"s": 1})
    assert pa.Table.from_batches(table.read(table.live(), ["colour"])).column(0).to_pylist() == [None]


def test_a_changed_type_is_refused_with_table_column_and_both_types(
    lake: Lake, specify: Callable[..., TableSpec]
) -> None:
    lake.ensure(specify())
    with pytest.raises(LakeError, match=r"table events, column number: found number of type int64, expected string"):
        lake.ensure(specify(number=pa.string()))


def test_a_new_column_that_differs_from_an_old_one_by_case_only_is_refused(
    lake: Lake, specify: Callable[..., TableSpec]
) -> None:
    lake.ensure(specify(callerIp=pa.string()))
    schema = pa.schema([pa.field("callerIP", pa.string()), *specify().schema])
    with pytest.raises(LakeError, match="column callerIP: found callerIp"):
        lake.ensure(TableSpec("events", schema))


def test_a_new_column_must_be_nullable(lake: Lake, spec: TableSpec) -> None:
    lake.ensure(spec)
    schema = pa.schema([*spec.schema, pa.field("extra", pa.string(), nullable=False)])
    with pytest.raises(LakeError, match="it is new, so it must be nullable"):
        lake.ensure(TableSpec("events", schema))


def test_a_new_sort_order_is_remembered(lake: Lake, spec: TableSpec) -> None:
    lake.ensure(spec)
    lake.ensure(TableSpec("events", spec.schema, ("number", "name"), spec.native_ids))
    assert Lake.open(lake.url).table("events").spec.cluster == ("number", "name")
