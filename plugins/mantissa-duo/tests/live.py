"""Duo in the simulation of live collection: ``just live``. Each of its logs holds all events."""

from collections.abc import Iterator
from contextlib import contextmanager

from fake_duo import IKEY, SKEY, FakeDuo
from mantissa_core.testing.live import Live


@contextmanager
def live() -> Iterator[list[Live]]:
    with FakeDuo(page_size=1000) as fake:
        settings = {
            "api_hostname": fake.url,
            "integration_key": IKEY,
            "page_size": 10,
            "requests_per_minute": 60,
            "timeout": 10,
        }
        tables = {"duo_auth": "txid", "duo_admin": '"object"', "duo_telephony": "phone"}
        yield [Live("duo.logs", settings, fake, tables, secrets={"secret_key": SKEY})]
