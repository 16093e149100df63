"""Salesforce in the simulation of live collection: ``just live``. Each log is of an organisation of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from fake_salesforce import CLIENT, USER, FakeSalesforce, pem
from mantissa_core.testing.live import Live


@contextmanager
def live() -> Iterator[list[Live]]:
    with FakeSalesforce("event_log") as files, FakeSalesforce() as logins:
        logins.page_size = 10
        yield [
            _live("event_log", files, {"salesforce_event_log": '"REQUEST_ID"'}),
            _live("login", logins, {"salesforce_login": '"Id"'}),
        ]


def _live(log: str, fake: FakeSalesforce, tables: dict[str, str]) -> Live:
    given = {"instance_url": fake.url, "client_id": CLIENT, "username": USER, "logs": [log], "timeout": 10}
    settings = {**given, "requests_per_minute": 600}  # every event is a file: a wait for requests would be real time
    return Live("salesforce.logs", settings, fake, tables, secrets={"private_key": pem()})
