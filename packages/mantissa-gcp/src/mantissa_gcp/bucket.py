"""A bucket of Cloud Storage, by its JSON API.

Over httpx: listing and getting are two calls, for which google-cloud-storage would bring six packages and retries
of its own beside ours.
Reference: https://cloud.google.com/storage/docs/json_api/v1/objects
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from typing import Any, BinaryIO, cast
from urllib.parse import quote

import httpx
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.listing import Item
from mantissa_core.vendor_api import Answer, Vendor, VendorClient

from .access import Access, auth

PERMISSIONS = ["storage.objects.list", "storage.objects.get"]
ROLE = "role Storage Object Viewer"
STORAGE = Vendor(
    "Cloud Storage",
    request_id="X-GUploader-UploadID",
    remedies={
        401: "Cloud Storage refuses the access token: check the credentials",
        403: f"Cloud Storage refuses: the identity needs {' and '.join(PERMISSIONS)} on the bucket ({ROLE})",
        404: "Cloud Storage knows no such bucket: check bucket",
    },
)
IN_MEMORY = 8 * 1024 * 1024
"""Bytes of an object that are held in memory while it is read; the rest is on disk. Google writes up to 3.5 GiB."""
_FIELDS = "kind,items(name,generation,size,updated),prefixes,nextPageToken"


class Bucket:
    """The bucket ``name`` at ``endpoint``. Its methods raise ``Retry`` and ``NeedsOperator``."""

    def __init__(self, name: str, endpoint: str, access: Access) -> None:
        self.name, self._endpoint = name, endpoint
        self._auth = auth(access, "devstorage.read_only")
        self._api = VendorClient(STORAGE, endpoint, self._auth, timeout=access.timeout, per_minute=6000, burst=600)
        self._http = httpx.Client(timeout=access.timeout)

    def check(self) -> None:
        """Ask which permissions there are: that takes none."""
        path = f"/storage/v1/b/{self.name}/iam/testPermissions"
        granted = self._api.get(path, {"permissions": PERMISSIONS}).at("permissions")
        missing = [each for each in PERMISSIONS if not isinstance(granted, list) or each not in granted]
        if missing:
            raise NeedsOperator(f"gs://{self.name}: the identity lacks {' and '.join(missing)} ({ROLE})")

    def folders(self, folder: str) -> list[str]:
        """The folders directly in a folder, as whole prefixes that end with a slash."""
        pages = self._pages(prefix=folder, delimiter="/")
        return [str(each) for page in pages for each in page.at("prefixes") or ()]

    def objects(self, folder: str, after: str) -> Iterator[Item]:
        """The objects below a folder whose names follow ``after``, by name."""
        for page in self._pages(prefix=folder, startOffset=after):
            for each in _items(page):
                if each.key > after:  # startOffset itself is part of the list
                    yield each

    def place(self, item: Item) -> str:
        """An object's address, for people."""
        return f"gs://{self.name}/{item.key}"

    def fetch(self, item: Item) -> BinaryIO:
        """Copy an object as it was listed: the connection must not break off in the middle of decoding."""
        with ExitStack() as on_failure:
            file = on_failure.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY))
            response = self._get(item, file)
            if response.status_code == 401 and self._auth.renew(response.request):
                response = self._get(item, file)
            if response.status_code == 404:
                raise Retry(f"{self.place(item)} was replaced or deleted after it was listed")
            if error := STORAGE.refusal(response):
                raise error
            if file.tell() != item.size:
                raise Retry(f"{self.place(item)}: got {file.tell():,} of {item.size:,} bytes")
            on_failure.pop_all()
        file.seek(0)
        return cast(BinaryIO, file)

    def close(self) -> None:
        """Release the connections."""
        self._api.close()
        self._http.close()

    def _pages(self, **query: str) -> Iterator[Answer]:
        seen: set[str] = set()
        token = ""
        while True:
            asked = {**query, "fields": _FIELDS, **({"pageToken": token} if token else {})}
            page = self._api.get(f"/storage/v1/b/{self.name}/o", asked)
            if page.at("kind") != "storage#objects":
                raise Retry(f"Cloud Storage's answer is no list of objects{page.quoted}")
            yield page
            token = str(page.at("nextPageToken") or "")
            if not token:
                return
            if token in seen:
                raise Retry("Cloud Storage gave the same page token twice: the list would not end")
            seen.add(token)

    def _get(self, item: Item, file: Any) -> httpx.Response:
        """Ask for the object, of this generation; write it into ``file`` where Cloud Storage gives it."""
        path = f"/storage/v1/b/{self.name}/o/{quote(item.key, safe='')}"
        query = {"alt": "media", "generation": item.version}
        # An object that was stored compressed comes as it is stored: with the size that the list says.
        headers = {"Accept-Encoding": "gzip"}
        request = self._http.build_request("GET", self._endpoint + path, params=query, headers=headers)
        self._auth.sign(request)
        try:
            with closing(self._http.send(request, stream=True)) as response:
                if response.is_success:
                    for piece in response.iter_raw():
                        file.write(piece)
                else:
                    response.read()
                return response
        except httpx.HTTPError as error:
            raise Retry(f"{self.place(item)}: {type(error).__name__}") from error


def _items(page: Answer) -> list[Item]:
    try:
        return [
            Item(each["name"], str(each["generation"]), int(each["size"]), datetime.fromisoformat(each["updated"]))
            for each in page.at("items") or ()
        ]
    except (KeyError, TypeError, ValueError):
        raise Retry(f"Cloud Storage's list has an object without name, size or time{page.quoted}") from None
