from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fake_gcs import ACTIVITY, BUCKET, FakeGcs
from fake_google import FakeTokens, key_file
from gcp_storage_emulator.server import create_server
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.parse.compression import open_blob
from mantissa_core.parse.json_lines import JSONLines
from mantissa_core.testing.fake_vendor import Event, Fault
from mantissa_core.testing.loopback import Answer, LoopbackServer, Request
from mantissa_gcp import bucket
from mantissa_gcp.collector import GcsCollector
from pydantic import ValidationError

NOON = datetime(2025, 3, 4, 12, 0, tzinfo=UTC)
NOW = Window(NOON, NOON)
HOUR = f"{ACTIVITY}2025/03/04/09:00:00_09:59:59_S0.json"


@pytest.fixture
def gcs() -> Iterator[FakeGcs]:
    with FakeGcs() as fake:
        yield fake


def collector(gcs: FakeGcs, now: datetime = NOON, **settings: Any) -> GcsCollector:
    given = {"bucket": BUCKET, "credentials": gcs.key_file, "endpoint": gcs.url, "timeout": 10}
    return GcsCollector(GcsCollector.Config.model_validate({**given, **settings}), lambda: now)


def lines(*ids: str) -> bytes:
    return b"".join(json.dumps({"insertId": each}).encode() + b"\n" for each in ids)


def contents(page: Page) -> list[str]:
    steps = [step for blob in page.blobs for step in JSONLines(JSONLines.Config()).decode(open_blob(blob))]
    return [json.loads(record)["insertId"] for step in steps for record in step.records]


def read(
    subject: GcsCollector, state: Mapping[str, Any] | None = None, stream: int = 0
) -> tuple[list[str], Mapping[str, Any]]:
    """What one pass yields, and the state behind it."""
    found: list[str] = []
    state = state or {}
    for page in subject.read(subject.streams()[stream], NOW, state):
        found += contents(page)
        state = page.next_state
    return found, state


def test_every_log_is_a_stream_of_its_log_type(gcs: FakeGcs) -> None:
    day = "2025/03/04/09:00:00_09:59:59_S0.json"
    for log in (
        "cloudaudit.googleapis.com/activity",
        "cloudaudit.googleapis.com/data_access",
        "compute.googleapis.com/vpc_flows",
        "syslog",
        "syslog/nested",
    ):
        gcs.put_file(f"{log}/{day}", lines("1"))
    gcs.put_file("else/readme.txt", b"hello")
    assert [(each.name, each.log_type, each.windowed) for each in collector(gcs).streams()] == [
        ("cloudaudit.googleapis.com/activity/", "gcp.audit", False),
        ("cloudaudit.googleapis.com/data_access/", "gcp.audit", False),
        ("compute.googleapis.com/vpc_flows/", "gcp.vpc_flow", False),
        ("syslog/", "generic.json", False),
        ("syslog/nested/", "generic.json", False),
    ]
    assert [each.name for each in collector(gcs, prefix="syslog/").streams()] == ["syslog/", "syslog/nested/"]


def test_a_log_in_a_folder_of_its_own_is_found(gcs: FakeGcs) -> None:
    gcs.put_file(f"exports/{HOUR}", lines("1"))
    subject = collector(gcs, prefix="exports/", other_log_type="acme.any")
    assert [(each.name, each.log_type) for each in subject.streams()] == [(f"exports/{ACTIVITY}", "gcp.audit")]
    assert read(subject)[0] == ["1"]


def test_shards_and_late_entries_of_an_hour_are_found_behind_later_hours(gcs: FakeGcs) -> None:
    gcs.put_file(HOUR, lines("1", "2"), NOON)
    gcs.put_file(HOUR.replace("09:", "10:"), lines("3"), NOON)
    found, state = read(collector(gcs))
    assert found == ["1", "2", "3"]
    gcs.put_file(HOUR.replace("S0", "S1"), lines("4"), NOON)
    gcs.put_file(HOUR.replace("S0", "A0"), lines("5"), NOON)
    found, state = read(collector(gcs), state)
    assert found == ["5", "4"]
    assert read(collector(gcs), state)[0] == []


def test_what_is_settled_is_not_listed_again(gcs: FakeGcs) -> None:
    gcs.put_file(HOUR, lines("1"), NOON)
    _, state = read(collector(gcs, NOON + timedelta(hours=25)))
    assert state == {"floor": HOUR, "known": []}
    read(collector(gcs, NOON + timedelta(hours=25)), state)
    assert gcs.requests[-1].query["startOffset"] == HOUR


def test_a_file_that_is_overwritten_is_read_again(gcs: FakeGcs) -> None:
    gcs.put_file(HOUR, lines("1"), NOON)
    _, state = read(collector(gcs))
    gcs.put_file(HOUR, lines("1", "2"), NOON)
    assert read(collector(gcs), state)[0] == ["1", "2"]


def test_days_before_the_first_one_that_is_wanted_are_not_listed(gcs: FakeGcs) -> None:
    for day in ("03", "04", "05"):
        gcs.put_file(HOUR.replace("/04/", f"/{day}/"), lines(day))
    assert read(collector(gcs, since="2025-03-04"))[0] == ["04", "05"]
    assert gcs.requests[-1].path.endswith(
        "05%2F09%3A00%3A00_09%3A59%3A59_S0.json?alt=media&generation=1741078800000003"
    )


def test_a_file_that_is_gone_or_replaced_asks_for_a_retry_and_holds_nothing_up(gcs: FakeGcs) -> None:
    gcs.put_file(HOUR, lines("1"), NOON)
    gcs.put_file(HOUR.replace("S0", "S1"), lines("2"), NOON)
    subject = collector(gcs)
    [page] = subject.read(subject.streams()[0], NOW, {})
    del gcs.objects[HOUR]
    with pytest.raises(Retry, match=f"gs://{BUCKET}/{HOUR} was replaced or deleted after it was listed"):
        contents(page)
    assert read(collector(gcs))[0] == ["2"]


def test_a_file_that_is_cut_is_not_taken_for_a_whole_one(gcs: FakeGcs) -> None:
    gcs.put_file(HOUR, lines("1", "2"))
    subject = collector(gcs)
    [page] = subject.read(subject.streams()[0], NOW, {})
    gcs.inject(Fault.TRUNCATED)
    with pytest.raises(Retry, match="got 18 of 36 bytes"):
        contents(page)


def test_a_lapsed_token_is_replaced_for_files_too(gcs: FakeGcs) -> None:
    gcs.put_file(HOUR, lines("1"))
    subject = collector(gcs)
    [page] = subject.read(subject.streams()[0], NOW, {})
    gcs.tokens.lapse()
    assert contents(page) == ["1"]
    assert gcs.tokens.asked == 2


def test_compressed_files_are_read(gcs: FakeGcs) -> None:
    gcs.put_file(HOUR, gzip.compress(lines("1")))
    assert read(collector(gcs))[0] == ["1"]


def test_large_files_are_not_held_in_memory(gcs: FakeGcs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "IN_MEMORY", 20)
    gcs.put_file(HOUR, lines(*"123456"))
    subject = collector(gcs)
    [page] = subject.read(subject.streams()[0], NOW, {})
    assert gcs.gets == []
    with page.blobs[0].open() as reader:
        assert (reader._rolled, reader.read()) == (True, lines(*"123456"))  # type: ignore[attr-defined]
    assert gcs.gets == [HOUR]


def test_a_page_has_as_many_files_as_are_committed_together(gcs: FakeGcs) -> None:
    gcs.put([Event(f"e{number}", NOON + timedelta(minutes=number)) for number in range(7)])
    subject = collector(gcs, objects_per_page=3)
    pages = list(subject.read(subject.streams()[0], NOW, {}))
    assert [(len(page.blobs), page.more) for page in pages] == [(3, True), (3, True), (1, False)]


@pytest.mark.parametrize(
    ("granted", "missing"),
    [([], "storage.objects.list and storage.objects.get"), (["storage.objects.list"], "lacks storage.objects.get")],
    ids=["none", "list"],
)
def test_check_says_which_permission_is_missing(gcs: FakeGcs, granted: list[str], missing: str) -> None:
    collector(gcs).check()
    gcs.granted = granted
    with pytest.raises(NeedsOperator, match=missing):
        collector(gcs).check()


def test_a_refusal_says_what_the_operator_must_do(gcs: FakeGcs) -> None:
    gcs.put_file(HOUR, lines("1"))
    gcs.granted = ["storage.objects.list"]
    with pytest.raises(NeedsOperator, match=r"needs storage.objects.list and storage.objects.get on the bucket"):
        read(collector(gcs))
    with pytest.raises(NeedsOperator, match="knows no such bucket: check bucket"):
        collector(gcs, bucket="another-bucket").check()


def test_a_list_without_sizes_is_not_taken_for_one(gcs: FakeGcs, monkeypatch: pytest.MonkeyPatch) -> None:
    gcs.put_file(HOUR, lines("1"))
    monkeypatch.setattr(gcs, "_item", lambda name: {"name": name})
    with pytest.raises(Retry, match="an object without name, size or time"):
        read(collector(gcs))


@pytest.mark.parametrize(
    "settings",
    [{"bucket": "gs://logs"}, {"prefix": "exports"}, {"endpoint": "http://storage.example.com"}, {"overlap_hours": -1}],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(gcs: FakeGcs, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        collector(gcs, **settings)


def test_the_installed_plugin_reads_the_bucket(
    gcs: FakeGcs, start_plugin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "key.json").write_text(gcs.key_file)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    gcs.put_file(HOUR, lines("1"))
    subject = start_plugin(Collector, "gcp.gcs", {"bucket": BUCKET, "endpoint": gcs.url})
    [page] = subject.read(subject.streams()[0], NOW, {})
    assert contents(page) == ["1"]


class Tokens(LoopbackServer):
    """The token endpoint alone: the emulator has none, and asks for no token."""

    def respond(self, request: Request) -> Answer:
        return FakeTokens("devstorage.read_only").answer(request)


def test_the_emulator_of_cloud_storage_is_read_alike() -> None:
    emulator = create_server("127.0.0.1", 0, in_memory=True, default_bucket=BUCKET)
    with emulator, Tokens() as tokens:
        url = f"http://127.0.0.1:{emulator._api._httpd.server_port}"

        def put(name: str, *ids: str) -> None:
            upload = f"{url}/upload/storage/v1/b/{BUCKET}/o"
            httpx.post(upload, params={"uploadType": "media", "name": name}, content=lines(*ids)).raise_for_status()

        put(HOUR, "1", "2")
        put(HOUR.replace("09:", "10:"), "3")
        put("compute.googleapis.com/vpc_flows/2025/03/04/09:00:00_09:59:59_S0.json", "4")
        settings = {"bucket": BUCKET, "credentials": key_file(tokens.url), "endpoint": url}
        subject = GcsCollector(GcsCollector.Config.model_validate(settings))
        assert [each.log_type for each in subject.streams()] == ["gcp.audit", "gcp.vpc_flow"]
        found, state = read(subject)
        assert found == ["1", "2", "3"]
        put(HOUR.replace("S0", "A0"), "5")
        assert read(subject, state)[0] == ["5"]
        assert read(subject, stream=1)[0] == ["4"]
