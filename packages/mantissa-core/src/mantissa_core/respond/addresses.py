"""Where a request may go: the name is resolved once, judged, and connected to as it was judged.

Checking a name and then letting the HTTP library resolve it again would leave a gap in which the answer changes
(DNS rebinding).
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from mantissa_core.errors import NeedsOperator, Retry

# IPv6 ranges that carry an IPv4 address inside: a way around a check of the outer address.
_TRANSLATED = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))


def resolve(host: str, port: int, *, allow_private: bool) -> str:
    """The address to connect to.

    Raises:
        Retry: the name does not resolve now.
        NeedsOperator: it points (also) into a private, loopback, link-local or reserved network.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise Retry(f"{host} does not resolve: {error}") from error
    addresses = [ip_address(str(each[4][0]).split("%")[0]) for each in found]
    if not addresses:
        raise Retry(f"{host} does not resolve")
    for address in addresses:
        if not allow_private and not is_public(address):
            raise NeedsOperator(f"{host} resolves to {address}, which is not on the Internet: refused (allow_private)")
    return str(addresses[0])


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address belongs to the Internet at large."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return is_public(address.ipv4_mapped)
    if isinstance(address, IPv6Address) and any(address in network for network in _TRANSLATED):
        return False
    return address.is_global and not address.is_multicast
