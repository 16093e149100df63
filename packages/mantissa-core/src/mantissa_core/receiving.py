"""One receiver in ``mantissa run``: what is pushed goes to a synced spool, is answered for, and then stored.

The spool lies in ``<home>/spool/<label>``. Its place is committed with the rows, so that after a crash everything that
was answered for is stored, and nothing twice.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .collect import Progress
from .collect.spool import Entry, Spool
from .errors import MantissaError
from .hookspecs import Receiver
from .log import get_logger
from .model import Page, Pushed, Rejected

if TYPE_CHECKING:
    from .collect import Ingested
    from .runtime import Runtime

BATCH_RECORDS, BATCH_BYTES = 20_000, 16 << 20
"""What is taken from the spool for one commit."""
IDLE = 5.0
"""Seconds between two looks at a spool that nobody wrote to."""
AGAIN = 1.0
"""Seconds until a receiver that ended by itself is started again."""
DAMAGED = "generic.json"
"""The log type under which an entry is a dead letter that cannot say its own."""
MEGABYTE = 1_000_000


class Reception:
    """Between one receiver and the lake. ``stored`` is called after each commit that brought rows."""

    def __init__(self, runtime: Runtime, label: str, receiver: Receiver, stored: Callable[[], None]) -> None:
        self._runtime, self._label, self._receiver, self._stored = runtime, label, receiver, stored
        self._lock = threading.Lock()
        self._opened: Spool | None = None
        self.added = threading.Event()

    def listen(self, stop: threading.Event) -> float:
        """Serve until stopped; returns seconds to wait where the receiver ended by itself."""
        self._spool()  # before the first sender is let in
        self._receiver.listen(self.submit, stop, self._runtime.decoder)
        return AGAIN

    def submit(self, log_type: str, records: Any) -> None:
        """Make records durable.

        Raises:
            Retry: the lake is behind, and what may wait for it is full. LogTypeError: there is no such log type.
            BadRecord: they are too large to be taken at once. LakeError: the spool cannot be written.
        """
        self._runtime.log_types.get(log_type)
        listed: Pushed = list(records)
        if listed:
            self._spool().append(log_type, listed)
            self.added.set()

    def store(self) -> float:
        """Commit what waits; return the seconds until the next look."""
        while self._store_batch():
            pass
        return IDLE

    def finish(self) -> None:
        """Store what came last and release the spool; what cannot be stored now is at the next start."""
        if self._opened is None:
            return
        try:
            self.store()
        except MantissaError as error:
            get_logger("receive").warning("left in the spool", label=self._label, reason=str(error))
        finally:
            self._opened.close()

    def _store_batch(self) -> bool:
        spool = self._spool()
        with self._runtime.writing(stream_name(self._label), self._label) as ingester:
            place = _place(ingester.progress)
            batch = _Batch()
            for entry in spool.read(*place):
                batch.add(entry)
                if batch.full:
                    break
            if batch.page is None:
                return False
            progress = Progress.load(ingester.progress)

            def following(ingested: Ingested) -> dict[str, Any]:
                now = datetime.now(UTC)
                progress.figures.count(ingested, now)
                progress.figures.count_lag(ingested, None, now)
                return progress.dump()

            ingested = ingester.ingest(batch.page, DAMAGED, following)
            spool.forget(*_place(ingester.progress))
        if ingested.rows:
            self._stored()
        return True

    def _spool(self) -> Spool:
        with self._lock:
            if self._opened is None:
                section = self._runtime.settings.receivers.get(self._label)
                limit = (section.spool_megabytes if section else 1024) * MEGABYTE
                with self._runtime.writing(stream_name(self._label), self._label) as ingester:
                    segment, _ = _place(ingester.progress)
                folder = self._runtime.home / "spool" / folder_name(self._label)
                self._opened = Spool(folder, limit, after=segment)
            return self._opened


def stream_name(label: str) -> str:
    """The stream that a receiver's records are committed under."""
    return f"receive/{label}"


def folder_name(label: str) -> str:
    """A label as the name of a folder: as it is where that is safe, else told apart by its hash."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", label):
        return label
    return hashlib.sha256(label.encode()).hexdigest()[:32]


class _Batch:
    """Entries on their way into one commit."""

    def __init__(self) -> None:
        self._records: dict[str, list[bytes]] = {}
        self._rejected: dict[str, list[Rejected]] = {}
        self._last: Entry | None = None
        self._count = self._size = 0

    def add(self, entry: Entry) -> None:
        self._last = entry
        self._count += len(entry.records) + len(entry.rejected)
        self._size += sum(map(len, entry.records)) + sum(len(each.raw) for each in entry.rejected)
        if entry.damaged:
            raw = entry.records[0]
            reason = "damaged on disk: the checksum of what was received differs"
            self._reject(DAMAGED, Rejected(raw, reason, 0, len(raw)))
            return
        self._records.setdefault(entry.log_type, []).extend(entry.records)
        for each in entry.rejected:
            self._reject(entry.log_type, each)

    def _reject(self, log_type: str, rejected: Rejected) -> None:
        """Positions are those in the batch: senders know nothing of one another."""
        listed = self._rejected.setdefault(log_type, [])
        listed.append(replace(rejected, position=len(listed)))

    @property
    def full(self) -> bool:
        return self._count >= BATCH_RECORDS or self._size >= BATCH_BYTES

    @property
    def page(self) -> Page | None:
        if self._last is None:
            return None
        state = {"segment": str(self._last.segment), "offset": str(self._last.end)}
        return Page(state, dict(self._records), rejected=dict(self._rejected))


def _place(progress: Any) -> tuple[int, int]:
    state = progress.get("state", {})
    return int(state.get("segment", 0)), int(state.get("offset", 0))
