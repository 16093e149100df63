"""Places and networks of addresses, from IPinfo's API.

Reference: https://ipinfo.io/developers, with a page for each of its APIs (Lite, Core, Plus and the former one).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mantissa_core.alert.enrich import values
from mantissa_core.alert.enrich.addresses import ADDRESSES, public_addresses
from mantissa_core.alert.enrich.remembered import Remembered
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Alert, Enrichment
from mantissa_core.vendor_api import Bearer, Lookup, Origin, Vendor
from pydantic import Field, SecretStr

API = Literal["lite", "core", "plus", "legacy"]
SERVERS: Mapping[API, str] = {
    "lite": "https://api.ipinfo.io",
    "core": "https://api.ipinfo.io",
    "plus": "https://api.ipinfo.io",
    "legacy": "https://ipinfo.io",
}
PATHS: Mapping[API, str] = {"lite": "/lite/{}", "core": "/lookup/{}", "plus": "/plus/{}", "legacy": "/{}/json"}
IPINFO = Vendor(
    "IPinfo",
    remedies={
        401: "IPinfo refuses the token: copy it anew from your dashboard",
        403: "IPinfo refuses the token, or its plan does not include this API: check token and api",
    },
)


class IPinfo:
    """Tells country, city, coordinates, autonomous system and organisation of the addresses of an alert.

    What of these is known depends on the API and the plan. An answer is remembered for an hour.
    """

    about = ADDRESSES
    locates = True

    class Config(PluginConfig):
        """Settings of ``ipinfo.ip``."""

        token: SecretStr | None = Field(default=None, json_schema_extra={"env": ["IPINFO_TOKEN", "IPINFO_API_KEY"]})
        """The token of your account at IPinfo. Only the legacy API answers without one, about 1,000 times a day."""
        api: API = "lite"
        """Which API the plan includes: lite (free: countries and networks), core, plus, or legacy (ipinfo.io)."""
        requests_per_minute: int = Field(default=600, ge=1, le=10_000)
        """How many questions are asked at most; those beyond are not."""
        per_alert: int = Field(default=5, ge=1, le=10)
        """Addresses of one alert that are asked about: each takes a part of the time that the alert waits."""
        server: Origin = ""
        """Another address of the API, such as that of a proxy."""
        timeout: float = Field(default=3.0, gt=0, le=8)
        """Seconds to wait for the connection, and for each part of an answer."""

    def __init__(self, config: Config) -> None:
        if config.token is None and config.api != "legacy":
            raise NeedsOperator(f"token: found none, IPinfo's API {config.api!r} needs one")
        self.config = config
        self._api = Lookup(
            IPINFO,
            config.server or SERVERS[config.api],
            Bearer(config.token) if config.token else None,
            timeout=config.timeout,
            per_minute=config.requests_per_minute,
        )
        self._known = Remembered(self._ask)

    @hookimpl
    def check(self) -> None:
        """Ask about a name server that everybody knows."""
        self._ask("8.8.8.8")

    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        """Return the facts of each address, under ``ips``.

        Raises:
            Retry: IPinfo is unavailable, or the plan's limit is reached.
            NeedsOperator: it refuses the token.
        """
        asked = public_addresses(alert, self.config.per_alert)
        found = {text: facts for text, address in asked.items() if (facts := self._known(address))}
        return Enrichment({"ips": values.bounded(found)}) if found else None

    def close(self) -> None:
        """Release the connections."""
        self._api.close()

    def _ask(self, address: str) -> dict[str, Any] | None:
        """Place and network of an address, ``None`` for one that belongs to nobody (a bogon)."""
        answer = self._api.get(PATHS[self.config.api].format(address))
        record = answer.record() if answer else {}
        if not isinstance(record.get("ip"), str):
            raise Retry("IPinfo's answer is about no address")
        if record.get("bogon") is True:
            return None
        return (_legacy(record) if self.config.api == "legacy" else _record(record)) or None


def _record(record: Mapping[str, Any]) -> dict[str, Any]:
    """An answer of Lite, which is flat, or of Core and Plus, which have ``geo`` and ``as``."""
    geo, network = _object(record, "geo") or record, _object(record, "as")
    return values.present(
        country=values.text(geo.get("country")),
        country_code=values.text(geo.get("country_code")),
        city=values.text(geo.get("city")),
        **values.coordinates(geo.get("latitude"), geo.get("longitude")),
        asn=values.asn(network.get("asn", record.get("asn"))),
        organisation=values.text(network.get("name", record.get("as_name"))),
    )


def _legacy(record: Mapping[str, Any]) -> dict[str, Any]:
    """An answer of the legacy API: ``"loc": "59.9,10.8"``, ``"org": "AS64496 Example Net"``, countries as codes."""
    org, loc = record.get("org"), record.get("loc")
    asn, _, name = org.partition(" ") if isinstance(org, str) else ("", "", "")
    latitude, _, longitude = loc.partition(",") if isinstance(loc, str) else ("", "", "")
    code = values.text(record.get("country"))
    return values.present(
        country=code,
        country_code=code,
        city=values.text(record.get("city")),
        **values.coordinates(latitude, longitude),
        asn=values.asn(asn),
        organisation=values.text(name if values.asn(asn) else org),
    )


def _object(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = record.get(name)
    return found if isinstance(found, Mapping) else {}
