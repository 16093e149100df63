"""Sentences and what they mean. What is not understood is refused; nothing is ever understood wrongly."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from mantissa_core.setup.words.explain import explain
from mantissa_core.setup.words.scan import Vocabulary, scan
from mantissa_core.setup.words.unclear import FORMS, Unclear
from mantissa_core.setup.words.understand import Instance, understand

SINKS: dict[str, Any] = {
    "log": {"plugin": "core.file", "path": "alerts.ndjson"},
    "pager": {"plugin": "pagerduty.events"},
    "chat": {"plugin": "slack.bot", "channel": "C0123456789"},
    "soc": {"plugin": "teams.workflow"},
    "tickets": {"plugin": "jira.issue", "project": "SEC"},
    "snow": {"plugin": "servicenow.incident"},
    "post": {"plugin": "core.smtp", "to": ["bob@example.com"]},
    "hook": {"plugin": "core.webhook", "url": "https://example.com/x"},
    "old": {"plugin": "slack.webhook", "enabled": False},
}
LOG_TYPES = ["aws.cloudtrail", "aws.guardduty", "okta.system", "slack.audit", "github.audit", "kubernetes.audit"]
INSTANCE = Instance({"sinks": SINKS, "environments": {"production": {}}}, LOG_TYPES, "", {"chat": ["#sec"]})

CRITICAL, HIGH_UP, HIGH = {"severities": ["critical"]}, {"severities": ["critical", "high"]}, {"severities": ["high"]}
MEDIUM_UP = {"severities": ["critical", "high", "medium"]}
LOW_DOWN = {"severities": ["low", "informational"]}
OKTA, AWS = {"sources": ["okta.*"]}, {"sources": ["aws.*"]}
NIGHT, WEEKEND = {"hours": "22:00-06:00"}, {"days": ["sat", "sun"]}
WEEK = ["mon", "tue", "wed", "thu", "fri"]
REST = "rest"

Meaning = list[tuple[Any, ...]]
"""Of each route where it goes and its conditions (or that it takes the rest); then the steps of its chain."""

OWN: dict[str, Meaning] = {
    "Send to Slack": [("chat", {})],
    "Create a Jira ticket": [("tickets", {})],
    "Page the on-call": [("pager", {})],
    "page on-call for critical, the rest to Slack #sec": [("pager", CRITICAL), ("chat", REST)],
    "send high and critical alerts about aws to #sec at night": [("chat", HIGH_UP | AWS | NIGHT)],
    "mail bob@example.com for okta alerts on weekends": [("post", OKTA | WEEKEND)],
    "notify teams when rule name contains root": [("soc", {"rules": ["*root*"]})],
    "open a ServiceNow incident for critical alerts in production": [
        ("snow", CRITICAL | {"environments": ["production"]})
    ],
    "send everything to Slack": [("chat", {})],
    "create a Jira ticket for critical alerts": [("tickets", CRITICAL)],
    "send critical alerts to Slack, if nobody acknowledges in 15 minutes page the on-call": [
        ("chat", CRITICAL),
        ("15m", "pager"),
    ],
    "send medium and above to Teams on weekends": [("soc", MEDIUM_UP | WEEKEND)],
    "send alerts tagged attack.t1098 to Slack": [("chat", {"tags": ["attack.t1098"]})],
    "send alerts from 10.0.0.0/8 to Slack between 22:00 and 06:00": [
        ("chat", {"entities": {"src_ip": ["10.0.0.0/8"]}} | NIGHT)
    ],
    "send alerts about user bob@example.com to the webhook": [("hook", {"entities": {"user": ["bob@example.com"]}})],
    "send critical alerts to Slack and Teams": [("chat soc", CRITICAL)],
    "send critical alerts to Slack, Teams and PagerDuty": [("chat soc pager", CRITICAL)],
    "send critical to PagerDuty and high to Teams": [("pager", CRITICAL), ("soc", HIGH)],
    "send high alerts to Slack during business hours": [("chat", HIGH | {"days": WEEK, "hours": "09:00-17:00"})],
    "route aws.guardduty alerts to Teams": [("soc", {"sources": ["aws.guardduty"]})],
    'send alerts of rule "Vault opened" to Slack': [("chat", {"rules": ["Vault opened"]})],
    "send at least high to 'pager'": [("pager", HIGH_UP)],
    'send low or below to "hook"': [("hook", LOW_DOWN)],
    "send the rest to Slack": [("chat", REST)],
    "send okta and github alerts to Slack": [("chat", {"sources": ["okta.*", "github.*"]})],
    "send critical alerts to Slack on monday and friday": [("chat", CRITICAL | {"days": ["mon", "fri"]})],
    "send critical alerts to Slack from 10 pm to 6 am": [("chat", CRITICAL | NIGHT)],
    "send alerts from Slack to Teams": [("soc", {"sources": ["slack.*"]})],
    "send critical to Slack, if nobody acknowledges in 15 minutes page on-call, if nobody acknowledges in 1 hour mail "
    "bob@example.com": [("chat", CRITICAL), ("15m", "pager"), ("1h", "post")],
    "page on-call for critical, mail bob@example.com for okta alerts, everything else to Slack": [
        ("pager", CRITICAL),
        ("post", OKTA),
        ("chat", REST),
    ],
    "send alerts with tag attack.persistence to Slack": [("chat", {"tags": ["attack.persistence"]})],
    "send everything to log": [("log", {})],
    "send technique T1098 to Slack": [("chat", {"tags": ["attack.t1098*"]})],
    "send high severity alerts in production to the on-call": [("pager", HIGH | {"environments": ["production"]})],
    "notify #sec about informational alerts on weekdays": [("chat", {"severities": ["informational"], "days": WEEK})],
}

OTHERS: dict[str, Meaning] = {
    "Could you please forward all critical alerts to our Slack?": [("chat", CRITICAL)],
    "ping #sec whenever something critical happens": [("chat", CRITICAL)],
    "I want critical stuff to go to PagerDuty and everything else to Slack": [("pager", CRITICAL), ("chat", REST)],
    "Criticals should wake up the on call engineer": [("pager", CRITICAL)],
    "critical -> pagerduty; rest -> slack": [("pager", CRITICAL), ("chat", REST)],
    "plz send crticial alerts to salck": [("chat", CRITICAL)],
    "for anything high or worse, raise a Jira ticket": [("tickets", HIGH_UP)],
    "Let's get okta alerts into Teams": [("soc", OKTA)],
    "shoot an email to bob@example.com for every critical alert": [("post", CRITICAL)],
    "If it's critical, call whoever is on call. Otherwise post it in #sec.": [("pager", CRITICAL), ("chat", REST)],
    "Teams gets the high ones, PagerDuty gets the critical ones": [("soc", HIGH), ("pager", CRITICAL)],
    "We'd like to be notified in Slack about AWS findings overnight": [("chat", AWS | NIGHT)],
    "Alert the on-call person about critical and high severity events": [("pager", HIGH_UP)],
    "Tell the on-call when a rule named Vault opened fires": [("pager", {"rules": ["Vault opened"]})],
    "Nothing below high should reach the pager": [("pager", HIGH_UP)],
    "send all but low alerts to slack": [("chat", {"severities": ["critical", "high", "medium", "informational"]})],
    "don't send low alerts to slack": [],
    "stop paging the on-call at night": [],
    "Never page for informational alerts": [],
    "notify slack and teams everything": [],
    "page on-call, slack the rest": [],
    "critical to pager and okta to slack": [("pager", CRITICAL), ("chat", OKTA)],
    "At night page on-call for critical, the rest to Slack": [],
    "page on-call for critical, the rest to Slack at night": [],
    "Send critical alerts to Slack and okta alerts": [],
    "Please drop guardduty findings of high severity into the #sec channel": [
        ("chat", HIGH | {"sources": ["aws.guardduty"]})
    ],
    "escalate to the on-call if no one responds within 30 mins": [],
    "Post critical findings to Teams and escalate to the pager unless somebody acks within 10 min": [
        ("soc", CRITICAL),
        ("10m", "pager"),
    ],
    "High and up: Slack. Also page if nobody has acknowledged it after 1h": [("chat", HIGH_UP), ("1h", "pager")],
    "route k8s alerts through the webhook": [("hook", {"sources": ["kubernetes.*"]})],
    "mail for weekends, slack for weekdays": [("post", WEEKEND), ("chat", {"days": WEEK})],
    "on weekends the on-call gets paged for critical alerts": [("pager", CRITICAL | WEEKEND)],
    "open tickets in jira for medium alerts": [("tickets", {"severities": ["medium"]})],
    "send slack alerts to teams": [("soc", {"sources": ["slack.*"]})],
    "send alerts about slack to slack": [("chat", {"sources": ["slack.*"]})],
    "Notify me on Slack": [],
    "make a servicenow incident if the rule title includes ransomware": [("snow", {"rules": ["*ransomware*"]})],
    "everything from 203.0.113.7 goes to the on-call": [("pager", {"entities": {"src_ip": ["203.0.113.7"]}})],
    "weekend criticals to the pager": [("pager", CRITICAL | WEEKEND)],
    "Critical only to PagerDuty": [("pager", CRITICAL)],
    "send critical alerts to Slack but not at night": [],
    "send critical alerts to Slack except okta": [],
    "after 22:00 page the on-call for criticals": [],
    "notify Teams of high alerts, in production": [("soc", HIGH | {"environments": ["production"]})],
    "create jira issues for critical issues": [("tickets", CRITICAL)],
    "forward medium+ to webhook": [("hook", MEDIUM_UP)],
    "between 10pm and 6am, page on-call for high or critical": [("pager", HIGH_UP | NIGHT)],
    "email bob@example.com": [("post", {})],
    "high prio alerts go to slack": [("chat", HIGH)],
    "send okta alerts to slack or teams": [],
    "Any critical alert must reach the on-call engineer by phone": [("pager", CRITICAL)],
    "Have okta detections delivered to bob@example.com": [("post", OKTA)],
    "Slack for high, PagerDuty for critical": [("chat", HIGH), ("pager", CRITICAL)],
    "Post a note in Teams when something of medium severity or higher turns up": [("soc", MEDIUM_UP)],
    "Make Jira tickets out of low alerts": [("tickets", {"severities": ["low"]})],
    "Everything goes to #sec; criticals additionally to PagerDuty": [("chat", {}), ("pager", CRITICAL)],
    "During office hours, Slack. Outside of them, page someone.": [],
    "guardduty -> soc, cloudtrail -> chat": [
        ("soc", {"sources": ["aws.guardduty"]}),
        ("chat", {"sources": ["aws.cloudtrail"]}),
    ],
    "Please page on-call if a critical one comes in on Saturday or Sunday": [("pager", CRITICAL | WEEKEND)],
    "Kubernetes alerts belong in Slack": [("chat", {"sources": ["kubernetes.*"]})],
    "kindly raise an incident in ServiceNow for high and critical production alerts": [
        ("snow", HIGH_UP | {"environments": ["production"]})
    ],
    "send github stuff to 'hook' and the remaining alerts to 'chat'": [
        ("hook", {"sources": ["github.*"]}),
        ("chat", REST),
    ],
    "Let the on-call know about critical alerts, and mail bob@example.com the high ones": [
        ("pager", CRITICAL),
        ("post", HIGH),
    ],
    "I'd like Teams to get all alerts from okta and aws at night": [("soc", {"sources": ["okta.*", "aws.*"]} | NIGHT)],
    "notify #sec for high alerts and page on-call for critical ones, escalate to bob@example.com after 30 min": [],
    "critical alerts first to Slack; nobody acks within 20 minutes? page the on-call": [
        ("chat", CRITICAL),
        ("20m", "pager"),
    ],
    'Alerts whose rule contains "root login" should be sent to PagerDuty': [("pager", {"rules": ["*root login*"]})],
    "put everything tagged attack.t1078 into Jira": [("tickets", {"tags": ["attack.t1078"]})],
    "Only high and critical alerts on weekdays should go to Teams": [("soc", HIGH_UP | {"days": WEEK})],
    "wake up the on-call when aws alerts are critical": [("pager", CRITICAL | AWS)],
    "If nobody answers within 5 minutes call the on-call, start with Slack for critical": [
        ("chat", CRITICAL),
        ("5m", "pager"),
    ],
    "every low alert to the webhook, every high alert to slack": [("hook", {"severities": ["low"]}), ("chat", HIGH)],
    "email critical alerts to bob@example.com between 18:00 and 08:00": [("post", CRITICAL | {"hours": "18:00-08:00"})],
    "high alerts in prod -> pagerduty": [("pager", HIGH | {"environments": ["production"]})],
    "send critical alerts to Slack on weekends and to Teams on weekdays": [],
    "send critical alerts from okta to Teams and from aws to Slack": [],
    "send critical okta alerts to Slack, aws alerts to Teams": [],
    "send critical alerts to Slack on weekends and send to Teams on weekdays": [],
    "critical to Slack or high to Teams": [],
    "send the rest of the okta alerts to Slack": [],
    "page the on-call for critical alerts in Slack": [],
    "page on-call for critical and high to Slack": [],
    "drop low alerts in Slack": [],
    "send high to critical alerts to Slack": [],
    "send critical alerts to Slack instead of Teams": [],
    "mute Slack at night": [],
    "page on-call if nobody acknowledges critical alerts in 15 minutes": [],
    "tell Teams about informational and low alerts on Mondays": [("soc", LOW_DOWN | {"days": ["mon"]})],
}
"""Written by somebody who does not know the grammar. An empty list: it cannot be said in routes, or it is ambiguous."""


def meaning(sentence: str, instance: Instance = INSTANCE) -> Meaning:
    found: Meaning = []
    for (section, _), content in understand(sentence, instance).changes.items():
        if section == "routes":
            which = REST if content.get("rest") else content.get("when", {})
            assert not (content.get("rest") and "when" in content), "not said in these tests"
            found.append((" ".join(content["to"]), which))
        else:
            found.extend((step["after"], " ".join(step["to"])) for step in content["steps"])
    return found


@pytest.mark.parametrize("sentence", OWN)
def test_what_the_grammar_promises_is_understood(sentence: str) -> None:
    assert meaning(sentence) == OWN[sentence]


@pytest.mark.parametrize("sentence", OTHERS)
def test_what_others_say_is_understood_rightly_or_not_at_all(sentence: str) -> None:
    found: Meaning | None = None
    with suppress(Unclear):
        found = meaning(sentence)
    assert found in (None, OTHERS[sentence])


def test_most_of_what_others_say_is_understood() -> None:
    """The share that docs/commands/routes.md gives."""
    said = [sentence for sentence, expected in OTHERS.items() if expected]
    understood = 0
    for sentence in said:
        with suppress(Unclear):
            understood += bool(meaning(sentence))
    assert (understood, len(said)) == (47, 59)


@pytest.mark.parametrize("word", ["not", "except", "never", "don't", "without", "but", "unless", "outside", "no"])
def test_a_word_that_could_turn_the_meaning_round_is_never_overheard(word: str) -> None:
    for sentence in OWN:
        words = sentence.split()
        for at in range(len(words) + 1):
            if '"' in sentence and sentence.index('"') < len(" ".join(words[:at])):
                continue  # within quotes it is part of a name
            if words[at - 1 : at] in (["contains"], ["tagged"], ["tag"], ["user"]):
                continue  # there it is what is looked for
            with pytest.raises(Unclear):
                meaning(" ".join([*words[:at], word, *words[at:]]))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_that_is_offered_is_understood(form: str) -> None:
    assert meaning(form)


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("send to Slack #general", "no destination is 'Slack #general' .*: name one by its label"),
        ("send to the console", "'mantissa sinks add console' sets one up"),
        ("send critical alerts to staging", "no environment 'staging' is configured"),
        ("send critical alerts to 'nobody'", "no destination is"),
        ("send alerts to okta", "'okta' is a source of events, not a destination"),
        ("send alerts from 300.1.1.1 to Slack", "is no address or network"),
        ("send critical alerts to Slack between 10 and 6", "write '10' as a time"),
        ("send critical alerts to Slack between 10 and 6 pm", "in the morning or in the evening"),
        ("send critical alerts to Slack between 25:00 and 26:00", "is no time of day"),
        ("if nobody acknowledges in 0 minutes page on-call", "it is not said which alerts|waits for some time"),
        ("create Slack for critical", "what is to be opened"),
        ("gibberish", "'gibberish' is not known. The nearest form that is understood: "),
        ("", "no words"),
        ("...", "no words"),
        ("send alerts of the rule with a very long name to nobody in particular", "is not known"),
    ],
)
def test_what_is_missing_or_unclear_is_named_with_a_remedy(sentence: str, said: str) -> None:
    with pytest.raises(Unclear, match=said):
        meaning(sentence)


def test_several_destinations_of_a_sort_are_listed_and_a_label_chooses() -> None:
    sinks = {**SINKS, "chat-2": {"plugin": "slack.webhook", "channel": "#ops"}}
    several = Instance({"sinks": sinks}, LOG_TYPES)
    with pytest.raises(Unclear, match=r"one of several: chat \(slack\.bot\), chat-2 \(slack\.webhook\)"):
        meaning("send to Slack", several)
    assert meaning('send to "chat-2"', several) == [("chat-2", {})]
    assert meaning("send to chat-2", several) == [("chat-2", {})]
    assert meaning("send to Slack #ops", several) == [("chat-2", {})]


def test_an_escalation_alone_is_that_of_the_only_route() -> None:
    words = "if nobody acknowledges in 15 minutes page the on-call"
    with pytest.raises(Unclear, match="it is not said which alerts"):
        meaning(words)
    one = Instance({"sinks": SINKS, "routes": {"all": {"to": ["chat"]}}})
    assert understand(words, one).changes == {
        ("routes", "all"): {"to": ["chat"], "escalation": "all"},
        ("escalations", "all"): {"steps": [{"after": "15m", "to": ["pager"]}]},
    }


def test_labels_of_routes_are_free_and_hours_have_a_time_zone() -> None:
    before = {"sinks": SINKS, "routes": {"chat": {"to": ["chat"]}}}
    found = understand("send critical alerts to Slack at night", Instance(before, LOG_TYPES, "Europe/Berlin")).changes
    assert found == {
        ("routes", "chat-2"): {
            "to": ["chat"],
            "when": {"severities": ["critical"], "hours": "22:00-06:00", "timezone": "Europe/Berlin"},
        }
    }


def test_a_slip_of_the_finger_is_read_and_told() -> None:
    assert scan("ntoify Slack of criitcal alrts", Vocabulary()).corrected == [
        ("ntoify", "notify"),
        ("criitcal", "critical"),
        ("alrts", "alerts"),
    ]
    with pytest.raises(Unclear):
        scan("send eight to Slack", Vocabulary())


def test_a_route_is_told_in_words() -> None:
    sections = {**INSTANCE.sections, "sinks": {name: SINKS[name] for name in ("pager", "chat", "log")}}
    instance = Instance(sections, LOG_TYPES, "", {"chat": ["#sec"]})
    changes = understand("page on-call for critical aws alerts on weekends, the rest to #sec", instance).changes
    assert explain(changes, sections) == [
        "Alerts of severity critical about aws.* on sat or sun (UTC) go to pager.",
        "What no other route takes goes to chat.",
        "No route names log: it still hears of every alert that its severity_filter lets through.",
    ]
    chain = understand(FORMS[-1], instance).changes
    assert explain(chain, sections)[2].startswith("No route names log: it still hears ")
    assert explain(chain, sections)[1] == ("Those that nobody has acknowledged 15m after they opened go to pager, too.")
