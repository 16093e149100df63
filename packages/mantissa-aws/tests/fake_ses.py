"""Amazon SES: moto, behind a server that does what moto leaves out, keeps what was sent, and can misbehave."""

from __future__ import annotations

import base64
import email
import email.policy
from email.message import EmailMessage

import boto3
from fake_aws import Request as Forwarded
from fake_aws import forward
from mantissa_core.testing.fake_http import Answer, FakeHTTP, Fault, Request

LARGEST = 40 * 1024 * 1024
"""Bytes of a message: https://docs.aws.amazon.com/ses/latest/dg/quotas.html."""


class FakeSES(FakeHTTP):
    """One account in one region. ``mails`` holds what recipients get; ``refusal`` is a status and a code."""

    faults = frozenset(Fault) - {Fault.BUSY}

    def __init__(self, moto: str, *verified: str, region: str = "us-east-1") -> None:
        super().__init__()
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.refusal: tuple[int, str] | None = None
        self.sending = True
        self.verified = set(verified)
        self._moto = moto
        ses = boto3.client("sesv2", endpoint_url=moto, region_name=region)
        self._host = "email" if region == "us-east-1" else region
        for each in verified:
            ses.create_email_identity(EmailIdentity=each)

    def messages(self) -> list[str]:
        """What people read: the subject, and both forms of the text."""
        return [_readable(mail) for _, mail in self.mails]

    def answer(self, request: Request) -> Answer:
        if self.refusal:
            return _error(*self.refusal)
        if (request.method, request.route) == ("GET", "/v2/email/account"):
            return Answer(200, {"SendingEnabled": self.sending, "ProductionAccessEnabled": True})
        if request.method == "GET" and request.route.startswith("/v2/email/identities/"):
            name = request.route.rpartition("/")[2]
            known = name in self.verified
            return Answer(200, {"VerifiedForSendingStatus": True}) if known else _error(404, "NotFoundException")
        if (request.method, request.route) == ("POST", "/v2/email/outbound-emails"):
            return self._take(request)
        return _error(404, "NotFoundException")

    def _take(self, request: Request) -> Answer:
        body = request.json()
        raw = base64.b64decode(body["Content"]["Raw"]["Data"])
        if len(raw) > LARGEST or "ConfigurationSetName" in body:  # there is none
            return _error(400, "BadRequestException")
        answer = forward(Forwarded(request.method, request.route, request.headers, request.body), self._moto)
        if answer.status != 200:
            return Answer(answer.status, answer.body, answer.headers)
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        number = f"0100-{len(self.mails)}-000000"
        mail.replace_header("Message-ID", f"<{number}@{self._host}.amazonses.com>")
        self.mails.append((body["Destination"]["ToAddresses"], mail))
        return Answer(200, {"MessageId": number})


def _error(status: int, code: str) -> Answer:
    return Answer(status, {"message": "refused"}, {"x-amzn-ErrorType": code})


def _readable(mail: EmailMessage) -> str:
    parts = [mail.get_body((kind,)) for kind in ("plain", "html")]
    return "\n".join([str(mail["Subject"]), *(each.get_content().replace("\r\n", "\n") for each in parts if each)])
