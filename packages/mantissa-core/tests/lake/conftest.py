from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.spec import TableSpec
from mantissa_core.lake.types import ROW_KEYS
from mantissa_core.state.documents import State
from mantissa_core.state.sqlite import SQLite

Rows = Callable[..., pa.Table]

START = datetime(2025, 1, 1, 12, tzinfo=UTC)


def make_rows(*numbers: int, day: int = 1, ingest: datetime = START, **columns: list[object]) -> pa.Table:
    """One row for each number: id and time follow from it, on the given day of January 2025."""
    times = [datetime(2025, 1, day, 12, tzinfo=UTC) + timedelta(seconds=n) for n in numbers]
    found: dict[str, pa.Array] = {
        "name": pa.array([f"event-{n % 3}" for n in numbers], pa.string()),
        "number": pa.array(numbers, pa.int64()),
        "tags": pa.array([[f"t{n}"] if n % 2 else None for n in numbers], pa.list_(pa.string())),
        **{name: pa.array(values) for name, values in columns.items()},
        "m_id": pa.array([hashlib.sha256(str(n).encode()).hexdigest()[:32] for n in numbers], pa.string()),
        "m_time": pa.array(times, ROW_KEYS[1].type),
        "m_ingest_time": pa.array([ingest] * len(numbers), ROW_KEYS[2].type),
        "dt": pa.array([f"2025-01-{day:02}"] * len(numbers), pa.string()),
    }
    return pa.table(found)


def make_spec(name: str = "events", native_ids: bool = True, **columns: pa.DataType) -> TableSpec:
    native = {"name": pa.string(), "number": pa.int64(), "tags": pa.list_(pa.string()), **columns}
    schema = pa.schema([*(pa.field(n, t) for n, t in native.items()), *ROW_KEYS])
    return TableSpec(name, schema, ("name",), native_ids)


@pytest.fixture
def rows() -> Rows:
    return make_rows


@pytest.fixture
def specify() -> Callable[..., TableSpec]:
    return make_spec


@pytest.fixture
def spec() -> TableSpec:
    return make_spec()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake")


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(SQLite(SQLite.Config(path=tmp_path / "state.sqlite")))


@pytest.fixture
def numbers() -> Callable[[Lake, str], list[int]]:
    """The ``number`` of every live row of a table, sorted."""

    def read(lake: Lake, name: str = "events") -> list[int]:
        table = lake.table(name)
        return sorted(n for batch in table.read(table.live(), ["number"]) for n in batch.column(0).to_pylist())

    return read


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_options(s3_endpoint: str) -> Mapping[str, str]:
    return {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }


@pytest.fixture
def s3_url(s3_options: Mapping[str, str], request: pytest.FixtureRequest) -> str:
    import boto3

    bucket = "b" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20]
    client = boto3.client(
        "s3",
        endpoint_url=s3_options["AWS_ENDPOINT_URL"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=bucket)
    return f"s3://{bucket}/home/lake"
