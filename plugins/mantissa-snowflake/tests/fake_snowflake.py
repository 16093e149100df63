"""Snowflake's SQL API over the wire, as far as a collector can tell: DuckDB runs the statements that it is sent."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
import sqlglot
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Fault, Refused, Request
from sqlglot import exp

ACCOUNT, USER = "ORG-EXAMPLE", "MANTISSA"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CANNOT = {Fault.ENDLESS, Fault.DUPLICATES, Fault.SHUFFLED, Fault.BIG_CURSORS, Fault.EMPTY_PAGE}


@cache
def key() -> rsa.RSAPrivateKey:
    """The user's key; making one takes a moment."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def pem() -> str:
    """The same as the collector is configured with it."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key().private_bytes(*form).decode()


class FakeSnowflake(FakeVendor):
    """One account. ``running`` statements still run when they are asked for so many times; ``views`` may be read."""

    faults = FakeVendor.faults - _CANNOT  # a result is fixed once the statement has run
    limit_headers = None

    def __init__(self) -> None:
        super().__init__()
        self.running = 0
        self.views = {"LOGIN_HISTORY", "QUERY_HISTORY", "GRANTS_TO_USERS", "GRANTS_TO_ROLES"}
        self.warehouse = "MANTISSA_WH"
        self.statements: list[str] = []
        self.rows: list[dict[str, Any]] | None = None
        self._results: dict[str, Mapping[str, Any]] = {}
        self._engine = duckdb.connect(config={"threads": 1})
        self._engine.execute(
            "SET TimeZone = 'UTC'; ATTACH ':memory:' AS snowflake; CREATE SCHEMA snowflake.account_usage"
        )
        self._waits: dict[str, int] = {}

    def authorised(self, request: Request) -> bool:
        kind = request.headers.get("x-snowflake-authorization-token-type")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if kind == "PROGRAMMATIC_ACCESS_TOKEN":
            return (scheme, token) == ("Bearer", "pat-of-the-tests")
        return (kind, scheme) == ("KEYPAIR_JWT", "Bearer") and _signed(token)

    def events(self, request: Request) -> Answer:
        if not request.headers.get("user-agent"):
            raise Refused(400, "391903")
        if request.method == "POST" and request.route == "/api/v2/statements":
            return self._submitted(request.json())
        handle = request.route.removeprefix("/api/v2/statements/")
        if handle not in self._results:
            raise Refused(422, "000709")
        if self._waits[handle] > 0:
            self._waits[handle] -= 1
            return Answer(
                202, {"code": "333333", "message": "Asynchronous execution in progress.", "statementHandle": handle}
            )
        return self._partition(handle, int(request.query.get("partition", "0")))

    def refusal(self, status: int, code: str) -> Answer:
        return Answer(status, {"code": code or f"390{status}", "message": "refused", "sqlState": "42601"})

    def forget_results(self) -> None:
        """As a day later."""
        self._results.clear()

    def _submitted(self, body: Mapping[str, Any]) -> Answer:
        self.statements.append(body["statement"])
        if body.get("warehouse", self.warehouse) != self.warehouse:
            raise Refused(422, "000606")
        parsed = sqlglot.parse_one(body["statement"], read="snowflake")
        bindings = body.get("bindings", {})
        if len(list(parsed.find_all(exp.Placeholder))) != len(bindings):
            raise Refused(422, "002049")
        for table in parsed.find_all(exp.Table):
            if (table.catalog, table.db) != ("SNOWFLAKE", "ACCOUNT_USAGE") or table.name not in self.views:
                raise Refused(422, "002003")
        handle = str(UUID(int=len(self._results) + 2**120))
        self._results[handle] = self._run(
            parsed, [_bound(bindings[str(place)]) for place in range(1, len(bindings) + 1)]
        )
        self._waits[handle] = self.running
        if self.running:
            return Answer(202, {"code": "333334", "message": "in progress", "statementHandle": handle})
        return self._partition(handle, 0)

    def _run(self, statement: exp.Expression, values: Sequence[Any]) -> Mapping[str, Any]:
        for view in {table.name for table in statement.find_all(exp.Table)}:
            rows = self.rows or [record(event, view) for event in self.ledger.between()]
            self._engine.register("given", pa.Table.from_pylist(rows, schema=pa.schema(VIEWS[view])))
            self._engine.execute(f"CREATE OR REPLACE TABLE snowflake.account_usage.{view} AS FROM given")
        result = self._engine.sql(statement.sql(dialect="duckdb"), params=list(values)).to_arrow_table()
        columns = [{"name": each.name, "type": _kind(each.type), "scale": 0} for each in result.schema]
        return {"rowType": columns, "rows": [[_text(value) for value in row.values()] for row in result.to_pylist()]}

    def _partition(self, handle: str, number: int) -> Answer:
        result = self._results[handle]
        rows = result["rows"]
        parts = [rows[at : at + self.page_size] for at in range(0, len(rows), self.page_size)] or [[]]
        if number >= len(parts):
            raise Refused(422, "391917")
        body: dict[str, Any] = {"data": parts[number]}
        if number > 0:  # later partitions hold rows alone, always compressed
            return self._zipped(body)
        info = [{"rowCount": len(part), "uncompressedSize": 100} for part in parts]
        meta = {"numRows": len(rows), "format": "jsonv2", "rowType": result["rowType"], "partitionInfo": info}
        return Answer(200, {"code": "090001", "statementHandle": handle, "resultSetMetaData": meta, **body})

    def _zipped(self, body: Mapping[str, Any]) -> Answer:
        content = json.dumps(body).encode()
        if self.fault is Fault.TRUNCATED:  # within the compression: what arrives is JSON that breaks off
            content = content[: len(content) // 2]
            return Answer(
                200, gzip.compress(content) + b"\0" * len(gzip.compress(content)), {"Content-Encoding": "gzip"}
            )
        return Answer(200, gzip.compress(content), {"Content-Encoding": "gzip"})


def _bound(binding: Mapping[str, str]) -> Any:
    if binding["type"] != "FIXED":
        raise Refused(422, "002037")
    return int(binding["value"])


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        microseconds = (value - _EPOCH) // timedelta(microseconds=1)
        return f"{microseconds // 10**6}.{microseconds % 10**6:06d}000"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(type_: pa.DataType) -> str:
    if pa.types.is_timestamp(type_):
        return "timestamp_ltz"
    return "fixed" if pa.types.is_integer(type_) else "boolean" if pa.types.is_boolean(type_) else "text"


def _signed(token: str) -> bool:
    """Whether the token is this user's, and holds for no more than an hour."""
    try:
        signing, _, signature = token.rpartition(".")
        key().public_key().verify(_decoded(signature), signing.encode(), padding.PKCS1v15(), hashes.SHA256())
        claims = json.loads(_decoded(signing.split(".")[1]))
    except (InvalidSignature, ValueError, IndexError):
        return False
    public = (
        key().public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    fingerprint = base64.b64encode(hashlib.sha256(public).digest()).decode()
    named = (claims["sub"], claims["iss"]) == (f"{ACCOUNT}.{USER}", f"{ACCOUNT}.{USER}.SHA256:{fingerprint}")
    return named and claims["iat"] <= time.time() < claims["exp"] <= claims["iat"] + 3600


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


_TIME, _TEXT, _NUMBER, _BOOL = pa.timestamp("us", "UTC"), pa.string(), pa.int64(), pa.bool_()
_GRANT = {"CREATED_ON": _TIME, "DELETED_ON": _TIME, "GRANTED_TO": _TEXT, "GRANTEE_NAME": _TEXT, "GRANTED_BY": _TEXT}
VIEWS: Mapping[str, Mapping[str, pa.DataType]] = {
    "LOGIN_HISTORY": {
        "EVENT_ID": _NUMBER,
        "EVENT_TIMESTAMP": _TIME,
        "EVENT_TYPE": _TEXT,
        "USER_NAME": _TEXT,
        "CLIENT_IP": _TEXT,
        "IS_SUCCESS": _TEXT,
        "ERROR_CODE": _NUMBER,
    },
    "QUERY_HISTORY": {
        "QUERY_ID": _TEXT,
        "QUERY_TEXT": _TEXT,
        "START_TIME": _TIME,
        "END_TIME": _TIME,
        "SESSION_ID": _NUMBER,
        "IS_CLIENT_GENERATED_STATEMENT": _BOOL,
    },
    "GRANTS_TO_USERS": {**_GRANT, "ROLE": _TEXT},
    "GRANTS_TO_ROLES": {**_GRANT, "PRIVILEGE": _TEXT, "GRANTED_ON": _TEXT, "NAME": _TEXT, "GRANT_OPTION": _BOOL},
}


def record(event: Event, view: str) -> dict[str, Any]:
    """A row of a view; the event's id stands where each has text of its own."""
    if view == "LOGIN_HISTORY":
        return {
            "EVENT_ID": 2**53 + 1,
            "EVENT_TIMESTAMP": event.time,
            "EVENT_TYPE": "LOGIN",
            "USER_NAME": event.id,
            "CLIENT_IP": "203.0.113.17",
            "IS_SUCCESS": "YES",
        }
    if view == "QUERY_HISTORY":
        start = event.time - timedelta(hours=5)  # long statements appear when they have ended
        return {
            "QUERY_ID": event.id,
            "QUERY_TEXT": "SELECT 1",
            "START_TIME": start,
            "END_TIME": event.time,
            "SESSION_ID": 7,
            "IS_CLIENT_GENERATED_STATEMENT": False,
        }
    common = {"CREATED_ON": event.time, "GRANTEE_NAME": event.id, "GRANTED_BY": "SECURITYADMIN"}
    if view == "GRANTS_TO_USERS":
        return {**common, "ROLE": "ANALYST", "GRANTED_TO": "USER"}
    return {**common, "PRIVILEGE": "SELECT", "GRANTED_ON": "TABLE", "NAME": "ORDERS", "GRANTED_TO": "ROLE"}


def everything(pages: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """The records of pages."""
    for page in pages:
        yield from page.records
