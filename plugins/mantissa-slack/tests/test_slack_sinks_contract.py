from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_slack_chat import CHANNEL, HOOK, TOKEN, FakeSlackChat
from mantissa_core.testing.alert_sink import AlertSinkContract, Fault
from mantissa_slack.bot import Bot
from mantissa_slack.webhook import Webhook


class ForgetfulSlack(FakeSlackChat):
    """By webhook: a message whose answer does not arrive in time is posted all the same, and again."""

    faults = FakeSlackChat.faults - {Fault.TIMEOUT}


class TestBot(AlertSinkContract):
    secrets = (TOKEN,)

    @pytest.fixture
    def destination(self) -> Iterator[FakeSlackChat]:
        with FakeSlackChat() as fake:
            yield fake

    def sink(self, destination: FakeSlackChat) -> Bot:
        settings = {"token": TOKEN, "channel": CHANNEL, "api_url": destination.url, "timeout": 2}
        return Bot(Bot.Config.model_validate(settings))


class TestWebhook(AlertSinkContract):
    secrets = (HOOK, "secret-of-the-tests")
    survives_restarts = False

    @pytest.fixture
    def destination(self) -> Iterator[ForgetfulSlack]:
        with ForgetfulSlack() as fake:
            yield fake

    def sink(self, destination: ForgetfulSlack) -> Webhook:
        return Webhook(Webhook.Config.model_validate({"webhook_url": destination.url + HOOK, "timeout": 2}))
