"""Lists against a plain reading of them, for any lists and any values."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st
from mantissa_core.alert.enrich.indicators.index import Index, Listed
from mantissa_core.alert.enrich.indicators.stix_bundle import pattern_values

Network = IPv4Network | IPv6Network

# Few bits differ, so that networks and addresses meet.
V4 = st.builds(lambda bits, low: (203 << 24) + (bits << 16) + low, st.integers(0, 3), st.integers(0, 3))
V6 = st.builds(lambda bits, low: (0x20010DB8 << 96) + (bits << 64) + low, st.integers(0, 3), st.integers(0, 3))
NETWORKS = st.one_of(
    st.builds(lambda number, prefix: ip_network((number, prefix), strict=False), V4, st.integers(1, 32)),
    st.builds(lambda number, prefix: ip_network((number, prefix), strict=False), V6, st.integers(1, 128)),
)
ADDRESSES = st.one_of(V4.map(lambda number: ip_address(number)), V6.map(lambda number: ip_address(number)))


@given(st.lists(NETWORKS, max_size=8), ADDRESSES)
def test_an_address_is_found_by_the_narrowest_network_that_holds_it(networks: list[Network], address: object) -> None:
    index = Index()
    for network in networks:
        index.add(str(network), Listed(str(network)))
    holding = [each for each in networks if ip_address(str(address)) in each]
    found = index.find(str(address), 0)
    assert (found.note if found else None) == (str(max(holding, key=lambda each: each.prefixlen)) if holding else None)
    assert len(index) == len(set(networks))


@given(st.lists(st.text(), max_size=5), st.text())
def test_any_text_may_be_listed_and_asked_about(listed: list[str], asked: str) -> None:
    index = Index()
    for each in listed:
        index.add(each, Listed(each))
    index.find(asked, 0)
    assert len(index) + index.unreadable <= len(listed)


VALUES = st.lists(st.text(st.characters(codec="utf-8"), max_size=20), min_size=1, max_size=4)


@given(VALUES, st.booleans())
def test_the_values_of_a_pattern_are_those_it_was_made_of(values: list[str], grouped: bool) -> None:
    quoted = [
        f"domain-name:value = '{each.replace(chr(92), chr(92) * 2).replace(chr(39), chr(92) + chr(39))}'"
        for each in values
    ]
    pattern = f"[({') OR ('.join(quoted)})]" if grouped else " OR ".join(f"[{each}]" for each in quoted)
    assert pattern_values(pattern) == values


@given(st.text(alphabet="[]()='\\\\ ORANDvalue:.-", max_size=200))
def test_no_pattern_is_an_error(pattern: str) -> None:
    found = pattern_values(pattern)
    assert found is None or isinstance(found, list)
