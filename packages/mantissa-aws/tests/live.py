"""AWS in the simulation of live collection: ``just live``."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from fake_guardduty import FakeGuardDuty
from fake_kinesis import FakeKinesis
from fake_queue import FakeQueue
from fake_s3 import FOLDER, FakeS3
from mantissa_core.testing.live import Live
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

KEYS = {
    "access_key_id": "AKIAEXAMPLE000000001",
    "region": "us-east-1",
    "timeout": 10,
}
SECRETS = {"secret_access_key": "secret-of-the-tests"}
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_MAX_ATTEMPTS": "1",
}


@contextmanager
def live() -> Iterator[list[Live]]:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for each request
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    moto = f"http://{host}:{port}"
    environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL": moto}
    with ExitStack() as stack:
        stack.callback(server.stop)
        s3, queue = stack.enter_context(FakeS3(moto)), stack.enter_context(FakeQueue(moto))
        kinesis, guardduty = stack.enter_context(FakeKinesis(moto)), stack.enter_context(FakeGuardDuty())
        trail = {"aws_cloudtrail": '"eventID"'}
        # A message that a killed process had is seen again after so many real seconds.
        waiting = {"wait_seconds": 0, "visibility_seconds": 10}
        yield [
            Live("aws.s3", {**KEYS, "bucket": s3.bucket, "prefix": FOLDER, "endpoint_url": s3.url}, s3, trail, SECRETS),
            Live(
                "aws.sqs",
                {**KEYS, "queue_url": queue.queue, "endpoint_url": queue.url, **waiting},
                queue,
                trail,
                SECRETS,
            ),
            Live(
                "aws.kinesis",
                {**KEYS, "stream_name": kinesis.name, "endpoint_url": kinesis.url, "log_type": "generic.json"},
                kinesis,
                {"generic_json": "json_extract_string(m_extra, '$.id')"},
                SECRETS,
            ),
            Live(
                "aws.guardduty",
                {**KEYS, "endpoint_url": guardduty.url},
                guardduty,
                {"aws_guardduty": "id"},
                SECRETS,
                environment,
            ),
        ]
