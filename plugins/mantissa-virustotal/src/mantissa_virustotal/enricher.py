"""What VirusTotal's engines say about addresses, domains and files.

Reference: https://docs.virustotal.com/reference/overview (API v3), its errors at
https://docs.virustotal.com/reference/errors, quotas at https://docs.virustotal.com/reference/public-vs-premium-api.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from mantissa_core.alert.enrich.addresses import ADDRESSES, address_of, is_public, public_addresses
from mantissa_core.alert.enrich.remembered import Remembered
from mantissa_core.alert.enrich.values import bounded, count, present
from mantissa_core.errors import Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Alert, Enrichment
from mantissa_core.vendor_api import HeaderToken, Lookup, Origin, Vendor
from pydantic import Field, SecretStr

SERVER = "https://www.virustotal.com"
VIRUSTOTAL = Vendor(
    "VirusTotal",
    error_code="error.code",
    unknown_codes=frozenset({"NotFoundError"}),
    remedies={
        401: "VirusTotal refuses the API key: copy it anew from your profile",
        403: "VirusTotal does not let this API key look up reports",
    },
)
_HASH = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)
"""MD5, SHA-1 and SHA-256: those that VirusTotal finds a file by."""
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN = re.compile(rf"(?=.{{4,253}}$)(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{2,59}})", re.IGNORECASE)
_LOCAL = (".local", ".internal", ".localdomain", ".lan", ".arpa")
_ENGINES = ("malicious", "suspicious", "harmless", "undetected")
"""Verdicts of engines that had one; the others timed out or do not take the type."""


class VirusTotal:
    """Tells how many of VirusTotal's engines call an address, a domain or a file of the alert malicious.

    Each is looked up by its name or hash; nothing is uploaded. An answer is remembered for an hour.
    """

    about = (*ADDRESSES, "target")

    class Config(PluginConfig):
        """Settings of ``virustotal.reputation``."""

        api_key: SecretStr = Field(json_schema_extra={"env": ["VIRUSTOTAL_API_KEY", "VT_API_KEY"]})
        """The API key of your profile at VirusTotal."""
        requests_per_minute: int = Field(default=4, ge=1, le=10_000)
        """How many questions the key allows; those beyond are not asked. The public API has 4 a minute, 500 a day."""
        own_domains: tuple[str, ...] = ()
        """Domains of your own: VirusTotal is not told their names, nor those below them."""
        per_alert: int = Field(default=3, ge=1, le=10)
        """Questions about one alert at most: each takes a part of the time that the alert waits."""
        server: Origin = SERVER
        """Another address of the API, such as that of a proxy."""
        timeout: float = Field(default=3.0, gt=0, le=8)
        """Seconds to wait for the connection, and for each part of an answer."""

    def __init__(self, config: Config) -> None:
        self.config = config
        key = HeaderToken(config.api_key, header="x-apikey", setting="api_key")
        per_minute = config.requests_per_minute
        self._api = Lookup(VIRUSTOTAL, config.server, key, timeout=config.timeout, per_minute=per_minute)
        self._verdict = Remembered(self._ask)

    @hookimpl
    def check(self) -> None:
        """Ask about a domain that everybody knows: one question of the quota."""
        self._ask("domains/virustotal.com")

    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        """Return verdicts: of addresses under ``ips``, of domains and files under ``indicators``.

        Raises:
            Retry: VirusTotal is unavailable, or the quota is used up.
            NeedsOperator: it refuses the key.
        """
        verdicts = {text: verdict for text, path in self._paths(alert) if (verdict := self._verdict(path))}
        addresses = {text: each for text, each in verdicts.items() if address_of(text)}
        others = {text: each for text, each in verdicts.items() if text not in addresses}
        found = {"ips": bounded(addresses), "indicators": bounded(others)}
        return Enrichment({name: each for name, each in found.items() if each}) if verdicts else None

    def close(self) -> None:
        """Release the connections."""
        self._api.close()

    def _paths(self, alert: Alert) -> Iterable[tuple[str, str]]:
        """What is asked about, and where VirusTotal has it; addresses first."""
        most = self.config.per_alert
        asked = {text: f"ip_addresses/{address}" for text, address in public_addresses(alert, most).items()}
        for text in alert.entities.get("target", ()):
            if (path := _path(text)) and not self._is_own(path):
                asked.setdefault(text, path)
        return islice(asked.items(), most)

    def _is_own(self, path: str) -> bool:
        name = f".{path.removeprefix('domains/')}"
        return any(name.endswith(f".{own.strip('.').lower()}") for own in self.config.own_domains)

    def _ask(self, path: str) -> dict[str, Any] | None:
        """The verdict on an object, ``None`` where no engine has one."""
        answer = self._api.get(f"/api/v3/{path}")
        if answer is None:
            return None
        stats = answer.record("data.attributes").get("last_analysis_stats", {})
        if not isinstance(stats, Mapping):
            raise Retry("VirusTotal's answer has no last_analysis_stats")
        return _verdict({name: count(stats.get(name)) or 0 for name in _ENGINES})


def _verdict(stats: Mapping[str, int]) -> dict[str, Any] | None:
    engines, malicious, suspicious = sum(stats.values()), stats["malicious"], stats["suspicious"]
    worst = ("malicious", malicious) if malicious else ("suspicious", suspicious)
    said = f"{worst[0]}: {worst[1]} of {engines} engines (VirusTotal)" if worst[1] else None
    return present(malicious=malicious, suspicious=suspicious, engines=engines, reputation=said) if engines else None


def _path(text: str) -> str | None:
    """Where VirusTotal has what a target names; ``None`` where that is no address, domain or hash."""
    if _HASH.fullmatch(text):
        return f"files/{text.lower()}"
    if address := address_of(text):
        return f"ip_addresses/{address}" if is_public(address) else None
    name = text.removesuffix(".").lower()
    return f"domains/{name}" if _DOMAIN.fullmatch(name) and not name.endswith(_LOCAL) else None
