"""From items to clauses: each says which alerts go where. What could be put together in two ways is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from .lexicon import FAMILIES
from .scan import Item
from .unclear import Unclear

SEPARATORS = frozenset({"and", "or"})
VERBS = frozenset({"tell", "page", "create", "mail", "escalate"})
PLACES = FAMILIES | {"label", "channel", "email address", "quoted", "ticket", "incident", "issue"}
SEVERITIES = frozenset({"severity", "at least", "at most"})
RULES = frozenset({"rule contains", "rule begins", "rule is"})
TAGS = frozenset({"tag", "technique"})
DAYS = frozenset({"weekends", "weekdays", "days"})
HOURS = frozenset({"night", "hours"})
_SLOTS = {
    **dict.fromkeys(VERBS, "verb"),
    **dict.fromkeys(PLACES, "place"),
    **dict.fromkeys(SEVERITIES, "severities"),
    **dict.fromkeys(RULES, "rules"),
    **dict.fromkeys(TAGS, "tags"),
    **dict.fromkeys(DAYS, "days"),
    **dict.fromkeys(HOURS, "hours"),
    "source": "sources",
    "environment": "environments",
    "user": "users",
    "address": "addresses",
    "business": "business",
    "rest": "rest",
    "all": "all",
    "unacknowledged": "unacknowledged",
}
_CONDITIONS = frozenset(_SLOTS.values()) - {"verb", "place", "rest", "all", "unacknowledged"}
_WHICH = _CONDITIONS | {"rest", "all"}
"""Slots that say which alerts are meant."""
_NOUNS = frozenset({"severities", "sources", "rules", "tags", "users", "addresses", "rest", "all"})
"""Those that name alerts; the others say when or where alerts count that were named."""
_AGAINST = {
    "rest": {"all", "severities"},
    "all": {"rest"},
    "severities": {"rest"},
    "business": {"days", "hours"},
    "days": {"business"},
    "hours": {"business"},
    "unacknowledged": _WHICH,
}
"""Slots that cannot stand in one clause."""


@dataclass(slots=True)
class Group:
    """Items of one slot that belong together. Of places each inner list is one destination, told by several words."""

    slot: str
    items: list[list[Item]]
    apart: bool = False
    """Whether a separator stands before it."""
    listing: bool = False
    """Whether it is a list of places that no 'and' has ended yet."""


@dataclass(slots=True)
class Clause:
    """Which alerts go where: groups by slot, in the order of the sentence."""

    groups: dict[str, Group] = field(default_factory=dict)

    @property
    def which(self) -> list[str]:
        """The slots that say which alerts are meant."""
        return [slot for slot in self.groups if slot in _WHICH]

    def items(self, slot: str) -> list[Item]:
        """All items of a slot."""
        return [item for each in self.groups[slot].items for item in each] if slot in self.groups else []


def clauses(items: Sequence[Item], sentence: str) -> list[Clause]:
    """The clauses of a sentence.

    Raises:
        Unclear: its parts could be put together in more than one way.
    """
    found = _split(_groups(_nouns(items), sentence), sentence)
    for clause in found:
        _refuse_mixed(clause, sentence)
    _refuse_ambiguous(found, sentence)
    return found


def _nouns(items: Sequence[Item]) -> list[Item]:
    """With the words sorted out that may be one thing or another.

    Incidents and issues are opened somewhere; where nobody opens any they are what alerts tell of.
    """
    kept: list[Item] = []
    creating = False
    for at, item in enumerate(items):
        first = not kept or kept[-1].kind in SEPARATORS
        if item.kind == "email" and first and items[at + 1 : at + 2] and items[at + 1].kind not in SEPARATORS:
            item = replace(item, kind="mail")  # 'email critical alerts to …' is an order
        if item.kind in VERBS:
            creating = item.kind == "create"
        noun = item.kind in ("incident", "issue", "ticket")
        if creating or not noun or item.kind == "ticket":
            kept.append(item)
        creating = creating and not noun
    return kept


def _groups(items: Sequence[Item], sentence: str) -> list[Group]:
    groups: list[Group] = []
    separator = ""
    for item in items:
        if item.kind in SEPARATORS:
            separator = "or" if item.kind == "or" else separator or item.text.strip()
            continue
        slot = _SLOTS[item.kind]
        last = groups[-1] if groups else None
        if last is not None and last.slot == slot and not (slot == "verb" and separator):
            _join(last, item, separator, sentence)
        elif separator == "or":
            raise Unclear(f"it is not clear what the 'or' before {item.text!r} means", sentence)
        else:
            groups.append(Group(slot, [[item]], bool(separator)))
        separator = ""
    for group in groups:
        if group.listing:
            written = group.items[-1][0].text
            raise Unclear(f"it is not clear whether {written!r} is one more destination: use 'and'", sentence)
    return groups


def _join(group: Group, item: Item, separator: str, sentence: str) -> None:
    if group.slot == "place":
        if separator == "or" or (group.listing and not separator):
            raise Unclear(f"it is not clear whether {item.text!r} is one more destination: use 'and'", sentence)
        if separator:
            group.items.append([item])
            group.listing = separator == ","
        else:
            group.items[-1].append(item)
        return
    if group.slot == "verb":
        group.items[-1].append(item)
        return
    if not separator or group.slot in ("rest", "all", "unacknowledged", "hours", "business"):
        raise Unclear(f"it is not clear how {item.text!r} belongs to what stands before it", sentence)
    group.items.append([item])


def _split(groups: Sequence[Group], sentence: str) -> list[Clause]:
    """A clause ends where the next group has no place in it, at the last separator before that."""
    found: list[list[Group]] = [[]]
    for group in groups:
        clause = found[-1]
        slots = {each.slot for each in clause}
        new_action = group.slot == "verb" and group.apart and "place" in slots
        if not clause or not (new_action or group.slot in slots or slots & _AGAINST.get(group.slot, set())):
            clause.append(group)
            continue
        if group.apart:
            found.append([group])
            continue
        at = next((at for at in range(len(clause) - 1, 0, -1) if clause[at].apart), None)
        if at is None:
            raise Unclear("it is not clear which alerts go where: put a comma between the parts", sentence)
        moved = clause[at:]
        if group.slot in {each.slot for each in moved} | _AGAINST.get(group.slot, set()) & {e.slot for e in moved}:
            raise Unclear("it is not clear which alerts go where: put a comma between the parts", sentence)
        del clause[at:]
        found.append([*moved, group])
    return [Clause({each.slot: each for each in clause}) for clause in found]


def _refuse_mixed(clause: Clause, sentence: str) -> None:
    """``critical to Slack and okta`` may be two kinds of alerts or one; ``Teams and Slack everything`` two orders."""
    said = False
    for group in clause.groups.values():
        if group.slot in _WHICH:
            late = (
                group.slot in ("hours", "days", "business", "environments")
                and group is list(clause.groups.values())[-1]
            )
            if group.apart and said and not late:
                raise Unclear("it is not clear whether these are the same alerts: say it in two sentences", sentence)
            said = True
    order = list(clause.groups.values())
    for group, following in pairwise(order):
        several = group.slot == "place" and len(group.items) > 1
        if several and following.slot in ("rest", "all", "severities") and clause.groups.get("verb") is not None:
            last = group.items[-1][-1]
            if last.kind in FAMILIES and not following.apart and not _led(following):
                raise Unclear(f"it is not clear whether {last.text!r} is a destination or an order", sentence)


def _led(group: Group) -> bool:
    """Whether a preposition joins it to what stands before."""
    return bool(group.items[0][0].values.get("led"))


def _refuse_ambiguous(found: Sequence[Clause], sentence: str) -> None:
    acting = [each for each in found if "unacknowledged" not in each.groups]
    for clause in found:
        if "place" not in clause.groups and not _says_where(clause):
            raise Unclear("it is not said where the alerts go", sentence)
        waits = clause.items("unacknowledged")
        escalates = any(each.kind == "escalate" for each in clause.items("verb"))
        if escalates != bool(waits) and (escalates or "only_escalate" in waits[0].values):
            raise Unclear("it is not clear what is waited for: say 'if nobody acknowledges in 15 minutes'", sentence)
        if waits and clause.which:
            raise Unclear("it is not clear which alerts nobody acknowledges", sentence)
    if len(acting) < 2:
        return
    for clause in acting:
        if not clause.which:
            raise Unclear(
                "one part does not say which alerts it is about: say 'critical alerts' or 'everything'", sentence
            )
    _refuse_left_out(acting, sentence)
    for clause, end in ((acting[0], 0), (acting[-1], -1)):
        slot = list(clause.groups)[end]
        others = [each for each in acting if each is not clause and slot not in each.groups]
        if slot in _CONDITIONS - {"severities"} and len(clause.which) > 1 and others:
            what = clause.items(slot)[0].text
            raise Unclear(f"it is not clear whether {what!r} is about all parts or about one", sentence)


def _refuse_left_out(acting: Sequence[Clause], sentence: str) -> None:
    """``critical okta alerts to Slack and aws to Teams``: critical ones of aws, or all?"""
    named = [_NOUNS & each.groups.keys() for each in acting]
    unsaid = any(named) and not all(named)
    first = acting[0]
    for clause, nouns in zip(acting[1:], named[1:], strict=True):
        if "verb" in clause.groups or nouns & {"rest", "all"}:
            continue
        alike = nouns >= named[0]
        begins_with_preposition = _led(next(iter(clause.groups.values())))
        unsaid = unsaid or not (alike or (len(first.which) == 1 and not begins_with_preposition))
    if unsaid:
        raise Unclear("one part leaves out which alerts it is about: say it in each, or in a sentence each", sentence)


def _says_where(clause: Clause) -> bool:
    return any(item.kind in ("page", "mail") for item in clause.items("verb"))
