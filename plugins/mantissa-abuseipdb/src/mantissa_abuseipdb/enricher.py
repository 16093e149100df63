"""What AbuseIPDB's users report about addresses.

Reference: https://docs.abuseipdb.com/#check-endpoint and, for limits, https://docs.abuseipdb.com/#api-daily-rate-limits.
"""

from __future__ import annotations

from typing import Any

from mantissa_core.alert.enrich import values
from mantissa_core.alert.enrich.addresses import ADDRESSES, public_addresses
from mantissa_core.alert.enrich.remembered import Remembered
from mantissa_core.errors import Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Alert, Enrichment
from mantissa_core.vendor_api import HeaderToken, Lookup, Origin, Vendor
from pydantic import Field, SecretStr

SERVER = "https://api.abuseipdb.com"
ABUSEIPDB = Vendor(
    "AbuseIPDB",
    remedies={
        401: "AbuseIPDB refuses the API key: create one under API › Keys",
        402: "AbuseIPDB asks for a paid plan: lower max_age_days, or upgrade",
        422: "AbuseIPDB refuses the question: check max_age_days",
    },
)


class AbuseIPDB:
    """Tells how often, and how credibly, an address of the alert was reported. An answer is remembered for an hour."""

    about = ADDRESSES

    class Config(PluginConfig):
        """Settings of ``abuseipdb.reputation``."""

        api_key: SecretStr = Field(json_schema_extra={"env": "ABUSEIPDB_API_KEY"})
        """An API key (version 2) of your account at AbuseIPDB."""
        max_age_days: int = Field(default=90, ge=1, le=365)
        """How old the reports may be that count."""
        requests_per_minute: int = Field(default=60, ge=1, le=10_000)
        """How many questions are asked at most; those beyond are not. A free account has 1,000 a day."""
        per_alert: int = Field(default=3, ge=1, le=10)
        """Addresses of one alert that are asked about: each takes a part of the time that the alert waits."""
        server: Origin = SERVER
        """Another address of the API, such as that of a proxy."""
        timeout: float = Field(default=3.0, gt=0, le=8)
        """Seconds to wait for the connection, and for each part of an answer."""

    def __init__(self, config: Config) -> None:
        self.config = config
        key = HeaderToken(config.api_key, header="Key", setting="api_key")
        per_minute = config.requests_per_minute
        self._api = Lookup(ABUSEIPDB, config.server, key, timeout=config.timeout, per_minute=per_minute)
        self._reports = Remembered(self._ask)

    @hookimpl
    def check(self) -> None:
        """Ask about an address that nobody reports: one question of the day's."""
        self._ask("127.0.0.1")

    @hookimpl
    def enrich(self, alert: Alert) -> Enrichment | None:
        """Return what is reported about each address, under ``ips``.

        Raises:
            Retry: AbuseIPDB is unavailable, or the limit is reached.
            NeedsOperator: it refuses the key, or the plan does not include the question.
        """
        asked = public_addresses(alert, self.config.per_alert)
        found = {text: facts for text, address in asked.items() if (facts := self._reports(address))}
        return Enrichment({"ips": values.bounded(found)}) if found else None

    def close(self) -> None:
        """Release the connections."""
        self._api.close()

    def _ask(self, address: str) -> dict[str, Any] | None:
        """The reports about an address, ``None`` where there are none."""
        query = {"ipAddress": address, "maxAgeInDays": str(self.config.max_age_days)}
        answer = self._api.get("/api/v2/check", query)
        data = answer.record("data") if answer else {}
        score, reports = values.count(data.get("abuseConfidenceScore")), values.count(data.get("totalReports"))
        if score is None or reports is None:
            raise Retry("AbuseIPDB's answer has no abuseConfidenceScore and totalReports")
        if not reports and not score:
            return None
        times = "once" if reports == 1 else f"{reports:,} times"
        return values.present(
            reputation=f"reported {times}, confidence {score} % (AbuseIPDB)" if score else None,
            score=score,
            reports=reports,
            last_reported=values.text(data.get("lastReportedAt")),
            country_code=values.text(data.get("countryCode")),
            organisation=values.text(data.get("isp")),
            usage=values.text(data.get("usageType")),
            tor=True if data.get("isTor") is True else None,
        )
