"""The words that are understood, as patterns. Whatever is not among them is not understood."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mantissa_core.model.signal import Severity

SEVERITIES: Mapping[str, Severity] = {
    **{each.value: each for each in Severity},
    "crit": Severity.CRITICAL,
    "med": Severity.MEDIUM,
    "info": Severity.INFORMATIONAL,
}
_SEVERITY = (
    rf"(?P<severity>{'|'.join(sorted(SEVERITIES, key=len, reverse=True))})s?(?:[- ](?:severity|priority|prio|level))?"
)
_OTHER_SEVERITY = _SEVERITY.replace("<severity>", "<severity_2>")
_THINGS = (
    "alerts?|alarms?|events?|findings?|detections?|notifications?|notices?|messages?|ones?|stuff|things?|problems?"
)
_NOBODY = r"(?:nobody|no[- ]?one|none)(?: has| of (?:us|them))?"
_ANSWERS = (
    r"(?:acknowledge[sd]?|ack(?:s|ed)?|respond(?:s|ed)?|react(?:s|ed)?|answer(?:s|ed)?)"
    r"(?: (?:it|to it|on it|them|the alert))?"
)
_LENGTH = r"(?:in|within|after|for) (?P<count>\d+) ?(?P<unit>s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)"
_CLOCK = r"\d{1,2}(?::\d\d)? ?(?:am|pm)?"
_DAY = r"mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_RULE = r"(?:(?:when|where|whose|if) )?(?:the )?rule(?:'s)?(?: (?:name|title))?"
_VALUE = r"(?P<value>\"[^\"]+\"|[^\s,;]+)"
_NUMBERED = r"\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?|[0-9a-f]{0,4}:[0-9a-f:]+(?:/\d{1,3})?"

PATTERNS: tuple[tuple[str, str], ...] = (
    ("unacknowledged", rf"(?:if|when|in case|should) {_NOBODY} {_ANSWERS} {_LENGTH}"),
    (
        "unacknowledged",
        rf"(?:if )?(?:it is |it's |that is |still )?(?:not acknowledged|unacknowledged|unacked) {_LENGTH}",
    ),
    ("unacknowledged", rf"unless (?:it is |it's |somebody |someone )?(?:has )?{_ANSWERS} {_LENGTH}"),
    ("unacknowledged", r"(?P<only_escalate>after) (?P<count>\d+) ?(?P<unit>mins?|minutes?|hrs?|hours?)"),
    ("rest", r"(?:all |and )?(?:the )?(?:rest|remainder)(?! of)"),
    (
        "rest",
        rf"(?:everything|anything|all) else|(?:all )?(?:the )?(?:others|(?:other|remaining) (?:{_THINGS}))|otherwise",
    ),
    ("rest", r"(?:what|whatever) (?:is left|remains)"),
    ("all", rf"everything|(?:all|every|any)(?: the| of the)? (?:{_THINGS})(?! (?:else))|all of (?:it|them)"),
    (
        "at least",
        rf"(?:at least|minimum|>=) ?{_SEVERITY}|from {_OTHER_SEVERITY} (?:up|on|upwards?|onwards?)",
    ),
    (
        "at least",
        rf"{_SEVERITY}(?: (?:{_THINGS}))?(?:,? (?:or|and) (?:above|higher|worse|up|upwards?|more severe|greater)|\+)",
    ),
    (
        "at most",
        rf"at most {_SEVERITY}|{_OTHER_SEVERITY} (?:or|and) (?:below|lower|less|under)",
    ),
    ("severity", rf"(?:severity (?:is |of |= ?)?)?{_SEVERITY}"),
    ("rule contains", rf"{_RULE} (?:contains?|includes?|has|mentions?|containing) {_VALUE}"),
    ("rule begins", rf"{_RULE} (?:starts|begins|starting|beginning) with {_VALUE}"),
    ("rule is", rf"{_RULE}s? (?:is|is called|is named|called|named|matches|matching|like) {_VALUE}"),
    ("rule is", r"(?:the )?rules? (?P<value>\"[^\"]+\")"),
    ("tag", rf"(?:that are )?(?:tagged(?: with| as)?|with (?:the )?tag) {_VALUE}"),
    ("technique", r"(?:for |about |of |with )?(?:mitre |att&ck )*technique (?P<value>t\d{4}(?:\.\d{3})?)"),
    ("user", rf"(?:for|about|by|from|of|on|concerning|regarding|involving) (?:the )?(?:user|account) {_VALUE}"),
    ("night", r"(?:only )?(?:(?:at|by) night|during the night|in the night|overnight|nightly)"),
    ("business", r"(?:during|in|within) (?:the )?(?:business|office|working|work) (?:hours|time)"),
    ("weekends", r"(?:only )?(?:(?:on|at|over|during|in|for) )?(?:the )?weekends?"),
    ("weekdays", r"(?:(?:on|during|for) )?(?:weekdays|working days|workdays|business days)"),
    ("days", rf"on (?P<days>(?:{_DAY})s?(?:(?:,| and|, and| or) (?:{_DAY})s?)*)"),
    ("hours", rf"(?:between|from) (?P<begin>{_CLOCK}) (?:and|to|until|till) (?P<end>{_CLOCK})"),
    ("hours", r"(?:at |from )?(?P<begin>\d{1,2}:\d\d) ?- ?(?P<end>\d{1,2}:\d\d)"),
    ("address", rf"(?:from|coming from) (?:the )?(?:network |ip |ip address |address )?(?P<value>{_NUMBERED})"),
    ("email address", r"(?P<value>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"),
    ("channel", r"(?:channel )?#(?P<value>[\w-]+)(?: channel)?"),
    ("channel", r"channel (?P<value>[\w-]+)"),
    ("quoted", r"\"(?P<value>[^\"]+)\""),
    ("on-call", r"(?:whoever is )?on-call(?: (?:engineer|person|analyst|people|rotation|phone))?|(?:the )?pager"),
    ("slack", r"slack"),
    ("teams", r"(?:ms |microsoft )?teams"),
    ("pagerduty", r"pager ?duty"),
    ("jira", r"jira"),
    ("servicenow", r"service ?now"),
    ("email", r"by e?mail|email|mail(?!s)|inbox"),
    ("webhook", r"web ?hook"),
    ("console", r"console|terminal"),
    ("ticket", r"tickets?"),
    ("incident", r"incidents?"),
    ("issue", r"issues?"),
    ("page", r"page[sd]?(?: out)?|paging|call(?: up)?|wake(?: up)?"),
    ("create", r"create|open|raise|file|cut|make"),
    ("mail", r"mails"),
    ("tell", "send|route|forward|post|deliver|push|notify|tell|inform|ping|message|report"),
    ("tell", "put|bring|direct|relay|shoot"),
    ("tell", r"(?:should |shall |must |to )?(?:go(?:es)?|gets?|receives?|reach(?:es)?|belongs?)"),
    ("tell", r"(?:should |shall |must |to )?be (?:sent|routed|forwarded|posted|delivered|notified|told)"),
    ("escalate", r"escalates?"),
    ("to", r"to|via|through|over|into|onto|using|->|=>|→"),
    ("in", r"in|on"),
    ("about", r"about|from|of|for|concerning|regarding|involving|by|when|whenever|with"),
    ("or", r"or"),
    ("and", r",? ?and(?: then| also)?|[,;]+(?: then)?|then|&|\+"),
    ("filler", f"{_THINGS}|the|an?|any|all|every|each|anything|something|it|them|this|these|those|new|our"),
    ("filler", "only|just|also|as well|too|additionally|in addition|immediately|directly"),
    ("filler", "please|kindly|pls|plz|hey|hi|thanks|thank you|can|could|would|will|should|must|you|we|i"),
    ("filler", "want|i'd|we'd|like|need|let's|let|know|have|delivered|happens"),
    ("filler", "that are|which are|that is|is|are|if (?:it's|it is|they are|they're)"),
    ("filler", "severity|priority|level|environments?"),
)
"""Kinds of items and what they look like, in the order in which they are tried."""

FAMILIES = frozenset({"slack", "teams", "pagerduty", "jira", "servicenow", "email", "webhook", "console", "on-call"})
"""Kinds of items that name a sort of destination."""

CORRECTABLE = frozenset(
    (
        *("critical", "medium", "informational", "slack", "teams", "pagerduty", "servicenow", "webhook"),
        *("notify", "forward", "route", "alerts", "everything", "weekends", "weekdays", "acknowledges"),
        *("production", "create", "ticket", "incident", "please", "during", "between"),
    )
)
"""Words of which a slip of the finger is read as what was meant."""

COMPILED = tuple(
    (kind, re.compile(rf"(?:{pattern})(?=$|[\s,;]|(?<=[,;+>→&=]))", re.IGNORECASE)) for kind, pattern in PATTERNS
)

SYNONYMS: Mapping[str, str] = {
    "google workspace": "gworkspace",
    "workspace": "gworkspace",
    "office 365": "m365",
    "microsoft 365": "m365",
    "o365": "m365",
    "k8s": "kubernetes",
    "amazon": "aws",
    "google cloud": "gcp",
}
"""What people call the vendors of log types."""

ENVIRONMENTS: Mapping[str, tuple[str, ...]] = {
    "production": ("production", "prod"),
    "prod": ("prod", "production"),
    "staging": ("staging", "stage"),
    "development": ("development", "dev"),
    "dev": ("dev", "development"),
}
"""What people call environments, and the names to look for."""
