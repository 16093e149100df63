"""Microsoft 365 in the simulation of live collection: ``just live``.

The fake has the same events in every type of content, and they would be the same in the lake: one is read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from fake_m365 import CLIENT, SECRET, TENANT, FakeM365
from mantissa_core.testing.live import Live


@contextmanager
def live() -> Iterator[list[Live]]:
    with FakeM365() as fake:
        fake.now, fake.page_size = datetime.now(UTC), 10
        settings = {
            "tenant_id": TENANT,
            "client_id": CLIENT,
            "content_types": ["Audit.Exchange"],
            "api_url": fake.url,
            "login_url": fake.url,
            "requests_per_minute": 10_000,
            "timeout": 10,
        }
        tables = {"m365_audit": '"Id"'}
        yield [Live("m365.management_activity", settings, fake, tables, secrets={"client_secret": SECRET})]
