"""Salesforce's event log files: listed by the time that they were made, and fetched when they are decoded.

Reference: https://developer.salesforce.com/docs/platform/object-reference/references/standard-objects/object-eventlogfile.html
and https://developer.salesforce.com/docs/platform/api-rest/guide/event-log-file-hourly-overview.html. A file is never
changed: what comes late makes another file.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, BinaryIO, Literal, cast

from mantissa_core.errors import Retry
from mantissa_core.model import Blob, Page, Window
from mantissa_core.vendor_api import Batch, VendorClient, Walk, WindowReader, timestamp

Interval = Literal["Hourly", "Daily"]
LISTED = 200
"""Files that are listed at once."""
PAGE_BYTES = 64 << 20
"""Bytes of files that make a page; a larger file is a page of its own."""
FILE_BYTES = 16 << 30
"""The largest file that is fetched."""
REMEMBERED = 2000
"""Files that the state remembers, so that the overlap is listed again but not fetched again."""
_ID = re.compile(r"[A-Za-z0-9]{15,18}")


class EventLogFiles:
    """Reads windows of the time at which files were made. Pages hold blobs, each of them one file."""

    def __init__(
        self, api: VendorClient, data: str, interval: Interval, event_types: Sequence[str], overlap: timedelta
    ) -> None:
        """``data`` is the path of the API's version, such as ``/services/data/v62.0``."""
        self._api, self._data = api, data
        types = ", ".join(f"'{name}'" for name in event_types)
        self._select = (
            "SELECT Id, EventType, LogDate, CreatedDate, LogFileLength FROM EventLogFile "
            f"WHERE Interval = '{interval}'" + (f" AND EventType IN ({types})" if types else "")
        )
        self._reader = WindowReader(api.vendor.name, self._list, overlap)

    def read(self, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Hand over the files that were made in ``window``, but for those that ``state`` remembers."""
        given = state.get("seen")
        seen = [str(each) for each in given] if isinstance(given, list) else []
        for page in self._reader.read(window, state):
            files = [cast(Mapping[str, Any], each) for each in cast(Sequence[object], page.records)]
            new = [file for file in files if file["Id"] not in seen]
            seen = [*seen, *(file["Id"] for file in new)][-REMEMBERED:]
            blobs = [self._blob(file) for file in new]
            yield replace(page, records=(), blobs=blobs, next_state={**page.next_state, "seen": seen})

    def _list(self, walk: Walk) -> Batch:
        """The next files, in the order in which they were made: as many as make a page."""
        bounds = f"CreatedDate >= {timestamp(walk.since)} AND CreatedDate < {timestamp(walk.until)}"
        if walk.cursor is not None:
            made, _, last = walk.cursor.partition(" ")
            bounds += f" AND (CreatedDate > {made} OR (CreatedDate = {made} AND Id > '{last}'))"
        listed = self._query(f"{self._select} AND {bounds} ORDER BY CreatedDate, Id LIMIT {LISTED}")
        files = _first(listed)
        if len(files) == len(listed) < LISTED:
            return Batch(files, None)
        return Batch(files, f"{timestamp(_made(files[-1]))} {files[-1]['Id']}")

    def _query(self, soql: str) -> list[dict[str, Any]]:
        answer = self._api.get(f"{self._data}/query", {"q": soql})
        files = answer.records("records")
        if not all(isinstance(file.get("Id"), str) and _ID.fullmatch(file["Id"]) for file in files):
            raise Retry(f"{answer.vendor} listed a file without an id{answer.quoted}")
        return files

    def _blob(self, file: Mapping[str, Any]) -> Blob:
        name = f"{file.get('EventType')} of {file.get('LogDate')} ({file['Id']})"
        return Blob(f"{self._api.base_url}/EventLogFile/{file['Id']}", name, lambda: self._fetch(file))

    def _fetch(self, file: Mapping[str, Any]) -> BinaryIO:
        """Copy the file to the disk: it may be large, and the connection must not break off while it is decoded."""
        path = f"{self._data}/sobjects/EventLogFile/{file['Id']}/LogFile"
        with ExitStack() as on_failure:
            copy = on_failure.enter_context(tempfile.TemporaryFile())
            self._api.download(path, cast(BinaryIO, copy), limit=FILE_BYTES, gone={404})
            size, expected = copy.tell(), file.get("LogFileLength")
            copy.seek(0)
            if isinstance(expected, int | float) and size < expected:
                raise Retry(f"{self._api.vendor.name} gave {size} of the {int(expected)} bytes of {file['Id']}")
            if copy.read(1) in (b"{", b"[", b"<"):
                raise Retry(f"{self._api.vendor.name} answered with something else than the file {file['Id']}")
            copy.seek(0)
            on_failure.pop_all()
        return cast(BinaryIO, copy)


def _first(files: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many files as make a page, at least one where there is one."""
    size = 0.0
    for number, file in enumerate(files):
        size += file["LogFileLength"] if isinstance(file.get("LogFileLength"), int | float) else 0
        if number and size > PAGE_BYTES:
            return list(files[:number])
    return list(files)


def _made(file: Mapping[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(str(file.get("CreatedDate")))
    except ValueError:
        raise Retry(f"Salesforce does not say when the file {file['Id']} was made") from None
