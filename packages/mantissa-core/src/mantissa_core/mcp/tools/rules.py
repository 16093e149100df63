"""Detection rules, as far as they name no table that the caller may not see."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from mantissa_core.api.problem import Problem
from mantissa_core.api.visible import VisibleRules
from mantissa_core.detect.correlate.correlation import Correlation
from mantissa_core.detect.rules.find import tagged
from mantissa_core.detect.sql_rules import SqlRule
from mantissa_core.mcp.bounded import short, size, visible
from mantissa_core.mcp.call import Call
from mantissa_core.mcp.tool import Arguments, Limit, Reply, Untrusted

from .alerts import AnyLevel, Level

if TYPE_CHECKING:
    from mantissa_core.api.own_rules import AnyRule

_TECHNIQUE = re.compile(r"t\d{4}(\.\d{3})?", re.IGNORECASE)


class RulesArguments(Arguments):
    """Which rules."""

    words: Annotated[str, Field(max_length=200)] = ""
    """Words that the title, the description, the tags or the id must all hold."""
    tag: Annotated[str, Field(max_length=100)] = ""
    """An ATT&CK technique or tactic, or another tag: T1110, attack.t1110, attack.persistence. Sub-techniques count."""
    severity: AnyLevel = "any"
    limit: Limit = 20
    """Rules at most."""
    offset: Annotated[int, Field(ge=0)] = 0
    """How many to leave out: 'next' of the page before."""


class RuleLine(Reply):
    """A rule in short."""

    id: str
    title: str
    severity: Level | None
    kind: Literal["sigma", "correlation", "sql"]
    description: str
    tags: list[str]


class RulesReply(Untrusted):
    """A page of rules, by title."""

    rules: list[RuleLine] = Field(default_factory=list)
    total: int = 0
    """Rules that fit, on all pages."""
    next: int | None = None
    """What to give as 'offset' for the next page; null at the end."""


class RuleArguments(Arguments):
    """Which rule."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    """Its id, from 'rules' or an alert."""


class RuleReply(Untrusted):
    """A rule and its text."""

    rule: RuleLine
    yaml: str = ""
    """As it is written: Sigma, a Sigma correlation, or an SQL rule."""


def rules(call: Call, given: RulesArguments) -> RulesReply:
    """Find the detection rules that run: by words, ATT&CK tag and severity. 'rule' gives the text of one."""
    words = given.words.lower().split()
    tag = f"attack.{given.tag}" if _TECHNIQUE.fullmatch(given.tag) else given.tag
    fitting = [
        each
        for each in _visible(call)
        if tagged(each, tag or None)
        and given.severity in ("any", each.severity)
        and all(word in f"{each.title} {each.description} {' '.join(each.tags)} {each.id}".lower() for word in words)
    ]
    fitting.sort(key=lambda each: (each.title, each.id))
    kept: list[RuleLine] = []
    room = call.limits.max_characters - 1_000
    for each in fitting[given.offset : given.offset + given.limit]:
        line = _line(each)
        room -= size(line.model_dump()) + 1
        if room < 0 and kept:
            break
        kept.append(line)
    after = given.offset + len(kept)
    left = after < len(fitting)
    more = "call again with 'next' as offset" if left else ""
    return RulesReply(rules=kept, total=len(fitting), next=after if left else None, truncated=left, more=more)


def rule(call: Call, given: RuleArguments) -> RuleReply:
    """Give one detection rule as YAML, to explain it, tune it or write another like it."""
    found = next((each for each in _visible(call) if each.id == given.id), None)
    if found is None:
        raise Problem(404, "there is no such rule", remedy="'rules' finds those there are")
    made = RuleReply(rule=_line(found))
    room = (call.limits.max_characters - len(made.model_dump_json())) * 3 // 4  # line breaks take two characters
    text = visible(found.text)
    cut = len(text) > room
    more = f"'mantissa rules show {found.id}' prints all of it" if cut else ""
    return made.model_copy(update={"yaml": short(text, room), "truncated": cut, "more": more})


def _visible(call: Call) -> list[AnyRule]:
    seen = VisibleRules(call.runtime, call.caller)
    return [each for each in call.runtime.rules.all if seen.shows(each)]


def _line(each: AnyRule) -> RuleLine:
    return RuleLine(
        id=each.id,
        title=visible(each.title),
        severity=each.severity.value if each.severity else None,
        kind="sql" if isinstance(each, SqlRule) else "correlation" if isinstance(each, Correlation) else "sigma",
        description=short(each.description, 300),
        tags=list(each.tags)[:20],
    )
