from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import mmdb_file
import pytest
from mantissa_core.alert.story import story
from mantissa_core.errors import NeedsOperator
from mantissa_core.model import Alert
from mantissa_core.testing.enricher import an_alert
from mantissa_maxmind.enricher import MOST, MaxMind
from pydantic import ValidationError
from structlog.testing import capture_logs

NETWORK = "203.0.113.0/24"
CITY = {
    "city": {"names": {"de": "Oslo (de)", "en": "Oslo"}},
    "country": {"iso_code": "NO", "names": {"en": "Norway"}},
    "location": {"latitude": 59.9452, "longitude": 10.7559},
}
ASN = {"autonomous_system_number": 64496, "autonomous_system_organization": "Example Net"}


def over(*databases: Path) -> MaxMind:
    return MaxMind(MaxMind.Config(databases=databases))


def about(addresses: tuple[str, ...]) -> Alert:
    return replace(an_alert(), entities={"src_ip": addresses})


def told(enricher: MaxMind, address: str = "203.0.113.7") -> Any:
    found = enricher.enrich(an_alert(src_ip=address))
    return found and found.facts["ips"][address]


def test_place_and_network_come_from_several_databases(tmp_path: Path) -> None:
    city = mmdb_file.write(tmp_path / "city.mmdb", {NETWORK: CITY})
    asn = mmdb_file.write(tmp_path / "asn.mmdb", {"203.0.112.0/23": ASN})
    found = over(city, asn).enrich(an_alert(src_ip="203.0.113.7", dst_ip="203.0.112.9"))
    assert found is not None
    assert found.facts == {
        "ips": {
            "203.0.113.7": {
                "country": "Norway",
                "country_code": "NO",
                "city": "Oslo",
                "latitude": 59.9452,
                "longitude": 10.7559,
                "asn": "AS64496",
                "organisation": "Example Net",
            },
            "203.0.112.9": {"asn": "AS64496", "organisation": "Example Net"},
        },
        "databases": {"city.mmdb": "2026-03-01", "asn.mmdb": "2026-03-01"},
    }


def test_people_read_where_an_address_is(tmp_path: Path) -> None:
    enricher = over(mmdb_file.write(tmp_path / "city.mmdb", {NETWORK: CITY | ASN}))
    alert = an_alert(src_ip="203.0.113.7")
    found = enricher.enrich(alert)
    assert found is not None
    where = story(replace(alert, enrichment={"geo": found.facts})).where
    assert where.startswith("from 203.0.113.7 (Oslo, Norway, Example Net)")


IPINFO_LITE = {"country": "Norway", "country_code": "NO", "asn": "AS64496", "as_name": "Example Net"}
IPINFO_LOCATION = {"city": "Oslo", "country": "NO", "lat": "59.9", "lng": "10.8"}
IPINFO_COUNTRY_ASN = {"country": "NO", "country_name": "Norway", "asn": "AS64496", "as_name": "Example Net"}
NORWAY, NETWORK_FACTS = {"country": "Norway", "country_code": "NO"}, {"asn": "AS64496", "organisation": "Example Net"}


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        pytest.param(IPINFO_LITE, NORWAY | NETWORK_FACTS, id="IPinfo Lite"),
        pytest.param(IPINFO_COUNTRY_ASN, NORWAY | NETWORK_FACTS, id="IPinfo country and ASN"),
        pytest.param(
            IPINFO_LOCATION,
            {"country": "NO", "country_code": "NO", "city": "Oslo", "latitude": 59.9, "longitude": 10.8},
            id="IPinfo location",
        ),
        pytest.param({"registered_country": CITY["country"]}, NORWAY, id="registered country alone"),
        pytest.param({"traits": ASN}, NETWORK_FACTS, id="traits"),
        pytest.param(
            {"location": {"latitude": 91.0, "longitude": 10.0}, "country": "NO"},
            {"country": "NO", "country_code": "NO"},
            id="no such latitude",
        ),
        pytest.param({"city": ["Oslo"], "asn": True, "as_name": 7, "country_code": "NOR"}, {}, id="other types"),
    ],
)
def test_vendors_name_things_differently(tmp_path: Path, record: dict[str, Any], wanted: dict[str, Any]) -> None:
    found = told(over(mmdb_file.write(tmp_path / "db.mmdb", {NETWORK: record})))
    assert found == (wanted or None)


@pytest.mark.parametrize("address", ["10.1.2.3", "127.0.0.1", "100.64.0.1", "fe80::1", "fe80::1%eth0", "224.0.0.1"])
def test_private_addresses_are_skipped(tmp_path: Path, address: str) -> None:
    networks = {"0.0.0.0/1": CITY, "128.0.0.0/1": CITY, "8000::/1": CITY}
    assert told(over(mmdb_file.write(tmp_path / "all.mmdb", networks)), address) is None


@pytest.mark.parametrize("address", ["::ffff:203.0.113.7", "2001:db8::7", "2001:0DB8:0::7"])
def test_addresses_in_six_form_are_found(tmp_path: Path, address: str) -> None:
    path = mmdb_file.write(tmp_path / "city.mmdb", {NETWORK: CITY, "2001:db8::/32": CITY})
    assert told(over(path), address)["city"] == "Oslo"


def until(enricher: MaxMind, wanted: str) -> bool:
    """Whether it tells this city soon: a new file is read beside the work."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if told(enricher)["city"] == wanted:
            return True
        time.sleep(0.001)
    return False


def test_a_replaced_database_is_read_without_being_told(tmp_path: Path) -> None:
    path = mmdb_file.write(tmp_path / "city.mmdb", {NETWORK: CITY})
    enricher = over(path)
    assert told(enricher)["city"] == "Oslo"
    os.replace(mmdb_file.write(tmp_path / "new", {NETWORK: {"city": {"names": {"en": "Bergen"}}}}), path)
    assert until(enricher, "Bergen")


@pytest.mark.parametrize("broken", [b"", b"<html>quota exceeded</html>", b"\xab\xcd\xefMaxMind.com\xff\xff\xff"])
def test_a_broken_file_leaves_the_database_before_and_is_told(tmp_path: Path, broken: bytes) -> None:
    path = mmdb_file.write(tmp_path / "city.mmdb", {NETWORK: CITY})
    enricher = over(path)
    enricher.check()
    path.write_bytes(broken)
    with pytest.raises(NeedsOperator, match=r"city\.mmdb: no database in MaxMind's format .*the version before stays"):
        enricher.check()
    assert told(enricher)["city"] == "Oslo"
    mmdb_file.write(path, {NETWORK: {"city": {"names": {"en": "Bergen"}}}})
    enricher.check()
    assert told(enricher)["city"] == "Bergen"


def test_a_file_that_is_cut_short_is_survived(tmp_path: Path) -> None:
    path = mmdb_file.write(tmp_path / "city.mmdb", {NETWORK: CITY})
    enricher, whole = over(path), path.read_bytes()
    enricher.check()
    for size in range(0, len(whole), 97):
        path.write_bytes(whole[:size])
        assert told(enricher)["city"] == "Oslo"


def test_one_missing_database_hides_nothing_of_the_others(tmp_path: Path) -> None:
    enricher = over(tmp_path / "missing.mmdb", mmdb_file.write(tmp_path / "city.mmdb", {NETWORK: CITY}))
    assert told(enricher)["city"] == "Oslo"
    with pytest.raises(NeedsOperator, match=r"missing\.mmdb: No such file"):
        enricher.check()
    with pytest.raises(NeedsOperator, match=r"missing\.mmdb"):
        enricher.enrich(an_alert(src_ip="192.0.2.1"))


def test_an_old_database_is_told_in_the_log(tmp_path: Path) -> None:
    now = int(time.time())
    old = mmdb_file.write(tmp_path / "old.mmdb", {NETWORK: CITY}, built=now - 40 * 86_400)
    new = mmdb_file.write(tmp_path / "new.mmdb", {NETWORK: CITY}, built=now - 20 * 86_400)
    with capture_logs() as logs:
        over(old, new).check()
    assert [(each["event"], Path(each["path"]).name) for each in logs] == [("database is old", "old.mmdb")]


def test_very_many_addresses_are_looked_up_in_part(tmp_path: Path) -> None:
    addresses = tuple(f"203.0.113.{number}" for number in range(256))
    found = over(mmdb_file.write(tmp_path / "asn.mmdb", {NETWORK: ASN})).enrich(about(addresses))
    assert found is not None
    assert list(found.facts["ips"]) == list(addresses[:MOST])


def test_what_a_database_says_stays_small_and_plain(tmp_path: Path) -> None:
    record = {"city": "é" * 30_000, "country": "\x1b[31m" + "🔥" * 500, "as_name": "\u202ez" * 500, "lat": 1e308}
    enricher = over(mmdb_file.write(tmp_path / "long.mmdb", {"2001:db8::/32": record}))
    found = enricher.enrich(about(tuple(f"2001:db8:{number:x}::" for number in range(256))))
    assert found is not None
    assert 1 < len(found.facts["ips"]) < MOST
    assert len(json.dumps(dict(found.facts))) <= 16 * 1024
    assert not {"\x1b", "\u202e"} & set(str(found.facts))


def test_without_a_database_it_does_not_start() -> None:
    with pytest.raises(ValidationError):
        MaxMind.Config(databases=())
