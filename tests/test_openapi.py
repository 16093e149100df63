"""What the collectors ask for is what the vendors' OpenAPI descriptions allow. Skipped where these are absent."""

import importlib.util
import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from mantissa_core.model import Window
from mantissa_core.testing.alert_sink import delivery
from mantissa_core.testing.collector import Event
from mantissa_github.collector import AuditLog
from mantissa_okta.collector import SystemLog
from mantissa_pagerduty.sink import PagerDuty
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError

DATA = Path(os.environ.get("MANTISSA_TEST_DATA", "")) / "openapi"
pytestmark = pytest.mark.skipif("MANTISSA_TEST_DATA" not in os.environ, reason="MANTISSA_TEST_DATA is not set")
PLUGINS = Path(__file__).parent.parent / "plugins"
START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)


def fake(name):
    """The fake of a plugin's own tests."""
    [path] = PLUGINS.glob(f"*/tests/{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def okta(server):
    settings = {"org_url": server.url, "api_token": server.token, "page_size": 3, "filter": 'eventType eq "x"'}
    return SystemLog(SystemLog.Config.model_validate(settings))


def github(server, **owner):
    settings = {"api_url": server.url, "token": fake("fake_github").TOKEN, "page_size": 3, **owner}
    return AuditLog(AuditLog.Config.model_validate(settings))


class Asked:
    """A request as openapi-core wants it."""

    def __init__(self, host, request):
        self.host_url, self.path, self.method = host, request.route, request.method.lower()
        self.parameters = RequestParameters(query=request.query, header=request.headers, cookie={}, path={})
        self.content_type, self.body = "", None


def description(name, host):
    document = json.loads((DATA / f"{name}.json").read_text())
    path = urlsplit(document["servers"][0]["url"]).path.rstrip("/")
    return OpenAPI.from_dict({**document, "servers": [{"url": host + path}]})


CASES = {
    "okta": ("fake_okta", "FakeOkta", okta, "okta"),
    "enterprise": ("fake_github", "FakeGitHub", lambda it: github(it, enterprise="example"), "github-audit-log"),
    "organisation": ("fake_github", "FakeGitHub", lambda it: github(it, org="example"), "github-audit-log"),
}


@pytest.mark.parametrize("name", CASES)
def test_every_request_is_one_that_the_vendor_describes(name, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    module, cls, build, slice_ = CASES[name]
    with getattr(fake(module), cls)() as server:
        server.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(7)])
        subject = build(server)
        subject.check()
        list(subject.read(subject.streams()[0], Window(START, START + timedelta(hours=1)), {}))
        described = description(slice_, server.url)
        assert len(server.requests) == 4
        for request in server.requests:
            described.validate_request(Asked(server.url, request))


def test_every_pagerduty_event_is_one_that_pagerduty_describes(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    module = fake("fake_pagerduty")
    with module.FakePagerDuty() as server:
        subject = PagerDuty(PagerDuty.Config.model_validate({"routing_key": module.KEY, "server": server.url}))
        opened = delivery()
        for event, status in (("opened", "open"), ("updated", "acknowledged"), ("resolved", "resolved")):
            subject.deliver(replace(opened, event=event, alert=replace(opened.alert, status=status)))
        described = description("pagerduty-events-v2", server.url)
        assert len(server.requests) == 3
        for request in server.requests:
            asked = Asked(server.url, request)
            asked.path, asked.content_type, asked.body = "/v2/enqueue", "application/json", request.body
            described.validate_request(asked)


def test_a_request_that_the_vendor_does_not_describe_is_found():
    class Wrong:
        route, method, query, headers = "/api/v1/logs", "GET", {"limit": "many"}, {}

    with pytest.raises(OpenAPIError):
        description("okta", "http://127.0.0.1").validate_request(Asked("http://127.0.0.1", Wrong))
