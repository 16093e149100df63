"""The decoder ``aws.config``: configuration history, snapshots and oversized notifications of AWS Config.

Format: https://docs.aws.amazon.com/config/latest/developerguide/example-s3-snapshot.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import msgspec
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Blob, Decoded
from mantissa_core.parse.blocks import BOM, Blocks
from mantissa_core.parse.json_array import JSONArray

NOTIFICATION = 1024 * 1024
"""Bytes below which a file may be a notification."""


class ConfigFile:
    """Takes the ``configurationItems`` of a file apart; of a notification the one ``configurationItem``.

    Positions count items.
    """

    class Config(PluginConfig):
        """Settings of ``aws.config``."""

        max_record_bytes: int = 16 << 20
        """A longer item is skipped and reported, without ever being held in memory."""

    def __init__(self, config: Config) -> None:
        self._items = JSONArray(JSONArray.Config(member="configurationItems", max_record_bytes=config.max_record_bytes))

    @hookimpl
    def decode(self, blob: Blob) -> Iterator[Decoded]:
        """Yield items in the order of the file."""
        item = _notified(blob)
        if item is None:
            yield from self._items.decode(blob)
        elif blob.offset == 0:
            yield Decoded([item], [0], 1)


def _notified(blob: Blob) -> bytes | None:
    with closing(blob.open()) as reader:
        content = Blocks(reader).next(NOTIFICATION)
    if len(content) == NOTIFICATION or b'"configurationItem"' not in content:
        return None
    try:
        item = bytes(_NOTIFICATION.decode(content.removeprefix(BOM)).configurationItem)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return item if item.startswith(b"{") else None


class _Notification(msgspec.Struct, gc=False):
    configurationItem: msgspec.Raw  # noqa: N815  # AWS's name


_NOTIFICATION = msgspec.json.Decoder(_Notification)
