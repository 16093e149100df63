"""Sigma's former aggregations: converted on load, or refused with the reason."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from mantissa_core.cli.app import cli
from mantissa_core.detect.correlate.correlation import Compare, Threshold
from mantissa_core.detect.correlate.legacy import is_legacy
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.rules.yaml_text import documents
from mantissa_core.errors import RuleError

World = Any

OKTA = """
title: Many failed logins
id: abc123-def456-ghi789
status: stable
level: high
logsource: {product: okta, service: authentication}
detection:
  selection: {outcome: FAILURE}
  condition: selection | count() by user_email > 5
  timeframe: 10m
"""
APM = """
title: Payment errors
id: apm-error-payment-001
tags: [apm, error-rate]
logsource: {product: apm, service: traces}
detection:
  selection: {service_name: "payment-service", status_code: "ERROR"}
  condition: selection | count() > 100
  timeframe: 5m
"""


def test_the_rule_on_failed_logins_loads_as_written_and_fires(world: World) -> None:
    world.rules(OKTA)
    world.ingest(*(world.at(second * 100, "FAILURE", user_email="ann") for second in range(6)))
    world.ingest(*(world.at(second, "FAILURE", user_email="bob") for second in range(5)))
    (found,) = world.detect("abc123-def456-ghi789")
    assert (world.second(found), found.group, len(found.event_ids)) == (500, {"user_email": "ann"}, 6)
    assert (found.rule_name, str(found.severity)) == ("Many failed logins", "high")


def test_the_rule_on_payment_errors_loads_as_written_and_fires(world: World) -> None:
    world.rules(APM)
    error = {"service_name": "payment-service", "status_code": "ERROR"}
    world.ingest(*({"second": second, **error} for second in range(100)), source="apm")
    assert world.detect("apm-error-payment-001") == []
    world.ingest(
        {"second": 300, "service_name": "other", "status_code": "ERROR"}, {"second": 299, **error}, source="apm"
    )
    assert world.seconds("apm-error-payment-001") == [299]


def loaded(tmp_path: Path, condition: str, timeframe: str | None = "5m", **more: Any) -> RuleSet:
    detection = {"a": {"x": 1}, "b": {"x": 2}, "c": {"x": 3}, "condition": condition}
    if timeframe:
        detection["timeframe"] = timeframe
    document = {"title": "T", "id": "t", "logsource": {"product": "okta"}, "detection": detection, **more}
    (tmp_path / "rule.yml").write_text(yaml.safe_dump(document))
    return RuleSet.load(packs=False, paths=[tmp_path])


@pytest.mark.parametrize(
    ("aggregation", "kind", "group", "condition"),
    [
        ("count() by u > 5", "event_count", ("u",), Threshold(Compare.GT, 5)),
        ("COUNT( )>= 5", "event_count", (), Threshold(Compare.GTE, 5)),
        ("count(f) by u, v < 5", "value_count", ("u", "v"), Threshold(Compare.LT, 5, ("f",))),
        ("count(distinct f) <= 5", "value_count", (), Threshold(Compare.LTE, 5, ("f",))),
        ("sum(f.g) by u = 1.5", "value_sum", ("u",), Threshold(Compare.EQ, 1.5, ("f.g",))),
        ("avg(f) by u != 5", "value_avg", ("u",), Threshold(Compare.NEQ, 5, ("f",))),
    ],
)
def test_each_aggregation_has_its_type(
    aggregation: str, kind: str, group: tuple[str, ...], condition: Threshold, tmp_path: Path
) -> None:
    found = loaded(tmp_path, f"a and not b | {aggregation}")
    assert found.broken == {}
    ((rule,), (correlation,)) = found.rules, found.correlations
    assert (str(correlation.kind), correlation.group_by, correlation.condition) == (kind, group, condition)
    assert (correlation.id, correlation.timespan.total_seconds()) == ("t", 300)
    assert (rule.silent, set(rule.keeps)) == (True, {*group, *condition.fields})


@pytest.mark.parametrize(
    ("condition", "fires"), [("a | near b", True), ("a | near b and c", False), ("a | near b and not c", True)]
)
def test_near_becomes_one_rule_for_each_selection(condition: str, fires: bool, world: World, tmp_path: Path) -> None:
    found = loaded(world.folder / "rules", condition)
    assert found.broken == {}
    assert "add group-by" in found.correlations[0].warnings[-1]
    assert all(rule.silent for rule in found.rules)
    world.ingest(world.at(0, x=1), world.at(200, x=2), world.at(900))
    assert bool(world.detect("t")) is fires


def test_a_global_document_shares_its_condition_and_each_selection_keeps_its_source(tmp_path: Path) -> None:
    (tmp_path / "rule.yml").write_text("""
action: global
title: Two sources
logsource: {product: okta, service: authentication}
detection:
  login: {outcome: x}
  condition: login | near errors
  timeframe: 5m
---
id: two
logsource: {product: apm, service: traces}
detection:
  errors: {status_code: ERROR}
""")
    found = RuleSet.load(packs=False, paths=[tmp_path])
    assert found.broken == {}
    assert [rule.logsource.product for rule in found.rules] == ["okta", "apm"]
    assert [each.id for each in found.correlations] == ["two"]


def test_a_missing_timespan_is_reported(tmp_path: Path) -> None:
    (correlation,) = loaded(tmp_path, "a | count() > 5", timeframe=None).correlations
    assert correlation.timespan.total_seconds() == 3600
    assert any("timeframe: missing, 1h is taken" in each for each in correlation.warnings)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("count(x) per y per z > 200 and not b", "expected 'selection | count() by field > 5'"),
        ("write x from a to %list%; then if b -> alert", "keeps a list between events"),
        ("a | max(x) by y > 5", "max() has no correlation type"),
        ("a | sum() > 5", "sum() needs a field"),
        ("a | count() by x", "cannot read 'count() by x'"),
        ("a | near z", "near 'z': no selection of that name"),
        ("a | near not b and (c", "correlation: Failed to parse"),
        ("| count() > 5", "selects nothing"),
        ("a | count() > 5 | count() > 6", "expected 'selection"),
        ("nothing | count() > 5", "nothing"),
    ],
)
def test_what_has_no_equivalent_is_refused_with_the_reason(condition: str, message: str, tmp_path: Path) -> None:
    found = loaded(tmp_path, condition)
    assert (found.rules, found.correlations) == ([], [])
    assert message in str(found.broken[str(tmp_path / "rule.yml")])


def test_a_broken_timeframe_is_refused(tmp_path: Path) -> None:
    found = loaded(tmp_path, "a | count() > 5", timeframe="soon")
    assert "Timespan 'soon' is invalid" in str(next(iter(found.broken.values())))


def test_migrated_files_mean_what_the_old_ones_did(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "deep").mkdir(parents=True)
    (old / "okta.yml").write_text(OKTA)
    (old / "deep" / "apm.yml").write_text(APM)
    (old / "plain.yml").write_text(OKTA.replace(" | count() by user_email > 5", "").replace("  timeframe: 10m\n", ""))
    (old / "bad.yml").write_text(APM.replace("count()", "max(x)"))
    ran = CliRunner().invoke(cli, ["rules", "migrate", str(old), "--output", str(new)])
    assert (ran.exit_code, sorted(each.name for each in new.rglob("*.yml"))) == (1, ["apm.yml", "okta.yml"])
    assert "max() has no correlation type" in ran.stderr
    assert "2 files converted, 1 cannot be." in ran.stderr
    before = RuleSet.load(packs=False, paths=[old / "okta.yml", old / "deep"])
    after = RuleSet.load(packs=False, paths=[new])
    assert after.broken == {}
    assert [rule.ir for rule in after.rules] == [
        rule.ir for rule in sorted(before.rules, key=lambda each: each.name, reverse=True)
    ]
    assert {(c.id, c.condition, c.group_by, c.timespan) for c in before.correlations} == {
        (c.id, c.condition, c.group_by, c.timespan) for c in after.correlations
    }


def test_migrate_prints_without_an_output_folder(tmp_path: Path) -> None:
    (tmp_path / "okta.yml").write_text(OKTA.replace("  timeframe: 10m\n", ""))
    ran = CliRunner().invoke(cli, ["rules", "migrate", str(tmp_path / "okta.yml"), "--timespan", "2h"])
    assert ran.exit_code == 0
    assert [each["title"] for each in yaml.safe_load_all(ran.stdout) if each] == [
        "Many failed logins: matches",
        "Many failed logins",
    ]
    assert "timespan: 2h" in ran.stdout
    assert "2h is taken" in ran.stderr


def test_all_public_legacy_rules_convert_but_four_that_are_malformed(shared_data: Path) -> None:
    files = [file for file in (shared_data / "sigmahq").rglob("*.yml") if _legacy(file)]
    found = RuleSet.load(packs=False, paths=files)
    assert Counter(str(each.kind) for each in found.correlations) == {
        "event_count": 23,
        "value_count": 22,
        "temporal": 8,
        "value_sum": 2,
    }
    assert {Path(source).stem for source in found.broken} == {
        "net_dns_high_subdomain_rate",
        "sysmon_always_install_elevated_parent_child_correlated",
        "win_dumping_ntdsdit_via_dcsync",
        "win_dumping_ntdsdit_via_netsync",
    }


def _legacy(file: Path) -> bool:
    try:
        return any(map(is_legacy, documents(file.read_text(encoding="utf-8"))))
    except RuleError:
        return False
