from __future__ import annotations

from datetime import UTC, datetime

import duckdb
import pyarrow as pa
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.spec import table_spec
from mantissa_core.lake.views import COLUMNS, views
from mantissa_core.model import LogType


def log_type(name: str, *names: str) -> LogType:
    columns = [{"path": "user"}]
    return LogType.model_validate({"name": name, "title": name, "columns": columns, "views": names})


TYPES = [log_type("okta.system_log", "auth"), log_type("aws.cloudtrail", "auth", "cloud_change"), log_type("a.flow")]


def event(user: str) -> pa.Table:
    now = datetime(2025, 1, 1, tzinfo=UTC)
    stamp = pa.timestamp("us", "UTC")
    return pa.table(
        {
            "user": [user],
            "m_id": [user * 8],
            "m_time": pa.array([now], stamp),
            "m_ingest_time": pa.array([now], stamp),
            "m_source": ["test"],
            "m_user": [user],
            "m_any_user": pa.array([[user]], pa.list_(pa.string())),
            "dt": ["2025-01-01"],
        }
    )


def test_a_view_unites_the_overlay_of_every_table_that_exists(lake: Lake) -> None:
    database = duckdb.connect()
    for n, kind in enumerate(TYPES[:2]):
        table = lake.ensure(table_spec(kind))
        table.commit(table.stage(event(f"user{n}")), {"s": 1})
        files = list(table.snapshot().files)
        database.sql(f"CREATE TABLE {kind.table} AS SELECT * FROM read_parquet({files}, hive_partitioning = true)")
    for view in views(TYPES, lake.tables()):
        database.sql(f"CREATE VIEW {view.name} AS {view.sql}")
        assert database.sql(f"FROM {view.name}").columns == list(view.columns) == list(COLUMNS)
    found = database.sql("SELECT m_log_type, m_table, m_user, m_any_user FROM auth ORDER BY 1").fetchall()
    assert found == [
        ("aws.cloudtrail", "aws_cloudtrail", "user1", ["user1"]),
        ("okta.system_log", "okta_system_log", "user0", ["user0"]),
    ]
    assert database.sql("SELECT count(*) FROM normalized_auth_view").fetchall() == [(2,)]
    assert database.sql("SELECT m_log_type FROM cloud_change").fetchall() == [("aws.cloudtrail",)]


def test_a_view_without_a_table_is_left_out() -> None:
    assert views(TYPES, []) == []
    assert [view.name for view in views(TYPES, ["okta_system_log"])] == ["auth", "normalized_auth_view"]
