"""The identity of an event: the vendor's own, or the place where it stood."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

import pyarrow as pa

from mantissa_core.model import LogType
from mantissa_core.model.log_type import NativeId, parse_path

from .sql import literal
from .texts import text_of

LENGTH = 32


def native_identity(log_type: LogType) -> str:
    """Return SQL for the text that identifies the event by the vendor's id; NULL where the event lacks it."""
    if not isinstance(log_type.id, NativeId):
        return "NULL::VARCHAR"
    texts = [text_of(log_type.by_path[parse_path(path)]) for path in log_type.id.native]
    parts = ", ".join([literal(log_type.name), *(f"coalesce({text}, '')" for text in texts)])
    return f"CASE WHEN {texts[0]} IS NOT NULL THEN concat_ws(chr(0), {parts}) END"


def native_ids(identities: pa.Array) -> list[str | None]:
    """Return ids made of :func:`native_identity`. Here and not in SQL: OpenSSL hashes four times as fast as DuckDB."""
    digest = hashlib.sha256
    texts = identities.cast(pa.binary()).to_pylist()
    return [None if text is None else digest(text).hexdigest()[:LENGTH] for text in texts]


def position_ids(log_type: LogType, places: Iterable[tuple[str, int]]) -> list[str]:
    """Return ids made of where records stood: pairs of origin and position. Two equal records are two events."""
    ids = []
    for origin, neighbours in groupby(places, key=itemgetter(0)):
        prefix = hashlib.sha256(f"{log_type.name}\0{origin}\0".encode(errors="backslashreplace"))
        for _, position in neighbours:
            digest = prefix.copy()
            digest.update(b"%d" % position)
            ids.append(digest.hexdigest()[:LENGTH])
    return ids
