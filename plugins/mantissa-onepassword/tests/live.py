"""1Password in the simulation of live collection: ``just live``. Each kind of event holds all events."""

from collections.abc import Iterator
from contextlib import contextmanager

from fake_onepassword import TOKEN, FakeOnePassword
from mantissa_core.testing.live import Live


@contextmanager
def live() -> Iterator[list[Live]]:
    with FakeOnePassword() as fake:
        settings = {"url": fake.url, "page_size": 10, "timeout": 10}
        tables = {"onepassword_signin": "uuid", "onepassword_item_usage": "uuid", "onepassword_audit": "uuid"}
        yield [Live("onepassword.events", settings, fake, tables, secrets={"token": TOKEN})]
