"""Google Workspace in the simulation of live collection: ``just live``.

The fake has the same events in every application, and their ids in the lake would be found several times: one is read.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from fake_google_workspace import SUBJECT, FakeGoogleWorkspace
from mantissa_core.testing.live import Live


@contextmanager
def live() -> Iterator[list[Live]]:
    with FakeGoogleWorkspace() as fake:
        settings = {
            "subject": SUBJECT,
            "applications": ["drive"],
            "api_url": fake.url,
            "page_size": 10,
            "requests_per_minute": 2400,
            "timeout": 10,
        }
        tables = {"gworkspace_activity": '"id_uniqueQualifier"'}
        secrets = {"service_account_key": json.dumps(fake.key)}
        yield [Live("gworkspace.reports", settings, fake, tables, secrets=secrets)]
