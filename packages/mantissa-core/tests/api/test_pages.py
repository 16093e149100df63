"""Many rows: page by page, and as files."""

from __future__ import annotations

import csv
import io
import json

import pyarrow.parquet as pq
import pytest
from mantissa_core.api.file import accepted
from mantissa_core.api.problem import Problem

from .conftest import numbers
from .test_queries import COUNT

NUMBERS = numbers(2500)
HOSTILE = (
    "SELECT '=cmd|calc' AS text, -1 AS number, [1, 2] AS list, "
    "TIMESTAMP '2026-11-20 10:00:00' AS time, 'inf'::DOUBLE AS big"
)


def _execution(client, headers, sql, **more):
    return client.post("/api/query/execute", headers=headers, json={"query": sql, "max_rows": 10_000, **more}).json()


def _file(client, headers, execution, kind):
    return client.get(f"/api/query/executions/{execution['execution_id']}", headers={**headers, "Accept": kind})


@pytest.mark.parametrize("size", [700, 1000, 2500, 10_000])
def test_rows_come_page_by_page(client, token, size):
    headers = token("analyst")
    page = _execution(client, headers, NUMBERS, page_size=size)
    path, seen = f"/api/query/executions/{page['execution_id']}", []
    while True:
        assert page["statistics"]["result_count"] == 2500
        seen += [each["n"] for each in page["results"]]
        if page["next"] is None:
            break
        page = client.get(f"{path}?page_size={size}&cursor={page['next']}", headers=headers).json()
    assert seen == list(range(2500))


def test_a_page_of_a_question_cites_its_own_events(client, token):
    headers, asked = token("analyst"), {"question": "list events of amara since 2026-11-01", "page_size": 3}
    page = client.post("/query", headers=headers, json=asked).json()
    assert [each["m_id"] for each in page["citations"]] == [each["m_id"] for each in page["results"]]
    rest = f"/api/query/executions/{page['execution_id']}?cursor={page['next']}"
    after = client.get(rest, headers=headers).json()
    assert len(page["results"]) == 3
    assert [each["m_id"] for each in after["citations"]] == [each["m_id"] for each in after["results"]]
    assert not {each["m_id"] for each in after["results"]} & {each["m_id"] for each in page["results"]}


def test_a_cursor_behind_the_end_finds_nothing(client, token):
    headers = token("analyst")
    execution = _execution(client, headers, NUMBERS)["execution_id"]
    page = client.get(f"/api/query/executions/{execution}?cursor=99999", headers=headers).json()
    assert (page["results"], page["next"]) == ([], None)
    assert client.get(f"/api/query/executions/{execution}?cursor=-1", headers=headers).status_code == 422


def test_a_file_has_all_rows(client, token):
    headers = token("analyst")
    execution = _execution(client, headers, NUMBERS, page_size=10)
    table = _file(client, headers, execution, "text/csv")
    assert [int(row["n"]) for row in csv.DictReader(io.StringIO(table.text))] == list(range(2500))
    assert table.headers["content-disposition"] == f'attachment; filename="{execution["execution_id"]}.csv"'
    lines = _file(client, headers, execution, "application/x-ndjson").text.splitlines()
    assert [json.loads(line)["n"] for line in lines] == list(range(2500))
    parquet = _file(client, headers, execution, "application/vnd.apache.parquet")
    assert pq.read_table(io.BytesIO(parquet.content))["n"].to_pylist() == list(range(2500))


def test_no_text_of_a_csv_is_a_formula_and_other_files_have_it_as_it_is(client, token):
    headers = token("analyst")
    execution = _execution(client, headers, HOSTILE)
    [row] = csv.DictReader(io.StringIO(_file(client, headers, execution, "text/csv").text))
    assert row["text"] == "'=cmd|calc"
    assert (row["number"], row["list"], row["time"]) == ("-1", "[1, 2]", "2026-11-20T10:00:00")
    [line] = _file(client, headers, execution, "application/x-ndjson").text.splitlines()
    assert json.loads(line, parse_constant=pytest.fail)["text"] == "=cmd|calc"
    parquet = pq.read_table(io.BytesIO(_file(client, headers, execution, "application/vnd.apache.parquet").content))
    assert parquet["text"].to_pylist() == ["=cmd|calc"]


def test_there_is_no_file_without_rows_and_none_for_others(client, token):
    mine = token("analyst")
    abstained = client.post("/query", headers=mine, json={"question": "drop the table"}).json()
    assert _file(client, mine, abstained, "text/csv").status_code == 409
    answered = client.post("/query", headers=mine, json={"question": COUNT}).json()
    assert _file(client, token("admin"), answered, "text/csv").status_code == 404
    assert _file(client, mine, answered, "application/pdf").status_code == 406


OFFERED = ("application/json", "text/csv", "application/x-ndjson")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV; charset=utf-8", "text/csv"),
        ("text/*", "text/csv"),
        ("application/json;q=0.5, text/csv", "text/csv"),
        ("application/json;q=0.5, text/csv;q=0.1", "application/json"),
        ("*/*;q=0.1, application/x-ndjson", "application/x-ndjson"),
        ("application/json;q=0, */*", "text/csv"),
        ("text/csv;q=nonsense, application/json", "application/json"),
    ],
)
def test_the_type_that_is_wanted_most_is_sent(header, expected):
    assert accepted(header, OFFERED) == expected


@pytest.mark.parametrize("header", ["image/png", "text/csv;q=0", "text/html, image/*"])
def test_no_type_is_sent_that_is_not_wanted(header):
    with pytest.raises(Problem, match="comes as application/json, text/csv"):
        accepted(header, OFFERED)
