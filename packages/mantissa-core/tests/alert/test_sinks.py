"""What the built-in sinks promise beyond the conformance kit."""

from __future__ import annotations

import errno
import hashlib
import hmac
import json
import os
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest
from mantissa_core import web
from mantissa_core.alert.codec import alert_from_json, alert_to_json
from mantissa_core.alert.console import Console
from mantissa_core.alert.file import File
from mantissa_core.alert.plain import plain
from mantissa_core.alert.webhook import Webhook
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.testing.alert_sink import delivery
from mantissa_core.testing.fake_http import Answer, FakeHTTP
from pydantic import ValidationError


def file_in(folder: Path) -> File:
    return File(File.Config(path=folder / "alerts.ndjson"))


def keys_in(folder: Path) -> list[str]:
    return [json.loads(line)["key"] for line in (folder / "alerts.ndjson").read_text("utf-8").splitlines()]


def test_a_line_of_the_file_holds_the_whole_alert(tmp_path: Path) -> None:
    file_in(tmp_path).deliver(delivery())
    [line] = (tmp_path / "alerts.ndjson").read_text().splitlines()
    value = json.loads(line)
    assert alert_from_json(value["alert"]) == delivery().alert
    assert value["alert"] == alert_to_json(delivery().alert)
    assert (tmp_path / "alerts.ndjson").stat().st_mode & 0o077 == 0


def test_a_line_cut_short_by_a_crash_is_replaced(tmp_path: Path) -> None:
    sink = file_in(tmp_path)
    sink.deliver(delivery("one"))
    whole = (tmp_path / "alerts.ndjson").read_bytes()
    sink.deliver(delivery("two"))
    for size in range(len(whole) + 1, len(whole) * 2, 97):
        os.truncate(tmp_path / "alerts.ndjson", size)
        sink.deliver(delivery("two"))
        assert keys_in(tmp_path) == ["one", "two"]


def test_a_complete_line_that_only_lacks_its_end_is_kept(tmp_path: Path) -> None:
    sink = file_in(tmp_path)
    sink.deliver(delivery("one"))
    os.truncate(tmp_path / "alerts.ndjson", (tmp_path / "alerts.ndjson").stat().st_size - 1)
    sink.deliver(delivery("one"))
    sink.deliver(delivery("two"))
    assert keys_in(tmp_path) == ["one", "two"]


def test_a_key_is_not_mistaken_for_a_longer_one_or_for_text_inside(tmp_path: Path) -> None:
    sink = file_in(tmp_path)
    sink.deliver(delivery("key-11", summary='{"key": "key-1"'))
    sink.deliver(delivery("key-1"))
    assert keys_in(tmp_path) == ["key-11", "key-1"]


def test_many_threads_write_whole_lines(tmp_path: Path) -> None:
    sinks = [file_in(tmp_path) for _ in range(4)]
    threads = [threading.Thread(target=sink.deliver, args=(delivery(f"k{n}"),)) for n, sink in enumerate(sinks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(keys_in(tmp_path)) == ["k0", "k1", "k2", "k3"]


def test_a_full_disk_is_a_retry_and_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = file_in(tmp_path)
    sink.deliver(delivery("one"))
    before = (tmp_path / "alerts.ndjson").read_bytes()
    real = os.pwrite

    def full(file: int, data: bytes, offset: int) -> int:
        if offset > len(before):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, data[:10], offset)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(Retry, match="No space"):
        sink.deliver(delivery("two"))
    assert (tmp_path / "alerts.ndjson").read_bytes() == before


def test_a_folder_that_is_missing_needs_the_operator(tmp_path: Path) -> None:
    with pytest.raises(NeedsOperator, match="choose a file"):
        File(File.Config(path=tmp_path / "missing" / "alerts.ndjson")).check()


def test_the_webhook_signs_what_it_sends() -> None:
    with FakeHTTP(lambda _: Answer(202, b"")) as server:
        config = Webhook.Config.model_validate({"url": f"{server.url}/hook?token=t0ken", "secret": "s3cret"})
        receipt = Webhook(config).deliver(delivery("key/1 Ü"))
        [request] = server.requests
    stamp, digest = (part.split("=")[1] for part in request.headers["mantissa-signature"].split(","))
    expected = hmac.new(b"s3cret", f"{stamp}.".encode() + request.body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(digest, expected)
    assert abs(int(stamp) - datetime.now(UTC).timestamp()) < 60
    assert request.headers["idempotency-key"] == "key/1 %C3%9C"
    assert request.json()["key"] == "key/1 Ü"
    assert receipt.reference == "key/1 Ü"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Bearer t0ken\nX: y"),
        ("Authorization", "t0kén"),
        ("Authorization", ""),
        ("Two Words", "t0ken"),
        ("content-type", "t0ken"),
    ],
    ids=["newline", "letters", "empty", "name", "ours"],
)
def test_a_header_that_cannot_be_sent_needs_the_operator_and_is_not_quoted(name: str, value: str) -> None:
    with FakeHTTP() as server:
        sink = Webhook(Webhook.Config.model_validate({"url": server.url, "headers": {name: value}}))
        with pytest.raises(NeedsOperator, match=name) as caught:
            sink.deliver(delivery())
        assert "t0k" not in str(caught.value)
        assert server.requests == []


def test_every_attempt_sends_the_same_bytes() -> None:
    with FakeHTTP() as server:
        sink = Webhook(Webhook.Config.model_validate({"url": server.url}))
        for _ in range(2):
            sink.deliver(delivery())
        assert server.requests[0].body == server.requests[1].body
        assert "mantissa-signature" not in server.requests[0].headers


@pytest.mark.parametrize(("status", "error"), [(400, NeedsOperator), (404, NeedsOperator), (408, Retry), (502, Retry)])
def test_errors_of_the_webhook_name_the_place_and_not_the_token(status: int, error: type[Exception]) -> None:
    with FakeHTTP(lambda _: Answer(status, {"why": "because"})) as server:
        sink = Webhook(Webhook.Config.model_validate({"url": f"{server.url}/services/T0KEN?key=T0KEN"}))
        with pytest.raises(error, match=f"{server.url} answered {status}") as caught:
            sink.deliver(delivery())
        assert "T0KEN" not in str(caught.value)


def test_a_server_that_is_not_there_is_a_retry() -> None:
    with FakeHTTP() as server:
        url = server.url
    with pytest.raises(Retry, match="cannot be reached"):
        Webhook(Webhook.Config.model_validate({"url": url})).deliver(delivery())


def test_an_address_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(ValidationError) as caught:
        Webhook.Config.model_validate({"url": "https://bob:hunter2@example.com/"})
    assert "put credentials into 'headers'" in str(caught.value)
    assert "hunter2" not in "".join(error["msg"] for error in caught.value.errors())


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 120 ", 120.0),
        ("999999999", 86_400.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (format_datetime(datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC), usegmt=True), 30.0),
        (format_datetime(datetime(2026, 3, 1, 11, 0, tzinfo=UTC), usegmt=True), 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    assert web.retry_after(httpx.Headers({"Retry-After": value}), now) == seconds


def test_the_console_shows_what_an_analyst_needs(capsys: pytest.CaptureFixture[str]) -> None:
    seen = delivery().alert.first_seen
    Console(Console.Config(width=80)).deliver(delivery(last_seen=seen + timedelta(minutes=3)))
    shown = capsys.readouterr().out
    for part in (
        "HIGH",
        "alice gave herself administrator rights",
        "Self-service administrator (acme-rule)",
        "198.51.100.7",
        "2026-03-02 12:00:00 to 12:03:00 UTC (3 min)",
        "eventName=AttachUserPolicy",
        "mantissa alerts show 0123456789abcdef0123456789abcdef\n",
        "mantissa query \"SELECT * FROM aws_cloudtrail WHERE m_id = '00112233445566778899aabbccddeeff'\"\n",
    ):
        assert part in shown


def test_the_console_colours_only_when_told_or_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Console(Console.Config(color="never", stream="stderr")).deliver(delivery())
    assert "\x1b" not in capsys.readouterr().err
    Console(Console.Config(color="always", stream="stderr")).deliver(delivery())
    assert "\x1b[" in capsys.readouterr().err


def test_no_log_content_gets_into_a_command_to_paste(capsys: pytest.CaptureFixture[str]) -> None:
    nasty = delivery(id="$(reboot)", table="t; reboot", event_ids=("'; reboot",))
    Console(Console.Config()).deliver(nasty)
    shown = capsys.readouterr().out
    assert "in t; reboot" in shown
    assert "next" not in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë 李 🔥", "Zoë 李 🔥"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb\tc\r", "a\\x0ab\\x09c\\x0d"),
        ("\x9b1m\x7f\x85", "\\x9b1m\\x7f\\x85"),
        ("exe\u202egpj", "exe\\u202egpj"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("half \ud800", "half \\ud800"),
    ],
)
def test_what_steers_a_terminal_is_spelled_out(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_the_log_names_the_origin_of_our_requests_and_leaves_others_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "httpx")
    with FakeHTTP() as server, httpx.Client() as client:
        web.send(client, client.build_request("POST", f"{server.url}/services/t0ken?sig=s3cret"))
        assert server.url in caplog.text
        assert "t0ken" not in caplog.text
        assert "s3cret" not in caplog.text
        client.get(f"{server.url}/theirs")
        assert "/theirs" in caplog.text
