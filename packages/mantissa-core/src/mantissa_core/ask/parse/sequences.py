"""What came after what: "who failed MFA and then logged in within 10 minutes"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mantissa_core.ask.plan import DAY, Compare, Filter, Group, Measure, Period, Plan, Sequence

from .context import Context
from .joined import Clauses, clauses, groups_named, is_outcome, is_person
from .slots import Mention, Slots
from .unclear import Unclear

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": DAY, "w": 7 * DAY}
_UNIT = r"(?P<unit>s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?|w(?:eeks?)?)"
_GAP = re.compile(
    r"\b(?:within|in|less than|fewer than|under|at most|no more than|not more than|up to)\s+"
    r"(?:less than\s+|at most\s+)?(?:the\s+(?:next|following)\s+)?"
    rf"(?:(?P<count>\d{{1,5}})\s*|(?:(?P<half>half\s+)?an?|one)\s+){_UNIT}\b"
    r"(?:\s+(?P<tail>of(?!\s+each)|after(?!wards?)))?",
    re.IGNORECASE,
)
_HASTE = r"(?P<haste>shortly|right|soon|immediately|directly|just|straight)"
_THEN = re.compile(
    rf"\s*,?\s*\b(?:and|but)?\s*\b(?:{_HASTE}\s+)?"
    r"(?:then|afterwards?|subsequently|later(?: on)?|thereafter|after that)\b\s*,?",
    re.IGNORECASE,
)
_FOLLOWED = re.compile(rf",?\s*\b(?:(?:was|were|is|are|that were|which were)\s+)?(?:{_HASTE}ly\s+)?followed by\b",
                       re.IGNORECASE)  # fmt: skip
_PRECEDED = re.compile(r",?\s*\b(?:(?:was|were|is|are|that were|which were)\s+)?preceded by\b", re.IGNORECASE)
_AFTER = re.compile(rf",?\s*\b(?:{_HASTE}\s+)?(?:after|following)\b", re.IGNORECASE)
_BEFORE = re.compile(rf",?\s*\b(?:{_HASTE}\s+)?(?:before|prior to)\b", re.IGNORECASE)
_TRAILING = re.compile(r"\s*\b(?:afterwards?|later(?: on)?|thereafter|after that)\s*[?.!]*\s*$", re.IGNORECASE)
_SAME = re.compile(
    r"\b(?:by|from|for|of|on|at)\s+(?:the\s+)?same\s+(?P<key>[a-z]+(?:\s+(?:ip|address|name))?)", re.IGNORECASE
)
_ABOUT_OTHERS = re.compile(
    r"\b(?:their|his|her|its|being|been|got|were|was)\s+(?:\w+\s+){0,3}?(?:reset|locked|unlocked|disabled|deactivated|"
    r"enabled|added|removed|granted|assigned|created|deleted|made|given|revoked|suspended|invited|changed)\b|"
    r"\b(?:reset|lockout|locked out|account lock|password change|mfa removal)\s*[?.!]*\s*$",
    re.IGNORECASE,
)
"""What happened to somebody, by whomever: the actor of the event is not the one who is meant."""
HASTE = 3_600
"""Seconds that "shortly after" is taken for."""
_ALLOWED = frozenset({"who", "count", "list", "distinct", "only", "each", "details", "times", "instead"})


@dataclass(frozen=True, slots=True)
class _Said:
    """The two clauses in the order of time, how soon, and of what the same."""

    asked: str
    first: str
    then: str
    gap: int | None
    hasty: bool
    key: str


def sequence(question: str, context: Context) -> Plan | None:
    """A plan of what came after what; None where it does not ask for that.

    Raises:
        Unclear: it does, but not so that there is one answer.
        NotKnown: it has words that are not understood.
    """
    if not any(each.search(question) for each in (_THEN, _FOLLOWED, _PRECEDED, _AFTER, _BEFORE, _GAP)):
        return None
    text, gap = _gap(question)
    text, periods = context.times(text)
    if (said := _split(text, gap)) is None:
        return None
    first, then, asked = (context.slots(each) for each in (said.first, said.then, said.asked))
    if not _about_something(first) or not _about_something(then):
        return None
    if _ABOUT_OTHERS.search(said.first) or _ABOUT_OTHERS.search(said.then):
        raise Unclear("what happened to somebody cannot be followed by who did it: ask for each of the two")
    return _plan(said, first, then, asked, context, periods)


def _about_something(slots: Slots) -> bool:
    return bool(slots.filters or slots.choices or slots.comparisons or slots.bounds)


def _gap(question: str) -> tuple[str, int | None]:
    """The question without "within 10 minutes", and that in seconds."""
    found = _GAP.search(question)
    if found is None:
        return question, None
    seconds = int(found["count"] or 1) * _SECONDS[found["unit"][0].lower()]
    seconds = seconds // 2 if found["half"] else seconds
    tail = " after " if found["tail"] else " "
    return f"{question[: found.start()]}{tail}{question[found.end() :]}", seconds


def _split(text: str, gap: int | None) -> _Said | None:
    key = ""
    if same := _SAME.search(text):
        key, text = same["key"], f"{text[: same.start()]} {text[same.end() :]}"
    if (trailing := _TRAILING.search(text)) and (joint := list(re.finditer(r"\band\b", text[: trailing.start()]))):
        before, after = text[: joint[-1].start()], text[joint[-1].end() : trailing.start()]
        return _Said(before, before, after, gap, False, key)
    for pattern, backward in ((_FOLLOWED, False), (_PRECEDED, True), (_THEN, False), (_AFTER, True), (_BEFORE, False)):
        found = list(pattern.finditer(text))
        if not found:
            continue
        if len(found) > 1:
            raise Unclear("more than two things after one another: ask for two of them")
        left, right = text[: found[0].start()], text[found[0].end() :]
        if not left.strip(" .,") or not right.strip(" .,?!"):
            return None
        hasty = bool(found[0].groupdict().get("haste"))
        first, then = (right, left) if backward else (left, right)
        return _Said(left, first, then, gap, hasty, key)
    return None


def _plan(said: _Said, first: Slots, then: Slots, asked: Slots, context: Context, periods: list[Period]) -> Plan:
    frames = {*first.frames, *then.frames}
    if odd := frames - _ALLOWED - {"more", "at_least"}:
        raise Unclear(f"what came after what, and {sorted(odd)[0]!r}, at once: ask for one of them")
    if then.numbers:
        raise Unclear(f"what does {then.numbers[0][1]} say?")
    at_least = _at_least(first)
    joined = clauses(context, replace(first, numbers=[]), then)
    key = _key(said, first, then, context, joined)
    earlier, later, assumed = _told_apart(joined)
    grouped, counted = _measures(asked, first, then, joined, key)
    if key == "m_user" and any(is_person(each) for side in joined.sides for each in side):
        raise Unclear("two different users: what is the same in both? such as 'from the same IP'")
    period, _ = joined.builder.times(set(), False) if not periods else _only(periods)
    once = not counted and bool({"who"} & set(asked.frames) or asked.mentions)
    within = said.gap or (HASTE if said.hasty else DAY)
    wanted = Sequence(first=earlier, then=later, key=key, within=within, at_least=at_least, each_key=once)
    return Plan(
        source=joined.table.name,
        filters=joined.common,
        period=period,
        sequence=wanted,
        groups=grouped,
        measures=counted,
        assumptions=(*assumed, *_assumed(said, wanted)),
    )


def _only(periods: list[Period]) -> tuple[Period, None]:
    if len(periods) > 1:
        raise Unclear("it names several times: both things are looked for in one")
    return periods[0], None


def _at_least(slots: Slots) -> int:
    """How many of the first; "more than 3" is at least 4."""
    if len(slots.numbers) > 1:
        raise Unclear("it names several numbers")
    for after, number in slots.numbers:
        if after == "less" or after == "at_most":
            raise Unclear("how many at most, before something else, cannot be asked")
        return max(number + (1 if after == "more" else 0), 1)
    return 1


def _key(said: _Said, first: Slots, then: Slots, context: Context, joined: Clauses) -> str:
    """What is the same in both: the user, unless another column is said to be."""
    named = {joined.builder.column(joined.table, each) for each in _plain(first, then)}
    if "who" in (*first.frames, *then.frames):
        named.add("m_user")
    if said.key:
        mentions = context.slots(said.key).mentions
        if len(mentions) != 1:
            raise Unclear(f"the same what? {said.key!r} is no column")
        named.add(joined.builder.column(joined.table, mentions[0]))
    if len(named) > 1:
        raise Unclear("of what the same: the user, the address?")
    return named.pop() if named else "m_user"


def _plain(*sides: Slots) -> Iterator[Mention]:
    for side in sides:
        yield from (each for each in side.mentions if each.after != "each")


def _told_apart(joined: Clauses) -> tuple[tuple[Filter, ...], tuple[Filter, ...], tuple[str, ...]]:
    """Where only one of two like events says how it ended, the later one is a success."""
    earlier, later = joined.sides
    failed = Compare(field="m_outcome", value="failure")
    bare = tuple(each for each in earlier if not is_outcome(each))
    if failed in earlier and bare == later:
        done = Compare(field="m_outcome", value="success")
        return earlier, (*later, done), ("the later one: a success",)
    if earlier == later:
        raise Unclear("the same thing twice: say how the two differ")
    return earlier, later, ()


def _measures(
    asked: Slots, first: Slots, then: Slots, joined: Clauses, key: str
) -> tuple[tuple[Group, ...], tuple[Measure, ...]]:
    groups = tuple(Group(field=joined.builder.column(joined.table, each)) for each in groups_named(first))
    groups += tuple(Group(field=joined.builder.column(joined.table, each)) for each in groups_named(then))
    if "count" in asked.frames:
        of_keys = [each for each in asked.mentions if each.after in ("count", "distinct")]
        return groups, (Measure(function="count_distinct", field=key) if of_keys else Measure(),)
    return (groups, (Measure(),)) if groups else ((), ())


def _assumed(said: _Said, wanted: Sequence) -> Iterator[str]:
    if not said.key and wanted.key == "m_user":
        yield "both by the same user"
    if said.gap is None:
        yield "shortly: within an hour" if said.hasty else "within 24 hours of each other"
