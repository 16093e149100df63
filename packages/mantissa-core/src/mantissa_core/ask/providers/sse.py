"""Server-sent events, as servers of language models stream them. https://html.spec.whatwg.org/multipage/server-sent-events.html"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mantissa_core.errors import Retry

DONE = "[DONE]"
"""What the chat completions API sends last."""


def documents(pieces: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    """The JSON objects of the events, until the stream ends or says ``[DONE]``. Names and comments are left out.

    Raises:
        Retry: an event holds anything else than a JSON object.
    """
    for data in _events(pieces):
        if data == DONE:
            return
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise Retry("the language model's server sent an event that is no JSON object")
        yield document


def _events(pieces: Iterable[bytes]) -> Iterator[str]:
    """The data of each event; some servers leave out the empty line behind the last one."""
    data: list[str] = []
    for line in _lines(pieces):
        if not line:
            if data:
                yield "\n".join(data)
            data = []
        elif line.startswith(b"data:"):
            # A character is whole here, in however many pieces it came: no part of one looks like the end of a line.
            data.append(line[5:].removeprefix(b" ").decode("utf-8", "replace"))
    if data:
        yield "\n".join(data)


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Lines end with LF or CR LF. A lone CR, which the standard allows as well, is sent by no server of a model."""
    rest = bytearray()
    for piece in pieces:
        rest += piece
        if b"\n" in piece:
            *lines, last = rest.split(b"\n")
            yield from (bytes(each.removesuffix(b"\r")) for each in lines)
            rest = last
    if rest:
        yield bytes(rest)
