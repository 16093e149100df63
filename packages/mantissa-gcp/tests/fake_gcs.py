"""Cloud Storage's JSON API over the wire, as far as a reader of one bucket can tell."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from fake_google import FakeTokens, key_file
from fake_pubsub import entry
from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Fault, Refused, Request

BUCKET = "example-logs"
ACTIVITY = "cloudaudit.googleapis.com/activity/"


@dataclass(frozen=True)
class Stored:
    """An object."""

    content: bytes
    generation: int
    updated: datetime


class FakeGcs(FakeVendor):
    """One bucket, whose lists have pages of ``page_size`` names. ``granted`` are the caller's permissions."""

    faults = FakeVendor.faults - {Fault.SHUFFLED, Fault.DUPLICATES, Fault.BIG_CURSORS, Fault.SKEWED_CLOCK}
    faults |= {Fault.TOKEN_LAPSED}
    limit_headers = None

    def __init__(self) -> None:
        super().__init__()
        self.tokens = FakeTokens("devstorage.read_only")
        self.granted = ["storage.objects.list", "storage.objects.get"]
        self.objects: dict[str, Stored] = {}
        self._generations = itertools.count(1741078800000001)

    # -- what a test does ---------------------------------------------------------------------------------------

    def put(self, events: Sequence[Event], published: datetime | None = None) -> None:
        """One file per event, in its hour."""
        for event in events:
            hour = f"{event.time:%Y/%m/%d/%H}:00:00_{event.time:%H}:59:59_S{event.time:%M}{event.id}"
            self.put_file(f"{ACTIVITY}{hour}.json", json.dumps(entry(event.id, event.time)).encode())

    def put_file(self, name: str, content: bytes, updated: datetime | None = None) -> None:
        self.objects[name] = Stored(content, next(self._generations), updated or datetime.now(UTC))

    @property
    def key_file(self) -> str:
        return key_file(self.url)

    @property
    def gets(self) -> list[str]:
        """The names of the objects that were asked for."""
        paths = [urlsplit(each.path).path for each in self.requests if each.query.get("alt") == "media"]
        return [unquote(path.rpartition("/o/")[2]) for path in paths]

    # -- what the API does --------------------------------------------------------------------------------------

    def lapse(self) -> None:
        self.tokens.lapse()

    def authorised(self, request: Request) -> bool:
        return self.tokens.accepts(request)

    def other(self, request: Request) -> Answer | None:
        return self.tokens.answer(request) if request.route == "/token" else None

    def events(self, request: Request) -> Answer:
        bucket, _, rest = request.route.removeprefix("/storage/v1/b/").partition("/")
        if request.method != "GET" or bucket != BUCKET:
            raise Refused(404)
        if rest == "iam/testPermissions":
            wanted = parse_qs(urlsplit(request.path).query)["permissions"]
            granted = [each for each in wanted if each in self.granted]
            kind = {"kind": "storage#testIamPermissionsResponse"}
            return Answer(200, {**kind, "permissions": granted} if granted else kind)
        if rest == "o":
            self._demand("storage.objects.list")
            return Answer(200, self._list(request.query))
        self._demand("storage.objects.get")
        found = self.objects.get(unquote(rest.removeprefix("o/")))
        if found is None or request.query.get("generation", str(found.generation)) != str(found.generation):
            raise Refused(404)
        return Answer(200, found.content, {"Content-Type": "application/json"})

    def refusal(self, status: int, code: str) -> Answer:
        said = {"code": status, "message": "refused", "errors": [{"reason": "refused", "domain": "global"}]}
        return Answer(status, {"error": said})

    def _demand(self, permission: str) -> None:
        if permission not in self.granted:
            raise Refused(403)

    def _list(self, query: dict[str, str]) -> dict[str, Any]:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        behind = query.get("pageToken", "").partition(":")[2]
        names = [
            each for each in sorted(self.objects) if each.startswith(prefix) and each >= query.get("startOffset", "")
        ]
        folders = {each for each in (_folder(name, prefix, delimiter) for name in names) if each}
        entries = sorted({_folder(each, prefix, delimiter) or each for each in names})
        rest = [each for each in entries if each > behind]
        if self._empties_now():
            return {"kind": "storage#objects", "nextPageToken": self._token(behind)}
        given = rest[: self.page_size]
        said: dict[str, Any] = {"kind": "storage#objects"}
        said |= {"items": [self._item(each) for each in given if each not in folders]}
        said |= {"prefixes": [each for each in given if each in folders]}
        if self.fault is Fault.ENDLESS:
            said["nextPageToken"] = "endless"
        elif len(given) < len(rest):
            said["nextPageToken"] = self._token(given[-1])
        return {name: value for name, value in said.items() if value}

    def _token(self, behind: str) -> str:
        return f"{next(self._generations)}:{behind}"

    def _item(self, name: str) -> dict[str, str]:
        found = self.objects[name]
        updated = found.updated.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"name": name, "generation": str(found.generation), "size": str(len(found.content)), "updated": updated}


def _folder(name: str, prefix: str, delimiter: str) -> str:
    head, found, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
    return prefix + head + delimiter if found else ""
