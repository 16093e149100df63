"""CrowdStrike in the simulation of live collection: ``just live``."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from fake_event_streams import FakeEventStreams
from fake_falcon import CLIENT_ID, CLIENT_SECRET, FakeFalcon
from fake_fdr import KEY, REGION, SECRET, FakeFdr
from mantissa_core.testing.live import Live
from moto.moto_server.threaded_moto_server import ThreadedMotoServer


@contextmanager
def live() -> Iterator[list[Live]]:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for each request
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with ExitStack() as stack:
        stack.callback(server.stop)
        falcon, fdr = stack.enter_context(FakeFalcon()), stack.enter_context(FakeFdr(f"http://{host}:{port}"))
        streams = stack.enter_context(FakeEventStreams())
        streams.page_size = 20
        api, secret = {"client_id": CLIENT_ID, "timeout": 10}, {"client_secret": CLIENT_SECRET}
        queue = {"queue_url": fdr.queue, "endpoint_url": fdr.url, "region": REGION, "access_key_id": KEY}
        # A message that a killed process had is seen again after so many real seconds.
        waiting = {"wait_seconds": 0, "visibility_seconds": 30, "timeout": 10}
        yield [
            Live(
                "crowdstrike.alerts",
                {**api, "url": falcon.url, "page_size": 20},
                falcon,
                {"crowdstrike_detection": "composite_id"},
                secrets=secret,
            ),
            Live(
                "crowdstrike.event_streams",
                {**api, "url": streams.url, "events_per_page": 10, "idle_seconds": 5},
                streams,
                {"crowdstrike_event_stream": '"event_UserId"'},
                secrets=secret,
            ),
            Live(
                "crowdstrike.fdr",
                {**queue, **waiting},
                fdr,
                {"crowdstrike_fdr": "id"},
                secrets={"secret_access_key": SECRET},
                environment={"AWS_MAX_ATTEMPTS": "1", "AWS_EC2_METADATA_DISABLED": "true"},
            ),
        ]
