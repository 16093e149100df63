"""What is to be done when a rule fires, as far as words say it: "…, disable the user and notify the team"."""

from __future__ import annotations

import re

from mantissa_core.model.playbook import Response

_VERBS = (
    ("disable_user", r"(?:disable|suspend|lock|deactivate)\b(?!.*\b(?:ip|address|host)\b)"),
    ("reset_password", r"(?:reset|expire)\s+.*\bpasswords?\b"),
    ("revoke_sessions", r"(?:revoke|end|terminate|kill)\s+.*\b(?:sessions?|tokens?)\b"),
    ("block_ip", r"(?:block|ban)\b"),
    ("isolate_host", r"(?:isolate|quarantine)\b"),
    ("create_ticket", r"(?:create|open|file)\s+.*\b(?:ticket|incident|issue|case)\b"),
    ("notify", r"(?:notify|tell|page|inform|message|email|mail|alert)\b"),
)
_COMPILED = tuple((name, re.compile(rf"^(?:please\s+)?(?:{pattern})", re.IGNORECASE)) for name, pattern in _VERBS)
_PARTS = re.compile(r"\s*(?:[,;]\s*(?:and\s+)?(?:then\s+)?|\band\s+(?:then\s+)?|\bthen\s+)", re.IGNORECASE)
_TARGET = re.compile(r"^\S+\s+(?:(?:the|their|all|this|that|his|her|its|an?)\s+)*", re.IGNORECASE)
_WHEN = re.compile(r"^\W*(?:when(?:ever)?|if|once|as soon as)\s+", re.IGNORECASE)


def read_responses(words: str) -> tuple[str, tuple[Response, ...]]:
    """The words without what is to be done at their end, and that, in order."""
    text = _WHEN.sub("", " ".join(words.split()).rstrip(" .!"))
    places = [(match.start(), match.end()) for match in _PARTS.finditer(text)]
    found: list[Response] = []
    end = len(text)
    for start, behind in reversed(places):
        response = _response(text[behind:end])
        if response is None:
            break
        found.insert(0, response)
        end = start
    return text[:end].strip(" ,;"), tuple(found)


def _response(words: str) -> Response | None:
    for verb, pattern in _COMPILED:
        if pattern.match(words):
            return Response(verb, _TARGET.sub("", words).strip(), words.strip())
    return None
