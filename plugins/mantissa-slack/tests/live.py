"""Slack in the simulation of live collection: ``just live``."""

from collections.abc import Iterator
from contextlib import contextmanager

from fake_slack import TOKEN, FakeSlack
from mantissa_core.testing.live import Live


@contextmanager
def live() -> Iterator[list[Live]]:
    with FakeSlack() as fake:
        settings = {"api_url": fake.url, "page_size": 10, "timeout": 10}
        yield [Live("slack.audit", settings, fake, {"slack_audit": "id"}, secrets={"token": TOKEN})]
