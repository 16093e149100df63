"""The sink kit, proven on the built-in sinks and on variants that are wrong in one way each."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from mantissa_core.alert.console import Console
from mantissa_core.alert.file import File
from mantissa_core.alert.webhook import Webhook
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Delivery, Receipt
from mantissa_core.testing.alert_sink import AlertSinkContract, Fault
from mantissa_core.testing.fake_http import Answer, FakeHTTP, Request

SECRET = "hook-secret-of-the-tests"


class Inbox(FakeHTTP):
    """A receiver that remembers keys, as one that honours ``Idempotency-Key`` does."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, str] = {}

    def messages(self) -> Sequence[str]:
        return list(self.kept.values())

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {SECRET}":
            return Answer(401, {"error": str(request.headers)})
        self.kept.setdefault(request.headers.get("idempotency-key", str(len(self.kept))), request.body.decode())
        return Answer(200, {"id": f"message-{len(self.kept)}"})


class TestWebhook(AlertSinkContract):
    secrets = (SECRET,)

    @pytest.fixture
    def destination(self) -> Iterator[Inbox]:
        with Inbox() as inbox:
            yield inbox

    def sink(self, destination: Inbox) -> Webhook:
        return Webhook(
            Webhook.Config.model_validate(
                {
                    "url": destination.url,
                    "secret": SECRET,
                    "headers": {"Authorization": f"Bearer {SECRET}"},
                    "timeout": 2,
                }
            )
        )


class Folder:
    """A file as destination; refusing is a folder that is not there."""

    faults = frozenset({Fault.REFUSED})

    def __init__(self, root: Path) -> None:
        self.folder = root / "alerts"
        self.folder.mkdir()

    def messages(self) -> Sequence[str]:
        path = self.folder / "alerts.ndjson"
        return path.read_text("utf-8").splitlines() if path.exists() else []

    def inject(self, fault: Fault) -> None:
        self.folder.rmdir() if self.folder.exists() and not any(self.folder.iterdir()) else self._block()

    def _block(self) -> None:
        (self.folder / "alerts.ndjson").rename(self.folder / "kept")
        (self.folder / "alerts.ndjson").mkdir()

    def heal(self) -> None:
        (self.folder / "alerts.ndjson").rmdir()
        (self.folder / "kept").rename(self.folder / "alerts.ndjson")


class TestFile(AlertSinkContract):
    @pytest.fixture
    def destination(self, tmp_path: Path) -> Folder:
        return Folder(tmp_path)

    def sink(self, destination: Folder) -> File:
        return File(File.Config(path=destination.folder / "alerts.ndjson"))


class Screen:
    """Standard output, caught."""

    faults: frozenset[Fault] = frozenset()

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys, self._seen = capsys, ""

    def messages(self) -> Sequence[str]:
        self._seen += self._capsys.readouterr().out
        return [block for block in self._seen.split("\n\n") if block.strip()]


class TestConsole(AlertSinkContract):
    survives_restarts = False

    @pytest.fixture
    def destination(self, capsys: pytest.CaptureFixture[str]) -> Screen:
        return Screen(capsys)

    def sink(self, destination: Screen) -> Console:
        return Console(Console.Config(width=100))


class Plain:
    """A sink as it should be, in a few lines; the wrong ones change one thing each."""

    def __init__(self, inbox: Inbox) -> None:
        self._client = httpx.Client(timeout=2, verify=False)
        self._url = inbox.url

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        try:
            response = self._client.post(self._url, content=self.body(delivery), headers=self.headers(delivery))
        except httpx.TimeoutException as error:
            raise Retry("no answer") from error
        self.judge(response)
        return Receipt(self.reference(response))

    def body(self, delivery: Delivery) -> str:
        alert = delivery.alert
        return json.dumps({"summary": alert.summary, "tags": alert.tags, "evidence": alert.evidence})

    def headers(self, delivery: Delivery) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {SECRET}", "Idempotency-Key": delivery.key}

    def judge(self, response: httpx.Response) -> None:
        if response.status_code == 429 or response.status_code >= 500:
            after = response.headers.get("Retry-After")
            raise Retry(f"answered {response.status_code}", float(after) if after else None)
        if response.status_code != 200:
            raise NeedsOperator(f"answered {response.status_code}")

    def reference(self, response: httpx.Response) -> str:
        return str(response.json()["id"])


class WithoutAHook(Plain):
    def deliver(self, delivery: Delivery) -> Receipt:
        return super().deliver(delivery)


class SaysThatAlertsStayOpen(Plain):
    one_for_each_alert = True


class WithoutAReceipt(Plain):
    def reference(self, response: httpx.Response) -> str:
        return ""


class WithoutAKey(Plain):
    def headers(self, delivery: Delivery) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {SECRET}"}


class WithAKeyPerProcess(Plain):
    def __init__(self, inbox: Inbox) -> None:
        super().__init__(inbox)
        self._process = uuid.uuid4()  # not id(self): the second sink may get the address that the first has left

    def headers(self, delivery: Delivery) -> Mapping[str, str]:
        return {**super().headers(delivery), "Idempotency-Key": f"{self._process}{delivery.key}"}


class WithAKeyPerAlert(Plain):
    def headers(self, delivery: Delivery) -> Mapping[str, str]:
        return {**super().headers(delivery), "Idempotency-Key": delivery.alert.id}


class GivesUpOnPassingFailures(Plain):
    def judge(self, response: httpx.Response) -> None:
        if response.status_code != 200:
            raise NeedsOperator(f"answered {response.status_code}")


class IgnoresRetryAfter(Plain):
    def judge(self, response: httpx.Response) -> None:
        try:
            super().judge(response)
        except Retry as error:
            raise Retry(str(error)) from None


class RetriesRefusals(Plain):
    def judge(self, response: httpx.Response) -> None:
        if response.status_code != 200:
            raise Retry(f"answered {response.status_code}")


class TakesARefusalForSuccess(Plain):
    def judge(self, response: httpx.Response) -> None:
        """Do not look."""

    def reference(self, response: httpx.Response) -> str:
        return "sent"


class DropsWhatIsTooLong(Plain):
    def body(self, delivery: Delivery) -> str:
        return "(too long)" if len(delivery.alert.summary) > 1000 else super().body(delivery)


class CutsWithoutAMark(Plain):
    def body(self, delivery: Delivery) -> str:
        return json.dumps({"summary": delivery.alert.summary[:1000]})


class SendsRawText(Plain):
    def body(self, delivery: Delivery) -> str:
        return delivery.alert.summary


class OnlyAscii(Plain):
    def body(self, delivery: Delivery) -> str:
        return delivery.alert.summary.encode("ascii", "ignore").decode()


class NeedsEvidence(Plain):
    def body(self, delivery: Delivery) -> str:
        return json.dumps({"summary": delivery.alert.summary, "first": str(delivery.alert.evidence[0])})


class TellsWhatTheServerSaid(Plain):
    def judge(self, response: httpx.Response) -> None:
        if response.status_code == 400:
            raise NeedsOperator(response.text)
        super().judge(response)


BUSY, REFUSED = {"fault": Fault.BUSY}, {"fault": Fault.REFUSED}
WRONG: list[tuple[str, type[Plain], Mapping[str, Any]]] = [
    ("test_the_hook_is_marked_with_hookimpl", WithoutAHook, {}),
    ("test_the_class_says_whether_alerts_stay_open_there", SaysThatAlertsStayOpen, {}),
    ("test_a_delivery_arrives_and_returns_a_receipt", WithoutAReceipt, {}),
    ("test_each_key_is_a_message_of_its_own", WithAKeyPerAlert, {}),
    ("test_a_repeated_key_is_seen_once", WithoutAKey, {}),
    ("test_a_repeated_key_is_seen_once_across_a_restart", WithAKeyPerProcess, {}),
    ("test_a_passing_failure_is_a_retry_and_the_retry_arrives_once", GivesUpOnPassingFailures, BUSY),
    ("test_a_passing_failure_is_a_retry_and_the_retry_arrives_once", IgnoresRetryAfter, BUSY),
    ("test_a_refusal_needs_the_operator", RetriesRefusals, REFUSED),
    ("test_a_refusal_needs_the_operator", TakesARefusalForSuccess, REFUSED),
    ("test_every_script_and_emoji_arrives", OnlyAscii, {}),
    ("test_text_that_is_too_long_is_cut_with_a_mark_and_never_dropped", DropsWhatIsTooLong, {}),
    ("test_text_that_is_too_long_is_cut_with_a_mark_and_never_dropped", CutsWithoutAMark, {}),
    ("test_control_characters_do_not_reach_a_reader", SendsRawText, {}),
    ("test_an_alert_with_little_in_it_arrives", NeedsEvidence, {}),
    ("test_secrets_stay_out_of_sight", TellsWhatTheServerSaid, {}),
]


def contract_for(sink: type[Plain]) -> AlertSinkContract:
    class Contract(AlertSinkContract):
        secrets = (SECRET,)

        def sink(self, destination: Inbox) -> Plain:
            return sink(destination)

    return Contract()


@pytest.mark.parametrize(("test", "wrong", "arguments"), WRONG, ids=[wrong.__name__ for _, wrong, _ in WRONG])
def test_a_wrong_sink_fails(
    test: str, wrong: type[Plain], arguments: Mapping[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    more = {**arguments, **({"caplog": caplog} if "secrets" in test else {})}
    with Inbox() as inbox:
        getattr(contract_for(Plain), test)(inbox, **more)
    with Inbox() as inbox, pytest.raises((AssertionError, pytest.fail.Exception, IndexError)):
        getattr(contract_for(wrong), test)(inbox, **more)


def test_every_test_of_the_kit_is_proven_by_a_wrong_sink() -> None:
    assert {name for name in dir(AlertSinkContract) if name.startswith("test_")} == {test for test, _, _ in WRONG}
