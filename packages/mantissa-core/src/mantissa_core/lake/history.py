"""The log itself, version by version: what each commit added, and for whom.

Format: Delta protocol, "Delta Log Entries". A version's file is ``_delta_log/<20 digits>.json``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from mantissa_core.errors import LakeError

from .files import DataFile
from .storage import Storage
from .types import PARTITION


@dataclass(frozen=True)
class Version:
    """One commit. ``added`` holds new rows only; ``rewritten`` is what maintenance wrote."""

    number: int
    added: list[DataFile]
    rewritten: list[DataFile]
    transactions: dict[str, int]
    removed: list[str]
    time: datetime

    @property
    def paths(self) -> set[str]:
        """Every file that it added."""
        return {file.path for file in (*self.added, *self.rewritten)}


@dataclass(frozen=True)
class History:
    """The log of the table in ``folder``."""

    storage: Storage
    folder: str

    def read(self, number: int) -> Version | None:
        """Read one version; ``None`` where its entry is gone (or not there yet)."""
        try:
            content = self.storage.get(f"{self.folder}/_delta_log/{number:020}.json")
        except FileNotFoundError:
            return None
        actions = [json.loads(line) for line in content.splitlines() if line.strip()]
        adds = [action["add"] for action in actions if "add" in action]
        transactions = {a["txn"]["appId"]: int(a["txn"]["version"]) for a in actions if "txn" in a}
        return Version(
            number,
            [_file(add) for add in adds if add["dataChange"]],
            [_file(add) for add in adds if not add["dataChange"]],
            transactions,
            [unquote(action["remove"]["path"]) for action in actions if "remove" in action],
            datetime.fromtimestamp(max((_milliseconds(action) for action in actions), default=0) / 1000, UTC),
        )

    def between(self, after: int, until: int) -> Iterator[Version]:
        """Yield the versions ``after < number <= until``. ``LakeError`` where an entry is gone."""
        for number in range(after + 1, until + 1):
            version = self.read(number)
            if version is None:
                raise LakeError(
                    f"{self.storage.url(self.folder)}: the log has no entry for version {number} any more; what was "
                    f"committed after version {after} cannot be told: start again from the live files"
                )
            yield version

    def since(self, instant: datetime, newest: int) -> Iterator[Version]:
        """Yield the versions committed after ``instant``, the newest first, as far back as the log reaches."""
        for number in range(newest, -1, -1):
            version = self.read(number)
            if version is None or version.time <= instant:
                return
            yield version

    def find(self, app_id: str, seq: int, newest: int) -> Version | None:
        """Return the commit of ``(app_id, seq)``, looking back from ``newest``; ``None`` where it is not in the log."""
        for number in range(newest, -1, -1):
            version = self.read(number)
            if version is None or version.transactions.get(app_id, seq) < seq:
                return None
            if version.transactions.get(app_id) == seq:
                return version
        return None


def _milliseconds(action: dict[str, Any]) -> int:
    return int(action.get("commitInfo", {}).get("timestamp", 0))


def _file(add: dict[str, Any]) -> DataFile:
    stats = json.loads(add.get("stats") or "{}")
    return DataFile(
        unquote(add["path"]), add["size"], stats.get("numRecords", 0), add["partitionValues"][PARTITION], stats
    )
