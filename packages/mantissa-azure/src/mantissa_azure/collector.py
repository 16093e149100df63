"""Logs in Azure Blob Storage: what diagnostic settings export, hour by hour, and what Event Hubs Capture writes.

Reference: https://learn.microsoft.com/en-us/rest/api/storageservices/list-blobs
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from functools import cached_property, partial
from typing import Any, ClassVar, Self

from azure.storage.blob import BlobPrefix, BlobServiceClient
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Blob, Page, Stream, Window
from pydantic import Field, field_validator, model_validator

from . import folders
from .access import CONNECTIONS, Access, service
from .blobs import READER, Source
from .errors import GoneError, translated
from .progress import Item, Progress

APPEND = "AppendBlob"


class BlobCollector:
    """Collects the blobs of an account's containers. Every folder in which names rise with time is a stream."""

    log_types: ClassVar[tuple[str, ...]] = ("azure.activity", "entra.audit", "entra.risk_detection", "entra.signin")

    class Config(Access):
        """Settings of ``azure.blob``."""

        containers: tuple[str, ...] = Field(default=("insights-*",), min_length=1)
        """Names of containers; ``*`` stands for anything, and asks for the permission to list containers."""
        prefix: str = ""
        """Only names that start with it; a folder, it ends with a slash."""
        log_type: str = ""
        """What the blobs hold; without it the container's name says so, and other containers are left out."""
        categories: tuple[str, ...] = ()
        """Only records of these categories, where one event hub has several."""
        since: date | None = None
        """Blobs that were last written before this day (UTC) are left out. Without it, everything is read."""
        overlap_hours: float = Field(default=24, ge=0, le=720)
        """How long after a blob was written it may grow, or another appear before it, and still be read."""
        blobs_per_page: int = Field(default=100, ge=1, le=1000)
        """Blobs that are committed together."""
        page_bytes: int = Field(default=32 << 20, ge=100, le=256 << 20)
        """Bytes that are fetched, and committed, together."""

        @field_validator("prefix")
        @classmethod
        def _folder(cls, prefix: str) -> str:
            if prefix and not prefix.endswith("/"):
                raise ValueError("a folder, which ends with a slash")
            return prefix

        @model_validator(mode="after")
        def _known(self) -> Self:
            unknown = [name for name in self.containers if "*" not in name and name not in folders.LOG_TYPES]
            if unknown and not self.log_type:
                raise ValueError(f"log_type: the name of the container {unknown[0]} does not say what it holds")
            return self

    def __init__(self, config: Config, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._config, self._clock = config, clock

    @cached_property
    def _service(self) -> BlobServiceClient:
        return service(self._config)

    @hookimpl
    def check(self) -> None:
        """List the containers, and read a byte of the first blob."""
        containers = self._containers()
        if not containers:
            wanted = ", ".join(self._config.containers)
            raise NeedsOperator(
                f"{self._config.account_url}: no container {wanted} with logs that are known: diagnostic settings make "
                "them with the first event; set log_type for others"
            )
        for name in containers:
            client = self._service.get_container_client(name)
            with suppress(GoneError), translated(f"{self._config.account_url}/{name}", READER):
                first = next(iter(client.list_blobs(results_per_page=1)), None)
                if first is not None and first.size:
                    client.download_blob(first.name, offset=0, length=1).readall()

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """One stream for each folder of dates, in each container."""
        return [
            Stream(f"{container}/{folder}", log_type, windowed=False)
            for container, log_type in self._containers().items()
            for folder in folders.find(container, self._config.prefix, partial(self._folders_in, container))
        ]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """List the stream's blobs from the state's floor on and hand over what is new."""
        container, _, folder = stream.name.partition("/")
        client = self._service.get_container_client(container)
        source = Source(client, {"categories": list(self._config.categories)} if self._config.categories else {})
        progress = Progress(state, self._clock() - timedelta(hours=self._config.overlap_hours))
        committed: Mapping[str, Any] = progress.to_state()
        for batch, more in self._batches(self._items(container, folder, progress.floor), progress):
            for page in self._pages(source, batch, progress, more=more):
                committed = page.next_state
                yield page
        progress.finished()
        if (end := progress.to_state()) != committed:
            yield Page(end)

    def close(self) -> None:
        """Release the connections."""
        if "_service" in vars(self):
            self._service.close()

    def _containers(self) -> Mapping[str, str]:
        """The containers that are read, and what they hold."""
        names = [name for name in self._config.containers if "*" not in name]
        patterns = [name for name in self._config.containers if "*" in name]
        if patterns:
            with translated(self._config.account_url, f"{READER}, on the account: list the containers by name else"):
                found = _all(self._service.list_containers().by_page(), self._config.account_url)
                names += [each.name for each in found if any(fnmatchcase(each.name, like) for like in patterns)]
        types = {name: self._config.log_type or folders.LOG_TYPES.get(name, "") for name in dict.fromkeys(names)}
        return {name: log_type for name, log_type in types.items() if log_type}

    def _folders_in(self, container: str, folder: str) -> Sequence[str]:
        client = self._service.get_container_client(container)
        place = f"{self._config.account_url}/{container}/{folder}"
        with translated(place, READER):
            found = client.walk_blobs(name_starts_with=folder, delimiter="/").by_page()
        return [each.name for each in _all(found, place) if isinstance(each, BlobPrefix)]

    def _items(self, container: str, folder: str, floor: str) -> Iterator[Item]:
        """The blobs behind the floor, by name."""
        client = self._service.get_container_client(container)
        for day in folders.days(folder, floor, partial(self._folders_in, container)):
            with translated(f"{self._config.account_url}/{container}/{day}", READER):
                pages = client.list_blobs(name_starts_with=day).by_page()
            for each in _all(pages, f"{self._config.account_url}/{container}/{day}"):
                if each.name > floor:
                    yield _item(each)

    def _batches(self, items: Iterable[Item], progress: Progress) -> Iterator[tuple[Sequence[Item], bool]]:
        """Divide the listing by what a page holds, and say of each part whether another follows."""
        batch: list[Item] = []
        size = count = 0
        for item in items:
            new = item.size - progress.offset(item) if self._is_new(item, progress) else 0
            if count and new and (count >= self._config.blobs_per_page or size + new > self._config.page_bytes):
                yield batch, True
                batch, size, count = [], 0, 0
            batch.append(item)
            size, count = size + new, count + bool(new)
        yield batch, False

    def _is_new(self, item: Item, progress: Progress) -> bool:
        since = self._config.since
        if not item.size or (since is not None and item.modified < datetime.combine(since, time(), UTC)):
            progress.read(item)
        return not progress.is_read(item)

    def _pages(self, source: Source, batch: Sequence[Item], progress: Progress, *, more: bool) -> Iterator[Page]:
        """Hand over what is new in these blobs; a large one takes several pages."""
        unread = [item for item in batch if self._is_new(item, progress)]
        while True:
            with ThreadPoolExecutor(CONNECTIONS) as threads:
                pieces = list(threads.map(lambda item: self._piece(source, item, progress), unread))
            for item, piece in zip(unread, pieces, strict=True):
                progress.read(item, piece.read)
            unread = [item for item, piece in zip(unread, pieces, strict=True) if piece.more]
            if not unread:
                for item in batch:
                    progress.passed(item)
            if blobs := [piece.blob for piece in pieces if piece.blob is not None]:
                yield Page(progress.to_state(), blobs=blobs, more=more or bool(unread))
            if not unread:
                return

    def _piece(self, source: Source, item: Item, progress: Progress) -> _Piece:
        """Fetch a part of a blob. One that was deleted since it was listed has nothing more to give."""
        try:
            if not item.appends:
                return _Piece(source.whole(item, in_memory=item.size <= self._config.page_bytes), None, more=False)
            start = progress.offset(item)
            blob, read, fetched = source.part(item, start, self._config.page_bytes, progress.is_settled(item))
        except GoneError:
            return _Piece(None, None, more=False)
        return _Piece(blob, read, more=fetched < item.size and read > start)


@dataclass(frozen=True, slots=True)
class _Piece:
    """What was fetched of a blob: up to where, ``None`` for the whole, and whether there is more."""

    blob: Blob | None
    read: int | None
    more: bool


def _all(pages: Any, place: str) -> Iterator[Any]:
    """What the pages of a listing hold."""
    seen: set[str] = set()
    while True:
        with translated(place, READER):
            page = next(pages, None)
            found = [] if page is None else list(page)
        yield from found
        if page is None:
            return
        if (marker := pages.continuation_token) in seen:
            raise Retry(f"{place}: Azure gave the same page marker twice: the listing would not end")
        if marker:
            seen.add(marker)


def _item(listed: Any) -> Item:
    created = listed.creation_time or listed.last_modified
    return Item(listed.name, listed.size, listed.etag, listed.last_modified, created, listed.blob_type == APPEND)
