"""The addresses of an alert that others can know something about."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from mantissa_core.model.alert import Alert

ADDRESSES = ("src_ip", "dst_ip")
"""The entities that are addresses."""
_LONGEST = 64
# RFC 5737 and RFC 3849: nobody has them, so they are in examples alone, which are to work as the rest does.
_EXAMPLES = tuple(map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")))


def public_addresses(alert: Alert, most: int) -> dict[str, str]:
    """Up to ``most`` public addresses by the text that the alert has for them, in canonical form.

    An IPv4 address in IPv6 form (``::ffff:203.0.113.7``) counts as the former. What is no address, or one of a
    private, shared, local or reserved network, is left out.
    """
    found: dict[str, str] = {}
    for text in (each for kind in ADDRESSES for each in alert.entities.get(kind, ())):
        if len(found) == most:
            break
        if (address := address_of(text)) is not None and is_public(address):
            found[text] = str(address)
    return found


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """The address that a text is, ``None`` for any other text. An address with a zone (``fe80::1%eth0``) is none."""
    try:
        address = ip_address(text) if len(text) <= _LONGEST and "%" not in text else None
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it belongs to somebody on the Internet. Addresses for documentation count as if they did."""
    return (address.is_global and not address.is_multicast) or any(address in network for network in _EXAMPLES)
