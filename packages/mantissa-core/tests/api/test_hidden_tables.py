"""Every route, for callers who may not see every table: no answer has a hidden row or the name of a hidden table."""

from __future__ import annotations

import pytest
from mantissa_core.api.app import create_app
from mantissa_core.api.endpoints import ENDPOINTS
from mantissa_core.api.models import ExecuteBody, QueryBody, QuestionBody, RunBody, StreamBody
from mantissa_core.api.problem import Problem
from mantissa_core.api.roles import Role
from starlette.testclient import TestClient

from .conftest import SECRET_VAULT, VAULT
from .test_roles import _id

ACME = ("acme_audit", "acme.audit", "Acme", "amara", "open_vault", VAULT)
HUSH = ("secret_audit", "secret.audit", "Hush", "hush", '"lin"', "'lin'", "m_user=lin")
QUESTIONS = (
    "count events by user since 2026-11-01", "list events since 2026-11-01", "what tables are there?",
    "show everything", "who logged in since 2026-11-01", "events per table since 2026-11-01", "zzz",
)  # fmt: skip
STATEMENTS = (
    "SELECT * FROM auth", "SELECT m_table, m_user FROM auth", "SELECT nothing FROM auth", "SELECT * FROM nothing",
    "SELECT * FROM information_schema.tables", "SHOW TABLES", "SELECT * FROM duckdb_tables()", "SELECT 1",
)  # fmt: skip
BODIES = {
    QueryBody: [*({"question": each} for each in QUESTIONS), *({"sql": each} for each in STATEMENTS)],
    StreamBody: [*({"question": each} for each in QUESTIONS), *({"sql": each} for each in STATEMENTS)],
    ExecuteBody: [{"query": each} for each in STATEMENTS],
    QuestionBody: [{"name": "mine", "question": each} for each in QUESTIONS],
    RunBody: [{}],
}


class Nobody:
    """An identity provider whose tokens are valid and stand for no role."""

    def caller(self, _text):
        raise Problem(403, "the token is valid, but stands for no role")


@pytest.fixture(scope="module")
def api(runtime):
    with TestClient(create_app(runtime, provider=Nobody(), environ={})) as found:
        yield found


@pytest.fixture(scope="module")
def others(runtime, api, token):
    """Ids of what there is about either table: alerts, rules, and what an administrator asked."""
    admin = token("admin")
    asked = {"question": "list events of lin since 2026-11-01", "conversation": "new"}
    answer = api.post("/query", headers=admin, json=asked).json()
    assert answer["results"]
    assert api.post("/questions", headers=admin, json={"name": "secrets", "question": asked["question"]}).is_success
    alerts = [each.id for each in runtime.alerts.list()]
    return [*alerts, SECRET_VAULT, answer["execution_id"], answer["conversation"], "secrets", "mine"]


def _answers(api, endpoint, headers, ids):
    for part in ids if "{" in endpoint.path else [""]:
        path = endpoint.path.replace("{id}", part).replace("{type}", "webhook")
        for body in BODIES.get(endpoint.body, [{}]) if endpoint.body else [None]:
            yield api.request(endpoint.method, path, headers=headers, json=body)


@pytest.mark.parametrize("header", [None, "Bearer nothing", "Bearer of.no.role"], ids=["none", "unknown", "no-role"])
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=_id)
def test_who_has_no_role_learns_nothing(api, others, endpoint, header):
    headers = {"Authorization": header} if header else {}
    for answer in _answers(api, endpoint, headers, others):
        assert answer.status_code in (401, 403)
        assert [each for each in (*ACME, *HUSH) if each in answer.text] == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN], ids=str)
@pytest.mark.parametrize(("tables", "hidden"), [(["acme_audit"], HUSH), ([], (*ACME, *HUSH))], ids=["one", "no-table"])
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=_id)
def test_who_may_not_see_a_table_sees_neither_rows_nor_its_name(api, token, others, endpoint, role, tables, hidden):
    for answer in _answers(api, endpoint, token(role, tables), others):
        assert answer.status_code < 500
        assert [each for each in hidden if each in answer.text] == [], answer.text
