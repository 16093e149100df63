"""What keeps a lake fast and small: compaction, retention and vacuum over all tables of an instance."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .lake.compact import Compaction
    from .lake.retain import Retention
    from .lake.vacuum import Vacuum
    from .runtime import Runtime


def compact(runtime: Runtime, table: str | None = None, *, force: bool = False) -> dict[str, Compaction]:
    """Merge small files, in one table or in all; returns what was done by table.

    A table with ``lake.compact_at`` files or more is compacted whole, as with ``force``; others where it pays.

    Raises:
        LakeError: there is no such table, or its files cannot be read or written.
    """
    from .lake.compact import compact as merge

    limit = runtime.settings.lake.compact_at
    tables = [runtime.lake.table(name) for name in ([table] if table else runtime.lake.tables())]
    return {each.name: merge(each, force=force or len(each.live()) >= limit) for each in tables}


def retain(runtime: Runtime, days: int | None = None) -> dict[str, Retention]:
    """Drop the days of every table that are older than ``days`` (default: the configured retention).

    Raises:
        Fenced: a compaction was committed in between; run it again.
    """
    from .lake.retain import retain as drop

    kept = days if days is not None else runtime.settings.lake.retention_days
    return {name: drop(runtime.lake.table(name), kept) for name in runtime.lake.tables()}


def vacuum(runtime: Runtime) -> Vacuum:
    """Delete data files that no version in use, no open intent and no consumer refers to."""
    from .lake.vacuum import vacuum as sweep

    longest = timedelta(seconds=runtime.settings.query.timeout)
    return sweep(runtime.lake, runtime.state, consumed(runtime), longest_query=longest)


def consumed(runtime: Runtime) -> dict[str, int]:
    """By table that somebody follows, the version that the slowest has read: rules, detectors, correlations, alerts."""
    from .detect.correlate.correlator import CURSOR
    from .detect.follow.detectors import cursor_name
    from .detect.follow.progress import Progress
    from .detect.match.route import routed
    from .detect.signals import SIGNALS

    progress, tables = Progress(runtime.state), set(runtime.lake.tables())
    followers = [(name, name) for name in routed(runtime.rules.rules, runtime.log_types)]
    followers += [(table, cursor_name(each, table)) for each in runtime.detectors for table in each.tables]
    followers.append((SIGNALS.name, CURSOR))
    cursors: dict[str, int] = {}
    for table, follower in followers:
        if table in tables:
            cursor = progress.cursor(follower)
            seen = -1 if cursor is None else cursor
            cursors[table] = min(seen, cursors.get(table, seen))
    applied = runtime.state.get("alert", "cursor")
    alerted = int(applied.value["version"]) if applied else -1
    return {**cursors, SIGNALS.name: min(alerted, cursors.get(SIGNALS.name, alerted))}
