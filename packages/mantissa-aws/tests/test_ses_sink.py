"""aws.ses against moto, and what SES does to a message."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fake_ses import FakeSES
from mantissa_aws.ses import SES
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.testing.alert_sink import AlertSinkContract, Fault, delivery

AMARA, SENDER = "amara@example.com", "Mantissa Log <mantissa@example.com>"
SECRET = "secret-of-the-tests"


def sink(server: FakeSES, **changes: Any) -> SES:
    settings = {
        "region": "us-east-1",
        "endpoint_url": server.url,
        "access_key_id": "AKIAEXAMPLE",
        "secret_access_key": SECRET,
        "sender": SENDER,
        "to": [AMARA],
        "timeout": 5,
    }
    return SES(SES.Config.model_validate({**settings, **changes}))


@pytest.fixture
def ses(moto: str) -> Iterator[FakeSES]:
    with FakeSES(moto, "example.com") as server:
        yield server


class ForgetfulSES(FakeSES):
    """A message whose answer does not arrive in time is sent all the same, and again."""

    faults = FakeSES.faults - {Fault.TIMEOUT}


class TestSES(AlertSinkContract):
    secrets = (SECRET,)
    survives_restarts = False

    @pytest.fixture
    def destination(self, moto: str) -> Iterator[FakeSES]:
        with ForgetfulSES(moto, "example.com") as server:
            yield server

    def sink(self, destination: FakeSES) -> SES:
        return sink(destination, timeout=2)


def test_messages_about_an_alert_refer_to_the_id_that_ses_gave_the_first(ses: FakeSES) -> None:
    first = sink(ses).deliver(delivery())
    made = delivery("kit-2")
    over = replace(made, event="resolved", previous=first.reference, alert=replace(made.alert, status="resolved"))
    last = sink(ses).deliver(over)
    (to, opened), (_, resolved) = ses.mails
    assert to == [AMARA]
    assert first.reference == last.reference == opened["Message-ID"] == "<0100-0-000000@email.amazonses.com>"
    assert resolved["References"] == resolved["In-Reply-To"] == opened["Message-ID"]
    assert opened["X-Mantissa-Key"] == "kit-1"
    assert resolved["Subject"] == f"Re: {opened['Subject']}"


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_the_receipt_is_the_id_that_mail_programs_see(moto: str, region: str) -> None:
    with FakeSES(moto, "example.com", region=region) as server:
        receipt = sink(server, region=region).deliver(delivery())
        [(_, mail)] = server.mails
    assert receipt.reference == mail["Message-ID"]


def test_no_answer_in_time_is_a_retry(ses: FakeSES) -> None:
    ses.inject(Fault.TIMEOUT)
    with pytest.raises(Retry, match="Amazon SES: ReadTimeoutError"):
        sink(ses, timeout=1).deliver(delivery())


@pytest.mark.parametrize(
    ("status", "code", "error", "words"),
    [
        (400, "MessageRejected", NeedsOperator, "verify the sender, and in the sandbox each recipient"),
        (400, "MailFromDomainNotVerifiedException", NeedsOperator, "domain is not verified"),
        (400, "AccountSuspendedException", NeedsOperator, "suspended"),
        (400, "SendingPausedException", NeedsOperator, "paused"),
        (403, "AccessDeniedException", NeedsOperator, "the identity needs ses:"),
        (429, "TooManyRequestsException", Retry, "throttles"),
        (400, "LimitExceededException", Retry, "throttles"),
        (500, "InternalFailure", Retry, "InternalFailure"),
    ],
)
def test_what_ses_says_decides_what_happens_next(
    ses: FakeSES, status: int, code: str, error: type[Exception], words: str
) -> None:
    ses.refusal = (status, code)
    with pytest.raises(error, match=words):
        sink(ses).deliver(delivery())
    assert len(ses.requests) == 1, "botocore must not try again by itself: people would read it several times"


def test_a_sender_who_is_not_verified_is_refused(ses: FakeSES) -> None:
    other = sink(ses, sender="mantissa@example.org")
    with pytest.raises(NeedsOperator, match="verify the sender"):
        other.deliver(delivery())
    with pytest.raises(NeedsOperator, match=r"neither mantissa@example.org nor its domain is verified"):
        other.check()


def test_a_check_sends_nothing_and_tells_when_sending_is_paused(ses: FakeSES) -> None:
    sink(ses).check()
    assert ses.mails == []
    ses.sending = False
    with pytest.raises(NeedsOperator, match="paused"):
        sink(ses).check()


def test_a_configuration_set_is_named(ses: FakeSES) -> None:
    with pytest.raises(NeedsOperator, match="BadRequestException"):
        sink(ses, configuration_set="missing").deliver(delivery())
    assert ses.requests[-1].json()["ConfigurationSetName"] == "missing"
