"""A sentence that is not understood."""

from __future__ import annotations

import re

from mantissa_core.errors import MantissaError

FORMS = (
    "send to Slack",
    "send everything to Slack",
    "create a Jira ticket for critical alerts",
    "page the on-call for critical alerts",
    "page on-call for critical, the rest to Slack #sec",
    "send high and critical alerts about aws to #sec at night",
    "send medium and above to Teams on weekends",
    "mail bob@example.com for okta alerts on weekends",
    "notify Teams when the rule name contains root",
    "open a ServiceNow incident for critical alerts in production",
    "send alerts tagged attack.t1098 to Slack",
    "send alerts from 10.0.0.0/8 to Slack between 22:00 and 06:00",
    "send alerts about user bob@example.com to the webhook",
    "send critical alerts to Slack, if nobody acknowledges in 15 minutes page the on-call",
)
"""Sentences that are understood, one for each form."""


class Unclear(MantissaError):
    """What is not clear. ``nearest`` is the form that comes closest."""

    def __init__(self, reason: str, text: str = "") -> None:
        self.reason, self.nearest = reason, nearest(text) if text else ""
        hint = f". The nearest form that is understood: {self.nearest}" if self.nearest else ""
        super().__init__(f"{reason}{hint}")


def nearest(text: str) -> str:
    """The form that shares most words with ``text``."""
    wanted = _words(text)
    return max(FORMS, key=lambda form: len(wanted & _words(form)) / len(wanted | _words(form)))


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.lower()))
