"""IPv4 networks without an engine's help: as a regular expression over the address's text, or as bounds per octet."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network

from mantissa_core.errors import RuleError

_ANY = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"


def ipv4(network: str, engine: str) -> IPv4Network:
    """Read a network.

    Raises:
        RuleError: it is IPv6, whose addresses have many spellings.
    """
    found = ip_network(network)
    if not isinstance(found, IPv4Network):
        raise RuleError(f"the network {network} is IPv6, whose addresses have more spellings than {engine} can compare")
    return found


def octets(network: IPv4Network) -> list[tuple[int, int]]:
    """The least and the greatest value of each octet."""
    return list(zip(network.network_address.packed, network.broadcast_address.packed, strict=True))


def ipv4_pattern(network: IPv4Network) -> str:
    """An anchored expression that fits exactly the texts of the network's addresses."""
    return "^" + r"\.".join(_octet(low, high) for low, high in octets(network)) + "$"


def _octet(low: int, high: int) -> str:
    if (low, high) == (0, 255):
        return _ANY
    return str(low) if low == high else f"({'|'.join(map(str, range(low, high + 1)))})"
