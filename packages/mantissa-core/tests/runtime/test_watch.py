"""The product tells about its own sources: an alert for each episode, a line for doctor, figures for Prometheus."""

import socket
import threading
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from mantissa_core import Runtime
from mantissa_core.errors import NeedsOperator
from mantissa_core.watch import report_problems, serve_metrics


@pytest.fixture
def runtime(tmp_path):
    collectors = {"door": {"plugin": "core.file", "path": str(tmp_path / "gone"), "log_type": "generic.json"}}
    config = {"home": str(tmp_path), "rules": {"packs": False}, "collectors": collectors}
    with Runtime.open(config) as opened:
        yield opened


def _fail(runtime):
    with pytest.raises(NeedsOperator):
        list(runtime.collect())


def test_a_stopped_source_is_one_alert_for_as_long_as_it_lasts(runtime, tmp_path):
    heard = []
    runtime.on_alert(heard.append)
    for _ in range(3):
        _fail(runtime)
        report_problems(runtime)
    assert [alert.rule_name for alert in heard] == ["Source stopped"]
    assert "does not exist" in heard[0].summary
    (tmp_path / "gone").mkdir()
    list(runtime.collect())
    assert report_problems(runtime) == []
    (tmp_path / "gone").rmdir()
    _fail(runtime)
    report_problems(runtime, datetime.now(UTC) + timedelta(minutes=10))
    assert len(heard) == 2


def test_figures_are_served_and_nothing_else(runtime):
    _fail(runtime)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    stop = threading.Event()
    thread = threading.Thread(target=serve_metrics, args=(runtime, f"127.0.0.1:{port}", stop))
    thread.start()
    try:
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=httpx.HTTPTransport(retries=5))
        found = client.get("/metrics")
        assert found.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert 'mantissa_source_failures{source="door",stream=""} 1' in found.text
        assert client.get("/").status_code == 404
    finally:
        stop.set()
        thread.join()


def test_an_address_that_is_taken_needs_a_person(runtime):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(NeedsOperator, match="cannot listen"):
        serve_metrics(runtime, f"127.0.0.1:{taken.getsockname()[1]}", threading.Event())
