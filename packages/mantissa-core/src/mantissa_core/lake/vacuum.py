"""Vacuum: files that nothing refers to any more are deleted, and log entries that nobody will read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from .intent import open_intents
from .lake import Lake
from .table import Table

if TYPE_CHECKING:
    from mantissa_core.state.documents import State

LONGEST_QUERY = timedelta(seconds=120)
READING = timedelta(hours=1)
"""What is allowed beyond the longest query: who planned before a file was replaced may still open it."""

LOG_KEPT = timedelta(days=29)
"""Delta keeps log entries 30 days; consumers further behind than this stop them from being deleted."""


@dataclass(frozen=True)
class Vacuum:
    """What one run deleted: names relative to the lake, and their bytes."""

    files: tuple[str, ...]
    bytes: int


def vacuum(
    lake: Lake,
    state: State,
    cursors: Mapping[str, int],
    *,
    grace: timedelta = timedelta(days=1),
    longest_query: timedelta = LONGEST_QUERY,
    now: datetime | None = None,
) -> Vacuum:
    """Delete the data files of all tables that no version in use refers to.

    ``cursors`` gives, by table, the version that its slowest consumer has seen; files added after it are kept even
    if they were compacted since. Kept besides: files of open intents, files younger than ``grace``, and files
    replaced less than ``longest_query`` and an hour ago.
    """
    now = now or datetime.now(UTC)
    young = max(grace, longest_query + READING)
    # The order matters: a file leaves its intent only after the log has it.
    waiting = {f"{name}/{file.path}" for _, i in open_intents(state) for name, fs in i.files.items() for file in fs}
    deleted: list[tuple[str, int]] = []
    for name in lake.tables():
        table = lake.table(name)
        cursor = cursors.get(name)
        deleted += _vacuum_table(table, waiting, cursor, now - young, now - longest_query - READING)
        if not waiting and _log_is_read(table, cursor, now - LOG_KEPT):
            table.forget_old_log()
    return Vacuum(tuple(name for name, _ in deleted), sum(size for _, size in deleted))


def _vacuum_table(
    table: Table, waiting: set[str], cursor: int | None, young: datetime, in_use: datetime
) -> Iterator[tuple[str, int]]:
    storage, folder = table.place.storage, table.place.folder
    stored = [entry for entry in storage.files(folder) if entry.name.endswith(".parquet") and entry.modified < young]
    kept = {file.path for file in table.live()} | _needed(table, cursor, in_use)
    for entry in stored:
        path = entry.name.removeprefix(f"{folder}/")
        if path.startswith("dt=") and path not in kept and f"{table.name}/{path}" not in waiting:
            storage.delete(entry.name)
            yield entry.name, entry.size


def _needed(table: Table, cursor: int | None, in_use: datetime) -> set[str]:
    """Return the files that are live no more but will be read: by the slowest consumer, or by a running query."""
    newest = table.version()
    needed = {path for version in table.history.since(in_use, newest) for path in version.removed}
    if cursor is not None:
        needed.update(file.path for version in table.history.between(cursor, newest) for file in version.added)
    return needed


def _log_is_read(table: Table, cursor: int | None, instant: datetime) -> bool:
    """Whether the slowest consumer has seen every version from before ``instant``."""
    if cursor is None or cursor >= table.version():
        return True
    following = table.history.read(cursor + 1)
    return following is not None and following.time > instant
