"""The decoder ``aws.s3_access``: S3's server access logs.

Format: https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
Quotation marks inside quoted fields are not escaped, and clients choose what stands in three of them. So a line is cut
at the fields around them, whose form is known, in time proportional to its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import msgspec
from mantissa_core.errors import BadRecord
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Blob, Decoded

from .lines import CUT, translated

_HEAD = re.compile(
    r"(?P<bucketowner>\S+) (?P<bucket>\S+) \[(?P<time>[^\]]*)\] (?P<remoteip>\S+) (?P<requester>\S+) "
    r"(?P<requestid>\S+) (?P<operation>\S+) "
)
_REQUEST = re.compile(r' (?:"(?=[A-Z]+ |-" )|(?=- \d{3} ))')
_RESULT = re.compile(
    r'"? (?P<httpstatus>\d{3}|-) (?P<errorcode>\w+|-) (?P<bytessent>\d+|-) (?P<objectsize>\d+|-) '
    r"(?P<totaltime>\d+|-) (?P<turnaroundtime>\d+|-) "
)
_TAIL = (
    "versionid",
    "hostid",
    "signatureversion",
    "ciphersuite",
    "authenticationtype",
    "hostheader",
    "tlsversion",
    "accesspointarn",
    "aclrequired",
    "sourceregion",
)
"""What follows the user agent, in the order in which AWS appended it over the years."""
_NUMBERS = ("httpstatus", "bytessent", "objectsize", "totaltime", "turnaroundtime")


class S3AccessFile:
    """Takes access logs apart, of any year: fields that AWS appended are read where they are there.

    ``time`` is rewritten as ISO 8601, and ``objectkey`` added: ``key`` without its two layers of URL encoding.
    Positions are byte offsets.
    """

    class Config(PluginConfig):
        """Settings of ``aws.s3_access``."""

        max_record_bytes: int = 1 << 20
        """A longer line is skipped and reported, without ever being held in memory."""

    def __init__(self, config: Config) -> None:
        self._limit = config.max_record_bytes

    @hookimpl
    def decode(self, blob: Blob) -> Iterator[Decoded]:
        """Yield records in the order of the file."""
        yield from translated(blob, self._limit, _event)


def _event(line: bytes, ended: bool) -> bytes:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise BadRecord("not UTF-8") from None
    if not ended:
        raise BadRecord(CUT)
    head, key, request, result, rest = _parts(text)
    fields: dict[str, Any] = {
        **head.groupdict(),
        "key": key,
        "requesturi": request,
        **result.groupdict(),
        **_clients(rest),
    }
    fields = {name: value for name, value in fields.items() if value not in ("-", "")}
    if "key" in fields:
        fields["objectkey"] = unquote(unquote(key))
    fields["time"] = _iso_8601(head["time"])
    for name in _NUMBERS:
        if name in fields:
            fields[name] = int(fields[name])
    return _encode(fields)


def _parts(text: str) -> tuple[re.Match[str], str, str, re.Match[str], str]:
    """The fields before the key, the key, the request, the fields of the result, and what comes then."""
    head = _HEAD.match(text)
    if head is None:
        raise BadRecord("no line of an access log: it does not begin with owner, bucket, [time], address…")
    request = _REQUEST.search(text, head.end())
    result = _RESULT.search(text, request.end()) if request else None
    if request is None or result is None:
        raise BadRecord("no line of an access log: request, status and sizes are not in their places")
    return head, text[head.end() : request.start()], text[request.end() : result.start()], result, text[result.end() :]


def _clients(rest: str) -> dict[str, Any]:
    """Referrer and user agent, and the fields behind the last quotation mark."""
    quoted, mark, tail = rest.rpartition('"')
    if not mark:
        raise BadRecord("no line of an access log: it has no quoted user agent")
    first, _, second = quoted.removeprefix('"').partition(' "' if quoted.startswith("- ") else '" "')
    values = tail.split()
    fields: dict[str, Any] = {"referrer": first, "useragent": second, **dict(zip(_TAIL, values, strict=False))}
    return fields | ({"more": values[len(_TAIL) :]} if len(values) > len(_TAIL) else {})


def _iso_8601(text: str) -> str:
    """``06/Feb/2019:00:00:38 +0000`` as ISO 8601; another text as it is, the event then has no time."""
    day, month, rest = text[:2], _MONTHS.get(text[3:6]), text[7:]
    try:
        return datetime.fromisoformat(f"{rest[:4]}-{month}-{day}T{rest[5:13]}{rest[14:]}").isoformat()
    except ValueError:
        return text


_MONTHS = {
    name: f"{number:02}"
    for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)  # noqa: SIM905
}
_encode = msgspec.json.Encoder().encode
