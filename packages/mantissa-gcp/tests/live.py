"""Google Cloud in the simulation of live collection: ``just live``."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from fake_gcs import ACTIVITY, BUCKET, FakeGcs
from fake_pubsub import SUBSCRIPTION, FakePubSub
from mantissa_core.testing.live import Live


@contextmanager
def live() -> Iterator[list[Live]]:
    # A message that a killed process had is given again after its deadline, which is of real seconds.
    with FakePubSub(time.monotonic) as pubsub, FakeGcs() as gcs:
        pubsub.page_size = gcs.page_size = 20
        pulled = {"subscription": SUBSCRIPTION, "deadline_seconds": 10, "messages_per_page": 10}
        listed = {"bucket": BUCKET, "prefix": ACTIVITY, "objects_per_page": 10}
        audit = {"gcp_audit": '"insertId"'}
        yield [
            Live(
                "gcp.pubsub",
                {**pulled, "endpoint": pubsub.url, "timeout": 10},
                pubsub,
                audit,
                secrets={"credentials": pubsub.key_file},
            ),
            Live(
                "gcp.gcs",
                {**listed, "endpoint": gcs.url, "timeout": 10},
                gcs,
                audit,
                secrets={"credentials": gcs.key_file},
            ),
        ]
