"""Every rule on the events beside it, and on real attacks where the shared data is at hand."""

import gzip
import json
import os
from importlib.resources import files
from pathlib import Path

import pytest
from mantissa_core.detect.match.evaluate import evaluate
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.testing.mutate import mutate
from mantissa_core.detect.testing.mutate_correlations import mutate_correlations
from mantissa_core.detect.testing.rule_tests import run_tests
from mantissa_core.detect.testing.sequence_run import run_sequences
from mantissa_core.parse.log_types import LogTypes

PACK = Path(str(files("mantissa_rules"))) / "sigma"
SCENARIOS = Path(os.environ.get("MANTISSA_TEST_DATA", "")) / "events" / "scenarios"
real_events = pytest.mark.skipif("MANTISSA_TEST_DATA" not in os.environ, reason="MANTISSA_TEST_DATA is not set")


@pytest.fixture(scope="module")
def pack():
    loaded = RuleSet.load(packs=False, paths=[PACK])
    assert loaded.broken == {}
    return loaded


@pytest.fixture(scope="module")
def rules(pack):
    """Those that decide by one event and alert."""
    ours = [rule for rule in pack.rules if not rule.silent]
    assert [rule.warnings for rule in ours if rule.warnings] == []
    return ours


@pytest.fixture(scope="module")
def cloudtrail(rules):
    return [rule for rule in rules if rule.logsource.service == "cloudtrail"]


def test_every_rule_decides_its_own_events_as_they_say(rules):
    verdicts = list(run_tests(rules, LogTypes.load()))
    assert [(each.rule.title, each.test, each.problem) for each in verdicts if not each.passed] == []
    assert {each.rule.id for each in verdicts} == {rule.id for rule in rules}


def test_every_correlation_fires_on_its_sequences_as_they_say(pack):
    verdicts = list(run_sequences(pack, list(LogTypes.load())))
    assert [(each.rule.title, each.test.name, each.problem) for each in verdicts if not each.passed] == []
    assert {each.rule.id for each in verdicts} == {each.id for each in pack.correlations}


def test_no_change_to_a_rule_or_correlation_goes_unnoticed(pack, rules):
    log_types = list(LogTypes.load())
    found = [*mutate(rules, log_types), *mutate_correlations(pack, log_types)]
    assert [(each.rule.title, each.survivors) for each in found if each.survivors or each.skipped or each.left] == []


def test_no_rule_matches_an_event_that_lacks_everything(rules):
    assert [rule.title for rule in rules if evaluate(rule, {})] == []


@real_events
def test_every_attack_technique_raises_an_alert(cloudtrail):
    silent = [
        file.stem
        for file in sorted((SCENARIOS / "cloudtrail-stratus").glob("*.ndjson"))
        if not any(evaluate(rule, json.loads(line)) for line in file.open() for rule in cloudtrail)
    ]
    assert silent == []


@real_events
def test_an_attacked_account_raises_many_kinds_of_alert_and_little_noise(cloudtrail):
    events = [
        event
        for file in (SCENARIOS / "cloudtrail-invictus").glob("*.json.gz")
        for event in json.loads(gzip.decompress(file.read_bytes()))["Records"]
    ]
    matches = [(rule.title, event["eventID"]) for event in events for rule in cloudtrail if evaluate(rule, event)]
    assert len({title for title, _ in matches}) >= 20
    assert len(matches) < len(events) / 10
