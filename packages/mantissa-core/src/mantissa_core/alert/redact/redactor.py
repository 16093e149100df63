"""An alert as one destination may see it."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from mantissa_core.model.alert import Alert

from .detect import find
from .kinds import Kind, Treatment
from .policy import Redaction

_HASH = 12
"""Hexadecimal digits of a hash: enough to tell the values of one organisation apart."""


class Redactor:
    """Applies one policy. ``key`` is what ``policy.hash_key`` stands for."""

    def __init__(self, policy: Redaction, key: str = "") -> None:
        self._treatments = policy.treatments
        self._kinds = frozenset(kind for kind, each in self._treatments.items() if each is not Treatment.KEEP)
        self._fields = frozenset(name.casefold() for name in policy.fields)
        self._key = key.encode()

    def alert(self, alert: Alert) -> Alert:
        """The same alert without what the destination may not see; ``redacted`` counts it by kind.

        The rule's own texts and ids stay: name, id, tags and description come from no log.
        """
        walk = _Walk(self)
        return replace(
            alert,
            summary=walk.text(alert.summary, ""),
            entities={name: tuple(walk.text(each, name) for each in values) for name, values in alert.entities.items()},
            evidence=tuple(walk.value(each, "") for each in alert.evidence),
            enrichment=walk.value(alert.enrichment, ""),
            unenriched={label: walk.text(reason, "") for label, reason in alert.unenriched.items()},
            rewritten={name: walk.text(each, "") for name, each in alert.rewritten.items()},
            redacted={kind.value: walk.counts[kind] for kind in Kind if walk.counts[kind]},
        )

    def text(self, text: str, path: str = "") -> tuple[str, tuple[Kind, ...]]:
        """A text, the value at ``path`` where it is one, and the kinds of what was taken out of it."""
        if self._is_named(path) and text:
            return self._treated(text, Kind.FIELD), (Kind.FIELD,)
        taken = find(text, self._kinds, path.rpartition(".")[2])
        if not taken:
            return text, ()
        parts, end = [], 0
        for found in taken:
            parts += [text[end : found.start], self._treated(text[found.start : found.end], found.kind)]
            end = found.end
        return "".join([*parts, text[end:]]), tuple(found.kind for found in taken)

    def _is_named(self, path: str) -> bool:
        if not self._fields or Kind.FIELD not in self._kinds:
            return False
        path = path.casefold()
        return path in self._fields or path.rpartition(".")[2] in self._fields

    def _treated(self, value: str, kind: Kind) -> str:
        name = kind.value.replace("_", " ")
        match self._treatments[kind]:
            case Treatment.HASH:
                return f"[{name} #{hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()[:_HASH]}]"
            case Treatment.MASK:
                return _masked(value, kind, name)
        return f"[{name}]"


class _Walk:
    """One way through an alert. The events of an alert are much alike: what was looked at is not looked at again."""

    def __init__(self, redactor: Redactor) -> None:
        self.counts: Counter[Kind] = Counter()
        self._redactor = redactor
        self._known: dict[tuple[str, str], tuple[str, tuple[Kind, ...]]] = {}

    def value(self, value: Any, path: str) -> Any:
        match value:
            case str():
                return self.text(value, path)
            case None | bool():
                return value
            case int() | float():
                shown = self.text(str(value), path)
                return value if shown == str(value) else shown
            case list() | tuple():
                return [self.value(each, path) for each in value]
            case dict() | Mapping():
                return self._members(value, path)
        return value

    def text(self, text: str, path: str) -> str:
        known = self._known.get((path, text))
        if known is None:
            known = self._known[path, text] = self._redactor.text(text, path)
        shown, kinds = known
        if kinds:
            self.counts.update(kinds)
        return shown

    def _members(self, value: Mapping[str, Any], path: str) -> dict[str, Any]:
        """A key can hold what a value can; two that become alike stay two."""
        members: dict[str, Any] = {}
        for name, each in value.items():
            shown = name if _is_plain(name) else self.text(name, "")
            while shown in members:
                shown += "'"
            members[shown] = self.value(each, f"{path}.{name}" if path else name)
        return members


@lru_cache(maxsize=4096)
def _is_plain(name: str) -> bool:
    """Whether a field's name is nothing but that. The same few thousand come with every alert."""
    return not find(name)


def _masked(value: str, kind: Kind, name: str) -> str:
    match kind:
        case Kind.EMAIL:
            return f"{value[0]}…@{value.rpartition('@')[2]}"
        case Kind.CARD:
            return f"[{name} …{value[-4:]}]"
        case Kind.IBAN:
            return f"[{name} {value[:2].upper()}…{value.replace(' ', '')[-4:]}]"
        case Kind.IP if "." in value:
            return f"{value.rpartition('.')[0]}.…"
    return f"[{name}]"
