"""A vendor's answer of status 2xx, taken apart with distrust."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

import httpx

from mantissa_core.errors import Retry

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Answer:
    """``document`` is its JSON. ``vendor`` and ``quoted`` (the request id) are for errors."""

    response: httpx.Response
    document: Any
    vendor: str
    quoted: str = ""

    @classmethod
    def read(cls, response: httpx.Response, vendor: str, quoted: str = "") -> Answer:
        """Parse an answer.

        Raises:
            Retry: a web page in place of JSON (a proxy's, a maintenance notice), or JSON that is not complete.
        """
        content = response.content
        if _is_page(response):
            raise Retry(f"{vendor} answered {response.status_code} with a web page instead of JSON{quoted}")
        try:
            return cls(response, json.loads(content, parse_constant=_no_number), vendor, quoted)
        except (ValueError, RecursionError):
            raise Retry(f"{vendor}'s answer is no complete JSON ({len(content)} bytes){quoted}") from None

    def at(self, path: str = "") -> Any:
        """The value at a dotted path, ``None`` where there is none."""
        found = self._find(path)
        return None if found is _ABSENT else found

    def records(self, path: str = "") -> list[dict[str, Any]]:
        """The list of JSON objects at a dotted path; the document itself where no path is given.

        Raises:
            Retry: there is something else, such as an error document with status 200.
        """
        found = self._find(path)
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            place = f" at {path}" if path else ""
            raise Retry(f"{self.vendor}'s answer has no list of events{place}{self.quoted}")
        return found

    def record(self, path: str = "") -> dict[str, Any]:
        """The JSON object at a dotted path; the document itself where no path is given.

        Raises:
            Retry: there is something else.
        """
        found = self._find(path)
        if not isinstance(found, dict):
            raise Retry(f"{self.vendor}'s answer is not the one that was asked for{self.quoted}")
        return found

    def _find(self, path: str) -> Any:
        found = self.document
        for key in filter(None, path.split(".")):
            found = found.get(key, _ABSENT) if isinstance(found, dict) else _ABSENT
        return found


def _is_page(response: httpx.Response) -> bool:
    kind = response.headers.get("Content-Type", "").lower()
    return "html" in kind or response.content.lstrip()[:1] == b"<"


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")
