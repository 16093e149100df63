"""How the stages read and write state: the store's three hooks, made comfortable."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from mantissa_core.errors import Conflict, StateError
from mantissa_core.model import Document, Put

PAGE = 200
"""Documents that a scan asks the store for at a time."""
ATTEMPTS = 30
"""How often :meth:`State.update` tries before it gives up: some 3 seconds under contention."""


class Documents(Protocol):
    """What a state needs of a :class:`~mantissa_core.hookspecs.StateStore`: its three hooks."""

    def get_documents(self, partition: str, keys: Sequence[str]) -> Mapping[str, Document]:
        """As the hook."""

    def scan_documents(self, partition: str, prefix: str, after: str, limit: int) -> Sequence[Document]:
        """As the hook."""

    def commit_documents(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int]) -> None:
        """As the hook."""


class State:
    """Small JSON documents in named partitions, on top of any state store.

    A partition is the unit of atomicity: what must change together lives in one.
    """

    def __init__(self, store: Documents) -> None:
        self._store = store

    def get(self, partition: str, key: str) -> Document | None:
        """Return the document as it is now, ``None`` where there is none or it has expired."""
        return self._store.get_documents(partition, [key]).get(key)

    def get_many(self, partition: str, keys: Sequence[str]) -> Mapping[str, Document]:
        """Return those of ``keys`` that exist."""
        return self._store.get_documents(partition, keys) if keys else {}

    def scan(self, partition: str, prefix: str = "", after: str = "", page: int = PAGE) -> Iterator[Document]:
        """Yield the documents whose keys start with ``prefix`` and are greater than ``after``, by key.

        The store is asked for ``page`` of them at a time.

        May be stale; what is written while it runs may or may not be seen. Claim by :meth:`commit` with the
        document's version before acting on it.
        """
        while found := self._store.scan_documents(partition, prefix, after, page):
            yield from found
            if len(found) < page:
                return
            if found[-1].key <= after:
                raise StateError(
                    f"{partition}: the store's scan does not get beyond {after!r}: report it to its author"
                )
            after = found[-1].key

    def commit(self, partition: str, puts: Sequence[Put], expects: Mapping[str, int] | None = None) -> None:
        """Write all of ``puts`` or nothing, provided that every key of ``expects`` has that version (0: absent).

        Raises:
            Conflict: a version differs; read again and decide again.
            StateError: a limit of :mod:`mantissa_core.state.limits` is exceeded.
        """
        self._store.commit_documents(partition, puts, expects or {})

    def update(
        self,
        partition: str,
        key: str,
        change: Callable[[Mapping[str, Any] | None], Mapping[str, Any] | None],
        expires: datetime | None = None,
    ) -> Document | None:
        """Replace a document by what ``change`` makes of its value, and return the new one.

        ``change`` gets ``None`` where there is no document, and deletes it by returning ``None``. It is called
        again when somebody else wrote first, so it has no effects of its own. ``expires`` is the new expiry;
        without it the old one stays.

        Raises:
            Conflict: others kept writing first, ``ATTEMPTS`` times.
        """
        for attempt in range(ATTEMPTS):
            try:
                return self._change(partition, key, change, expires)
            except Conflict:
                # Jitter, or writers that met once meet again.
                time.sleep(random.uniform(0, min(0.2, 0.002 * 2**attempt)))  # noqa: S311
        raise Conflict(f"{partition}/{key}: changed by others {ATTEMPTS} times in a row while updating it")

    def _change(
        self,
        partition: str,
        key: str,
        change: Callable[[Mapping[str, Any] | None], Mapping[str, Any] | None],
        expires: datetime | None,
    ) -> Document | None:
        old = self.get(partition, key)
        value = change(old.value if old else None)
        if value is None and old is None:
            return None
        version = old.version if old else 0
        expires = expires or (old.expires if old else None)
        self.commit(partition, [Put(key, value, expires)], {key: version})
        return None if value is None else Document(key, value, version + 1, expires)
