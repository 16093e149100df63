"""The default state store: one SQLite file on a local disk, shared by the processes of one machine."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mantissa_core.errors import Conflict, StateError
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Document, Put

from .limits import check_limits
from .sqlite_file import connect, copy, refuse_network, transaction, translated, writable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PURGED = 100
"""Expired documents that one commit removes at most, so that none becomes slow."""
CHUNK = 500
"""Keys in one statement; SQLite builds differ in how many parameters they take, 999 at least."""

LIVE = "(expires IS NULL OR expires > ?)"


class SQLite:
    """Keeps documents in one SQLite file (write-ahead log, every commit synced to disk).

    Any number of threads and processes may use one file. An expired document counts as absent, so one that is
    written over it starts again at version 1. The file is opened on first use.
    """

    class Config(PluginConfig):
        """Settings of ``core.sqlite``."""

        path: Path = Path("state/state.sqlite")
        """The database file, on a local disk; created with its folder where it does not exist."""

    def __init__(self, config: Config) -> None:
        self.path = config.path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._pid = 0

    @hookimpl
    def get_documents(self, partition: str, keys: Sequence[str]) -> Mapping[str, Document]:
        """Return those of ``keys`` that exist and have not expired."""
        found: dict[str, Document] = {}
        with self._using() as db:
            for start in range(0, len(keys), CHUNK):
                chunk = keys[start : start + CHUNK]
                rows = db.execute(
                    "SELECT key, value, version, expires FROM document"
                    f" WHERE partition = ? AND {LIVE} AND key IN ({_marks(chunk)})",
                    (partition, _now(), *chunk),
                )
                found.update((row[0], _document(*row)) for row in rows)
        return found

    @hookimpl
    def scan_documents(self, partition: str, prefix: str, after: str, limit: int) -> Sequence[Document]:
        """Return up to ``limit`` documents by key; the order is that of Unicode code points."""
        lower, beyond = (after, ">") if after >= prefix else (prefix, ">=")
        with self._using() as db:
            # 0xFF never occurs in UTF-8, so this is greater than every key with the prefix and less than all after.
            end = prefix.encode() + b"\xff"
            rows = db.execute(
                "SELECT key, value, version, expires FROM document"
                f" WHERE partition = ? AND key {beyond} ? AND key < CAST(? AS TEXT) AND {LIVE} ORDER BY key LIMIT ?",
                (partition, lower, end, _now(), max(limit, 0)),
            )
            return [_document(*row) for row in rows]

    @hookimpl
    def commit_documents(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int]) -> None:
        """Write all of ``puts`` or nothing, in one transaction that is on disk when this returns."""
        texts = check_limits(partition, puts)
        with self._using() as db, transaction(db):
            _purge(db)
            versions = _versions(db, partition, [*expects, *(put.key for put in puts)])
            for key, expected in expects.items():
                if (actual := versions.get(key, 0)) != expected:
                    raise Conflict(f"{partition}/{key}: expected version {expected}, found {actual}")
            for put, text in zip(puts, texts, strict=True):
                _write(db, partition, put, text, versions.get(put.key, 0) + 1)

    @hookimpl
    def check(self) -> None:
        """Prove that the file is intact and can be written; where there is none yet, that it could be created."""
        refuse_network(self.path)
        if not writable(self.path):
            raise StateError(f"{self.path}: cannot be written by this user: change its permissions or folder")
        if self.path.exists():
            self._examine()

    def backup(self, target: Path) -> None:
        """Copy the store as it is at one moment to the new file ``target``, while others go on writing.

        Raises:
            StateError: ``target`` exists or cannot be written; no half a copy is left.
        """
        with self._using() as db:
            copy(db, target)

    def close(self) -> None:
        """Close the file. Harmless when repeated; the next call opens it again."""
        with self._lock:
            if self._db is not None and self._pid == os.getpid():
                self._db.close()
                self._db = None

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        """The one connection, for one thread at a time."""
        if self._db is not None and self._pid != os.getpid():
            # https://sqlite.org/howtocorrupt.html, section 2.6: a connection must not be carried across a fork.
            raise StateError(f"{self.path}: was opened before a fork: make a new store in the child process")
        with self._lock, _utf8_only(), translated(self.path):
            if self._db is None:
                self._db, self._pid = connect(self.path), os.getpid()
            yield self._db

    def _examine(self) -> None:
        with self._using() as db:
            found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                what = " ".join(found.split())
                raise StateError(f"{self.path}: is damaged ({what}): stop mantissa and restore a backup")
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")


@contextmanager
def _utf8_only() -> Iterator[None]:
    try:
        yield
    except UnicodeEncodeError:
        raise StateError("a partition or key holds half a surrogate pair, which is no Unicode text") from None


def _versions(db: sqlite3.Connection, partition: str, keys: Sequence[str]) -> dict[str, int]:
    """The versions of those of ``keys`` that are alive."""
    versions: dict[str, int] = {}
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        versions.update(
            db.execute(
                f"SELECT key, version FROM document WHERE partition = ? AND {LIVE} AND key IN ({_marks(chunk)})",
                (partition, _now(), *chunk),
            )
        )
    return versions


def _write(db: sqlite3.Connection, partition: str, put: Put, text: str | None, version: int) -> None:
    if text is None:
        db.execute("DELETE FROM document WHERE partition = ? AND key = ?", (partition, put.key))
        return
    expires = None if put.expires is None else _microseconds(put.expires)
    db.execute(
        "INSERT OR REPLACE INTO document (partition, key, value, version, expires) VALUES (?, ?, ?, ?, ?)",
        (partition, put.key, text, version, expires),
    )


def _purge(db: sqlite3.Connection) -> None:
    """Remove some of what has expired; nobody can see it any more."""
    db.execute(
        "DELETE FROM document WHERE rowid IN (SELECT rowid FROM document WHERE expires <= ? LIMIT ?)", (_now(), PURGED)
    )


def _document(key: str, value: str, version: int, expires: int | None) -> Document:
    decoded: dict[str, Any] = json.loads(value)
    return Document(key, decoded, version, None if expires is None else EPOCH + timedelta(microseconds=expires))


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def _now() -> int:
    return _microseconds(datetime.now(UTC))


def _marks(keys: Sequence[str]) -> str:
    return ",".join("?" * len(keys))
