"""S3 over the wire: moto, behind a small proxy that can misbehave."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import threading
import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

import boto3
from mantissa_core.testing.collector import Event, Fault

FOLDER = "AWSLogs/123456789012/CloudTrail/us-east-1/"
ANSWERS: Mapping[Fault, tuple[int, str]] = {
    Fault.RATE_LIMIT: (503, "SlowDown"),
    Fault.SERVER_ERROR: (500, "InternalError"),
    Fault.TOKEN_EXPIRED: (403, "ExpiredToken"),
}


class FakeS3:
    """A bucket of its own. ``requests`` holds the paths asked for, ``keys`` by whom; ``answer`` replaces answers."""

    faults = frozenset({*ANSWERS, Fault.TIMEOUT, Fault.TRUNCATED, Fault.ENDLESS})
    page_size = 3

    def __init__(self, moto: str) -> None:
        self.moto, self.bucket = urlsplit(moto), f"logs-{uuid.uuid4().hex[:12]}"
        self.requests: list[str] = []
        self.keys: set[str] = set()
        self.answer: tuple[int, str] | None = None
        self._lock = threading.Lock()
        self._fault: tuple[Fault, int] | None = None
        self._healed = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"s3": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.client = _client(moto)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.client.create_bucket(Bucket=self.bucket)
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()
        self._server.shutdown()
        self._server.server_close()

    def put(self, events: Sequence[Event]) -> None:
        """One file per event, named as CloudTrail does."""
        for event in events:
            day, minute = f"{event.time:%Y/%m/%d}", f"{event.time:%Y%m%dT%H%MZ}"
            self.put_file(f"{FOLDER}{day}/123456789012_CloudTrail_us-east-1_{minute}_{event.id}.json.gz", event.id)

    def put_file(self, key: str, *ids: str) -> None:
        body = json.dumps({"Records": [{"eventID": each} for each in ids]})
        content = gzip.compress(body.encode(), mtime=0) if key.endswith(".gz") else body.encode()
        self.client.put_object(Bucket=self.bucket, Key=key, Body=content)

    def inject(self, fault: Fault, after: int = 0) -> None:
        self._healed.clear()
        self._fault = (fault, 0 if fault is Fault.ENDLESS else after)  # only listings have cursors, and few are needed

    def heal(self) -> None:
        self._fault = None
        self._healed.set()

    def fault(self) -> Fault | None:
        """The fault that this request meets."""
        with self._lock:
            if self._fault is None:
                return None
            fault, after = self._fault
            self._fault = (fault, max(after - 1, 0))
            return fault if after == 0 else None

    def wait(self) -> None:
        self._healed.wait(5)


class _Handler(BaseHTTPRequestHandler):
    s3: FakeS3
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.s3.requests.append(self.path)
        self.s3.keys.add(self.headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0])
        fault = self.s3.fault()
        if fault is Fault.TIMEOUT:
            self.s3.wait()
            self.close_connection = True
        elif self.s3.answer or fault in ANSWERS:
            status, code = self.s3.answer or ANSWERS[fault]
            body = f"<Error><Code>{code}</Code><Message>refused</Message></Error>".encode()
            self._send(status, {"Content-Type": "application/xml"}, body)
        else:
            self._forward(fault)

    def _forward(self, fault: Fault | None) -> None:
        connection = http.client.HTTPConnection(self.s3.moto.hostname or "", self.s3.moto.port)
        connection.request("GET", self.path, headers=dict(self.headers))
        answer = connection.getresponse()
        body, headers = answer.read(), dict(answer.getheaders())
        connection.close()
        if fault is Fault.ENDLESS and "list-type=2" in self.path:
            body = re.sub(rb"<IsTruncated>\w+</IsTruncated>", _SAME_TOKEN, body)
        self._send(answer.status, headers, body, cut=fault is Fault.TRUNCATED)

    def _send(self, status: int, headers: Mapping[str, str], body: bytes, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in {"content-length", "connection", "transfer-encoding", "date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = self.close_connection or cut

    def log_message(self, *_: object) -> None:
        """Say nothing."""


_SAME_TOKEN = b"<IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken>"


@cache
def _client(moto: str) -> Any:
    return boto3.client(
        "s3", endpoint_url=moto, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
