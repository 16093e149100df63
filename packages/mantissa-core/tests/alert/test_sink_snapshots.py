"""What people read of the sample alerts at each built-in sink. See ``mantissa_core.testing.snapshots``."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mantissa_core.alert.console import Console
from mantissa_core.alert.email.compose import Correspondents, compose
from mantissa_core.alert.file import File
from mantissa_core.alert.webhook import Webhook
from mantissa_core.testing.fake_http import FakeHTTP
from mantissa_core.testing.sample_alerts import SAMPLES
from mantissa_core.testing.snapshots import assert_snapshot

KEPT = Path(__file__).parent / "snapshots"


@pytest.mark.parametrize("name", SAMPLES)
def test_console(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Console(Console.Config(width=110)).deliver(SAMPLES[name])
    shown = "".join(f"{line.rstrip()}\n" for line in capsys.readouterr().out.splitlines())
    assert_snapshot(KEPT / f"console-{name}.txt", shown)


@pytest.mark.parametrize("name", SAMPLES)
def test_file(name: str, tmp_path: Path) -> None:
    File(File.Config(path=tmp_path / "alerts.ndjson")).deliver(SAMPLES[name])
    assert_snapshot(KEPT / f"file-{name}.json", _indented((tmp_path / "alerts.ndjson").read_bytes()))


@pytest.mark.parametrize("name", SAMPLES)
def test_webhook(name: str) -> None:
    with FakeHTTP() as server:
        Webhook(Webhook.Config.model_validate({"url": server.url})).deliver(SAMPLES[name])
        [request] = server.requests
    assert_snapshot(KEPT / f"webhook-{name}.json", _indented(request.body))


@pytest.mark.parametrize("name", SAMPLES)
def test_mail(name: str) -> None:
    who = Correspondents(sender="Mantissa Log <mantissa@example.com>", to=["amara@example.com"])
    previous = "<4f1c0d2b9a8e47d6b5c3a2918f7e6d5c-1-watch@example.com>" if name == "resolved" else None
    sent = replace(SAMPLES[name], previous=previous)
    mail = compose(sent, who, datetime(2026, 3, 2, 12, 5, tzinfo=UTC)).message
    text = mail.get_body(("plain",))
    assert text is not None
    headers = "".join(f"{name}: {value}\n" for name, value in mail.items() if name != "Content-Type")
    assert_snapshot(KEPT / f"mail-{name}.txt", f"{headers}\n{text.get_content()}".replace("\r\n", "\n"))


def _indented(document: bytes) -> str:
    return json.dumps(json.loads(document), indent=2, ensure_ascii=False) + "\n"
