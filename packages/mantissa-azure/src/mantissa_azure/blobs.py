"""The content of blobs: the part that is new of one that grows, others whole, large ones by way of the disk.

Reference: https://learn.microsoft.com/en-us/rest/api/storageservices/get-blob
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, BinaryIO, cast

import msgspec
from azure.core import MatchConditions
from azure.storage.blob import ContainerClient
from mantissa_core.errors import Retry
from mantissa_core.model import Blob

from .errors import GoneError, translated
from .parser import LINES
from .progress import Item

LONGEST = 64 * 1024 * 1024
"""Bytes of a growing blob that are fetched in search of the end of a line."""
READER = "the role Storage Blob Data Reader, or a SAS with the permissions read and list"
"""What reading takes."""


class Source:
    """A container. ``context`` is what its blobs' decoder is told."""

    def __init__(self, client: ContainerClient, context: Mapping[str, Any]) -> None:
        self._client, self._context = client, dict(context)

    def place(self, item: Item) -> str:
        """The blob's address, for people."""
        return f"{self._client.url.partition('?')[0]}/{item.name}"

    def origin(self, item: Item) -> str:
        """What identifies the blob for ever: one that is deleted and made anew is another."""
        return f"{self.place(item)}#{item.created:%Y%m%dT%H%M%S}"

    def whole(self, item: Item, in_memory: bool) -> Blob:
        """The blob as it was listed: now, or, where it is large, whenever it is opened."""
        if in_memory:
            with translated(self.place(item), READER):
                content = bytes(self._download(item).readall())
            self._require(item, len(content), item.size)
            return Blob(self.origin(item), self.place(item), lambda: io.BytesIO(content), context=self._context)
        return Blob(self.origin(item), self.place(item), lambda: self._spool(item), context=self._context)

    def part(self, item: Item, start: int, size: int, final: bool) -> tuple[Blob | None, int, int]:
        """The whole lines from ``start`` on, about ``size`` bytes of them.

        ``final``: nothing more comes, a last line without an end counts. Returns the part (``None``: no line is
        whole yet), the offset behind it, and that behind what was fetched.
        """
        while True:
            end = min(start + size, item.size)
            content = self._content(item, start, end)
            upto = len(content) if final and end == item.size else whole_lines(content)
            if upto or end == item.size or size > LONGEST:
                break
            size *= 2
        if not upto and size > LONGEST:
            upto = len(content)  # a line that no decoder takes: it becomes a dead letter
        if not upto:
            return None, start, end
        kept = content[:upto]
        context = {**self._context, "format": LINES}
        opened = lambda: cast(BinaryIO, io.BufferedReader(_Part(start, kept)))  # noqa: E731
        return Blob(self.origin(item), self.place(item), opened, offset=start, context=context), start + upto, end

    def _content(self, item: Item, start: int, end: int) -> bytes:
        with translated(self.place(item), READER):
            content = self._client.download_blob(item.name, offset=start, length=end - start).readall()
        self._require(item, len(content), end - start)
        return content

    def _require(self, item: Item, came: int, wanted: int) -> None:
        if came != wanted:
            raise Retry(f"{self.place(item)}: {came} bytes came, {wanted} were asked for")

    def _download(self, item: Item) -> Any:
        """As it was listed: one that is replaced meanwhile is listed anew."""
        return self._client.download_blob(item.name, etag=item.etag, match_condition=MatchConditions.IfNotModified)

    def _spool(self, item: Item) -> BinaryIO:
        """Copy the blob to the disk first: the connection must not break off in the middle of decoding."""
        with ExitStack() as on_failure:
            file = on_failure.enter_context(tempfile.TemporaryFile())
            try:
                with translated(self.place(item), READER):
                    self._download(item).readinto(file)
            except GoneError:
                raise Retry(f"{self.place(item)} was deleted after it was listed") from None
            self._require(item, file.tell(), item.size)
            on_failure.pop_all()
        file.seek(0)
        return cast(BinaryIO, file)


def whole_lines(content: bytes) -> int:
    """How many bytes the whole lines have. The last one is whole without a line feed where it is a whole object:
    the beginning of one never is."""
    end = content.rfind(b"\n") + 1
    rest = content[end:].strip()
    return len(content) if rest[:1] == b"{" and _is_json(rest) else end


def _is_json(text: bytes) -> bool:
    try:
        _decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


_decode = msgspec.json.Decoder(msgspec.Raw).decode


class _Part(io.RawIOBase):
    """A file of which only the bytes from ``start`` on are there: before them it reads as empty lines."""

    def __init__(self, start: int, content: bytes) -> None:
        super().__init__()
        self._start, self._content, self._at = start, content, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._start + len(self._content)}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at < self._start:
            data = b"\n" * min(len(buffer), self._start - self._at)
        else:
            data = self._content[self._at - self._start :][: len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
