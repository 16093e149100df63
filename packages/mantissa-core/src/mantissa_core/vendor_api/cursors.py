"""Where the next page is: found in an answer, never followed. Every cursor is text; ``None`` is the end."""

from __future__ import annotations

import httpx

from mantissa_core.errors import Retry

from .address import same_origin
from .answer import Answer


class CursorRefused(Exception):
    """The vendor does not know the cursor, or no longer: the walk begins again."""


def in_link(answer: Answer, parameter: str) -> str | None:
    """The parameter of the ``Link`` header's address with ``rel="next"`` (RFC 8288).

    Raises:
        Retry: the address leads elsewhere, or lacks the parameter.
    """
    target = answer.response.links.get("next", {}).get("url")
    if target is None:
        return None
    found = _checked(answer, target).params.get(parameter)
    if found is None:
        raise Retry(f"{answer.vendor}'s next link has no {parameter!r} parameter{answer.quoted}")
    return str(found)


def next_address(answer: Answer, path: str = "") -> str | None:
    """Path and query of the next page, for APIs whose next address is opaque (Microsoft's ``@odata.nextLink``).

    It stands at the key ``path`` of the document's first level, or in the ``Link`` header where no key is given.
    Joined to the configured origin it is safe to ask for.

    Raises:
        Retry: the address leads elsewhere.
    """
    if path:
        document = answer.document
        target = document.get(path) if isinstance(document, dict) else None
    else:
        target = answer.response.links.get("next", {}).get("url")
    if not target:
        return None
    if not isinstance(target, str):
        raise Retry(f"{answer.vendor}'s next link is no address{answer.quoted}")
    return _checked(answer, target).raw_path.decode("ascii")


def in_body(answer: Answer, path: str) -> str | None:
    """The cursor at a dotted path of the document. A list is joined by commas, as Duo wants it back.

    Raises:
        Retry: it is no text, number or list of them.
    """
    found = answer.at(path)
    if found is None or found == "" or found == []:
        return None
    parts = found if isinstance(found, list) else [found]
    if not all(isinstance(part, (str, int)) and not isinstance(part, bool) for part in parts):
        raise Retry(f"{answer.vendor}'s cursor at {path} is neither text nor a number{answer.quoted}")
    return ",".join(str(part) for part in parts)


def next_offset(cursor: str | None, count: int, limit: int) -> str | None:
    """The offset behind ``count`` records that were asked for ``limit`` at a time; a short page is the last."""
    return None if count < limit else str(int(cursor or 0) + count)


def next_page(cursor: str | None, count: int, limit: int, first: int = 1) -> str | None:
    """The number of the next page; a short page is the last."""
    return None if count < limit else str(int(cursor or first) + 1)


def _checked(answer: Answer, target: str) -> httpx.URL:
    here = answer.response.url
    try:
        url = here.join(target)
    except httpx.InvalidURL:
        raise Retry(f"{answer.vendor}'s next link is no address{answer.quoted}") from None
    if not same_origin(url, here):
        raise Retry(f"{answer.vendor}'s next link leads to another host ({url.host}); it was not followed")
    return url
