"""The OpenAPI description, and whether the server keeps to it whatever it is sent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from mantissa_core import catalog
from mantissa_core.api.app import create_app
from mantissa_core.api.endpoints import ENDPOINTS
from mantissa_core.api.file import FILES
from mantissa_core.api.openapi import description
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from .conftest import numbers

DESCRIPTION = description()
OPERATIONS = [(path, method) for path, methods in DESCRIPTION["paths"].items() for method in methods]

TEXTS = {
    "/query", "/query/stream", "/questions", "/api/query/execute",
    "/rules/{id}", "/api/detections/rules", "/api/integrations/validate",
    "/api/integrations/wizard/{type}/save", "/api/integrations/wizard/jira/projects",
}  # fmt: skip
"""These take SQL, questions, rules, or settings of plugins: more can be wrong with them than a schema says."""


def test_every_route_is_described_and_nothing_else(runtime):
    served = {
        (route.path, method.lower())
        for route in create_app(runtime, environ={}).routes
        for method in route.methods
        if method != "HEAD"
    }
    assert served == set(OPERATIONS)


def test_every_operation_has_a_name_of_its_own_a_summary_and_a_role():
    found = [operation for methods in DESCRIPTION["paths"].values() for operation in methods.values()]
    assert len({each["operationId"] for each in found}) == len(found)
    assert [each["operationId"] for each in found if not each["summary"]] == []
    assert [each["operationId"] for each in found if "x-role" not in each] == ["get_health"]


def test_the_page_names_every_route():
    page = Path(__file__).parents[4] / "docs" / "api.md"
    if not page.exists():
        pytest.skip("the documentation is not part of the package")
    text = page.read_text("utf-8")
    ends = set(re.findall(r"`(?:[A-Z]+ )?(/[^`]*)`", text))
    assert [each.path for each in ENDPOINTS if not any(each.path.endswith(end) for end in ends)] == []


@pytest.fixture(scope="module")
def patched():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def described(runtime, token, patched):
    """What Schemathesis read from the server, and the headers of an administrator."""
    headers = token("admin")
    installed = catalog.installed
    # Vendors' plugins would look for the made-up addresses of made-up requests.
    patched.setattr(catalog, "installed", lambda group: [each for each in installed(group) if "core." in each.name])
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(runtime, environ={}), headers=headers), headers


@pytest.mark.parametrize("kind", ["application/json", *FILES])
def test_pages_and_files_keep_to_the_description(described, kind):
    schema, headers = described
    asked = {"query": numbers(30), "page_size": 10}
    started = schema["/api/query/execute"]["POST"].Case(body=asked, media_type="application/json").call(headers=headers)
    execution = started.json()["execution_id"]
    strategy = schema["/api/query/executions/{id}"]["GET"].as_strategy(generation_mode=GenerationMode.POSITIVE)

    @settings(max_examples=10, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=strategy)
    def send(case):
        case.path_parameters = {"id": execution}
        answer = case.call_and_validate(headers={**headers, "Accept": kind})
        assert (answer.status_code, answer.headers["content-type"][0].partition(";")[0]) == (200, kind)

    send()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda each: each.value)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_the_server_keeps_to_its_description(described, path, method, mode):
    schema, headers = described
    strategy = schema[path][method.upper()].as_strategy(generation_mode=mode)

    @settings(max_examples=10, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=strategy)
    def send(case):
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance] if path in TEXTS else [])

    try:
        send()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # nothing can be wrong with a request that has no parts
