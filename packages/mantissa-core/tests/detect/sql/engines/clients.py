"""Clients of a Trino server and of the BigQuery emulator, as thin as the tests need them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from typing import Any, Protocol

import httpx
import pyarrow as pa
from mantissa_core.detect.sql import dialect_named
from mantissa_core.detect.sql.dialect import Dialect
from mantissa_core.errors import QueryTooLarge

Rows = list[list[Any]]


TOO_LARGE = {"QUERY_EXCEEDED_COMPILER_LIMIT", "COMPILER_ERROR"}
"""Trino's names for a statement whose code it cannot generate."""


EMULATORS_OWN = "sqlite3: SQL logic error: too many arguments on function"
"""The emulator executes dry runs, by SQLite, which takes no OR of more than 1,000: the analyzer has accepted it."""


class EngineError(Exception):
    """The engine refused a statement, or failed on it."""


class Engine(Protocol):
    """What a test needs of an engine."""

    name: str
    dialect: Dialect

    def load(self, table: str, rows: pa.Table) -> None:
        """Create the table anew, with these rows."""

    def run(self, sql: str) -> Rows:
        """All rows of a statement's result."""

    def check(self, sql: str) -> None:
        """Analyze a statement without reading rows."""


class Trino:
    """Trino's REST protocol: a statement is posted, its result fetched page by page."""

    def __init__(self, address: str) -> None:
        self.name, self.dialect = "athena", dialect_named("athena")
        headers = {"X-Trino-User": "tests", "X-Trino-Catalog": "memory", "X-Trino-Schema": "default"}
        self._http = httpx.Client(base_url=address, headers=headers, timeout=120)

    def answers(self) -> bool:
        return self._http.get("/v1/info").json()["starting"] is False

    def run(self, sql: str) -> Rows:
        answer = self._http.post("/v1/statement", content=sql.encode()).json()
        rows: Rows = list(answer.get("data", []))
        while "nextUri" in answer:
            answer = self._http.get(answer["nextUri"]).json()
            rows += answer.get("data", [])
        if error := answer.get("error"):
            kind = QueryTooLarge if error["errorName"] in TOO_LARGE else EngineError
            raise kind(f"{error['errorName']}: {error['message']}")
        return rows

    def check(self, sql: str) -> None:
        self.run(f"EXPLAIN (TYPE VALIDATE) {sql}")

    def load(self, table: str, rows: pa.Table) -> None:
        self.run(f'DROP TABLE IF EXISTS "{table}"')
        columns = ", ".join(f'"{each.name}" {_trino_type(each.type)}' for each in rows.schema)
        self.run(f'CREATE TABLE "{table}" ({columns})')
        values = [f"({', '.join(map(_trino_value, row.values()))})" for row in rows.to_pylist()]
        for start in range(0, len(values), 200):
            self.run(f'INSERT INTO "{table}" VALUES {", ".join(values[start : start + 200])}')


class BigQuery:
    """BigQuery's REST interface."""

    def __init__(self, address: str) -> None:
        self.name, self.dialect = "bigquery", dialect_named("bigquery")
        self._http = httpx.Client(base_url=f"{address}/bigquery/v2/projects/mantissa", timeout=300)

    def answers(self) -> bool:
        return "datasets" in self._http.get("/datasets").json()

    def run(self, sql: str) -> Rows:
        return [[cell["v"] for cell in row["f"]] for row in self._query(sql).get("rows", [])]

    def check(self, sql: str) -> None:
        try:
            self._query(sql, dryRun=True)
        except EngineError as error:
            if EMULATORS_OWN not in str(error):
                raise

    def load(self, table: str, rows: pa.Table) -> None:
        tables = "/datasets/lake/tables"
        self._http.delete(f"{tables}/{table}")
        schema = {"fields": [_bigquery_field(each) for each in rows.schema]}
        reference = {"projectId": "mantissa", "datasetId": "lake", "tableId": table}
        self._answer(self._http.post(tables, json={"tableReference": reference, "schema": schema}))
        repeated = {field.name for field in rows.schema if pa.types.is_list(field.type)}
        found = [{"json": _bigquery_row(row, repeated)} for row in rows.to_pylist()]
        for start in range(0, len(found), 500):
            answer = self._http.post(f"{tables}/{table}/insertAll", json={"rows": found[start : start + 500]})
            if errors := self._answer(answer).get("insertErrors"):
                raise EngineError(str(errors[0]))

    def _query(self, sql: str, **more: Any) -> Mapping[str, Any]:
        dataset = {"projectId": "mantissa", "datasetId": "lake"}
        query = {"query": sql, "useLegacySql": False, "defaultDataset": dataset, "maxResults": 1_000_000, **more}
        answer = self._answer(self._http.post("/queries", json=query))
        if "pageToken" in answer:
            raise EngineError("the result has more pages than one")
        return answer

    def _answer(self, response: httpx.Response) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = response.json()
        if "error" in answer:
            raise EngineError(answer["error"]["message"])
        return answer


def _trino_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return "ARRAY(VARCHAR)"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP(6) WITH TIME ZONE"
    return {"string": "VARCHAR", "int64": "BIGINT", "int32": "INTEGER", "bool": "BOOLEAN", "double": "DOUBLE",
            "date32[day]": "DATE", "binary": "VARBINARY"}[str(kind)]  # fmt: skip


def _trino_value(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case bool():
            return str(value).lower()
        case float():
            return f"CAST('{value!r}' AS DOUBLE)"
        case datetime():
            return f"TIMESTAMP '{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC'"
        case date():
            return f"DATE '{value}'"
        case bytes():
            return f"X'{value.hex()}'"
        case list():
            return f"CAST(ARRAY[{', '.join(map(_trino_value, value))}] AS ARRAY(VARCHAR))"
    return str(value)


def _bigquery_field(field: pa.Field) -> dict[str, str]:
    if pa.types.is_list(field.type):
        return {"name": field.name, "type": "STRING", "mode": "REPEATED"}
    kinds = {"string": "STRING", "int64": "INTEGER", "int32": "INTEGER", "bool": "BOOLEAN", "double": "FLOAT",
             "date32[day]": "DATE", "binary": "BYTES"}  # fmt: skip
    return {"name": field.name, "type": "TIMESTAMP" if pa.types.is_timestamp(field.type) else kinds[str(field.type)]}


def _bigquery_row(row: Mapping[str, Any], repeated: Collection[str]) -> dict[str, Any]:
    """BigQuery stores no null for a repeated column, but an empty array; the emulator would store a null."""
    empty = {name: [] for name in repeated}
    return empty | {key: _bigquery_value(value) for key, value in row.items() if value is not None}


def _bigquery_value(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case date():
            return str(value)
        case bytes():
            return b64encode(value).decode()
    return value
