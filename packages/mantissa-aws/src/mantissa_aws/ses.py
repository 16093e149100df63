"""The alert sink ``aws.ses``: e-mail through Amazon SES.

References: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html and, for what SES does to headers,
https://docs.aws.amazon.com/ses/latest/dg/header-fields.html
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from mantissa_core.alert.email.compose import Correspondents, compose
from mantissa_core.alert.email.mailbox import parsed
from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Delivery, Receipt
from mantissa_core.recent import Recent
from pydantic import Field

from .errors import translated, wanted
from .session import Access, client

_FIRST_REGION = "us-east-1"


class SES:
    """Sends each message about an alert as an e-mail; those about the same alert form a thread.

    SES drops no repeats and gives every message an id of its own: after a time-out, or a crash between its answer and
    our commit, people get a message twice.
    """

    per_minute = 30

    class Config(Access, Correspondents):
        """Settings of ``aws.ses``."""

        configuration_set: str = ""
        """Name of the configuration set that counts deliveries and bounces."""
        timeout: float = Field(default=15, gt=0, le=45)
        """Seconds to wait for a connection or an answer."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._sent: Recent[str] = Recent()

    @cached_property
    def _ses(self) -> Any:
        """One attempt: botocore would repeat what timed out, and people would read it several times."""
        return client("sesv2", self._config, attempts=1)

    @hookimpl
    def check(self) -> None:
        """Ask whether the account may send, and whether the sender or its domain is verified. Nothing is sent."""
        with translated("Amazon SES", "ses:GetAccount"):
            account = self._ses.get_account()
        if not wanted(account, "SendingEnabled", "Amazon SES"):
            raise NeedsOperator("Amazon SES: the account's sending is paused in this region")
        sender = parsed(self._config.sender)
        if not (self._is_verified(sender.addr_spec) or self._is_verified(sender.domain)):
            raise NeedsOperator(f"Amazon SES: neither {sender.addr_spec} nor its domain is verified in this region")

    @hookimpl
    def deliver(self, delivery: Delivery) -> Receipt:
        """Send the message, unless this process sent it. The receipt is the id of the alert's first message."""
        if delivery.key not in self._sent:
            self._sent[delivery.key] = self._send(delivery)
        return Receipt(self._sent[delivery.key])

    def _send(self, delivery: Delivery) -> str:
        """Id of the first message in the thread, as mail programs see it."""
        composed = compose(delivery, self._config)
        named = {"ConfigurationSetName": self._config.configuration_set} if self._config.configuration_set else {}
        with translated("Amazon SES", "ses:SendEmail (ses:SendRawEmail) on the sender's identity"):
            answer = self._ses.send_email(
                FromEmailAddress=str(parsed(self._config.sender)),
                Destination={"ToAddresses": [str(parsed(each)) for each in self._config.to]},
                Content={"Raw": {"Data": composed.message.as_bytes()}},
                **named,
            )
        own = self._id_of(wanted(answer, "MessageId", "Amazon SES"))
        return own if composed.thread == composed.id else composed.thread

    def _id_of(self, message: str) -> str:
        """What SES writes into ``Message-ID`` in place of ours."""
        region = self._ses.meta.region_name
        return f"<{message}@{'email' if region == _FIRST_REGION else region}.amazonses.com>"

    def _is_verified(self, identity: str) -> bool:
        with translated("Amazon SES", "ses:GetEmailIdentity on the sender's identity"):
            try:
                found = self._ses.get_email_identity(EmailIdentity=identity)
            except self._ses.exceptions.NotFoundException:
                return False
        return bool(found.get("VerifiedForSendingStatus"))
