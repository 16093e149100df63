"""The commit protocol of one stream: rows in any number of tables and the stream's progress, all or nothing.

.. code-block:: text

    stage     data files are durable, nobody sees them
    intent    one state commit names them and the next value      ← from here on the commit will happen
    commit    each table, in name order, under (stream, seq)
    done      one state commit: progress set, intent deleted

A crash before the intent leaves unreferenced files, which the vacuum deletes. A crash after it is rolled forward
by :meth:`StreamLog.recover`, from the intent alone: nothing is fetched again. Two processes on one stream collide
at the intent (compare-and-set) and at the log (transactions): the later one is ``Fenced``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mantissa_core.errors import Conflict, Fenced, LakeError
from mantissa_core.model.document import Put

from .files import DataFile
from .intent import FIRST, PROGRESS, STREAMS, Intent, partition

if TYPE_CHECKING:
    import pyarrow as pa

    from mantissa_core.state.documents import State

    from .lake import Lake
    from .spec import TableSpec


class StreamLog:
    """One writer of one stream. Call :meth:`recover` before the first commit and after any error."""

    def __init__(self, lake: Lake, state: State, stream: str) -> None:
        self.stream = stream
        self._lake = lake
        self._state = state
        self._partition = partition(stream)
        self._unsure = False
        self._load()

    def _load(self) -> None:
        document = self._state.get(self._partition, PROGRESS)
        self._version = document.version if document else 0
        self._seq: int = document.value["seq"] if document else 0
        self._value: Mapping[str, Any] = document.value["value"] if document else {}

    @property
    def seq(self) -> int:
        """The number of the last done commit, 0 at first."""
        return self._seq

    @property
    def value(self) -> Mapping[str, Any]:
        """The value of the last done commit, empty at first."""
        return MappingProxyType(dict(self._value))

    def recover(self) -> bool:
        """Finish what a crash or an error left open; True where there was something.

        Afterwards ``value`` says where to read on. ``Fenced`` where another process is at work on the stream.
        """
        self._load()
        found = Intent.load(self._state, self.stream)
        if found:
            self._roll_forward(*found)
        self._unsure = False
        return found is not None

    def commit(self, rows: Mapping[TableSpec, pa.Table], value: Mapping[str, Any]) -> None:
        """Commit ``rows`` to their tables and ``value`` as the progress, exactly once.

        ``Fenced`` where another process writes this stream: nothing of this commit is visible. After any other
        error it is either not visible or will be completed: ``recover()`` tells.
        """
        if self._unsure:
            raise LakeError(f"stream {self.stream}: the last commit may be open: call recover() and read on from value")
        if not self._version:
            self._begin()
        files = self._stage(rows)
        if not files:
            self._done(Intent(self._seq + 1, value, {}), [])
            return
        intent = Intent(self._seq + 1, value, files)
        self._roll_forward(intent, self._declare(intent))

    def _begin(self) -> None:
        """Register a new stream. Where only the state was lost, count on from what the lake remembers of it."""
        self._state.commit(STREAMS, [Put(self.stream, {})], {})
        committed = (self._lake.table(name).committed(self.stream) for name in self._lake.tables())
        self._seq = max((0, *committed))

    def _stage(self, rows: Mapping[TableSpec, pa.Table]) -> dict[str, list[DataFile]]:
        files: dict[str, list[DataFile]] = {}
        try:
            for spec, part in rows.items():
                if part.num_rows:
                    files[spec.name] = self._lake.ensure(spec).stage(part)
        except BaseException:
            self._discard(files)
            raise
        return files

    def _discard(self, files: Mapping[str, list[DataFile]]) -> None:
        for name, staged in files.items():
            self._lake.table(name).discard(staged)

    def _declare(self, intent: Intent) -> list[str]:
        """Put the intent and return its documents' keys."""
        try:
            puts = intent.puts(self.stream)
        except LakeError:
            self._discard(intent.files)
            raise
        self._unsure = True
        try:
            self._state.commit(self._partition, puts, {PROGRESS: self._version, FIRST: 0})
        except Conflict as conflict:
            self._discard(intent.files)
            raise self._fenced() from conflict
        return [put.key for put in puts]

    def _roll_forward(self, intent: Intent, documents: Sequence[str]) -> None:
        self._unsure = True
        for name in sorted(intent.files):
            self._lake.table(name).commit(intent.files[name], {self.stream: intent.seq})
        self._done(intent, documents)

    def _done(self, intent: Intent, documents: Sequence[str]) -> None:
        """Make the intent's value the progress and forget the intent.

        Whoever else finished the intent changed the progress, so its version guards both. An empty page has no
        documents, and must not pass by an intent that is open.
        """
        self._unsure = True
        progress = Put(PROGRESS, {"seq": intent.seq, "value": dict(intent.value)})
        deletes = [Put(key, None) for key in documents]
        expects = {PROGRESS: self._version} if documents else {PROGRESS: self._version, FIRST: 0}
        try:
            self._state.commit(self._partition, [progress, *deletes], expects)
        except Conflict as conflict:
            raise self._fenced() from conflict
        self._version += 1
        self._seq, self._value = intent.seq, dict(intent.value)
        self._unsure = False

    def _fenced(self) -> Fenced:
        return Fenced(f"stream {self.stream}: another process writes it; stop one of the two, then call recover()")
