from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from mantissa_core.errors import LakeError
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.spec import TableSpec, table_spec
from mantissa_core.lake.types import OVERLAY, ROW_KEYS, STORED_TYPES, schema_of, stored_as, stored_type
from mantissa_core.model import LogType

LOG_TYPE = LogType.model_validate(
    {
        "name": "acme.audit",
        "title": "Acme audit log",
        "id": {"native": ["event.id"]},
        "cluster": ["event.kind"],
        "columns": [
            {"path": "event.id"},
            {"path": "event.kind"},
            {"path": "size", "type": "int64"},
            {"path": "body", "type": "json"},
            {"path": "names", "type": "list<string>"},
        ],
    }
)


def test_a_log_type_becomes_its_native_columns_and_then_the_overlay() -> None:
    schema = schema_of(LOG_TYPE)
    assert schema.names[:5] == ["event_id", "event_kind", "size", "body", "names"]
    assert schema.names[5:] == [field.name for field in OVERLAY]
    assert schema.field("body").type == pa.string()
    assert schema.field("names").type == pa.list_(pa.string())


def test_the_overlay_has_the_agreed_order_and_only_its_keys_are_required() -> None:
    assert [field.name for field in OVERLAY][:4] == ["m_id", "m_time", "m_ingest_time", "m_source"]
    assert [field.name for field in OVERLAY][-2:] == ["m_flags", "m_extra"]
    assert [field.name for field in OVERLAY if not field.nullable] == ["m_id", "m_time", "m_ingest_time", "m_source"]


def test_a_table_is_clustered_by_columns_where_the_log_type_names_paths() -> None:
    spec = table_spec(LOG_TYPE)
    assert (spec.name, spec.cluster, spec.native_ids) == ("acme_audit", ("event_kind",), True)
    assert spec.stats_columns == ("m_time", "m_ingest_time", "event_kind")


@pytest.mark.parametrize("arrow", [pa.uint64(), pa.timestamp("us"), pa.timestamp("ns", "UTC"), pa.list_(pa.int32())])
def test_a_type_outside_the_mapping_is_refused_by_name(arrow: pa.DataType) -> None:
    with pytest.raises(LakeError, match="is not stored"):
        stored_as(arrow)


def test_an_unknown_column_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LakeError, match="'decimal' is not stored: use one of binary, bool"):
        stored_type("decimal")


def test_every_stored_type_has_the_delta_type_that_the_mapping_says(lake: Lake) -> None:
    fields = [pa.field(f"c_{i}", stored.arrow) for i, stored in enumerate(STORED_TYPES)]
    table = lake.ensure(TableSpec("everything", pa.schema([*fields, *ROW_KEYS])))
    found = {field.name: field.type for field in DeltaTable(table.url).schema().fields}
    for i, stored in enumerate(STORED_TYPES):
        delta = found[f"c_{i}"]
        text = f"array<{delta.element_type.type}>" if hasattr(delta, "element_type") else delta.type
        assert text == stored.delta


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (pa.schema([pa.field("a", pa.string())]), "m_id must be string, not null"),
        (pa.schema([("a", pa.string()), ("A", pa.string()), *ROW_KEYS]), "without regard to case"),
        (pa.schema([("dt", pa.string()), *ROW_KEYS]), "two columns are called 'dt'"),
        (pa.schema([pa.field("m_id", pa.string()), *ROW_KEYS[1:]]), "m_id must be string, not null"),
    ],
)
def test_a_table_that_engines_would_misread_cannot_be_specified(schema: pa.Schema, message: str) -> None:
    with pytest.raises(LakeError, match=message):
        TableSpec("bad", schema)


def test_a_table_cannot_be_sorted_by_a_column_that_it_lacks() -> None:
    with pytest.raises(LakeError, match="sorted by nothing: no such column"):
        TableSpec("bad", pa.schema(ROW_KEYS), ("nothing",))
