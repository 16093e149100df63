"""IP addresses as text: one RE2 pattern that accepts what :mod:`ipaddress` accepts, zone ids aside."""

from __future__ import annotations

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_V4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_HEX = "[0-9A-Fa-f]{1,4}"


def _repeat(count: int, part: str = f"{_HEX}:") -> str:
    return f"(?:{part}){{{count}}}" if count else ""


def _v6() -> str:
    """Every form of RFC 4291, section 2.2: eight groups, the last two as IPv4, one run of zeros left out."""
    forms = [_repeat(7) + _HEX, _repeat(6) + _V4]
    for left in range(8):
        head = _repeat(left - 1) + _HEX if left else ""
        tails = [f"(?:{_HEX}(?::{_HEX}){{0,{6 - left}}})?"] if left < 7 else [""]
        tails += [f"(?:{_HEX}:){{0,{5 - left}}}{_V4}"] if left < 6 else []
        forms += [f"{head}::{tail}" for tail in tails]
    return "|".join(forms)


IP_ADDRESS = f"{_V4}|{_v6()}"
"""To be matched against the whole text."""

ADDRESS_WITH_PORT = rf"({_V4}):[0-9]{{1,5}}|\[({_V4}|{_v6()})\](?::[0-9]{{1,5}})?"
"""To be matched against the whole text; the address is the first group or the second (RFC 3986, section 3.2.2)."""
