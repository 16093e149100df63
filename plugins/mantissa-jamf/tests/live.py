"""Jamf Pro in the simulation of live collection: ``just live``. A history and the action log, each of its own fake."""

from collections.abc import Iterator
from contextlib import contextmanager

from fake_jamf import CLIENT, SECRET, FakeJamf
from mantissa_core.testing.live import Live


@contextmanager
def live() -> Iterator[list[Live]]:
    with FakeJamf() as histories, FakeJamf() as actions:
        yield [
            _live(histories, "sso", "note"),
            _live(actions, "action-logs", "json_extract_string(id, '$')"),
        ]


def _live(fake: FakeJamf, log: str, event_id: str) -> Live:
    settings = {"url": fake.url, "client_id": CLIENT, "logs": [log], "page_size": 10, "timeout": 10}
    return Live("jamf.pro", settings, fake, {"jamf_pro": event_id}, secrets={"client_secret": SECRET})
