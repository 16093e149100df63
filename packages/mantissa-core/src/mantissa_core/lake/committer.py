"""Committing to one table: exactly once for each transaction, whoever else writes.

Threads of one process take turns: whoever has the turn commits everything that waits, in one version. That keeps
the log short and the writers of one process from colliding with each other.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mantissa_core.errors import Fenced, LakeError

from .delta import CommitRefused, Delta
from .files import DataFile
from .history import History

ATTEMPTS = 12
"""Tries until a commit gives up; eight writers on one table were seen to need several."""

_SHORTEST, _LONGEST = 0.005, 1.0
"""Seconds between tries, doubling."""


@dataclass(frozen=True)
class Change:
    """One step of a table. ``transactions`` maps writers to sequence numbers and must not be empty.

    ``rewrite`` marks maintenance: the same rows in other files, which no consumer sees as new.
    """

    adds: Sequence[DataFile]
    transactions: Mapping[str, int]
    removes: Sequence[DataFile] = ()
    rewrite: bool = False

    @property
    def alone(self) -> bool:
        """Whether it may not share a version with others."""
        return self.rewrite or bool(self.removes)


class _Pending:
    """A change that waits for its turn, and what became of it."""

    def __init__(self, change: Change) -> None:
        self.change = change
        self.tried = False
        self.done = False
        self.version: int | None = None
        self.error: LakeError | None = None

    def settle(self, version: int | None = None, error: LakeError | None = None) -> None:
        self.done, self.version, self.error = True, version, error


class Committer:
    """Takes changes of one table from any thread."""

    def __init__(self, delta: Delta, history: History) -> None:
        self._delta = delta
        self._history = history
        self._turn = threading.Lock()
        self._waiting: list[_Pending] = []
        self._waiting_lock = threading.Lock()

    def commit(self, change: Change) -> int | None:
        """Commit and return the version, or ``None`` where an earlier try had committed the same files.

        ``Fenced`` where another writer used one of the transactions for other files; ``LakeError`` where the
        log did not take it after several tries: nothing of it is visible then.
        """
        if not change.transactions:
            raise ValueError("a change without a transaction could be committed twice")
        mine = _Pending(change)
        with self._waiting_lock:
            self._waiting.append(mine)
        while not mine.done:
            with self._turn:
                if not mine.done:
                    self._commit_together(self._next_batch())
        if mine.error:
            raise mine.error
        return mine.version

    def _next_batch(self) -> list[_Pending]:
        """Take the oldest change, and with it all that can share its version."""
        with self._waiting_lock:
            batch, names = [self._waiting[0]], set(self._waiting[0].change.transactions)
            for pending in self._waiting[1:]:
                alone = pending.change.alone or batch[0].change.alone
                if not alone and names.isdisjoint(pending.change.transactions):
                    batch.append(pending)
                    names.update(pending.change.transactions)
            self._waiting = [pending for pending in self._waiting if pending not in batch]
        return batch

    def _commit_together(self, batch: list[_Pending]) -> None:
        try:
            self._attempt(batch)
        except LakeError as error:
            for pending in batch:
                if not pending.done:
                    pending.settle(error=error)
        finally:
            for pending in batch:
                if not pending.done:
                    pending.settle(error=LakeError(f"the commit to table {self._delta.name} was interrupted"))

    def _attempt(self, batch: list[_Pending]) -> None:
        reason = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                pause = min(_LONGEST, _SHORTEST * 2**attempt)
                time.sleep(random.uniform(pause / 2, pause))  # noqa: S311  # spreads writers, guards nothing
            try:
                with self._delta.unmoved():
                    self._look_and_write(batch)
                return
            except CommitRefused as error:
                reason = str(error)
        raise LakeError(f"table {self._delta.name}: the log took no commit in {ATTEMPTS} tries: {reason}")

    def _look_and_write(self, batch: list[_Pending]) -> None:
        before = self._delta.refresh()
        for pending in batch:
            if not pending.done:
                self._look_for(pending)
        if rest := [pending for pending in batch if not pending.done]:
            self._write(rest)
            self._settle(rest, before)

    def _look_for(self, pending: _Pending) -> None:
        """Settle a change whose transactions are already in the log, or whose removed files are gone."""
        change = pending.change
        if all(self._delta.transaction(app_id) < seq for app_id, seq in change.transactions.items()):
            if gone := [file.path for file in change.removes if file.path not in self._delta.live()]:
                pending.settle(error=Fenced(f"table {self._delta.name}: another process already removed {gone[0]}"))
            return
        if not pending.tried and change.adds and all(file.path in self._delta.live() for file in change.adds):
            pending.settle(None)
        elif (version := self._version_of(change)) is None:
            pending.settle(error=Fenced(self._fenced(change)))
        else:
            pending.settle(version if pending.tried else None)

    def _version_of(self, change: Change) -> int | None:
        """Return the version that holds exactly this change's files under its transactions."""
        newest, paths = self._delta.version, {file.path for file in change.adds}
        versions = [self._history.find(*item, newest) for item in change.transactions.items()]
        numbers = {version.number if version and paths <= version.paths else None for version in versions}
        return numbers.pop() if len(numbers) == 1 else None

    def _fenced(self, change: Change) -> str:
        taken = ", ".join(
            f"{app_id} is at {self._delta.transaction(app_id)}, not before {seq}"
            for app_id, seq in sorted(change.transactions.items())
        )
        return (
            f"table {self._delta.name}: {taken}: another process writes this stream, or the state store is older than "
            "the lake; stop the other process, or restore the newest state"
        )

    def _write(self, rest: Iterable[_Pending]) -> None:
        changes = [pending.change for pending in rest]
        for pending in rest:
            pending.tried = True
        transactions = {app_id: seq for change in changes for app_id, seq in change.transactions.items()}
        adds = [file for change in changes for file in change.adds]
        removes = [file for change in changes for file in change.removes]
        self._delta.write(adds, removes, transactions, data_change=not changes[0].rewrite)

    def _settle(self, rest: Iterable[_Pending], before: int) -> None:
        """Find out the version: ours is the next one unless another process committed at the same time."""
        after = self._delta.refresh()
        for pending in rest:
            pending.settle(after if after == before + 1 else self._version_of(pending.change))
