"""What a stream is about to commit, as documents: whoever comes after a crash finishes exactly that."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mantissa_core.errors import LakeError
from mantissa_core.model.document import Put

from .files import DataFile

if TYPE_CHECKING:
    from mantissa_core.state.documents import State

STREAMS = "streams"
"""The partition with one document for each stream that ever committed: maintenance finds open intents by it."""

PROGRESS = "progress"
FIRST = "intent/000"

_MOST_DOCUMENTS = 48
_DOCUMENT = 240_000
_TOTAL = 700_000
"""Bytes of JSON. A store takes 50 documents of 256 KB and 1 MB in all; the value of the stream comes on top."""


def partition(stream: str) -> str:
    """Return the state partition of a stream."""
    return f"stream/{stream}"


@dataclass(frozen=True)
class Intent:
    """Commit number ``seq`` of a stream: the value that will then be its progress, and files by table."""

    seq: int
    value: Mapping[str, Any]
    files: Mapping[str, list[DataFile]]

    def puts(self, stream: str) -> list[Put]:
        """Return the documents that hold it. ``LakeError`` where it is too large for one commit of the state."""
        parts = list(self._parts())
        total = sum(_size(part) for part in parts)
        if len(parts) > _MOST_DOCUMENTS or total > _TOTAL:
            count = sum(map(len, self.files.values()))
            raise LakeError(
                f"stream {stream}: one commit of {count} files needs {total:,} bytes of state, at most {_TOTAL:,} fit: "
                "let the collector yield smaller pages, or pages that span fewer days"
            )
        head = {"seq": self.seq, "value": dict(self.value), "parts": len(parts)}
        return [Put(FIRST, head), *(Put(_key(i), {"files": part}) for i, part in enumerate(parts, 1))]

    def _parts(self) -> Iterator[list[list[Any]]]:
        part: list[list[Any]] = []
        room = _DOCUMENT
        for table in sorted(self.files):
            for file in self.files[table]:
                item = [table, file.to_json()]
                if part and _size(item) > room:
                    yield part
                    part, room = [], _DOCUMENT
                part.append(item)
                room -= _size(item)
        yield part

    @classmethod
    def load(cls, state: State, stream: str) -> tuple[Intent, list[str]] | None:
        """Return the stream's open intent and its documents' keys, ``None`` where nothing is open."""
        head = state.get(partition(stream), FIRST)
        if head is None:
            return None
        files: dict[str, list[DataFile]] = {}
        keys = [_key(number) for number in range(1, head.value["parts"] + 1)]
        parts = state.get_many(partition(stream), keys)
        if len(parts) < len(keys):
            return None  # another process finished it just now: its documents vanish together
        for table, file in (item for key in keys for item in parts[key].value["files"]):
            files.setdefault(table, []).append(DataFile.from_json(file))
        return cls(head.value["seq"], head.value["value"], files), [FIRST, *keys]


def open_intents(state: State) -> Iterator[tuple[str, Intent]]:
    """Yield the open intents of all streams."""
    for document in state.scan(STREAMS):
        if found := Intent.load(state, document.key):
            yield document.key, found[0]


def _key(number: int) -> str:
    return f"intent/{number:03}"


def _size(value: Any) -> int:
    return len(json.dumps(value)) + 1
