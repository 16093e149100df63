"""Who asks CrowdStrike's API, and where: settings, and the client that follows from them.

Reference: https://developer.crowdstrike.com/api-reference/collections/oauth2/. An access token holds half an hour.
"""

from __future__ import annotations

from mantissa_core.hookspecs import PluginConfig
from mantissa_core.vendor_api import (
    ClientCredentials,
    OAuth,
    Origin,
    RateLimit,
    TokenEndpoint,
    Vendor,
    VendorClient,
    require_sendable,
)
from mantissa_core.vendor_api.http import http_client
from pydantic import Field, SecretStr

FALCON = Vendor(
    "CrowdStrike",
    request_id="X-Cs-Traceid",
    rate_limit=RateLimit(reset="X-RateLimit-RetryAfter", reading="epoch"),
    remedies={
        400: "CrowdStrike refuses the query",
        401: "CrowdStrike refuses the API client: check client_id, client_secret, and that url is its cloud's address",
        404: "There is no such CrowdStrike API at this address: check url",
    },
)


class FalconAccess(PluginConfig):
    """The settings that say who asks, and where: part of the settings of the collectors of CrowdStrike's API."""

    url: Origin = Field(default="https://api.crowdstrike.com", json_schema_extra={"env": "FALCON_BASE_URL"})
    """Address of the customer's cloud."""
    client_id: str = Field(json_schema_extra={"env": "FALCON_CLIENT_ID"})
    """Id of the API client."""
    client_secret: SecretStr = Field(json_schema_extra={"env": "FALCON_CLIENT_SECRET"})
    """Secret of the API client."""
    requests_per_minute: float = Field(default=300, gt=0, le=6000)
    """Requests of this credential; CrowdStrike allows a customer 6,000 a minute, all of its clients together."""
    timeout: float = Field(default=30, gt=0, le=300)
    """Seconds to wait for an answer."""


def falcon_client(access: FalconAccess, scope: str) -> VendorClient:
    """A client of the API. ``scope`` is what the API client must be allowed, for errors."""
    require_sendable(access.client_id, "client_id")
    require_sendable(access.client_secret.get_secret_value(), "client_secret")
    vendor = _with_scope(scope)
    endpoint = TokenEndpoint(vendor, f"{access.url}/oauth2/token", http_client("mantissa-crowdstrike", access.timeout))
    auth = OAuth(ClientCredentials(endpoint, access.client_id, access.client_secret))
    return VendorClient(vendor, access.url, auth, timeout=access.timeout, per_minute=access.requests_per_minute)


def _with_scope(scope: str) -> Vendor:
    """CrowdStrike, with the remedy for a refusal: it says 403 for a missing scope and for a client it does not know."""
    remedy = (
        f"CrowdStrike refuses the API client: it must have the scope '{scope}'; "
        "check client_id and client_secret too, and that url is its cloud's address"
    )
    return Vendor(
        FALCON.name,
        request_id=FALCON.request_id,
        rate_limit=FALCON.rate_limit,
        remedies={**FALCON.remedies, 403: remedy},
    )
