"""One record of a database, in our names. Vendors agree on the format of the file and not on what is in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mantissa_core.alert.enrich import values

# By fact, where to look, in order; the first that holds something counts. MaxMind and DB-IP nest, IPinfo is flat.
_COUNTRY = ("country.names.en", "registered_country.names.en", "country_name", "country")
_CODE = ("country.iso_code", "registered_country.iso_code", "country_code", "country")
_CITY = ("city.names.en", "city")
_LATITUDE = ("location.latitude", "latitude", "lat")
_LONGITUDE = ("location.longitude", "longitude", "lng", "lon")
_ASN = ("autonomous_system_number", "traits.autonomous_system_number", "asn")
_ORGANISATION = (
    "autonomous_system_organization",
    "traits.autonomous_system_organization",
    "organization",
    "as_name",
    "name",
)


def facts(record: Mapping[str, Any]) -> dict[str, Any]:
    """Place and network as the alert tells them; empty where the record holds neither."""
    code = values.text(_first(record, _CODE))
    code = code if code is not None and len(code) == 2 and code.isalpha() else None
    return values.present(
        country=values.text(_first(record, _COUNTRY)) or code,
        country_code=code,
        city=values.text(_first(record, _CITY)),
        **values.coordinates(_first(record, _LATITUDE), _first(record, _LONGITUDE)),
        asn=values.asn(_first(record, _ASN)),
        organisation=values.text(_first(record, _ORGANISATION)),
    )


def _first(record: Mapping[str, Any], paths: Iterable[str]) -> Any:
    found = (_at(record, path) for path in paths)
    return next((each for each in found if each not in (None, "") and not isinstance(each, Mapping)), None)


def _at(record: Any, path: str) -> Any:
    for key in path.split("."):
        record = record.get(key) if isinstance(record, Mapping) else None
    return record
