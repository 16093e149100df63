"""Invented histories of commits, checked against a dictionary: what nobody thought of writing a test for."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mantissa_core.errors import Conflict
from mantissa_core.hookspecs import StateStore
from mantissa_core.model import Document, Put

KEYS = "abc"
"""Few enough that the commits of one history meet."""
LENGTH = 12
"""Commits in one history."""
PAST = datetime(2000, 1, 1, tzinfo=UTC)


def follow_histories(store: StateStore, histories: int) -> None:
    """Commit that many histories, each in a new partition, and compare everything after every commit.

    The same ones every time: a kit that fails today fails tomorrow.
    """
    for seed in range(histories):
        partition, model, past = f"kit/{uuid.uuid4().hex}", Model(), []
        for puts, expects in history(seed):
            past.append((puts, expects))
            assert accepted(store, partition, puts, expects) == model.commit(puts, expects), f"after {past}"
            assert list(store.scan_documents(partition, "", "", 10)) == model.documents(), f"after {past}"
            assert dict(store.get_documents(partition, list(KEYS))) == model.live, f"after {past}"


def history(seed: int) -> Iterator[tuple[list[Put], dict[str, int]]]:
    """Invent commits: writes, deletions and expired documents, expecting versions that may or may not be right."""
    chance = random.Random(seed)  # noqa: S311
    for _ in range(LENGTH):
        written = chance.sample(KEYS, chance.randint(0, 3))
        expected = chance.sample(KEYS, chance.choice([0, 0, 1, 2]))
        puts = [Put(key, _value(chance), chance.choice([None, None, None, PAST])) for key in written]
        yield puts, {key: chance.choice([0, 0, 1, 1, 2, 3]) for key in expected}


def _value(chance: random.Random) -> dict[str, Any] | None:
    values: tuple[Any, ...] = (0, -1, 2**63, 0.5, True, None, "", "text", "日本 \0 \\ \"'", [1, [2]], {"a": {}})
    return chance.choice([None, {}, {"x": chance.choice(values)}, {"y": chance.choice(values), "$z.": 1}])


def accepted(store: StateStore, partition: str, puts: Sequence[Put], expects: Mapping[str, int]) -> bool:
    """Commit, and say whether there was no conflict."""
    try:
        store.commit_documents(partition, puts, expects)
    except Conflict:
        return False
    return True


class Model:
    """What a store must do, on a dictionary that holds only what is alive."""

    def __init__(self) -> None:
        self.live: dict[str, Document] = {}

    def commit(self, puts: Sequence[Put], expects: Mapping[str, int]) -> bool:
        """Apply a commit unless it conflicts; an expiry, where there is one, has passed."""
        if any(self._version(key) != version for key, version in expects.items()):
            return False
        for put in puts:
            version = self._version(put.key) + 1
            self.live.pop(put.key, None)
            if put.value is not None and put.expires is None:
                self.live[put.key] = Document(put.key, put.value, version)
        return True

    def documents(self) -> list[Document]:
        """What is alive, by key."""
        return [self.live[key] for key in sorted(self.live)]

    def _version(self, key: str) -> int:
        return self.live[key].version if key in self.live else 0
