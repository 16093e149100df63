"""How reading each stream went: the last success, and the trouble since. One small document for each stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.state import State

PARTITION = "collection"
MOST_TEXT = 500

Kind = Literal["operator", "retry", "fault"]
"""A person must act; the source is unavailable or throttles; the plugin, the lake or the state store failed."""


class Attempt(msgspec.Struct, omit_defaults=True):
    """``error`` is that of the last attempt where it failed, ``since`` the first failure of this episode.

    ``last_error`` and ``last_failure`` stay after it is over.
    """

    label: str
    stream: str
    last_success: datetime | None = None
    last_failure: datetime | None = None
    last_error: str = ""
    error: str = ""
    kind: Kind | None = None
    since: datetime | None = None
    failures: int = 0

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed."""
        return self.failures > 0


class Attempts:
    """The attempts of every stream, in the state store; that to list a collector's streams goes by the name ``""``."""

    def __init__(self, state: State, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._state, self._clock = state, clock

    def get(self, label: str, stream: str) -> Attempt:
        """What is known of a stream; without anything a fresh one."""
        document = self._state.get(PARTITION, _key(label, stream))
        return msgspec.convert(dict(document.value), Attempt) if document else Attempt(label, stream)

    def all(self, label: str | None = None) -> Iterator[Attempt]:
        """Those of one collector, or of all."""
        for document in self._state.scan(PARTITION, _key(label, "") if label else "stream/"):
            yield msgspec.convert(dict(document.value), Attempt)

    def succeeded(self, label: str, stream: str) -> None:
        """A round ended well: an episode of failures is over."""

        def change(old: Mapping[str, Any] | None) -> Mapping[str, Any]:
            before = _load(old, label, stream)
            return _dump(
                Attempt(
                    label,
                    stream,
                    last_success=self._clock(),
                    last_failure=before.last_failure,
                    last_error=before.last_error,
                )
            )

        self._state.update(PARTITION, _key(label, stream), change)

    def failed(self, label: str, stream: str, error: Exception) -> None:
        """A round failed: an episode begins or goes on."""
        text = f"{error}"[:MOST_TEXT]

        def change(old: Mapping[str, Any] | None) -> Mapping[str, Any]:
            before, now = _load(old, label, stream), self._clock()
            return _dump(
                Attempt(
                    label,
                    stream,
                    last_success=before.last_success,
                    last_failure=now,
                    last_error=text,
                    error=text,
                    kind=_kind(error),
                    since=before.since or now,
                    failures=before.failures + 1,
                )
            )

        self._state.update(PARTITION, _key(label, stream), change)


def _kind(error: Exception) -> Kind:
    if isinstance(error, NeedsOperator):
        return "operator"
    return "retry" if isinstance(error, Retry) else "fault"


def _key(label: str, stream: str) -> str:
    return f"stream/{label}/{stream}"


def _load(value: Mapping[str, Any] | None, label: str, stream: str) -> Attempt:
    return msgspec.convert(dict(value), Attempt) if value else Attempt(label, stream)


def _dump(attempt: Attempt) -> Mapping[str, Any]:
    dumped: dict[str, Any] = msgspec.to_builtins(attempt)
    return dumped
