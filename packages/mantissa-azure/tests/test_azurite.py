"""The collector against Microsoft's own emulator. Skipped where it does not run."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient, ContainerSasPermissions, generate_container_sas
from fake_capture import captured, wrapped
from mantissa_azure.collector import BlobCollector
from mantissa_azure.parser import RecordsFile
from mantissa_core.errors import NeedsOperator
from mantissa_core.model import Window
from mantissa_core.parse.compression import open_blob

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's own, which everybody knows: https://learn.microsoft.com/en-us/azure/storage/common/storage-use-azurite."""
URL = f"http://127.0.0.1:{os.environ.get('MANTISSA_AZURITE_PORT', '19100')}/{ACCOUNT}"
FOLDER = "resourceId=/SUBSCRIPTIONS/00000000-0000-0000-0000-000000000001/"
HOUR = FOLDER + "y=2025/m=03/d=04/h=09/m=00/PT1H.json"
ANY = Window(datetime(2025, 3, 4, tzinfo=UTC), datetime(2025, 3, 4, tzinfo=UTC))


@pytest.fixture
def container() -> Iterator[ContainerClient]:
    """One of its own."""
    try:
        running = httpx.get(URL, timeout=5, trust_env=False).headers.get("Server", "").startswith("Azurite")
    except httpx.HTTPError:
        running = False
    if not running:
        pytest.skip("Azurite does not answer: start it with `just engines`")
    with BlobServiceClient(URL, credential=KEY, api_version="2025-01-05") as service:
        client = service.create_container(f"logs-{uuid.uuid4().hex[:12]}")
        yield client
        client.delete_container()


def collector(container: ContainerClient, **given: Any) -> BlobCollector:
    known = {"account_url": URL, "account_key": KEY, "containers": [container.container_name], "retries": 0}
    return BlobCollector(BlobCollector.Config.model_validate({**known, "log_type": "azure.activity", **given}))


def read(subject: BlobCollector, state: Any = None) -> tuple[list[int], Any]:
    ids: list[int] = []
    decoder = RecordsFile(RecordsFile.Config())
    end = state or {}
    for stream in subject.streams():
        for page in subject.read(stream, ANY, state or {}):
            end = page.next_state
            steps = (step for blob in page.blobs for step in decoder.decode(open_blob(blob)))
            ids += [json.loads(record)["id"] for step in steps for record in step.records]
    return ids, end


def lines(*ids: int) -> bytes:
    return b"".join(json.dumps({"id": each}).encode() + b"\n" for each in ids)


def test_an_append_blob_is_read_as_it_grows(container: ContainerClient) -> None:
    blob = container.get_blob_client(HOUR)
    blob.create_append_blob()
    blob.append_block(lines(1, 2))
    subject = collector(container, page_bytes=100)
    subject.check()
    assert [stream.name for stream in subject.streams()] == [f"{container.container_name}/{FOLDER}"]
    ids, state = read(subject)
    assert ids == [1, 2]
    blob.append_block(lines(*range(3, 40)))
    more, state = read(subject, state)
    assert more == list(range(3, 40))
    assert read(subject, state) == ([], state)


def test_a_capture_is_read_once(container: ContainerClient) -> None:
    name = "example/logs/0/2025/03/04/09/15/30.avro"
    container.upload_blob(name, captured(wrapped([{"id": 1}, {"id": 2}]), codec="deflate"))
    ids, state = read(collector(container))
    assert ids == [1, 2]
    container.upload_blob(name.replace("/30.", "/31."), captured(wrapped([{"id": 3}])))
    assert read(collector(container), state)[0] == [3]
    assert read(collector(container, page_bytes=100))[0] == [1, 2, 3]


def test_many_days_are_listed_page_by_page_and_in_order(container: ContainerClient) -> None:
    for day in range(1, 8):
        container.upload_blob(HOUR.replace("d=04", f"d=0{day}"), lines(day), blob_type="AppendBlob")
    assert read(collector(container, blobs_per_page=2))[0] == list(range(1, 8))


def test_containers_are_found_by_a_pattern(container: ContainerClient) -> None:
    container.upload_blob(HOUR, lines(1), blob_type="AppendBlob")
    subject = collector(container, containers=[f"{container.container_name[:-2]}*"])
    assert read(subject)[0] == [1]


def test_a_wrong_key_and_a_missing_container_need_the_operator(container: ContainerClient) -> None:
    with pytest.raises(NeedsOperator, match="AuthorizationFailure"):
        collector(container, account_key="d3Jvbmc=").check()
    with pytest.raises(NeedsOperator, match="does not exist"):
        collector(container, containers=["nothing-here"]).check()


@pytest.mark.parametrize("permission", ["rl", "l"])
def test_a_signature_needs_read_and_list(container: ContainerClient, permission: str) -> None:
    container.upload_blob(HOUR, lines(1), blob_type="AppendBlob")
    token = generate_container_sas(
        ACCOUNT,
        container.container_name,
        account_key=KEY,
        permission=ContainerSasPermissions.from_string(permission),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    subject = collector(container, account_key=None, sas_token=token)
    if permission == "rl":
        assert read(subject)[0] == [1]
        return
    with pytest.raises(NeedsOperator, match="a SAS with the permissions read and list"):
        subject.check()
