"""Objects of S3 as delivery files: small ones in memory, large ones on disk while they are read.

Reference: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO, cast

from botocore.exceptions import ClientError
from mantissa_core.errors import Retry
from mantissa_core.model import Blob

from .errors import code_of, translated

PAGE_BYTES = 64 * 1024 * 1024
"""Compressed bytes that a page holds in memory; a larger object is on disk while it is read."""
COPY_BYTES = 1024 * 1024


class GoneError(Exception):
    """The object is not there any more."""


@dataclass(frozen=True, slots=True)
class Object:
    """An object as a listing or a notification shows it. ``etag`` is without quotation marks; it and ``version`` may
    be empty."""

    bucket: str
    key: str
    size: int
    etag: str
    version: str = ""

    @property
    def place(self) -> str:
        """Its address, for people."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def origin(self) -> str:
        """Its address and content: what identifies its bytes for ever."""
        return f"{self.place}#{self.etag or self.version}"


def in_memory(s3: Any, item: Object) -> Blob:
    """Get the object now. Raises ``GoneError``, ``Retry`` and ``NeedsOperator``."""
    with _getting(item):
        content = cast(bytes, _get(s3, item)["Body"].read())
    return Blob(item.origin, item.place, lambda: BytesIO(content))


def on_disk(s3: Any, item: Object) -> Blob:
    """Get the object whenever it is opened, which raises ``Retry`` where it is gone by then."""
    return Blob(item.origin, item.place, lambda: _spool(s3, item))


def _spool(s3: Any, item: Object) -> BinaryIO:
    """Copy the object to the disk first: the connection must not break off in the middle of decoding."""
    with ExitStack() as on_failure:
        file = on_failure.enter_context(tempfile.TemporaryFile())
        try:
            with _getting(item):
                shutil.copyfileobj(_get(s3, item)["Body"], file, COPY_BYTES)
        except GoneError:
            raise Retry(f"{item.place} was deleted after it was listed") from None
        on_failure.pop_all()
    file.seek(0)
    return cast(BinaryIO, file)


def _get(s3: Any, item: Object) -> Mapping[str, Any]:
    """Ask for the object as it was seen: one that is overwritten meanwhile is listed, or announced, anew."""
    exactly = {"VersionId": item.version} if item.version else {"IfMatch": f'"{item.etag}"'} if item.etag else {}
    try:
        return cast(Mapping[str, Any], s3.get_object(Bucket=item.bucket, Key=item.key, **exactly))
    except ClientError as error:
        if code_of(error) in {"NoSuchKey", "NoSuchVersion", "404"}:
            raise GoneError from None
        raise


def _getting(item: Object) -> AbstractContextManager[None]:
    folder = item.key.rpartition("/")[0]
    needs = f"s3:GetObject on arn:aws:s3:::{item.bucket}/{folder}{'/' if folder else ''}*"
    return translated(item.place, f"{needs}, and kms:Decrypt on the key where the bucket is encrypted with one")
