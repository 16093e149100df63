"""Two conditions over the same rows: what share of logins failed, failed to successful ones, one beside the other."""

from __future__ import annotations

import re
from dataclasses import replace

from mantissa_core.ask.plan import Compare, Filter, Group, Measure, Op, Order, Period, Plan
from mantissa_core.ask.schema import SchemaTable

from .build import FEW, Builder
from .context import Context, NotKnown
from .joined import Clauses, clauses, is_outcome, together
from .outcomes import tells_outcome
from .slots import Mention, Slots
from .unclear import Unclear

_FAILURE = r"fail(?:ure|ed|ing)?|errors?|denial|denied|reject(?:ion|ed)?|block(?:ed)?|refus(?:al|ed)"
_SUCCESS = r"success(?:ful)?|approval|approved|acceptance"
_RATE = re.compile(
    rf"\b(?:(?P<failure>{_FAILURE})|(?P<success>{_SUCCESS}))\s+(?P<noun>(?:[a-z-]+\s+){{0,2}}?)"
    r"(?:rates?|percentages?|ratios?|shares?)\b"
    r"(?:\s+(?:of|for|in|on|among|across)\b)?",
    re.IGNORECASE,
)
_SHARE = re.compile(
    r"(?:\b(?:share|percentages?|percent|pct|proportion|fraction)|%)\s+of\s+(?:all\s+)?(?:the\s+|our\s+)?(?P<rest>.+)$|"
    r"\b(?:how many|what)\s+(?:per\s?cent|%)\s+of\s+(?:all\s+)?(?:the\s+|our\s+)?(?P<more>.+)$",
    re.IGNORECASE,
)
_OUT_OF = re.compile(
    r"^\W*(?:out\s+)?of\s+(?:all\s+)?(?:the\s+)?(?P<whole>[^,]+),\s*what\s+"
    r"(?:share|percentages?|percent|pct|proportion|fraction|%)\s+(?P<part>(?!of\b).+)$",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"(?<=\s)(?:that|which|who|were|was|are|is|came|come|comes|went|happened|failed|fail|succeeded|succeed|used|had|"
    r"got|ended|originated?d?)\b",
    re.IGNORECASE,
)
_PLACE = re.compile(r"(?<=\s)(?:from|outside|in|by|with|without|to)\b", re.IGNORECASE)
_RATIO = re.compile(
    r"\bratio\s+of\s+(?P<above>.+?)\s+(?:to|and|over|vs\.?|versus|against)\s+(?P<below>.+)$|"
    r"\b(?P<one>\w+)[\s-]to[\s-](?P<other>\w+)\s+(?P<what>.+?)\s+ratio\b(?P<tail>.*)$",
    re.IGNORECASE,
)
_BESIDE = re.compile(r"\s+(?:vs\.?|versus|compared (?:to|with)|as opposed to)\s+", re.IGNORECASE)
_COMPARE = re.compile(
    r"^(?P<lead>.*\bcompare\s+(?:the\s+)?(?:number of\s+|counts? of\s+)?)(?P<one>.+?)\s+(?:with|to|and|against)\s+"
    r"(?P<other>.+)$",
    re.IGNORECASE,
)
_MORE = re.compile(r"\b(?P<word>more|fewer|less)\s+(?!than\b)(?P<one>.+?)\s+than\s+(?!\d)(?P<other>.+)$", re.IGNORECASE)
_PERCENT = re.compile(r"(\d{1,3})\s*(?:%|per\s?cent\b)", re.IGNORECASE)
_COUNTED = re.compile(r"\b(?:number|counts?|amount|how many|how do|how does|the|compare)\b(?:\s+of\b)?", re.IGNORECASE)
_BOUNDS: dict[str, Op] = {"more": "gt", "less": "lt", "at_least": "ge", "at_most": "le"}
_FRAMES = frozenset(
    {"list", "who", "each", "only", "top", "fewest", "minute", "hour", "day", "week", "month", "trend", *_BOUNDS}
)


def share(question: str, context: Context) -> Plan | None:
    """A plan of a share or a rate; None where it does not ask for one.

    Raises:
        Unclear: it does, but not so that there is one answer.
        NotKnown: it has words that are not understood.
    """
    question = _OUT_OF.sub(r"what share of \g<whole> \g<part>", question)
    percent = bool(_PERCENT.search(question))
    text, periods = context.times(_PERCENT.sub(r"\1", question))
    if rate := _RATE.search(text):
        word = "failed" if rate["failure"] else "successful"
        base, condition = f"{text[: rate.start()]} {rate['noun']} {text[rate.end() :]}", word
    elif (found := _SHARE.search(text)) is not None:
        if _MORE.search(text):
            raise Unclear("a share, and one more than another, at once: ask for one of them")
        rest = found["rest"] or found["more"]
        base, condition = _divided(rest)
    else:
        return None
    whole, part = context.slots(base), context.slots(condition)
    own = _as_one(f"{base} {condition}", context) if not rate and all(map(is_outcome, part.filters)) else None
    return _share_of(whole, part, own, context, periods, percent)


def _divided(text: str) -> tuple[str, str]:
    """What the share is of, and what it is of that: behind a verb, behind a place, or in the outcome before it."""
    for pattern in (_VERB, _PLACE):
        if found := pattern.search(text):
            by = re.search(r"\s(?:by|per|for each)\s+\w+\s*[?.!]*\s*$", text)
            if by and by.start() <= found.start():
                continue
            return text[: found.start()], text[found.start() :]
    if found := re.match(rf"\s*((?:{_FAILURE}|{_SUCCESS})\b)(.*)$", text, re.IGNORECASE):
        if re.search(r"\b(?:by|per|each)\b", found[2], re.IGNORECASE):
            raise Unclear("the share that failed of each, or the share of each in those that failed? 'failure rate by'")
        return found[2], found[1]
    raise Unclear("the share of what in what? such as 'what share of logins failed'")


def _share_of(
    whole: Slots, part: Slots, own: Slots | None, context: Context, periods: list[Period], percent: bool
) -> Plan:
    """``own`` is both read as one: "workflow runs that failed" may be an event, which says better how it ended."""
    if not (part.filters or part.choices or part.countries or part.comparisons or part.bounds):
        raise Unclear("the share of what in what? such as 'what share of logins failed'")
    merged = replace(
        whole,
        mentions=[*whole.mentions, *part.mentions],
        needs=[*whole.needs, *part.needs],
        named=whole.named | part.named,
        sources=[*whole.sources, *part.sources],
        comparisons=[*whole.comparisons, *part.comparisons],
        countries=[*whole.countries, *part.countries],
        frames=[*whole.frames, *part.frames],
        numbers=[*whole.numbers, *part.numbers],
    )
    plain = [each for each in merged.mentions if each.after not in ("each", "top", "fewest", "list", *_BOUNDS)]
    if plain and "who" not in merged.frames and not {"top", "fewest", *_BOUNDS} & set(merged.frames):
        raise Unclear("a share of events can be asked for, not of users or the like")
    if not (whole.filters or whole.choices or whole.sources or whole.comparisons or whole.countries or part.needs):
        raise Unclear("the share of which events? such as 'failure rate of logins by user'")
    builder = context.builder(merged, periods)
    table = builder.table()
    inside = tuple(context.builder(replace(part, sources=[]), ()).filters_for(table))
    base = tuple(each for each in context.builder(replace(whole, sources=[]), ()).filters_for(table))
    if own is not None:
        inside = _more_than(base, own, table, context) or inside
    if any(is_outcome(each) for each in base) and any(is_outcome(each) for each in inside):
        raise Unclear("the share of those that failed among those that failed?")
    measure = Measure(function="ratio", where=together([each for each in inside if each not in base] or list(inside)))
    return _plan(builder, table, merged, base, (measure,), _bounds(merged, measure, percent), tuple(inside))


def _as_one(text: str, context: Context) -> Slots | None:
    try:
        return context.slots(text)
    except NotKnown:
        return None


def _more_than(base: tuple[Filter, ...], own: Slots, table: SchemaTable, context: Context) -> tuple[Filter, ...]:
    """What an event says besides; nothing where it is another event, or says no more than an outcome."""
    try:
        filters = tuple(context.builder(own, ()).filters_for(table))
    except Unclear:
        return ()
    more = tuple(each for each in filters if each not in base)
    return more if all(each in filters for each in base) and not any(map(tells_outcome, more)) else ()


def _bounds(slots: Slots, measure: Measure, percent: bool) -> tuple[Compare, ...]:
    found = []
    for after, number in slots.numbers:
        if after not in _BOUNDS:
            continue
        if not percent:
            raise Unclear(f"a share of {number}? say {number} percent")
        found.append(Compare(field=measure.name, op=_BOUNDS[after], value=number / 100))
    return tuple(found)


def beside(question: str, context: Context) -> Plan | None:
    """A plan of two figures: their ratio, one beside the other, or where one is more than the other.

    Raises:
        Unclear: it asks for that, but not so that there is one answer.
        NotKnown: it has words that are not understood.
    """
    if not any(each.search(question) for each in (_RATIO, _BESIDE, _COMPARE, _MORE)):
        return None
    text, periods = context.times(question)
    if ratio := _RATIO.search(text):
        above, below = (
            ratio["above"] or f"{ratio['one']} {ratio['what']}",
            ratio["below"] or (f"{ratio['other']} {ratio['what']} {ratio['tail']}"),
        )
        lead, first, second = text[: ratio.start()], context.slots(above), context.slots(below)
        joined, frames = clauses(context, first, second), context.slots(lead)
        one, other = map(together, joined.sides)
        measure = Measure(function="ratio", where=one, against=other)
        return _two(joined, (first, second, frames), periods, context, (measure,), ())
    return _one_beside_other(text, periods, context)


def _one_beside_other(text: str, periods: list[Period], context: Context) -> Plan | None:
    if more := _MORE.search(text):
        lead, one, other = text[: more.start()], more["one"], more["other"]
    elif split := _BESIDE.search(text):
        lead, one, other = "", _COUNTED.sub(" ", text[: split.start()]), text[split.end() :]
    elif named := _COMPARE.search(text):
        lead, one, other = "", named["one"], named["other"]
    else:
        return None
    first, second, asked = (context.slots(_COUNTED.sub(" ", each)) for each in (one, other, lead))
    if not _about(first) or not _about(second):
        return None
    if first.numbers or second.numbers:
        return None
    joined = clauses(context, first, second)
    one_side, other_side = map(set, joined.sides)
    if one_side <= other_side or other_side <= one_side:
        raise Unclear("one of the two is a part of the other: a share? such as 'what share of logins failed'")
    labels = _labels(joined)
    measures = tuple(
        Measure(where=together(side), label=label) for side, label in zip(joined.sides, labels, strict=True)
    )
    having: tuple[Compare, ...] = ()
    if more:
        op: Op = "gt" if more["word"].lower() == "more" else "lt"
        having = (Compare(field=labels[0], op=op, value=labels[1]),)
    return _two(joined, (first, second, asked), periods, context, measures, having)


def _about(slots: Slots) -> bool:
    return bool(slots.filters or slots.choices or slots.comparisons or slots.bounds or slots.countries)


def _labels(joined: Clauses) -> tuple[str, str]:
    names = []
    for number, side in enumerate(joined.sides):
        values = [each.value for each in side if isinstance(each, Compare) and each.op == "eq"]
        name = re.sub(r"\W+", "_", str(values[0])) if values else ""
        names.append(name if re.fullmatch(r"[A-Za-z]\w{0,40}", name) else ("first", "second")[number])
    return (names[0], names[1]) if names[0] != names[1] else ("first", "second")


def _two(
    joined: Clauses,
    slots: tuple[Slots, Slots, Slots],
    periods: list[Period],
    context: Context,
    measures: tuple[Measure, ...],
    having: tuple[Compare, ...],
) -> Plan:
    merged = Slots(
        frames=[frame for each in slots for frame in each.frames if frame not in ("compare", "count")],
        mentions=[mention for each in slots for mention in each.mentions],
        numbers=[number for each in slots for number in each.numbers],
    )
    builder = context.builder(merged, periods)
    if having and not merged.mentions:
        merged.mentions.append(Mention("m_user", frozenset(), "each"))
    plain = [each for each in merged.mentions if each.after != "each"]
    if plain and having:
        merged.mentions = [replace(each, after="each") for each in merged.mentions]
    elif plain and not {"top", "fewest"} & set(merged.frames):
        raise Unclear("two figures, of what each? such as 'failed vs successful logins by user'")
    return _plan(builder, joined.table, merged, joined.common, measures, having, ())


def _plan(
    builder: Builder,
    table: SchemaTable,
    slots: Slots,
    common: tuple[Filter, ...],
    measures: tuple[Measure, ...],
    having: tuple[Compare, ...],
    inside: tuple[Filter, ...],
) -> Plan:
    frames = set(slots.frames)
    if odd := frames - _FRAMES - ({"not", "compare"} if measures[0].function == "ratio" else set()):
        raise Unclear(f"two figures, and {sorted(odd)[0]!r}, at once: ask for one of them")
    ranked = bool(frames & {"top", "fewest"})
    limits = [number for after, number in slots.numbers if after not in _BOUNDS]
    mentions = [each for each in slots.mentions if each.after == "each"] or (slots.mentions if ranked or having else [])
    buckets: list[str] = [each for each in ("minute", "hour", "day", "week", "month") if each in frames]
    if "trend" in frames and not buckets:
        buckets = ["day"]
    groups = builder.groups(table, mentions, buckets)
    if (ranked or having or "who" in frames) and not groups:
        groups = (Group(field="m_user"),)
    period, versus = builder.times(frames, True)
    order = (Order(by=measures[0].name, descending="fewest" not in frames),) if ranked else ()
    if limits and not ranked:
        raise Unclear(f"what does {limits[0]} say?")
    return Plan(
        source=table.name,
        filters=tuple(each for each in common if each not in inside),
        period=period,
        versus=versus,
        groups=groups,
        measures=measures,
        having=having,
        order=order,
        limit=limits[-1] if limits else FEW if ranked else 1_000,
        assumptions=tuple(builder.assumptions),
    )
