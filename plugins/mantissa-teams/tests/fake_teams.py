"""A Teams workflow over the wire: who may trigger it, what it takes, and the rules of Adaptive Cards 1.4."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mantissa_core.testing.fake_http import Answer, FakeHTTP, Fault, Request

SIGNATURE = "s1gn_atu-re.of~the tests"
PATH = "/workflows/0123456789abcdef/triggers/manual/paths/invoke"
QUERY = "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=s1gn_atu-re.of~the%20tests"
LARGEST = 28 * 1024
"""Bytes: https://learn.microsoft.com/connectors/teams."""

_SPACINGS = {"Default", "None", "Small", "Medium", "Large", "ExtraLarge", "Padding"}
_STYLES = {"default", "emphasis", "good", "attention", "warning", "accent"}
_BLOCK: Mapping[str, Any] = {"spacing": _SPACINGS, "separator": bool, "type": str}
_RULES: Mapping[str, Mapping[str, Any]] = {
    "Container": {**_BLOCK, "style": _STYLES, "bleed": bool, "items": list},
    "RichTextBlock": {**_BLOCK, "inlines": list},
    "TextRun": {
        "type": str,
        "text": str,
        "weight": {"Default", "Lighter", "Bolder"},
        "size": {"Default", "Small", "Medium", "Large", "ExtraLarge"},
        "fontType": {"Default", "Monospace"},
        "isSubtle": bool,
    },
}
"""Of each element the properties that it may have: a type, or the values."""
_REQUIRED = {"Container": "items", "RichTextBlock": "inlines", "TextRun": "text"}
_CARD = {"$schema", "type", "version", "msteams", "fallbackText", "body"}


class FakeTeams(FakeHTTP):
    """One workflow of one channel. ``cards`` holds what it posted; ``refusal`` is a status and a code."""

    faults = frozenset(Fault)

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[dict[str, Any]] = []
        self.refusal: tuple[int, str] | None = None

    @property
    def address(self) -> str:
        return f"{self.url}{PATH}{QUERY}"

    def messages(self) -> list[str]:
        """What people read in the channel."""
        return ["\n".join(texts(card["body"])) for card in self.cards]

    def answer(self, request: Request) -> Answer:
        if self.refusal:
            return _error(*self.refusal)
        if request.route != PATH or request.method != "POST":
            return _error(404, "WorkflowNotFound")
        if "api-version" not in request.query:
            return _error(400, "MissingApiVersionParameter")
        if request.query.get("sig") != SIGNATURE:
            return _error(401, "DirectApiAuthorizationRequired")
        if len(request.body) > LARGEST:
            return _error(413, "RequestEntityTooLarge")
        if not request.headers["content-type"].startswith("application/json"):
            return _error(400, "TriggerInputSchemaMismatch")
        problem = next(_problems(request.json()), None)
        if problem:
            return _error(400, "TriggerInputSchemaMismatch", problem)
        self.cards.append(request.json()["attachments"][0]["content"])
        return Answer(202, b"")


def texts(elements: list[dict[str, Any]]) -> Iterator[str]:
    """The lines of a card."""
    for each in elements:
        if "inlines" in each:
            yield "".join(run["text"] for run in each["inlines"])
        yield from texts(each.get("items", []))


def _problems(message: Any) -> Iterator[str]:
    if not isinstance(message, dict) or message.get("type") != "message":
        yield "'type' is not 'message'"
        return
    for each in message.get("attachments") or [{}]:
        if (
            each.get("contentType") != "application/vnd.microsoft.card.adaptive"
            or each.get("contentUrl", "") is not None
        ):
            yield "an attachment is no Adaptive Card"
            return
        card = each["content"]
        if card.get("type") != "AdaptiveCard" or float(card.get("version", 9)) > 1.5 or set(card) - _CARD:
            yield "the card is none"
        if card.get("msteams") != {"width": "Full"} or not card.get("fallbackText") or not card.get("body"):
            yield "the card is incomplete"
        for element in card["body"]:
            yield from _of_element(element)


def _of_element(element: dict[str, Any]) -> Iterator[str]:
    rules = _RULES.get(element.get("type", ""))
    if rules is None:
        yield f"unknown element: {json.dumps(element)[:80]}"
        return
    if not element.get(_REQUIRED[element["type"]]):
        yield f"{element['type']} has no {_REQUIRED[element['type']]}"
    for name, value in element.items():
        rule = rules.get(name)
        if rule is None or (value not in rule if isinstance(rule, set) else not isinstance(value, rule)):
            yield f"{element['type']}.{name}: {value!r}"
    for inner in (*element.get("items", ()), *element.get("inlines", ())):
        yield from _of_element(inner)


def _error(status: int, code: str, message: str = "refused") -> Answer:
    return Answer(status, {"error": {"code": code, "message": message}})
