"""The configuration reaches the stages: rules and their placeholders, enrichment, deadlines, names of tables."""

import json
import threading
from datetime import timedelta

import pytest
from mantissa_core.alert.hold import Digest
from mantissa_core.alert.outbox import LEASE
from mantissa_core.config import SinkSection, load
from mantissa_core.errors import ConfigError, QueryError
from mantissa_core.hookspecs import Enricher, hookimpl
from mantissa_core.host import SLOW
from mantissa_core.model import Enrichment, Severity
from mantissa_core.testing.enricher import an_alert
from mantissa_core.testing.llm_provider import FakeOpenAI

LOG_TYPE = """
name: test.said
title: Sayings
time: {path: at}
columns: [{path: at}, {path: message}]
sigma: {logsources: [{product: generic}]}
"""

RULE = """
title: Somebody said {word}
id: {id}
level: high
logsource: {{product: generic}}
detection:
  selection: {{"message{modifier}": "{word}"}}
  condition: selection
"""
ONE, TWO = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


class Notes:
    """An enricher that says the same about every alert, and counts."""

    asked = 0

    @hookimpl
    def enrich(self, alert):
        self.asked += 1
        return Enrichment({"note": "seen before"})


@pytest.fixture
def speaking(mantissa, tmp_path):
    """``speaking(disabled=[...])``: an instance with one log type and two rules, one of which has a placeholder."""
    files = {
        "said.yaml": LOG_TYPE,
        "one.yml": RULE.format(word="one", id=ONE, modifier=""),
        "two.yml": RULE.format(word="%bad%", id=TWO, modifier="|expand"),
    }
    for name, text in files.items():
        folder = tmp_path / name.partition(".")[2]
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    def open_runtime(more=None, **rules):
        return mantissa(
            **(more or {}),
            log_types={"paths": [str(tmp_path / "yaml")]},
            rules={"packs": False, "paths": [str(tmp_path / "yml")], **rules},
        )

    return open_runtime


def test_placeholders_come_from_the_configuration(speaking):
    siem = speaking(placeholders={"bad": ["two", "three"]})
    assert siem.rules.broken == {}
    siem.ingest("test.said", [{"message": each} for each in ("two", "three", "four")])
    assert [signal.rule_id for signal in siem.detect().signals] == [TWO, TWO]


def test_a_placeholder_without_values_breaks_its_rule_and_names_the_key(speaking):
    siem = speaking()
    (reason,) = siem.rules.broken.values()
    assert "rules.placeholders.bad" in str(reason)
    assert [rule.id for rule in siem.rules.rules] == [ONE]


def test_a_disabled_rule_does_not_run(speaking):
    siem = speaking(disabled=[ONE], placeholders={"bad": ["two"]})
    assert [rule.id for rule in siem.rules.rules] == [TWO]
    assert siem.rules.get(ONE) is None


@pytest.mark.parametrize(("switch", "facts"), [("true", {"notes": {"note": "seen before"}}), ("false", {})])
def test_enrichers_run_where_they_are_switched_on(speaking, monkeypatch, switch, facts):
    monkeypatch.setenv("ENABLE_ENRICHMENT", switch)
    siem = speaking()
    notes = Notes()
    siem.host.add(Enricher, "notes", notes)
    siem.ingest("test.said", [{"message": "one"}])
    (alert,) = siem.detect().opened
    assert alert.enrichment == facts
    assert notes.asked == len(facts)


def test_a_configured_enricher_reads_its_files_below_the_home_and_says_what_is_missing(mantissa):
    siem = mantissa(
        enrichers={
            "lists": {"plugin": "core.indicators", "paths": ["lists/own.txt"]},
            "gone": {"plugin": "core.indicators", "paths": ["lists/gone.txt"]},
        }
    )
    (siem.home / "lists").mkdir(parents=True)
    (siem.home / "lists" / "own.txt").write_text("203.0.113.0/24 # C2 server\n")
    found = siem._enrichers(an_alert(src_ip="203.0.113.7"))
    reputation = {"reputation": "listed in own.txt: C2 server", "lists": ["own.txt"]}
    assert found.facts == {"lists": {"ips": {"203.0.113.7": reputation}}}
    assert found.failures == {"gone": f"{siem.home / 'lists' / 'gone.txt'}: No such file or directory"}


class Echo(FakeOpenAI):
    """A model that words nothing anew."""

    def answer(self, request):
        self.reply = request.json()["messages"][-1]["content"]
        return super().answer(request)


def test_a_language_model_words_the_answers_where_that_is_configured(speaking, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Echo() as model:
        siem = speaking(
            more={
                "sinks": {"near": {"plugin": "core.file", "path": str(tmp_path / "alerts.jsonl")}},
                "llm_providers": {"tiny": {"plugin": "core.openai_compatible", "base_url": model.url, "model": "tiny"}},
                "ask": {"provider": "tiny"},
                "alerts": {"rewrite": True},
            }
        )
        siem.ingest("test.said", [{"message": "one"}])
        (alert,) = siem.detect().opened
        assert siem.deliver() == 1
    assert alert.rewritten["what"] == "Somebody said one"
    assert alert.unenriched == {}
    (line,) = (tmp_path / "alerts.jsonl").read_text().splitlines()
    assert json.loads(line)["alert"]["rewritten"] == alert.rewritten


@pytest.mark.parametrize("ask", [{}, {"provider": "other"}])
def test_rewriting_without_a_language_model_is_a_mistake_in_the_configuration(ask):
    with pytest.raises(ConfigError, match=r"alerts\.rewrite: found true, expected ask\.provider to name a label"):
        load({"alerts": {"rewrite": True}, "ask": ask}, {})


def test_a_delivery_ends_before_its_lease_does(mantissa):
    assert SLOW["deliver"] < LEASE.total_seconds()
    longest = next(each.lt for each in SinkSection.model_fields["deadline"].metadata if hasattr(each, "lt"))
    assert longest <= LEASE.total_seconds()
    with pytest.raises(ConfigError, match=r"sinks\.x\.deadline: found 60, expected less than 60"):
        load({"sinks": {"x": {"plugin": "core.console", "deadline": 60}}}, {})


def test_a_query_for_an_unknown_table_names_those_there_are(mantissa):
    siem = mantissa()
    siem.ingest("generic.json", [{"message": "a"}, "no json"])
    with pytest.raises(QueryError, match=r"no table 'xyz' \(there are: .*dead_letter.*generic_json"):
        siem.query("SELECT 1 FROM xyz")
    with pytest.raises(QueryError, match=r"no table 'generic_jsno'; did you mean generic_json\?"):
        siem.query("SELECT 1 FROM generic_jsno")


def test_what_nobody_flushed_is_stored_at_the_end(mantissa):
    siem = mantissa()
    for number in range(3):
        siem.ingest("generic.json", [{"message": str(number)}], source=f"s{number}", wait=False)
    siem.close()
    assert siem.lake.table("generic_json").live()


def test_events_may_be_stored_while_rules_are_evaluated(speaking):
    siem = speaking()
    siem.ingest("test.said", [{"message": "one"}])
    with siem._detecting:  # as long as another thread detects
        thread = threading.Thread(target=siem.ingest, args=("test.said", [{"message": "two"}]), daemon=True)
        thread.start()
        thread.join(20)
        assert not thread.is_alive()


def test_digests_and_limits_of_a_sink_reach_its_route(mantissa):
    sinks = {
        "mail": {"plugin": "core.console", "digest": {"every": "30m", "severities": ["low"]}},
        "chat": {"plugin": "core.console", "per_minute": 7},
        "pipe": {"plugin": "core.webhook", "url": "https://siem.example.com/alerts", "per_minute": 0},
    }
    mail, chat, pipe = mantissa(sinks=sinks)._routes()
    assert mail.digest == Digest(timedelta(minutes=30), frozenset({Severity.LOW}))
    assert (mail.pace, chat.digest, chat.pace.per_minute, pipe.pace) == (None, None, 7, None)


def test_a_storm_is_counted_over_all_rounds_of_detection(mantissa):
    siem = mantissa(sinks={"chat": {"plugin": "core.console", "per_minute": 7}})
    assert siem._routes()[0].pace is siem._routes()[0].pace
