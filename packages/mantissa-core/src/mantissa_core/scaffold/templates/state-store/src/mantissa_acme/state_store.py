"""The state store ``acme.gadget``: one JSON file, for small instances."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mantissa_core.errors import Conflict, StateError
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Document, Put
from mantissa_core.state.atomic_file import locked, replace
from mantissa_core.state.filesystem import existing_parent
from mantissa_core.state.limits import check_limits

Rows = dict[str, dict[str, Any]]
"""A partition's documents by key: ``value``, ``version`` and ``expires`` (ISO 8601 or null)."""


class Gadget:
    """Keeps documents in one JSON file that every commit replaces as a whole.

    Any number of threads and processes of one machine may use it: writers wait for each other, readers
    see the file before or after a commit. Each call reads all of it: keep it below some megabytes.
    """

    class Config(PluginConfig):
        """Where the file is."""

        path: Path = Path("state/state.json")
        """The file, on a local disk; created with its folder where it does not exist."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @hookimpl
    def check(self) -> None:
        """Prove that the file can be read, and replaced."""
        self._read()
        folder = existing_parent(self.config.path)
        if not os.access(folder, os.W_OK):
            raise StateError(f"{folder}: this user cannot write here: change its permissions")

    @hookimpl
    def get_documents(self, partition: str, keys: Sequence[str]) -> Mapping[str, Document]:
        """Return those of ``keys`` that exist and have not expired."""
        rows = self._read().get(partition, {})
        return {key: _document(key, rows[key]) for key in keys if key in rows}

    @hookimpl
    def scan_documents(self, partition: str, prefix: str, after: str, limit: int) -> Sequence[Document]:
        """Return up to ``limit`` documents by key; Python sorts texts by code points, as promised."""
        rows = self._read().get(partition, {})
        keys = sorted(key for key in rows if key.startswith(prefix) and key > after)
        return [_document(key, rows[key]) for key in keys[: max(limit, 0)]]

    @hookimpl
    def commit_documents(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int]) -> None:
        """Write all of ``puts`` or nothing; on disk when this returns.

        Raises:
            Conflict: a version is not the expected one.
            StateError: a limit is exceeded, or the file cannot be read or written.
            Retry: others kept the file locked.
        """
        check_limits(partition, puts)
        with self._explained(), locked(self.config.path):
            partitions = self._read()
            rows = partitions.pop(partition, {})
            versions = {key: row["version"] for key, row in rows.items()}
            for key, expected in expects.items():
                if (actual := versions.get(key, 0)) != expected:
                    raise Conflict(f"{partition}/{key}: expected version {expected}, found {actual}")
            for put in puts:
                rows.pop(put.key, None)
                if put.value is not None:
                    rows[put.key] = _row(put, versions.get(put.key, 0) + 1)
            text = json.dumps({**partitions, partition: rows}, default=dict, separators=(",", ":"))
            replace(self.config.path, text.encode())

    def _read(self) -> dict[str, Rows]:
        """What has not expired, by partition; the next commit forgets the rest."""
        with self._explained():
            try:
                partitions = json.loads(self.config.path.read_bytes())
                return {name: found for name, rows in partitions.items() if (found := _live(rows))}
            except FileNotFoundError:
                return {}
            except (ValueError, TypeError, KeyError, AttributeError):
                what = "is damaged, or another program's: restore a backup"
                raise StateError(f"{self.config.path}: {what}") from None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"{error.filename or self.config.path}: {error.strerror or error}"
            raise StateError(f"{what}: check its permissions and the space on its disk") from error


def _row(put: Put, version: int) -> dict[str, Any]:
    expires = put.expires.isoformat() if put.expires else None
    return {"value": put.value, "version": version, "expires": expires}


def _document(key: str, row: Mapping[str, Any]) -> Document:
    return Document(key, row["value"], row["version"], _time(row["expires"]))


def _live(rows: Rows) -> Rows:
    now, times = datetime.now(UTC), {key: _time(row["expires"]) for key, row in rows.items()}
    return {key: rows[key] for key, expires in times.items() if expires is None or expires > now}


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
