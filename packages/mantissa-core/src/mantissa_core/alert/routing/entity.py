"""Which entities of an alert are meant: by pattern, addresses also by network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from .glob import Globs

ADDRESSES = ("src_ip", "dst_ip")
"""The kinds whose values are addresses."""

Network = IPv4Network | IPv6Network


def network(text: str) -> Network | None:
    """The network or the single address that a text names; ``None`` where it is a pattern.

    Raises:
        ValueError: it looks like a network and is none; says what would be.
    """
    if "/" not in text and _address(text) is None:
        return None
    try:
        return ip_network(text)
    except ValueError as error:
        raise ValueError(f"a network such as 10.0.0.0/8 or 2001:db8::/32 instead of {text!r} ({error})") from None


class Entity:
    """The values of one kind that fit: patterns, and networks where the kind holds addresses."""

    def __init__(self, kind: str, wanted: Sequence[str]) -> None:
        found = [network(each) for each in wanted] if kind in ADDRESSES else []
        self._networks = [each for each in found if each is not None]
        patterns = [text for at, text in enumerate(wanted) if not found or found[at] is None]
        self._globs = Globs(patterns) if patterns else None

    def any(self, values: Iterable[str]) -> bool:
        """Whether one of the values fits."""
        values = tuple(values)
        if self._globs is not None and self._globs.any(values):
            return True
        return bool(self._networks) and any(self._within(each) for each in values)

    def _within(self, value: str) -> bool:
        address = _address(value)
        return address is not None and any(address in each for each in self._networks)


@lru_cache(4096)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address; an IPv4 one that is written as IPv6 (``::ffff:192.0.2.1``) is the IPv4 one."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
