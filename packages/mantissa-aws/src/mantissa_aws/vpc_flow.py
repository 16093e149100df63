"""The decoder ``aws.vpc_flow``: VPC Flow Logs as text in any format, and as Parquet.

Format: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing

import msgspec
from mantissa_core.errors import BadRecord
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Blob, Decoded
from mantissa_core.parse.blocks import Blocks
from pydantic import field_validator

from . import vpc_flow_parquet
from .lines import CUT, translated

VERSION_2 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
"""The default format."""
_NUMBERS = "version srcport dstport protocol packets bytes start end tcp-flags traffic-path encryption-status"
_TEXTS = """
account-id interface-id srcaddr dstaddr action log-status vpc-id subnet-id instance-id type pkt-srcaddr
pkt-dstaddr region az-id sublocation-type sublocation-id pkt-src-aws-service pkt-dst-aws-service
flow-direction ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn ecs-container-instance-id
ecs-container-id ecs-second-container-id ecs-service-name ecs-task-definition-arn ecs-task-arn ecs-task-id
reject-reason resource-id
"""
NUMBERS = frozenset(_NUMBERS.split())
_KNOWN = NUMBERS | frozenset(_TEXTS.split())
_LAST = frozenset(("ACCEPT", "REJECT", "OK", "NODATA", "SKIPDATA"))
"""Values that are whole: a line that ends with one is not cut, though no line feed ends it."""
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


class VpcFlowFile:
    """Takes flow logs apart: text whose first line names the fields, text without one, Parquet.

    Firehose's lines of ``{"message": "…"}`` are read as well. Positions are byte offsets, in Parquet row numbers.
    """

    class Config(PluginConfig):
        """Settings of ``aws.vpc_flow``."""

        format: str = VERSION_2
        """The fields of text without a header line, separated by spaces, as the flow log's own format names them."""
        max_record_bytes: int = 1 << 20
        """A longer line is skipped and reported, without ever being held in memory."""

        @field_validator("format")
        @classmethod
        def _fields(cls, text: str) -> str:
            names = re.sub(r"[${}]", "", text).split()
            if not names or not all(map(_NAME.fullmatch, names)) or len(set(names)) != len(names):
                raise ValueError("field names such as ${version} ${srcaddr}, each once, separated by spaces")
            return " ".join(names)

    def __init__(self, config: Config) -> None:
        self._config = config

    @hookimpl
    def decode(self, blob: Blob) -> Iterator[Decoded]:
        """Yield records in the order of the file."""
        if _magic(blob) == vpc_flow_parquet.MAGIC:
            yield from vpc_flow_parquet.decode(blob)
        else:
            yield from translated(blob, self._config.max_record_bytes, _Lines(self._config.format).translate)


class _Lines:
    """One pass over a text. ``fields`` are those that the last header named."""

    def __init__(self, fields: str) -> None:
        self._fields: Sequence[str] = fields.split()

    def translate(self, line: bytes, ended: bool) -> bytes | None:
        """The event of a line; ``None`` for a header, whose fields then count."""
        if line[:1] == b"{":
            line, ended = _message(line), True
        try:
            values = line.decode().split()
        except UnicodeDecodeError:
            raise BadRecord("not UTF-8") from None
        if _is_header(values):
            self._fields = values
            return None
        if len(values) != len(self._fields):
            raise BadRecord(f"found {len(values)}, expected {len(self._fields)} fields")
        if not ended and values[-1] not in _LAST:
            raise BadRecord(CUT)
        return _encode(
            {
                name: int(value) if name in NUMBERS and _NUMBER.fullmatch(value) else value
                for name, value in zip(self._fields, values, strict=True)
                if value != "-"
            }
        )


def _is_header(values: Sequence[str]) -> bool:
    """Whether most values are field names and the others could be: newer fields than are known here."""
    known = sum(value in _KNOWN for value in values)
    return known * 2 >= len(values) > 0 and all(map(_NAME.fullmatch, values))


def _message(line: bytes) -> bytes:
    """The text in a line of Firehose."""
    try:
        return _MESSAGE.decode(line).message.encode()
    except (msgspec.DecodeError, UnicodeError):
        raise BadRecord("neither a flow log's line nor an object with one as 'message'") from None


def _magic(blob: Blob) -> bytes:
    """The first bytes; fewer where the file is too broken to be read."""
    with closing(blob.open()) as reader:
        return Blocks(reader).next(len(vpc_flow_parquet.MAGIC))


class _Message(msgspec.Struct, gc=False):
    message: str


_MESSAGE = msgspec.json.Decoder(_Message)
_encode = msgspec.json.Encoder().encode
