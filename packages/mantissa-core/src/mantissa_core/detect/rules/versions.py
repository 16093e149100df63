"""Which versions of each rule the engine has run: kept when a rule set is loaded that differs from the last one.

State partition ``rules``: ``versions/digest`` is a hash of the last rule set, so that a start with the same rules costs
one read; ``versions/<bucket>`` holds the versions of the rules whose ids hash to it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from mantissa_core.errors import Conflict
from mantissa_core.model import Put
from mantissa_core.state.documents import State

from .stages import PARTITION

KEPT = (20, 10, 5, 2, 1)
"""Versions that are kept of a rule, the newest: as many as the document has room for."""
LARGEST = 90_000
"""Bytes of a document: a commit takes 1 MB."""
LONGEST = 200
"""Characters of a text that are kept: author, source, title."""
_DIGEST = "versions/digest"
_COMMIT = 10
"""Documents in one commit."""
_ATTEMPTS = 10


class Versioned(Protocol):
    """A rule, a correlation or a filter."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def title(self) -> str:
        """Its title."""

    @property
    def version(self) -> str:
        """Changes with its text."""

    @property
    def author(self) -> str:
        """Who wrote it."""

    @property
    def source(self) -> str:
        """Its file."""


@dataclass(frozen=True, slots=True)
class Version:
    """A rule as it was: ``first_seen`` when the engine first ran it (UTC, ISO 8601), the others as its file said."""

    version: str
    first_seen: str
    title: str
    author: str
    modified: str
    source: str


class Versions:
    """The versions in a state store."""

    def __init__(self, state: State, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._state, self._clock = state, clock

    def record(self, rules: Sequence[Versioned]) -> int:
        """Keep the versions that are new; returns how many. A version that comes back is told again.

        Raises:
            Conflict: others kept recording at the same moment.
        """
        digest = _digest(rules)
        known = self._state.get(PARTITION, _DIGEST)
        if known is not None and known.value["digest"] == digest:
            return 0
        buckets = _bucketed(rules)
        found = sum(self._store({key: buckets[key] for key in page}) for page in _pages(list(buckets)))
        self._state.update(PARTITION, _DIGEST, lambda _old: {"digest": digest})
        return found

    def of(self, rule_id: str) -> list[Version]:
        """The versions of a rule that ran, oldest first."""
        document = self._state.get(PARTITION, _key(rule_id))
        return [Version(**each) for each in document.value.get(rule_id, ())] if document else []

    def _store(self, buckets: Mapping[str, Sequence[Versioned]]) -> int:
        """Add what is new to some buckets, in one commit."""
        for attempt in range(_ATTEMPTS):
            documents = self._state.get_many(PARTITION, list(buckets))
            before = {key: documents[key].value if key in documents else {} for key in buckets}
            after = {key: self._added(before[key], some) for key, some in buckets.items()}
            changed = [key for key in buckets if after[key] != before[key]]
            versions = {key: documents[key].version if key in documents else 0 for key in changed}
            try:
                self._state.commit(PARTITION, [Put(key, after[key]) for key in changed], versions)
            except Conflict:
                if attempt == _ATTEMPTS - 1:
                    raise
                continue
            return sum(_newest(before[key], each) != each.version for key in changed for each in buckets[key])
        return 0

    def _added(self, before: Mapping[str, Any], rules: Iterable[Versioned]) -> dict[str, Any]:
        after = dict(before)
        for each in rules:
            if _newest(before, each) != each.version:
                after[each.id] = [*before.get(each.id, ()), asdict(self._version(each))]
        return _bounded(after) if after != before else after

    def _version(self, each: Versioned) -> Version:
        modified = str(getattr(each, "modified", ""))  # filters have none
        texts = (text[:LONGEST] for text in (each.title, each.author, modified, each.source))
        return Version(each.version, self._clock().isoformat(), *texts)


def _bounded(bucket: Mapping[str, Any]) -> dict[str, Any]:
    for most in KEPT:
        kept = {rule_id: versions[-most:] for rule_id, versions in bucket.items()}
        if len(json.dumps(kept)) <= LARGEST:
            break
    return kept


def _newest(bucket: Mapping[str, Any], each: Versioned) -> str:
    versions = bucket.get(each.id)
    return str(versions[-1]["version"]) if versions else ""


def _digest(rules: Iterable[Versioned]) -> str:
    lines = sorted(f"{each.id}\0{each.version}" for each in rules)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def _bucketed(rules: Iterable[Versioned]) -> Mapping[str, list[Versioned]]:
    found: dict[str, list[Versioned]] = {}
    for each in rules:
        found.setdefault(_key(each.id), []).append(each)
    return found


def _key(rule_id: str) -> str:
    number = hashlib.sha256(rule_id.encode("utf-8", "surrogatepass")).digest()[0]
    return f"versions/{number:03}"


def _pages(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _COMMIT):
        yield keys[start : start + _COMMIT]
