"""The pattern for IP addresses accepts what the standard library does, zone ids aside."""

import ipaddress
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mantissa_core.parse.addresses import ADDRESS_WITH_PORT, IP_ADDRESS


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def accepted(text: str) -> bool:
    return re.fullmatch(IP_ADDRESS, text) is not None


@settings(max_examples=200, deadline=None)
@given(st.ip_addresses().map(str) | st.text("0123456789abcdefF:.", max_size=20) | st.text("01:", max_size=12))
def test_it_agrees_with_the_standard_library(text: str) -> None:
    assert accepted(text) == is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::3:4:5:6:7:8", "::ffff:1.2.3.4",
        "1:2:3:4:5:6:1.2.3.4", "fe80::1%eth0", "1:2:3:4:5:6:7:8:9", ":::", "1::2::3", "1.2.3", "1.2.3.256", "01.2.3.4",
        "1.2.3.4:80", "", "sts.amazonaws.com", "12345::", "1:2:3:4:5:6:7:1.2.3.4",
    ],
)  # fmt: skip
def test_known_forms(text: str) -> None:
    assert accepted(text) == is_address(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.17:50123", "203.0.113.17"), ("[2001:db8::17]:443", "2001:db8::17"), ("[::1]", "::1"),
        ("[203.0.113.17]:443", "203.0.113.17"), ("203.0.113.17:", None), ("203.0.113.256:80", None),
        ("2001:db8::17", None), ("203.0.113.17:123456", None), ("example.com:80", None),
    ],
)  # fmt: skip
def test_a_port_is_told_from_an_address(text: str, address: str | None) -> None:
    found = re.fullmatch(ADDRESS_WITH_PORT, text)
    assert (found and (found[1] or found[2])) == address
