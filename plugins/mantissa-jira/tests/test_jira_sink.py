from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from adf_rules import problems
from fake_jira import EMAIL, TOKEN, FakeJira
from mantissa_core import Runtime
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.model import Alert, Choice, Delivery, Severity
from mantissa_core.setup.trial import choices, validate
from mantissa_core.testing.alert_sink import delivery
from mantissa_core.testing.fake_http import Answer, FakeHTTP
from mantissa_jira.issue import comment, description, summary
from mantissa_jira.sink import PRIORITIES, Jira
from pydantic import SecretStr, ValidationError

SNAPSHOTS = Path(__file__).parent / "snapshots"
CHANGED = datetime(2026, 3, 2, 12, 5, tzinfo=UTC)
NASTY = "[x|https://evil.example] {color:red}@all <b>&amp;</b> \x1b[2J\u202e \r\n h1. ``` |a||b|"
ALERTS = {
    "critical": delivery(
        severity=Severity.CRITICAL,
        summary="amara@example.com gave herself administrator rights from 203.0.113.7",
        entities={"user": ("amara@example.com",), "src_ip": ("203.0.113.7",), "target": ("prod-admins",)},
        enrichment={"geo": {"ips": {"203.0.113.7": {"city": "Oslo", "country": "Norway"}}}},
        evidence=({"eventName": "AttachUserPolicy", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},),
    ).alert,
    "bare": delivery(
        summary="", description="", table="", tags=(), entities={}, event_ids=(), evidence=(), count=1
    ).alert,
    "hostile": delivery(
        summary=NASTY, rule_name=NASTY, description=NASTY, entities={"user": (NASTY,)}, evidence=({NASTY: NASTY},)
    ).alert,
}


def sink(server: FakeHTTP, **settings: Any) -> Jira:
    config = {"site": server.url, "email": EMAIL, "api_token": TOKEN, "project": "SEC", "timeout": 2, **settings}
    return Jira(Jira.Config.model_validate(config))


def step(event: str, status: str, previous: str | None = "SEC-1", **changes: Any) -> Delivery:
    made = delivery()
    alert = replace(made.alert, status=status, changed=CHANGED, changed_by="amara")
    return replace(made, key=f"kit-{event}-{status}", event=event, alert=alert, previous=previous, **changes)


def shown(alert: Alert) -> dict[str, Any]:
    return {"summary": summary(alert), "description": description(alert)}


def told(server: FakeJira) -> list[str]:
    """The first lines of the comments."""
    comments = server.issues[0]["comments"]
    return ["".join(each["text"] for each in one["body"]["content"][0]["content"]) for one in comments]


@pytest.mark.parametrize("name", ALERTS)
def test_issues_read_as_in_the_snapshots(name: str) -> None:
    assert shown(ALERTS[name]) == json.loads((SNAPSHOTS / f"{name}.json").read_text("utf-8"))


def test_a_comment_reads_as_in_its_snapshot() -> None:
    made = comment(step("updated", "open").alert)
    assert made == json.loads((SNAPSHOTS / "reopened.json").read_text("utf-8"))


@pytest.mark.parametrize("text", ["a", '"', "\\", "🔥", "\x1b", "ü", "\n"], ids=str.__repr__)
def test_the_largest_alert_of_every_script_is_taken(jira: FakeJira, text: str) -> None:
    long = text * 20_000
    facts = {f"{long}{number}": long for number in range(200)}
    entities = dict.fromkeys(("user", "src_ip", "dst_ip", "target", "outcome"), (long,) * 10)
    large = delivery(
        summary=long, rule_name=long, rule_id=long, description=long, entities=entities, evidence=(facts,) * 10
    )
    subject = sink(jira)
    issue = subject.deliver(large).reference
    subject.deliver(replace(large, event="updated", previous=issue))
    assert not list(problems(jira.issues[0]["fields"]["description"]))
    assert len(jira.issues[0]["comments"]) == 1


def test_an_issue_lives_as_its_alert_does(jira: FakeJira) -> None:
    subject, seen = sink(jira), []
    assert subject.deliver(delivery()).reference == "SEC-1"
    for event, status in (
        ("updated", "acknowledged"),
        ("resolved", "resolved"),
        ("updated", "open"),
        ("resolved", "suppressed"),
    ):
        assert subject.deliver(step(event, status)).reference == "SEC-1"
        seen.append(jira.issues[0]["status"])
    assert seen == ["To Do", "Done", "To Do", "Done"]
    moment = "2026-03-02 12:05:00 UTC"
    assert told(jira) == [
        f"Acknowledged by amara, {moment} · 2 matches found",
        f"Resolved by amara, {moment} · 2 matches found",
        f"Reopened by amara, {moment} · 2 matches found",
        f"Suppressed by amara, {moment} · 2 matches found",
    ]


def test_a_reminder_of_an_open_alert_moves_nothing(jira: FakeJira) -> None:
    subject = sink(jira, reopened_status="To Do")
    subject.deliver(delivery())
    jira.issues[0]["status"] = "In Progress"
    subject.deliver(replace(delivery("kit-2"), event="updated", previous="SEC-1"))
    assert (told(jira), jira.issues[0]["status"]) == (["Still open · 2 matches found"], "In Progress")


def test_statuses_are_those_of_the_settings(jira: FakeJira) -> None:
    subject = sink(jira, acknowledged_status="in progress", resolved_status="Won't Do", reopened_status="In Progress")
    subject.deliver(delivery())
    seen = []
    for event, status in (("updated", "acknowledged"), ("resolved", "resolved"), ("updated", "open")):
        subject.deliver(step(event, status))
        seen.append(jira.issues[0]["status"])
    assert seen == ["In Progress", "Won't Do", "In Progress"]


@pytest.mark.parametrize(("resolution", "taken"), [("done", "Done"), ("Fixed", "Won't Do")])
def test_a_transition_that_asks_for_a_resolution_gets_one(jira: FakeJira, resolution: str, taken: str) -> None:
    jira.asks_resolution = True
    subject = sink(jira, resolution=resolution)
    subject.deliver(delivery())
    subject.deliver(step("resolved", "resolved"))
    assert (jira.issues[0]["status"], jira.issues[0]["resolution"]) == ("Done", taken)


def test_where_the_workflow_does_not_lead_to_done_the_comment_says_so_all_the_same(jira: FakeJira) -> None:
    jira.ways["To Do"] = {"In Progress"}
    subject = sink(jira)
    subject.deliver(delivery())
    subject.deliver(step("resolved", "resolved"))
    assert (jira.issues[0]["status"], len(told(jira))) == ("To Do", 1)


def test_an_issue_that_people_closed_before_is_left_there(jira: FakeJira) -> None:
    subject = sink(jira)
    subject.deliver(delivery())
    subject.deliver(step("resolved", "resolved"))
    jira.ways["Done"] = set()
    subject.deliver(step("resolved", "resolved"))
    assert (jira.issues[0]["status"], len(told(jira))) == ("Done", 1)


@pytest.mark.parametrize("lags", [False, True])
def test_an_issue_whose_answer_was_lost_is_found_though_the_search_lags(jira: FakeJira, lags: bool) -> None:
    for number in range(3):
        sink(jira).deliver(delivery(id=f"{number:032x}"))
    sink(jira).deliver(delivery(id=f"{3:032x}"))  # the search learns of these
    jira.lags, jira.losing = lags, 1
    with pytest.raises(Retry):
        sink(jira).deliver(delivery())
    receipt = sink(jira).deliver(replace(delivery(), attempt=2))
    assert receipt.reference == "SEC-5"
    assert len(jira.issues) == 5


def test_the_first_issue_of_a_project_is_found_though_the_search_lags(jira: FakeJira) -> None:
    jira.lags, jira.losing = True, 1
    with pytest.raises(Retry):
        sink(jira).deliver(delivery())
    assert sink(jira).deliver(replace(delivery(), attempt=2)).reference == "SEC-1"
    assert len(jira.issues) == 1


def test_a_step_whose_answer_was_lost_is_told_once_and_taken(jira: FakeJira) -> None:
    sink(jira).deliver(delivery())
    for attempt in (1, 2):
        jira.losing = 1
        with pytest.raises(Retry):
            sink(jira).deliver(step("resolved", "resolved", attempt=attempt))
    sink(jira).deliver(step("resolved", "resolved", attempt=3))
    assert (jira.issues[0]["status"], len(told(jira))) == ("Done", 1)


def test_an_alert_that_jira_never_heard_of_gets_its_issue_with_what_became_of_it(jira: FakeJira) -> None:
    sink(jira).deliver(step("resolved", "resolved", previous=None))
    assert (jira.issues[0]["status"], len(told(jira))) == ("Done", 1)


@pytest.mark.parametrize("severity", list(Severity))
def test_severities_are_priorities(jira: FakeJira, severity: Severity) -> None:
    sink(jira).deliver(delivery(severity=severity))
    assert jira.issues[0]["fields"]["priority"] == {"name": PRIORITIES[severity]}


def test_a_project_without_priorities_gets_its_issues_without(jira: FakeJira) -> None:
    jira.screen.discard("priority")
    subject = sink(jira, priorities={"critical": "P1"})
    for number in range(2):
        subject.deliver(delivery(id=f"{number:032x}", severity=Severity.CRITICAL))
    assert ["priority" in each["fields"] for each in jira.issues] == [False, False]
    assert len([each for each in jira.requests if each.route == "/rest/api/3/issue"]) == 3


def test_settings_that_people_choose_are_in_the_issue(jira: FakeJira) -> None:
    jira.screen |= {"components"}
    jira.required |= {"components"}
    fields = {"components": [{"name": "SOC"}]}
    subject = sink(jira, project="10000", issue_type="10002", labels=["security"], fields=fields)
    subject.check()
    subject.deliver(delivery())
    kept = jira.issues[0]["fields"]
    assert {name: kept[name] for name in ("project", "issuetype", "labels", "components")} == {
        "project": {"id": "10000"},
        "issuetype": {"id": "10002"},
        "labels": ["mantissa-0123456789abcdef0123456789abcdef", "security"],
        **fields,
    }


def test_what_jira_refuses_is_named_by_field(jira: FakeJira) -> None:
    jira.required |= {"customfield_10010"}
    with pytest.raises(NeedsOperator, match=r"Jira refuses: customfield_10010: customfield_10010 is required\."):
        sink(jira).deliver(delivery())


def test_an_issue_that_is_gone_needs_the_operator(jira: FakeJira) -> None:
    with pytest.raises(NeedsOperator, match="SEC-7: Jira refuses: Issue does not exist"):
        sink(jira).deliver(step("updated", "acknowledged", "SEC-7"))


def test_the_check_passes_where_everything_is_as_it_must_be(jira: FakeJira) -> None:
    sink(jira).check()
    sink(jira, email="").check()
    assert jira.issues == []


@pytest.mark.parametrize(
    ("settings", "change", "words"),
    [
        ({"project": "NONE"}, {}, "there is no project NONE, or the account may not see it"),
        ({"issue_type": "Bug"}, {}, "has no issue type Bug; it has: Task, Incident, Sub-task"),
        ({"api_token": "wrong"}, {}, "refuses the credential"),
        ({}, {"permissions": {"BROWSE_PROJECTS", "ADD_COMMENTS"}}, "the account lacks in project SEC: CREATE_ISSUES"),
        ({}, {"required": {"customfield_1"}}, r"issue type Task requires Customfield_1 \(customfield_1\)"),
        ({}, {"screen": {"summary", "description"}}, "issue type Task cannot be created with labels"),
    ],
    ids=["project", "type", "token", "permission", "required", "screen"],
)
def test_the_check_says_what_is_missing(
    jira: FakeJira, settings: dict[str, Any], change: dict[str, Any], words: str
) -> None:
    vars(jira).update(change)
    with pytest.raises(NeedsOperator, match=words):
        sink(jira, **settings).check()


def test_choices_are_what_the_site_has(jira: FakeJira) -> None:
    subject = sink(jira)
    projects = subject.choices("project")
    assert len(projects) == 120
    assert projects[119] == Choice("P119", "Project 119 (P119)")
    assert [each.value for each in subject.choices("issue_type")] == ["Task", "Incident"]
    assert [each.value for each in subject.choices("priorities")] == ["Highest", "High", "Medium", "Low", "Lowest"]
    assert subject.choices("timeout") == []


def test_while_it_is_set_up_projects_are_offered_first_and_the_test_issue_is_closed(
    jira: FakeJira, tmp_path: Path
) -> None:
    answers = {"site": jira.url, "email": EMAIL, "api_token": TOKEN}
    with Runtime.open({"home": str(tmp_path)}) as runtime:
        assert len(choices(runtime, "jira.issue", answers, "project")) == 120
        with pytest.raises(NeedsOperator, match="choose the project first"):
            choices(runtime, "jira.issue", answers, "issue_type")
        found = validate(runtime, "jira.issue", {**answers, "project": "SEC"})
    assert found.success, found.message
    assert found.details["response"]["reference"].startswith("SEC-")


@pytest.mark.parametrize("body", ["<html>Log in</html>", "", "[]", "{}", '{"issues": [{}]}'])
def test_an_answer_that_is_not_jiras_is_a_retry(body: str) -> None:
    with FakeHTTP(lambda _: Answer(200, body.encode())) as proxy:
        subject = sink(proxy)
        for made in (delivery(), step("resolved", "resolved")):
            with pytest.raises(Retry, match="not as documented"):
                subject.deliver(made)
        with pytest.raises(Retry):
            subject.check()
        with pytest.raises(Retry):
            subject.choices("project")


def test_projects_can_be_listed_before_one_is_chosen(jira: FakeJira) -> None:
    partly = Jira.Config.model_construct(site=jira.url, email=EMAIL, api_token=SecretStr(TOKEN))
    assert len(Jira(partly).choices("project")) == 120


def test_a_language_models_words_are_marked() -> None:
    alert = replace(delivery().alert, rewritten={"who": "The user alice did it."})
    rows = [
        [cell["content"][0]["content"][0]["text"] for cell in row["content"]]
        for row in description(alert)["content"][1]["content"]
    ]
    assert rows == [["Severity", "High"], ["Who", "The user alice did it."], ["Worded by", "a language model"]]


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("site", "http://example.atlassian.net", "https"),
        ("project", 'SEC" OR 1=1', "project"),
        ("labels", ["two words"], "without spaces"),
        ("fields", {"summary": "x"}, "other fields than summary"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(setting: str, value: Any, words: str) -> None:
    given = {"site": "example.atlassian.net", "email": EMAIL, "api_token": TOKEN, "project": "SEC", setting: value}
    with pytest.raises(ValidationError, match=words):
        Jira.Config.model_validate(given)
