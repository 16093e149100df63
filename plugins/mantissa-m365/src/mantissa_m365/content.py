"""Content: what Microsoft collects events in. It is listed by when it became available, and fetched piece by piece."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import httpx
from mantissa_core.errors import Retry
from mantissa_core.model import Rejected
from mantissa_core.vendor_api import Answer, same_origin

_KEPT = 64 * 1024
"""Bytes that are kept of what is rejected."""


@dataclass(frozen=True, slots=True)
class Content:
    """A piece of content: its id, and the path at which it is fetched."""

    id: str
    path: str

    @classmethod
    def listed(cls, answer: Answer) -> list[Self]:
        """The content on one page of a listing, in its order and each once.

        Raises:
            Retry: the answer is no listing, or leads to another host: the access token would go with the request.
        """
        return list(dict.fromkeys(cls._checked(answer, each) for each in answer.records()))

    @classmethod
    def _checked(cls, answer: Answer, entry: Mapping[str, Any]) -> Self:
        name, address = entry.get("contentId"), entry.get("contentUri")
        if not isinstance(name, str) or not isinstance(address, str):
            raise Retry(f"{answer.vendor} listed content without id or address{answer.quoted}")
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            raise Retry(f"{answer.vendor} listed content whose address is none{answer.quoted}") from None
        if not same_origin(url, answer.response.url):
            raise Retry(f"{answer.vendor} listed content at another host ({url.host}); it was not fetched")
        return cls(name, url.raw_path.decode("ascii"))

    def events(self, answer: Answer) -> tuple[list[dict[str, Any]], list[Rejected]]:
        """The events that it holds, and what in it is none.

        Raises:
            Retry: it is no list.
        """
        found = answer.document
        if not isinstance(found, list):
            return answer.records(), []
        events = [each for each in found if isinstance(each, dict)]
        rejected = [
            self._rejected(json.dumps(each).encode(), f"no event, but {type(each).__name__}{answer.quoted}", number)
            for number, each in enumerate(found)
            if not isinstance(each, dict)
        ]
        return events, rejected

    def lost(self, reason: str) -> Rejected:
        """What is left of content that cannot be had."""
        return self._rejected(self.path.encode(), reason, 0)

    def _rejected(self, raw: bytes, reason: str, position: int) -> Rejected:
        return Rejected(raw[:_KEPT], f"content {self.id}: {reason}", position, len(raw))


@dataclass(frozen=True, slots=True)
class Place:
    """How far a listing was read: its page, and the last content of it that was fetched."""

    page: str = ""
    done: str = ""

    @classmethod
    def from_text(cls, cursor: str | None) -> Self:
        """Read :meth:`to_text`; the beginning where there is none."""
        return cls(*json.loads(cursor)) if cursor else cls()

    def to_text(self) -> str:
        """As a cursor."""
        return json.dumps([self.page, self.done])

    def rest(self, listed: Sequence[Content]) -> Sequence[Content]:
        """What of this page is still to be fetched; all of it where the last one is not listed any more."""
        ids = [each.id for each in listed]
        return listed[ids.index(self.done) + 1 :] if self.done in ids else listed
