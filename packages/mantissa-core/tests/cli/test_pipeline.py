"""Collect, detect, look: the commands of an ordinary day."""

import csv
import json

import pyarrow.parquet as pq
import pytest

from .conftest import documents, event, mantissa, write_lines


@pytest.fixture
def alerted(home, mantissa_at):
    """An instance with one alert among three events."""
    write_lines(home / "incoming" / "a.log", event(1), event(2, "open_vault"), event(3))
    assert mantissa_at("collect").exit_code == 0
    assert mantissa_at("detect").exit_code == 0
    return mantissa_at


def test_a_round_of_collection_says_what_it_brought_and_the_next_has_nothing(home, mantissa_at):
    write_lines(home / "incoming" / "a.log", event(1), event(2))
    assert documents(mantissa_at("--json", "collect", "acme")) == [
        {"label": "acme", "stream": ".", "pages": 1, "rows": 2, "duplicates": 0, "dead_letters": 0, "drift": {}}
    ]
    assert "Nothing new" in mantissa_at("collect").output


def test_a_source_that_needs_a_person_ends_with_three(home, mantissa_at):
    (home / "incoming").rmdir()
    result = mantissa_at("collect")
    assert result.exit_code == 3
    assert "does not exist" in result.stderr


def test_detection_opens_alerts_and_delivers_them_once(home, mantissa_at):
    write_lines(home / "incoming" / "a.log", event(1, "open_vault"))
    mantissa_at("collect")
    found = documents(mantissa_at("--json", "detect"))
    assert (found["rules"], found["signals"], len(found["opened"]), found["deliveries"]) == (1, 1, 1, 1)
    again = documents(mantissa_at("--json", "detect"))
    assert (again["signals"], again["opened"], again["deliveries"]) == (0, [], 0)
    assert len((home / "alerts.ndjson").read_text().splitlines()) == 1


@pytest.mark.parametrize("columns", ["80", "120", "200"])
def test_the_table_of_alerts_fits_the_terminal(alerted, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    shown = alerted("alerts", "list", "-q").stdout
    assert all(len(line) <= int(columns) and line == line.rstrip() for line in shown.splitlines())
    for part in ("Vault opened", "alder", "192.0.2.1", "2026-11-20", "high"):
        assert part in shown


def test_alerts_are_filtered(alerted):
    assert len(documents(alerted("--json", "alerts", "list", "--severity", "high"))) == 1
    assert documents(alerted("--json", "alerts", "list", "--severity", "low")) == []
    assert documents(alerted("--json", "alerts", "list", "--status", "resolved")) == []


def test_an_alert_is_shown_by_the_beginning_of_its_id_with_evidence_and_delivery(alerted):
    alert = documents(alerted("--json", "alerts", "list"))[0]
    shown = alerted("alerts", "show", alert["id"][:6]).output
    for part in ("HIGH", "Vault opened", "open_vault", "Somebody opened the vault.", "attack.t1555", "delivered"):
        assert part in shown
    assert documents(alerted("--json", "alerts", "show", alert["id"]))["deliveries"][0]["status"] == "delivered"
    assert alerted("alerts", "show", "nope").exit_code == 2


def test_an_alert_tells_what_enrichers_know_and_which_of_them_could_not_say(home, mantissa_at):
    with (home / "mantissa.toml").open("a") as file:
        for label in ("own", "gone"):
            file.write(f'\n[enrichers.{label}]\nplugin = "core.indicators"\npaths = ["{label}.txt"]\n')
    (home / "own.txt").write_text("192.0.2.0/24 # scanner\n")
    write_lines(home / "incoming" / "a.log", event(1, "open_vault"))
    mantissa_at("collect")
    mantissa_at("detect")
    alert = documents(mantissa_at("--json", "alerts", "list"))[0]
    shown = " ".join(mantissa_at("alerts", "show", alert["id"]).output.split())
    assert "192.0.2.1 (listed in own.txt: scanner)" in shown
    assert "not known: gone: " in shown


def test_the_query_that_an_alert_suggests_finds_its_events(alerted):
    alert = documents(alerted("--json", "alerts", "list"))[0]
    line = next(each for each in alerted("alerts", "show", alert["id"]).output.splitlines() if " query " in each)
    statement = line.split('query "')[1].rstrip('"')
    assert [row["verb"] for row in documents(alerted("--json", "query", statement))["rows"]] == ["open_vault"]


def test_what_was_given_up_is_delivered_again_on_request(home, mantissa_at):
    config = home / "mantissa.toml"
    config.write_text(config.read_text().replace('"alerts.ndjson"', '"out/alerts.ndjson"'))
    write_lines(home / "incoming" / "a.log", event(1, "open_vault"))
    mantissa_at("collect")
    assert "0 messages delivered" in mantissa_at("detect").stdout
    assert documents(mantissa_at("--json", "alerts", "redeliver")) == {"tried": 1, "delivered": 0}
    (home / "out").mkdir()
    assert "0 messages tried" in mantissa_at("alerts", "redeliver", "another").output
    assert "1 message tried again, 1 delivered." in mantissa_at("alerts", "redeliver", "log").output
    assert len((home / "out" / "alerts.ndjson").read_text().splitlines()) == 1


def test_the_policy_core_audit_logs_a_delivery_and_lets_it_through(home, mantissa_at):
    with (home / "mantissa.toml").open("a") as config:
        config.write('[[policies]]\nplugin = "core.audit"\n')
    write_lines(home / "incoming" / "a.log", event(1, "open_vault"))
    mantissa_at("collect")
    result = mantissa_at("--log-level", "info", "detect")
    assert "1 message delivered" in result.stdout
    assert "delivered" in result.stderr
    assert "message=opened" in result.stderr


def test_query_says_what_it_would_read_and_cost_and_reads_nothing(alerted):
    whole = documents(alerted("--json", "query", "--estimate", "SELECT * FROM acme_audit"))
    part = documents(alerted("--json", "query", "--estimate", "SELECT verb FROM acme_audit"))
    assert 0 < part["bytes"] < whole["bytes"]
    assert (part["usd"], whole["detail"]) == (0.0, "1 file")
    assert set(part["list_prices_usd"]) == {"athena", "bigquery", "duckdb", "synapse"}
    shown = alerted("query", "--estimate", "SELECT verb FROM acme_audit")
    assert "would cost" in shown.stdout
    assert "athena $0.000048" in shown.stderr
    assert "open_vault" not in shown.output
    assert alerted("query", "--estimate", "SELECT * FROM nothing").exit_code != 0


def test_query_prints_tables_json_csv_and_parquet(alerted, tmp_path):
    sql = "SELECT verb, count(*) AS n FROM acme_audit GROUP BY ALL ORDER BY n"
    assert alerted("query", sql).stdout.split() == ["verb", "n", "open_vault", "1", "knock", "2"]
    document = documents(alerted("--json", "query", sql))
    assert document["columns"] == ["verb", "n"]
    assert document["rows"] == [{"verb": "open_vault", "n": 1}, {"verb": "knock", "n": 2}]
    lines = alerted("query", sql, "-f", "ndjson").stdout.splitlines()
    assert [json.loads(line)["n"] for line in lines] == [1, 2]
    assert list(csv.reader(alerted("query", sql, "-f", "csv").stdout.splitlines()))[1:] == [
        ["open_vault", "1"],
        ["knock", "2"],
    ]
    file = tmp_path / "out.parquet"
    assert alerted("query", sql, "-f", "parquet", "-o", str(file)).exit_code == 0
    assert pq.read_table(file).num_rows == 2


def test_parameters_are_bound_and_typed_on_request(alerted):
    hostile = "x' OR '1'='1"
    found = alerted("--json", "query", "SELECT count(*) AS n FROM auth WHERE m_user = $u", "-p", f"u={hostile}")
    assert documents(found)["rows"] == [{"n": 0}]
    assert documents(alerted("--json", "query", "SELECT $n + 1 AS n", "-p", "n:=41"))["rows"] == [{"n": 42}]
    for wrong in ("u", "=1", "n:=nope"):
        assert alerted("query", "SELECT 1", "-p", wrong).exit_code == 2


def test_a_row_too_wide_for_the_terminal_becomes_a_list_of_its_fields(alerted, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = alerted("query", "SELECT * FROM acme_audit WHERE verb = 'open_vault'").stdout
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert "m_any_ip" in shown


def test_more_rows_than_asked_for_are_announced(alerted):
    result = alerted("query", "SELECT verb FROM acme_audit", "--max-rows", "2")
    assert "--max-rows" in result.stderr
    assert documents(alerted("--json", "query", "SELECT verb FROM acme_audit", "--max-rows", "2"))["truncated"]


@pytest.mark.parametrize("sql", ["DROP TABLE acme_audit", "SELECT * FROM read_csv('/etc/passwd')", "SELEC 1"])
def test_what_is_no_reading_query_is_refused(alerted, sql):
    assert alerted("query", sql).exit_code == 2


def test_the_statement_may_come_from_standard_input(alerted):
    assert documents(alerted("--json", "query", "-", input="SELECT 1 AS one"))["rows"] == [{"one": 1}]


def test_rules_are_listed_shown_and_tested(home, mantissa_at):
    assert [each["title"] for each in documents(mantissa_at("--json", "rules", "list"))] == ["Vault opened"]
    assert documents(mantissa_at("--json", "rules", "list", "vault", "acme"))
    assert documents(mantissa_at("--json", "rules", "list", "garage")) == []
    assert "open_vault" in mantissa_at("rules", "show", "6a4a").output
    assert documents(mantissa_at("--json", "rules", "test")) == {
        "passed": 2, "failed": [], "untested": [], "broken": {}
    }  # fmt: skip


def test_a_failing_rule_test_says_what_each_predicate_saw(home, mantissa_at):
    tests = home / "rules" / "vault.tests.yml"
    tests.write_text(tests.read_text().replace("match: false", "match: true"))
    result = mantissa_at("rules", "test", "6a4a")
    assert result.exit_code == 1
    for part in ("the vault is closed", "must match", "open_vault", "close_vault"):
        assert part in result.output


def test_rule_files_are_tested_without_an_instance(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert mantissa("rules", "test", str(home / "rules")).exit_code == 0
    assert mantissa("rules", "test", "no-such-rule").exit_code == 2


def test_rule_files_are_tested_with_the_log_types_of_the_instance_where_there_is_one(home, mantissa_at, monkeypatch):
    tests = home / "rules" / "vault.tests.yml"
    tests.write_text(tests.read_text().replace("match: false", "match: true"))
    monkeypatch.chdir(home)
    result = mantissa("--json", "rules", "test", "rules")
    assert [each["log_type"] for each in documents(result)["failed"]] == ["acme.audit"]


def test_broken_rules_are_named(home, mantissa_at):
    assert mantissa_at("rules", "list", "--broken").exit_code == 0
    (home / "rules" / "bad.yml").write_text("title: x\nlogsource: {product: acme}\ndetection: {condition: nope}\n")
    result = mantissa_at("rules", "list", "--broken")
    assert result.exit_code == 1
    assert "bad.yml" in result.output


def test_the_lake_is_described_compacted_retained_vacuumed_and_verified(home, alerted):
    tables = {each["name"]: each for each in documents(alerted("--json", "lake", "info"))["tables"]}
    assert tables["acme_audit"]["rows"] == 3
    assert tables["acme_audit"]["versions_to_detect"] == 0
    write_lines(home / "incoming" / "a.log", event(4))
    alerted("collect")
    assert documents(alerted("--json", "lake", "compact", "acme_audit", "--force"))["acme_audit"]["files_after"] == 1
    assert documents(alerted("--json", "lake", "retain", "--days", "1"))["acme_audit"]["rows"] in (0, 4)
    assert documents(alerted("--json", "lake", "vacuum")) == {"files": [], "bytes": 0}
    assert alerted("lake", "verify").exit_code == 0


def test_verification_finds_a_file_that_is_gone(home, alerted):
    next((home / "lake" / "tables" / "acme_audit").rglob("*.parquet")).unlink()
    result = alerted("lake", "verify")
    assert result.exit_code == 1
    assert "missing" in result.output
    assert alerted("lake", "compact", "no_such_table").exit_code == 3


def test_the_doctor_says_what_is_well_and_what_is_not(home, mantissa_at):
    assert mantissa_at("doctor").exit_code == 0
    with (home / "mantissa.toml").open("a") as config:
        config.write('[collectors.gone]\nplugin = "core.file"\npath = "gone"\nlog_type = "acme.audit"\n')
        config.write('[sinks.nowhere]\nplugin = "acme.nowhere"\n')
    (home / "rules" / "bad.yml").write_text("[")
    result = mantissa_at("--json", "doctor")
    assert result.exit_code == 1
    bad = {(each["part"], each["subject"]) for each in documents(result) if each["status"] == "problem"}
    assert bad == {("collectors", "gone"), ("sinks", "nowhere"), ("rules", "broken")}
    assert mantissa_at("plugins", "doctor").exit_code == 1


@pytest.mark.parametrize(
    ("value", "found"), [("secret://nowhere", "not stored"), ("env:NOT_SET_HERE", "not set"), ("abc", "a literal")]
)
def test_credentials_of_the_lake_are_references_that_lead_somewhere(home, mantissa_at, value, found):
    storage = f'[lake]\nurl = "s3://acme/lake"\nstorage = {{AWS_SECRET_ACCESS_KEY = "{value}"}}\n'
    (home / "mantissa.toml").write_text(storage)
    result = mantissa_at("lake", "info")
    assert result.exit_code == 2
    assert "lake.storage.AWS_SECRET_ACCESS_KEY: found" in result.stderr
    assert found in result.stderr


def test_a_module_adds_its_commands(home, mantissa_at, monkeypatch):
    from mantissa_core import catalog
    from mantissa_core.hookspecs import PluginConfig, hookimpl
    from mantissa_core.model import Command

    class Shouter:
        class Config(PluginConfig):
            pass

        def __init__(self, config):
            pass

        @hookimpl
        def commands(self):
            return [Command("shout", "Shout.", lambda runtime, words: print(*words, len(runtime.lake.tables())) or 5)]

    real = catalog.load
    monkeypatch.setattr(catalog, "load", lambda group, name: Shouter if name == "acme.shouter" else real(group, name))
    with (home / "mantissa.toml").open("a") as config:
        config.write('[modules.shouter]\nplugin = "acme.shouter"\n')
    result = mantissa_at("shout", "--loud", "hello")
    assert (result.exit_code, result.stdout) == (5, "--loud hello 0\n")
    assert mantissa_at("whisper").exit_code == 2
