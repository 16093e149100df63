"""The database file of the SQLite state store: opening, recognising, creating and copying it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from mantissa_core.errors import Retry, StateError

from .filesystem import existing_parent, network_type

APPLICATION_ID = 0x4D6E7453
"""Marks a file as ours (``PRAGMA application_id``): "MntS" in ASCII."""
FORMAT = 1
"""Version of the schema below (``PRAGMA user_version``)."""
BUSY_SECONDS = 20.0
"""How long a call waits for another process's write before it gives up."""

SCHEMA = (
    """CREATE TABLE document (
        partition TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,      -- JSON object
        version INTEGER NOT NULL, -- from 1
        expires INTEGER,          -- microseconds since 1970-01-01 UTC
        PRIMARY KEY (partition, key)
    )""",
    "CREATE INDEX document_expires ON document (expires) WHERE expires IS NOT NULL",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT}",
)

REMEDIES = {
    sqlite3.SQLITE_FULL: "the disk is full; nothing was written: free some space",
    sqlite3.SQLITE_IOERR: "the disk failed or is full; nothing was written: check its space, quota and health",
    sqlite3.SQLITE_READONLY: "it cannot be written: give this user write permission to the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: give this user read and write permission to it and its folder",
    sqlite3.SQLITE_PERM: "it cannot be opened: give this user read and write permission to it and its folder",
    sqlite3.SQLITE_CORRUPT: "it is damaged: stop mantissa, move the file away and restore a backup",
    sqlite3.SQLITE_NOTADB: "it is not a database: move the file away, or set another path under [state]",
}
"""What to do, by SQLite's primary result code (https://sqlite.org/rescode.html)."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the store's file, creating it where there is none.

    The connection may be handed between threads but is not to be used by two at once.

    Raises:
        StateError: the file is on a network file system, is damaged, belongs to another application or a newer
            version, or cannot be opened. Nothing that exists is changed then.
        Retry: another process keeps it locked.
    """
    refuse_network(path)
    with translated(path):
        _touch(path)
        db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            _prepare(db, path)
        except BaseException:
            db.close()
            raise
        return db


def refuse_network(path: Path) -> None:
    """Raise StateError where other hosts may write to ``path``: SQLite's locks do not reach them."""
    if kind := network_type(path):
        raise StateError(
            f"{path}: is on a network file system ({kind}), where SQLite loses data "
            "(https://sqlite.org/useovernet.html): set a path on a local disk under [state], or use another store"
        )


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Hold the write lock; commit what the block did, or undo it where it raises."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk makes SQLite itself roll back
            db.execute("ROLLBACK")
        raise


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn the errors of SQLite and of the file system into ours, which name the file and the remedy."""
    try:
        yield
    except sqlite3.Error as error:
        # Only errors that come from SQLite itself, not from the Python module, have a code.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Retry(f"{path}: another process has kept it locked for {BUSY_SECONDS:g} s") from error
        raise StateError(f"{path}: {REMEDIES.get(code, 'SQLite refused')} ({error})") from error
    except OSError as error:
        raise StateError(f"{path}: {error.strerror or error}: check the folder, its permissions and space") from error


def copy(db: sqlite3.Connection, target: Path) -> None:
    """Copy the database to the new file ``target`` as it is at one moment, while others go on writing."""
    if target.exists():
        raise StateError(f"{target}: exists already: give the copy a new name")
    with translated(target):
        try:
            _touch(target)
            with closing(sqlite3.connect(target, isolation_level=None)) as twin:
                db.backup(twin)
                twin.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it
        except BaseException:
            target.unlink(missing_ok=True)
            raise


def _touch(path: Path) -> None:
    """Create the file for its owner alone: alerts are in it. SQLite gives its side files the same mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    db.execute("BEGIN")  # what is read belongs to one moment: another process may be creating it
    try:
        fresh = _is_fresh(db, path)  # before anything is written: the file may be somebody else's
    finally:
        db.execute("ROLLBACK")
    if fresh:
        with transaction(db):
            if _is_fresh(db, path):  # another process may have been faster
                for statement in SCHEMA:
                    db.execute(statement)
    _use_write_ahead_log(db, path)
    db.execute("PRAGMA synchronous = FULL")


def _is_fresh(db: sqlite3.Connection, path: Path) -> bool:
    application, version = _pragma(db, "application_id"), _pragma(db, "user_version")
    if application == APPLICATION_ID:
        if version > FORMAT:
            raise StateError(f"{path}: was written by a newer version (format {version}): upgrade mantissa-core")
        return False
    if application or version or db.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise StateError(f"{path}: is another application's database: set another path under [state]")
    return True


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])


def _use_write_ahead_log(db: sqlite3.Connection, path: Path) -> None:
    """Switch the journal mode. SQLite does not wait for other processes here, so we do."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            break
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise StateError(f"{path}: its file system lacks shared memory (journal mode {mode}): use a local disk")


def writable(path: Path) -> bool:
    """Whether the file, or the folder that it would be created in, can be written."""
    return os.access(path if path.exists() else existing_parent(path), os.W_OK)
