"""The pack as a whole: every rule is complete, valid, tested and unmistakable."""

import re
from collections import Counter
from importlib.resources import files
from pathlib import Path
from uuid import UUID

import pytest
import yaml
from sigma.policy import SafePolicy
from sigma.rule import SigmaRule

SIGMA = Path(str(files("mantissa_rules"))) / "sigma"
FILES = sorted(file for file in SIGMA.rglob("*.yml") if not file.name.endswith(".tests.yml"))
CORRELATIONS = [file for file in FILES if file.parent.name == "correlations"]
RULES = [file for file in FILES if file not in CORRELATIONS]
TACTICS = {
    "collection",
    "command-and-control",
    "credential-access",
    "defense-evasion",
    "discovery",
    "execution",
    "exfiltration",
    "impact",
    "initial-access",
    "lateral-movement",
    "persistence",
    "privilege-escalation",
}
SOURCES = {
    "aws": {"cloudtrail", "cloudwatch", "config", "guardduty", "s3access", "vpcflow"},
    "azure": {"activitylogs", "auditlogs", "riskdetection", "signinlogs"},
    "crowdstrike": {"detection", "eventstream", "fdr"},
    "docker": {"events"},
    "duo": {"admin", "auth"},
    "gcp": {"gcp.audit", "vpcflow"},
    "github": {"audit", "webhook"},
    "google_workspace": {
        "google_workspace.admin",
        "google_workspace.drive",
        "google_workspace.login",
        "google_workspace.token",
    },
    "jamf": {"pro"},
    "kubernetes": {"audit"},
    "m365": {"audit"},
    "okta": {"okta"},
    "onepassword": {"audit", "itemusage", "signin"},
    "salesforce": {"eventlog", "login"},
    "slack": {"audit"},
    "snowflake": {"grant", "login", "query"},
    "syslog": {"cef", "syslog"},
}

every_rule = pytest.mark.parametrize("file", RULES, ids=lambda file: file.stem)


def document(file: Path):
    return documents(file)[0]


def documents(file: Path):
    return list(yaml.load_all(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))


def test_there_are_twenty_rules_for_cloudtrail_twelve_for_okta_and_five_for_each_other_source():
    count = Counter(file.parent.name for file in RULES)
    assert count["aws"] >= 20
    assert count["okta"] >= 12
    assert [source for source in SOURCES if count[source] < 5] == []


def test_no_two_rules_share_an_id_or_a_title():
    for key in ("id", "title"):
        values = Counter(each[key] for file in FILES for each in documents(file))
        assert [value for value, times in values.items() if times > 1] == []


@every_rule
def test_a_rule_is_valid_for_pysigma_without_trusting_it(file):
    rule = SigmaRule.from_dict(document(file), policy=SafePolicy)
    assert rule.errors == []
    for condition in rule.detection.parsed_condition:
        condition.parse()


@every_rule
def test_a_rule_says_all_that_an_analyst_needs(file):
    rule = document(file)
    assert UUID(rule["id"]).version == 4
    assert rule["author"] == "Mantissa Log"
    assert rule["level"] in {"informational", "low", "medium", "high", "critical"}
    assert len(rule["description"]) > 40
    assert rule["falsepositives"]
    assert all(reference.startswith("https://") for reference in rule["references"])
    assert rule["logsource"].keys() == {"product", "service"}
    assert rule["logsource"]["product"] == file.parent.name
    assert rule["logsource"]["service"] in SOURCES[file.parent.name]
    assert rule["mantissa"]["group_by"]


@pytest.mark.parametrize("file", CORRELATIONS, ids=lambda file: file.stem)
def test_a_correlation_comes_first_in_its_file_and_says_all_that_an_analyst_needs(file):
    first, *parts = documents(file)
    assert first["correlation"]["group-by"]
    assert (first["level"], first["author"]) in {("medium", "Mantissa Log"), ("high", "Mantissa Log")}
    assert len(first["description"]) > 40
    assert first["falsepositives"]
    assert all(reference.startswith("https://") for reference in first["references"])
    for each in [first, *parts]:
        assert UUID(each["id"]).version == 4
    assert [each["level"] for each in parts] == ["informational"] * len(parts)
    assert document(file.with_name(f"{file.stem}.tests.yml"))["tests"]


@pytest.mark.parametrize("file", [*RULES, *CORRELATIONS], ids=lambda file: file.stem)
def test_a_rule_names_a_tactic_and_the_technique_that_it_refers_to(file):
    rule = document(file)
    names = [tag.removeprefix("attack.") for tag in rule["tags"]]
    techniques = [name for name in names if re.fullmatch(r"t\d{4}(\.\d{3})?", name)]
    assert techniques
    assert set(names) - set(techniques) <= TACTICS
    assert set(names) & TACTICS
    pages = {f"https://attack.mitre.org/techniques/{name.upper().replace('.', '/')}/" for name in techniques}
    assert pages & set(rule["references"])


@every_rule
def test_a_rule_has_an_event_that_matches_and_two_that_do_not(file):
    tests = document(file.with_name(f"{file.stem}.tests.yml"))["tests"]
    expectations = Counter(test["match"] for test in tests)
    assert expectations[True] >= 1
    assert expectations[False] >= 2
    assert len({test["name"] for test in tests}) == len(tests)


def test_no_test_file_is_left_without_its_rule():
    stems = {file.stem for file in FILES}
    assert {file.name.removesuffix(".tests.yml") for file in SIGMA.rglob("*.tests.yml")} == stems
