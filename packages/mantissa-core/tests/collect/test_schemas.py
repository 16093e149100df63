"""What the parser makes of a log type is what its table takes: two maps of types, kept equal here.

The parser and the lake do not know one another; ingestion is where their schemas meet.
"""

from typing import get_args

import pyarrow as pa
import pytest
from mantissa_core.lake.types import OVERLAY, PARTITION, schema_of, stored_as, stored_type
from mantissa_core.model import LogType
from mantissa_core.model.log_type import ColumnType
from mantissa_core.parse import schema
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.parse.schema import row_schema

TYPES = get_args(ColumnType)


@pytest.mark.parametrize("name", TYPES)
def test_a_declared_type_is_parsed_into_what_is_stored(name: str) -> None:
    assert schema.ARROW[name] == stored_type(name).arrow
    assert stored_as(schema.ARROW[name]) == stored_type(name)


def test_no_type_is_mapped_that_cannot_be_declared() -> None:
    assert set(schema.ARROW) == set(TYPES)


def test_the_overlay_is_the_same_on_both_sides() -> None:
    assert pa.schema(schema.OVERLAY) == pa.schema(OVERLAY)


def _with_every_type() -> LogType:
    columns = [{"path": f"c{number}", "type": name} for number, name in enumerate(TYPES)]
    return LogType.model_validate({"name": "test.every_type", "title": "t", "columns": columns})


@pytest.mark.parametrize("log_type", [_with_every_type(), *LogTypes.load()], ids=lambda each: each.name)
def test_rows_fit_their_table_column_by_column(log_type: LogType) -> None:
    rows = row_schema(log_type)
    assert rows.names[-1] == PARTITION
    assert rows.remove(len(rows) - 1) == schema_of(log_type)
