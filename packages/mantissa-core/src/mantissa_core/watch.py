"""The health of the sources: for ``mantissa doctor``, for alerts of the product itself, and for Prometheus."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from .alert.metrics import sink_metrics
from .collect.drift import Drift, drift_of
from .collect.health import Finding, drift_findings, findings
from .collect.metrics import CONTENT_TYPE, metrics
from .collect.report import StreamReport, stream_reports
from .errors import MantissaError, NeedsOperator
from .hookspecs import Collector, Receiver
from .log import get_logger

if TYPE_CHECKING:
    from .model import Alert
    from .runtime import Runtime

EVERY = 60.0
"""Seconds between two looks."""
AGAIN = 1.0
"""Seconds until the endpoint is opened again where it ended by itself."""


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of the sources now."""

    reports: list[StreamReport]
    drifts: list[Drift]
    findings: list[Finding]


def health(runtime: Runtime, now: datetime | None = None) -> Health:
    """Look at every configured source, in the state store alone."""
    now = now or datetime.now(UTC)
    labels, receivers = runtime.labels(Collector), runtime.labels(Receiver)
    reports = list(stream_reports(runtime.state, labels, receivers))
    drifts = [each for each in drift_of(runtime.state) if each.source in {*labels, *receivers}]
    found = [each for report in reports for each in _findings(runtime, report, now)]
    return Health(reports, drifts, [*found, *drift_findings(drifts, now)])


def report_problems(runtime: Runtime, now: datetime | None = None) -> list[Alert]:
    """Open an alert for each problem of a source, once in an episode; return the new ones."""
    now = now or datetime.now(UTC)
    found = health(runtime, now).findings
    return runtime.announce([each.signal(now) for each in found]) if found else []


def serve_metrics(runtime: Runtime, address: str, stop: threading.Event) -> float:
    """Answer ``GET /metrics`` at ``host:port`` until stopped; returns seconds until another start.

    Raises:
        NeedsOperator: the address cannot be used.
    """
    host, _, port = address.rpartition(":")
    handler = type("Handler", (_Handler,), {"runtime": runtime})
    try:
        server = ThreadingHTTPServer((host.strip("[]"), int(port)), handler)
    except OSError as error:
        raise NeedsOperator(f"metrics.listen: cannot listen on {address}: {error.strerror or error}") from error
    with server:
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        get_logger("metrics").info("serving metrics", address=f"{host}:{server.server_port}")
        stop.wait()
        server.shutdown()
    return AGAIN


class _Handler(BaseHTTPRequestHandler):
    runtime: Runtime
    timeout = 10

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(404)
            return
        try:
            known, sinks = health(self.runtime), sink_metrics(self.runtime.sink_health())
        except MantissaError as error:
            get_logger("metrics").error("no metrics", reason=str(error))
            self.send_error(503)
            return
        body = (metrics(known.reports, known.drifts, known.findings) + sinks).encode()
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing: scrapes are no news."""


def _findings(runtime: Runtime, report: StreamReport, now: datetime) -> Iterator[Finding]:
    section = runtime.settings.collectors.get(report.label)
    yield from findings(report, now, section.every if section else EVERY)
