"""Log entries that Cloud Logging exports into a Cloud Storage bucket.

A file holds the entries of one log and one hour as JSON lines: ``<log>/YYYY/MM/DD/HH:00:00_HH:59:59_S0.json``, further
shards ``S1``…, and ``A0``… for entries that came late.
Reference: https://cloud.google.com/logging/docs/export/storage
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from mantissa_core.hookspecs import hookimpl
from mantissa_core.listing import Item, Progress, Step
from mantissa_core.model import Blob, Page, Stream, Window
from mantissa_core.vendor_api import BaseUrl
from pydantic import Field, field_validator

from . import routing
from .access import Access
from .bucket import Bucket

DEEPEST = 4
"""Folders that are opened, one in another, in search of logs: a log's id has two parts, seldom more."""
PAGE_BYTES = 1024 * 1024 * 1024
"""Bytes of the objects of a page: they are read one by one, but committed together."""
_YEAR = re.compile(r"(?:19|20)[0-9]{2}/")


class GcsCollector:
    """Collects the exports in a bucket. Every log is a stream."""

    class Config(Access):
        """Settings of ``gcp.gcs``."""

        bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$")
        """Name of the bucket."""
        prefix: str = ""
        """Only logs below this folder, which ends with a slash."""
        endpoint: BaseUrl = "https://storage.googleapis.com"
        """Address of Cloud Storage."""
        since: date | None = None
        """Days (UTC) before this one are left out. Without it, everything is read."""
        overlap_hours: float = Field(default=24, ge=0, le=720)
        """How long after a file another may appear behind it, with a lower name, and still be found."""
        objects_per_page: int = Field(default=100, ge=1, le=1000)
        """Files that are committed together."""

        @field_validator("prefix")
        @classmethod
        def _folder(cls, prefix: str) -> str:
            if prefix and not prefix.endswith("/"):
                raise ValueError("a folder, which ends with a slash")
            return prefix.removeprefix("/")

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._config, self._clock = config, clock
        self._bucket = Bucket(config.bucket, config.endpoint, config)

    @hookimpl
    def check(self) -> None:
        """Ask which permissions there are."""
        self._bucket.check()

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """One stream for each folder of years: a log."""
        others = self._config.other_log_type
        logs = self._logs(self._config.prefix, DEEPEST)
        return [Stream(each, routing.of_folder(each) or others, windowed=False) for each in logs]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """List the log's files from the state's floor on and hand over those that are new."""
        progress = Progress(state, self._clock() - timedelta(hours=self._config.overlap_hours))
        before = progress.to_state()
        step = Step(progress, self._config.objects_per_page, PAGE_BYTES)
        for item in self._bucket.objects(stream.name, max(progress.floor, self._first(stream.name))):
            new = item.size > 0 and progress.is_new(item)
            if new and step.is_full(item):
                yield self._page(step, more=True)
            step.add(item, new)
        after = step.ended()
        if step.fresh or after != before:
            yield self._page(step, more=False)

    def close(self) -> None:
        """Release the connections."""
        self._bucket.close()

    def _page(self, step: Step, *, more: bool) -> Page:
        blobs = [self._blob(item) for item in step.fresh]
        return Page(step.commit(), blobs=blobs, more=more)

    def _blob(self, item: Item) -> Blob:
        place = self._bucket.place(item)
        return Blob(f"{place}#{item.version}", place, lambda: self._bucket.fetch(item))

    def _first(self, log: str) -> str:
        """What the names of the files that are wanted follow."""
        return f"{log}{self._config.since:%Y/%m/%d}/" if self._config.since else ""

    def _logs(self, folder: str, levels: int) -> Iterator[str]:
        if routing.of_folder(folder):
            yield folder
            return
        inside = [(child, child.removeprefix(folder)) for child in self._bucket.folders(folder)]
        if any(_YEAR.fullmatch(name) for _, name in inside):
            yield folder
        if levels > 1:
            for child, name in inside:
                if not _YEAR.fullmatch(name):
                    yield from self._logs(child, levels - 1)
