"""The indicators of one list, so that a value is found in it at once."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable
from ipaddress import ip_network
from socket import AF_INET, inet_pton
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from mantissa_core.alert.enrich.addresses import address_of
from mantissa_core.errors import NeedsOperator

MOST = 5_000_000
"""Indicators that a list may have."""
LONGEST = 2048
"""Characters of an indicator."""
_BITS = {4: 32, 6: 128}
_NAME = re.compile(r"(?![\d.:/]+$)[^\s\x00-\x1f<>\"\ufffd]{3,2048}")
"""What a domain, a hash, a URL or a user can be; not a wrong address, markup, a sentence or bytes."""
_WITH_PORT = re.compile(r"([\d.]{7,15}):\d{1,5}")
"""How lists of C2 servers write them; alerts name the address alone."""

K = TypeVar("K", bound=Hashable)


class Listed(NamedTuple):
    """What a list says of an indicator, and between which moments (epoch seconds) that counts."""

    note: str = ""
    begins: float = -math.inf
    ends: float = math.inf


class Index:
    """Addresses and networks by prefix length, all else by its text. ``unreadable`` counts what was neither."""

    def __init__(self) -> None:
        self.unreadable, self.expired, self._size = 0, 0, 0
        self._networks: dict[int, dict[int, dict[int, Listed]]] = {4: {}, 6: {}}
        self._names: dict[str, Listed] = {}
        self._below: dict[str, Listed] = {}

    def __len__(self) -> int:
        return self._size

    def add(self, value: str, listed: Listed) -> None:
        """Take an address, a network, a name, or ``*.name`` for all names below it.

        Raises:
            NeedsOperator: the list has become too long.
        """
        if "[.]" in value:  # as people write it, so that nobody follows it by accident
            value = value.replace("[.]", ".").replace("hxxp", "http", 1)
        if not (self._add_address(value, listed) or self._add_name(value.casefold(), listed)):
            self.unreadable += 1
        if self._size > MOST:
            raise NeedsOperator(f"more than {MOST:,} indicators")

    def find(self, text: str, now: float) -> Listed | None:
        """What is said of a value: of an address by its narrowest network, of a URL also by its host."""
        if address := address_of(text):
            bits, number = _BITS[address.version], int(address)
            tables = self._networks[address.version]
            hits = (tables[prefix].get(number >> (bits - prefix)) for prefix in sorted(tables, reverse=True))
        else:
            hits = (each for name in _names(text) for each in self._named(name))
        return next((each for each in hits if each is not None and each.begins <= now < each.ends), None)

    def _named(self, name: str) -> list[Listed | None]:
        labels = name.split(".") if len(name) <= 253 else []
        return [self._names.get(name), *(self._below.get(".".join(labels[at:])) for at in range(1, len(labels)))]

    def _add_address(self, value: str, listed: Listed) -> bool:
        """Whether it is an address or a network; not one of all addresses, which would list everybody."""
        found = _network(value)
        if found is None or found[2] == 0:
            return False
        version, number, prefix = found
        self._put(self._networks[version].setdefault(prefix, {}), number >> (_BITS[version] - prefix), listed)
        return True

    def _add_name(self, value: str, listed: Listed) -> bool:
        table = self._below if value.startswith(("*.", ".")) else self._names
        name = value.removeprefix("*").strip(".")
        if not _NAME.fullmatch(name):
            return False
        self._put(table, name, listed)
        return True

    def _put(self, table: dict[K, Listed], key: K, listed: Listed) -> None:
        """Of two entries for one indicator the one that counts for longer stays."""
        known = table.get(key)
        self._size += known is None
        if known is None or listed.ends >= known.ends:
            table[key] = listed


def _network(value: str) -> tuple[int, int, int] | None:
    """Version, number and prefix length of an address or a network; bits behind the prefix do not count."""
    if found := _WITH_PORT.fullmatch(value):
        value = found[1]
    text, slash, prefix = value.partition("/")
    try:
        if value[:1].isdigit() and ":" not in value and (not slash or prefix.isdecimal()):
            # By far the most; ipaddress takes ten times as long.
            length = int(prefix) if slash else 32
            return (4, int.from_bytes(inet_pton(AF_INET, text), "big"), length) if length <= 32 else None
        if not slash and ":" in value:
            address = address_of(value)
            return (address.version, int(address), _BITS[address.version]) if address else None
        if not slash or "://" in value:
            return None
        network = ip_network(value, strict=False)
    except (OSError, ValueError):
        return None
    return network.version, int(network.network_address), network.prefixlen


def _names(text: str) -> list[str]:
    """The text as lists have it, and the host where it is a URL."""
    if len(text) > LONGEST:
        return []
    name = text.casefold().strip(".")
    try:
        host = urlsplit(name).hostname if "://" in name else None
    except ValueError:
        host = None
    return [name, *([host] if host else [])]
