"""Writes files in MaxMind's database format: https://maxmind.github.io/MaxMind-DB/.

One tree of 32-bit records over IPv6, in which IPv4 lies below ``::/96``; no pointers, no compression.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

MARKER = b"\xab\xcd\xefMaxMind.com"
BUILT = 1_772_323_200
"""1 March 2026."""

Node = list[Any]
"""Two of: ``None``, another node, the bytes of a record."""


def write(path: Path, records: Mapping[str, Any], *, built: int = BUILT, kind: str = "Test-City") -> Path:
    """Write a database that holds these records by network, and return its path."""
    root: Node = [None, None]
    for network, record in records.items():
        _insert(root, network, _encoded(record))
    nodes: list[Node] = []
    _number(root, nodes)
    data, places = b"", {}
    for content in (each for node in nodes for each in node if isinstance(each, bytes)):
        if content not in places:
            places[content] = len(data)
            data += content
    numbers = {id(node): number for number, node in enumerate(nodes)}

    def pointer(child: Any) -> int:
        if child is None:
            return len(nodes)
        return len(nodes) + 16 + places[child] if isinstance(child, bytes) else numbers[id(child)]

    tree = b"".join(struct.pack(">II", *map(pointer, node)) for node in nodes)
    metadata = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": built,
        "database_type": kind,
        "description": {"en": "test"},
        "ip_version": 6,
        "languages": ["en"],
        "node_count": len(nodes),
        "record_size": 32,
    }
    path.write_bytes(tree + bytes(16) + data + MARKER + _encoded(metadata))
    return path


def _insert(node: Node, text: str, content: bytes) -> None:
    network = ip_network(text)
    bits = f"{int(network.network_address):0128b}"
    length = network.prefixlen + (96 if network.version == 4 else 0)
    for bit in bits[: length - 1]:
        if node[int(bit)] is None:
            node[int(bit)] = [None, None]
        node = node[int(bit)]
    node[int(bits[length - 1])] = content


def _number(node: Node, nodes: list[Node]) -> None:
    nodes.append(node)
    for child in node:
        if isinstance(child, list):
            _number(child, nodes)


def _encoded(value: Any) -> bytes:
    if isinstance(value, str):
        return _control(2, len(value.encode())) + value.encode()
    if isinstance(value, float):
        return _control(3, 8) + struct.pack(">d", value)
    if isinstance(value, bool):
        return _control(14, int(value))
    if isinstance(value, int):
        content = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return _control(9, len(content)) + content
    if isinstance(value, Mapping):
        pairs = (_encoded(each) for pair in value.items() for each in pair)
        return _control(7, len(value)) + b"".join(pairs)
    return _control(11, len(value)) + b"".join(map(_encoded, value))


def _control(kind: int, size: int) -> bytes:
    """Type and size; types beyond 7 have a byte of their own, sizes from 29 on too (up to 284, and 65,820)."""
    extra = b"" if size < 29 else bytes([size - 29]) if size < 285 else struct.pack(">H", size - 285)
    short = min(size, 29) if size < 285 else 30
    return bytes([kind << 5 | short]) + extra if kind <= 7 else bytes([short, kind - 7]) + extra
