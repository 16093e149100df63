"""The lake: a marked folder (or bucket prefix) with tables in it."""

from __future__ import annotations

import json
import os
import re
import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from mantissa_core.errors import LakeError

from .cache import Cache
from .delta import Delta
from .spec import TableSpec
from .storage import Storage
from .table import Place, Table

FORMAT = 1
"""The layout that this version reads and writes."""

MARKER = "mantissa-lake.json"
TABLES = "tables"


class Lake:
    """Opens, creates and evolves tables. Safe to share between threads."""

    def __init__(self, storage: Storage, identity: str, cache: Cache | None = None) -> None:
        self.storage = storage
        self.id = identity
        self._cache = cache
        self._tables: dict[str, Table] = {}
        self._ensured: dict[str, TableSpec] = {}
        self._lock = threading.Lock()

    @classmethod
    def open(
        cls,
        url: str | Path,
        *,
        storage_options: Mapping[str, str] = MappingProxyType({}),
        create: bool = True,
        cache: Cache | None = None,
    ) -> Lake:
        """Open the lake at a folder or ``s3://bucket/prefix``; an empty place becomes one unless ``create`` is off.

        ``storage_options`` are delta-rs's (``AWS_ENDPOINT_URL``, ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``,
        ``AWS_REGION``, ``AWS_ALLOW_HTTP``). A remote lake is read through ``cache``, by default 20 GB below
        ``$XDG_CACHE_HOME/mantissa``. ``LakeError`` where the place holds something else or a newer format.
        """
        storage = Storage.open(url, storage_options)
        try:
            identity = _identity(storage) or _mark(storage, create)
        except OSError as error:
            raise LakeError(f"lake {storage.url()} cannot be reached: {error}") from error
        if not storage.local and cache is None:
            cache = Cache(_cache_home() / identity)
        return cls(storage, identity, None if storage.local else cache)

    @property
    def url(self) -> str:
        """The lake's folder: an absolute path, or a URL."""
        return self.storage.url()

    def tables(self) -> list[str]:
        """Return the names of all tables, sorted."""
        return [n for n in self.storage.names(TABLES) if self.storage.names(f"{TABLES}/{n}/_delta_log")]

    def table(self, name: str) -> Table:
        """Return a table. ``LakeError`` where there is none of that name, or it is not ours."""
        with self._lock:
            if name not in self._tables:
                delta = Delta.open(name, self._table_url(name), self.storage.options)
                if delta is None:
                    raise LakeError(f"lake {self.url} has no table {name!r}: nothing was ingested into it yet")
                self._tables[name] = Table(delta, self._place(name))
            return self._tables[name]

    def ensure(self, spec: TableSpec) -> Table:
        """Return the table that ``spec`` describes, created or given the columns that it lacks.

        ``LakeError`` where a column has another type: types never change.
        """
        with self._lock:
            table = self._tables.get(spec.name)
            if table is not None and self._ensured.get(spec.name) == spec:
                return table
            if table is None:
                url = self._table_url(spec.name)
                delta = Delta.open(spec.name, url, self.storage.options)
                table = Table(delta or Delta.create(spec, url, self.storage.options), self._place(spec.name))
            table.evolve(spec)
            self._tables[spec.name], self._ensured[spec.name] = table, spec
            return table

    def _place(self, name: str) -> Place:
        return Place(self.storage, f"{TABLES}/{name}", self._cache)

    def _table_url(self, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_]{1,200}", name):
            raise LakeError(f"{name!r} is no table name: use 1 to 200 letters, digits and _")
        return self.storage.url(f"{TABLES}/{name}")


def _identity(storage: Storage) -> str | None:
    """Return the lake's id, or ``None`` where there is no marker."""
    try:
        marker = json.loads(storage.get(MARKER))
        found, identity = int(marker["format"]), str(uuid.UUID(marker["id"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(f"{storage.url(MARKER)} is damaged: restore it from a backup of the lake") from error
    if found > FORMAT:
        raise LakeError(f"lake {storage.url()} has format {found}, expected {FORMAT} or older: upgrade mantissa-core")
    return identity


def _mark(storage: Storage, create: bool) -> str:
    """Make an empty place a lake."""
    content = [name for name in storage.names() if not name.startswith(".mantissa-")]
    if content:
        raise LakeError(
            f"{storage.url()} is no lake: it has no {MARKER} but holds {content[0]!r}; "
            "set [lake] url to an empty or new folder"
        )
    if not create:
        raise LakeError(f"{storage.url()} is no lake yet: run 'mantissa init', or check [lake] url")
    marker = {"format": FORMAT, "created": datetime.now(UTC).isoformat(timespec="seconds"), "id": str(uuid.uuid4())}
    storage.put(MARKER, json.dumps(marker).encode())
    return _identity(storage) or str(marker["id"])


def _cache_home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mantissa"
