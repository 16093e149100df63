"""The transformation function of a Firehose stream: ``mantissa_aws.firehose.handler`` is the Lambda function's handler.

Contract: https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-status-model.html
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from mantissa_core.errors import BadRecord

from .log_events import events_in

MOST = 5_500_000
"""Bytes of base64 that an answer may hold: Lambda answers with 6 MB at most, names and marks included."""
GZIP = b"\x1f\x8b"
LONGEST = 64 * 1024 * 1024
"""Bytes that a record may have when it is decompressed."""


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Make every record lines of JSON objects.

    A document of CloudWatch Logs becomes its events, one a line; JSON objects come one a line; control messages are
    dropped. What is neither fails, and Firehose writes it to the error prefix as it was.
    """
    room = MOST
    answers = []
    for record in event["records"]:
        answer = _answer(record)
        if len(answer["data"]) > room and answer["result"] == "Ok":
            answer = _failed(record)
        if answer["result"] == "Ok":
            room -= len(answer["data"])
        answers.append(answer)
    return {"records": answers}


def _answer(record: Mapping[str, Any]) -> dict[str, Any]:
    try:
        lines = b"".join(line + b"\n" for line in _lines(_content(record["data"])))
    except (BadRecord, ValueError, RecursionError, OSError, EOFError, zlib.error):
        return _failed(record)
    result = "Ok" if lines else "Dropped"
    return {"recordId": record["recordId"], "result": result, "data": base64.b64encode(lines).decode()}


def _failed(record: Mapping[str, Any]) -> dict[str, Any]:
    return {"recordId": record["recordId"], "result": "ProcessingFailed", "data": record["data"]}


def _content(data: str) -> str:
    try:
        content = base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise BadRecord(f"not base64: {error}") from None
    if content.startswith(GZIP):
        content = _decompressed(content)
    return content.decode()


def _decompressed(content: bytes) -> bytes:
    stream = zlib.decompressobj(wbits=31)
    plain = stream.decompress(content, LONGEST)
    if not stream.eof:
        raise BadRecord("the compressed content is cut, or larger than a record may be")
    return plain + (gzip.decompress(stream.unused_data) if stream.unused_data else b"")


def _lines(text: str) -> Iterator[bytes]:
    """The objects of the text, one after another; of a document its events."""
    decoder, at = json.JSONDecoder(parse_constant=_refused), 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        value, end = decoder.raw_decode(text, at)
        if not isinstance(value, dict):
            raise BadRecord("not a JSON object")
        if "logEvents" in value:
            yield from events_in(text[at:end].encode())
        else:
            yield (_on_one_line(value) if "\n" in text[at:end] else text[at:end]).encode()
        at = end


def _on_one_line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _refused(constant: str) -> None:
    raise BadRecord(f"{constant} is no JSON")
