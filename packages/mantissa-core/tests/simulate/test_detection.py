"""The planted attacks are caught by the rules that they were made for, and nothing else alerts."""

import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from mantissa_core.detect.match.evaluate import evaluate
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.simulate import simulate
from mantissa_core.simulate.truth import CLOUDTRAIL, OKTA, RULES

pytest.importorskip("mantissa_rules", reason="the rule pack is a distribution of its own")
SERVICES = {CLOUDTRAIL: "cloudtrail", OKTA: "okta"}


@pytest.fixture(scope="module")
def rules():
    return [rule for rule in RuleSet.load().rules if "mantissa_rules" in rule.source and not rule.silent]


@pytest.fixture(scope="module")
def scenario():
    return simulate(7, date(2026, 1, 14), events=1_500)


@pytest.fixture(scope="module")
def matches(rules, scenario):
    """The pairs of event id and rule id that match."""
    return {
        (line.id, rule.id)
        for log_type, service in SERVICES.items()
        for line in scenario.events[log_type]
        for event in [json.loads(line.line)]
        for rule in rules
        if rule.logsource.service == service and evaluate(rule, event)
    }


def test_the_truth_names_rules_by_their_file_and_id(rules):
    ids = {Path(rule.source).stem: rule.id for rule in rules}
    assert {name: ids.get(name) for name in RULES} == RULES


def test_every_planted_event_is_matched_by_the_rules_made_for_it(scenario, matches):
    for attack in scenario.attacks:
        for name, expected in attack.expected.items():
            assert {(event, RULES[name]) for event in expected} <= matches, (attack.id, name)


def test_nothing_alerts_that_the_truth_does_not_know(rules, scenario, matches):
    planted = {event for attack in scenario.attacks for ids in attack.events.values() for event in ids}
    known = {(each.event_id, RULES[each.rule]) for each in scenario.lookalikes if each.rule}
    titles = {rule.id: rule.title for rule in rules}
    surprises = Counter(titles[rule] for event, rule in matches - known if event not in planted)
    assert surprises == {}


def test_harmless_alerts_of_some_urgency_are_few(rules, scenario, matches):
    planted = {event for attack in scenario.attacks for ids in attack.events.values() for event in ids}
    urgent = {rule.id for rule in rules if rule.severity.rank >= 2}
    assert len([event for event, rule in matches if rule in urgent and event not in planted]) < 10
