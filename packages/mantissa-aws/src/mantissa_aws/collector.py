"""Log files in an S3 bucket, in the order of their keys.

Reference: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from mantissa_core.hookspecs import hookimpl
from mantissa_core.listing import Item, Progress, Step
from mantissa_core.model import Blob, Page, Stream, Window
from pydantic import Field, ValidationInfo, field_validator

from . import folders, objects
from .errors import translated
from .objects import GoneError, Object
from .session import CONNECTIONS, Access, client


class S3Collector:
    """Collects the objects of a bucket. Every folder in which keys rise with time is a stream."""

    class Config(Access):
        """Settings of ``aws.s3``."""

        bucket: str = Field(min_length=3, max_length=63)
        """Name of the bucket."""
        prefix: str = ""
        """Only keys that start with it, such as AWSLogs/; a folder, it ends with a slash."""
        log_type: str = "aws.cloudtrail"
        """What the objects hold."""
        service: str = Field(default="", validate_default=True)
        """Which of the folders below AWSLogs/<account>/ are read; without it, those of the log type."""
        since: date | None = None
        """Objects that were written before this day (UTC) are left out. Without it, everything is read."""
        overlap_hours: float = Field(default=24, ge=0, le=720)
        """How long after an object another may appear behind it, with a lower key, and still be found."""
        objects_per_page: int = Field(default=100, ge=1, le=1000)
        """Objects that are committed together."""

        @field_validator("prefix")
        @classmethod
        def _folder(cls, prefix: str) -> str:
            if prefix and not prefix.endswith("/"):
                raise ValueError("a folder, which ends with a slash")
            return prefix.removeprefix("/")

        @field_validator("service")
        @classmethod
        def _of_the_log_type(cls, service: str, info: ValidationInfo) -> str:
            return service or folders.SERVICES.get(str(info.data.get("log_type")), "")

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._config, self._clock = config, clock
        self._place = f"s3://{config.bucket}/{config.prefix}"

    @cached_property
    def _s3(self) -> Any:
        return client("s3", self._config)

    @hookimpl
    def check(self) -> None:
        """List one key."""
        with self._listing():
            self._s3.list_objects_v2(Bucket=self._config.bucket, Prefix=self._config.prefix, MaxKeys=1)

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """One stream for each folder of dates, and one for the objects of every other folder."""
        names = folders.find(self._config.prefix, self._config.service, self._folders_in)
        return [Stream(name, self._config.log_type, windowed=False) for name in names]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """List the stream's keys from the state's floor on and hand over the objects that are new."""
        progress = Progress(state, self._clock() - timedelta(hours=self._config.overlap_hours))
        before = progress.to_state()
        step = Step(progress, self._config.objects_per_page, objects.PAGE_BYTES)
        for item in self._items(stream.name, progress.floor):
            new = self._is_wanted(item) and progress.is_new(item)
            if new and step.is_full(item):
                yield self._page(step, more=True)
            step.add(item, new)
        after = step.ended()
        if step.fresh or after != before:
            yield self._page(step, more=False)

    def _page(self, step: Step, *, more: bool) -> Page:
        blobs = self._fetch(step.fresh)
        return Page(step.commit(), blobs=blobs, more=more)

    def _is_wanted(self, item: Item) -> bool:
        since = self._config.since
        written_before = since is not None and item.modified < datetime.combine(since, time(), UTC)
        return item.size > 0 and not item.key.endswith("/") and not written_before

    def _folders_in(self, folder: str) -> Sequence[str]:
        pages = self._list(Prefix=folder, Delimiter="/")
        return [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ())]

    def _items(self, stream: str, after: str) -> Iterator[Item]:
        if self._config.service == folders.UNPADDED and not stream.endswith(folders.ALONE):
            for day in folders.days(stream, after, self._folders_in):
                yield from self._keys(Prefix=day, StartAfter=after if after.startswith(day) else "")
        elif stream.endswith(folders.ALONE):
            yield from self._keys(Prefix=stream.removesuffix(folders.ALONE), StartAfter=after, Delimiter="/")
        else:
            yield from self._keys(Prefix=stream, StartAfter=after)

    def _keys(self, **where: str) -> Iterator[Item]:
        for page in self._list(**where):
            for each in page.get("Contents", ()):
                yield Item(each["Key"], each["ETag"], each["Size"], each["LastModified"])

    def _list(self, **where: str) -> Iterator[Mapping[str, Any]]:
        with self._listing():
            pages = iter(self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._config.bucket, **where))
        while True:
            with self._listing():
                page = next(pages, None)
            if page is None:
                return
            yield page

    def _listing(self) -> AbstractContextManager[None]:
        return translated(self._place, f"s3:ListBucket on arn:aws:s3:::{self._config.bucket}")

    def _fetch(self, items: Sequence[Item]) -> list[Blob]:
        """Get the objects at once. One that was deleted since it was listed has nothing more to give."""
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            return [blob for blob in threads.map(self._blob, items) if blob is not None]

    def _blob(self, item: Item) -> Blob | None:
        listed = Object(self._config.bucket, item.key, item.size, item.version.strip('"'))
        if item.size > objects.PAGE_BYTES:
            return objects.on_disk(self._s3, listed)
        try:
            return objects.in_memory(self._s3, listed)
        except GoneError:
            return None
