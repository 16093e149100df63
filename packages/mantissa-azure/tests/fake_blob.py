"""Azure Blob Storage over the wire, as far as a collector can tell; ``test_azurite.py`` asks the emulator."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import unquote
from xml.sax.saxutils import escape

from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Fault, Refused, Request

ACCOUNT = "example"
KEY = "c2VjcmV0LW9mLXRoZS10ZXN0cw=="
CONTAINER = "insights-activity-logs"
FOLDER = "resourceId=/SUBSCRIPTIONS/00000000-0000-0000-0000-000000000001/"
LISTED = 4
"""Entries on a page of a listing."""


@dataclass(frozen=True)
class Stored:
    """A blob."""

    content: bytes
    etag: str
    modified: datetime
    created: datetime
    kind: str


class FakeBlob(FakeVendor):
    """One account. ``clock`` is the time that blobs are written at, ``headers`` are added to refusals."""

    faults = frozenset(
        {
            Fault.RATE_LIMIT,
            Fault.SERVER_ERROR,
            Fault.TIMEOUT,
            Fault.RESET,
            Fault.TRUNCATED,
            Fault.TOKEN_EXPIRED,
            Fault.ERROR_PAGE,
            Fault.ERROR_DOCUMENT,
            Fault.ENDLESS,
            Fault.EMPTY_PAGE,
            Fault.SKEWED_CLOCK,
        }
    )
    limit_headers = None
    throttled_status = 503

    def __init__(self) -> None:
        super().__init__()
        self.clock = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
        self.containers: dict[str, dict[str, Stored]] = {CONTAINER: {}}
        self.headers: dict[str, str] = {}
        self._etags = itertools.count(1)

    @property
    def account_url(self) -> str:
        return f"{self.url}/{ACCOUNT}"

    # -- what is there -----------------------------------------------------------------------------------------

    def put(self, events: Sequence[Event], published: datetime | None = None) -> None:
        """As diagnostic settings write them: each into the blob of its hour."""
        for event in events:
            hour = f"y={event.time:%Y}/m={event.time:%m}/d={event.time:%d}/h={event.time:%H}/m=00/PT1H.json"
            self.append(FOLDER + hour, json.dumps({"id": event.id, "time": event.time.isoformat()}).encode() + b"\r\n")

    def append(self, name: str, content: bytes, container: str = CONTAINER) -> None:
        self._store(container, name, content, "AppendBlob")

    def upload(self, name: str, content: bytes, container: str = CONTAINER) -> None:
        self._store(container, name, content, "BlockBlob")

    def _store(self, container: str, name: str, content: bytes, kind: str) -> None:
        blobs = self.containers.setdefault(container, {})
        former = blobs.get(name)
        created = former.created if former else self.clock
        whole = former.content + content if former and kind == "AppendBlob" else content
        blobs[name] = Stored(whole, f"0x8DD{next(self._etags):012X}", self.clock, created, kind)

    # -- what is answered --------------------------------------------------------------------------------------

    def authorised(self, request: Request) -> bool:
        return request.headers.get("authorization", "").startswith(f"SharedKey {ACCOUNT}:")

    def events(self, request: Request) -> Answer:
        _, account, container, *name = request.route.split("/", 3)
        if account != ACCOUNT or request.method != "GET":
            raise Refused(400, "InvalidUri")
        if not container:
            return self._list_containers()
        if container not in self.containers:
            raise Refused(404, "ContainerNotFound")
        if name and name[0]:
            return self._get(request, container, name[0])
        return self._list(request, container)

    def refusal(self, status: int, code: str) -> Answer:
        code = code or {401: "AuthenticationFailed", 500: "InternalError", 503: "ServerBusy"}.get(status, "")
        status = 403 if code == "AuthenticationFailed" else status
        body = f"<Error><Code>{code}</Code><Message>refused</Message></Error>"
        return Answer(status, _xml(body), {**_HEADERS, "x-ms-error-code": code, **self.headers})

    def _list_containers(self) -> Answer:
        items = "".join(
            f"<Container><Name>{name}</Name><Properties><Last-Modified>{_date(self.clock)}</Last-Modified>"
            '<Etag>"0x8DD"</Etag></Properties></Container>'
            for name in self.containers
        )
        body = f"<EnumerationResults><Containers>{items}</Containers><NextMarker/></EnumerationResults>"
        return Answer(200, _xml(body), _HEADERS)

    def _list(self, request: Request, container: str) -> Answer:
        query = request.query
        prefix, delimiter, marker = (query.get(name, "") for name in ("prefix", "delimiter", "marker"))
        entries: dict[str, str] = {}
        for name, blob in sorted(self.containers[container].items()):
            if name.startswith(prefix):
                inside, found, _ = name.removeprefix(prefix).partition(delimiter or "\0")
                shown = prefix + inside + delimiter if found else name
                entries[shown] = _prefix(shown) if found else _blob(name, blob)
        rest = [shown for shown in sorted(entries) if shown > marker]
        size = min(LISTED, int(query.get("maxresults", LISTED)))
        given = [] if self._empties_now() else rest[:size]
        following = given[-1] if given else marker or "!"
        more = len(given) < len(rest)
        if self.fault is Fault.ENDLESS:
            following, more = "same", True
        items = "".join(entries[shown] for shown in given)
        return Answer(
            200,
            _xml(
                f'<EnumerationResults ContainerName="{container}"><Prefix>{escape(prefix)}</Prefix>'
                f"<Delimiter>{escape(delimiter)}</Delimiter><Blobs>{items}</Blobs>"
                f"<NextMarker>{escape(following) if more else ''}</NextMarker></EnumerationResults>"
            ),
            _HEADERS,
        )

    def _get(self, request: Request, container: str, name: str) -> Answer:
        blob = self.containers[container].get(unquote(name))
        if blob is None:
            raise Refused(404, "BlobNotFound")
        if request.headers.get("if-match", blob.etag) != blob.etag:
            raise Refused(412, "ConditionNotMet")
        first, _, last = request.headers.get("x-ms-range", "bytes=0-").removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or len(blob.content)), len(blob.content) - 1)
        if start > end:
            raise Refused(416, "InvalidRange")
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Range": f"bytes {start}-{end}/{len(blob.content)}",
            "ETag": blob.etag,
            "Last-Modified": _date(blob.modified),
            "x-ms-blob-type": blob.kind,
        }
        return Answer(206, blob.content[start : end + 1], headers)


_HEADERS = {"Content-Type": "application/xml", "x-ms-version": "2025-01-05"}


def _xml(text: str) -> bytes:
    return f'<?xml version="1.0" encoding="utf-8"?>{text}'.encode()


def _date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def _prefix(name: str) -> str:
    return f"<BlobPrefix><Name>{escape(name)}</Name></BlobPrefix>"


def _blob(name: str, blob: Stored) -> str:
    return (
        f"<Blob><Name>{escape(name)}</Name><Properties><Creation-Time>{_date(blob.created)}</Creation-Time>"
        f"<Last-Modified>{_date(blob.modified)}</Last-Modified><Etag>{blob.etag}</Etag>"
        f"<Content-Length>{len(blob.content)}</Content-Length><BlobType>{blob.kind}</BlobType></Properties></Blob>"
    )
